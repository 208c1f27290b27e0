"""Folding: how many products each layer makes a cycle, from reuse factors given or from a target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

from generator.config import HardwareConfig
from generator.design import Implementation, Multiplier
from generator.errors import FoldingError
from generator.graph import Graph
from generator.passes.line_buffer import ring_pixels
from generator.passes.mac_layer import Folding, MacLayer, mac_layer
from generator.passes.solve_folding import Choice, LayerChoices, dsp_of, slowest_cycles, solve_cycles, solve_dsp

_FORM_ORDER = ("serial", "rows", "window")
_LUTRAM_WORDS = 64
_BRAM36_WIDTH, _BRAM36_DEPTH = 72, 512


def set_folding(
    graph: Graph, config: HardwareConfig, dsp_budget: int | None = None
) -> tuple[dict[str, Folding], tuple[str, ...]]:
    """Choose pe and simd for every conv and linear layer.

    Args:
        dsp_budget: DSP slices that the layers may take where Model.MaxDSP is the target.

    Returns:
        Foldings by node name, and warnings for layers whose smallest legal RF is above the bound.

    Raises:
        FoldingError: the model's value is legal for no layer although some layer has legal RF on both
            sides, a value under LayerName is not legal, or the target cannot be met; all problems at once.
    """
    layers = [layer for node in graph.nodes if (layer := mac_layer(graph, node, lean=config.lean)) is not None]
    problems = [
        f"LayerName.{layer.node.name}.ReuseFactor: {asked} is not legal for this layer; "
        f"{neighbours(asked, layer.legal_reuse_factors)}"
        for layer in layers
        if (asked := _asked(config, layer)) is not None and asked not in layer.legal_reuse_factors
    ]
    if config.reuse_factor is not None:
        problems = _check_model_value(layers, config.reuse_factor) + problems
    if problems:
        raise FoldingError("\n".join(problems))
    if config.reuse_factor is not None:
        return _fold_below(layers, config, config.reuse_factor)
    return _fold_to_target(graph, layers, config, dsp_budget), ()


def _fold_below(
    layers: Sequence[MacLayer], config: HardwareConfig, bound: int
) -> tuple[dict[str, Folding], tuple[str, ...]]:
    """Every layer's largest legal RF that is not above the bound."""
    foldings: dict[str, Folding] = {}
    warnings: list[str] = []
    for layer in layers:
        asked = _asked(config, layer)
        if asked is None:
            below = [rf for rf in layer.legal_reuse_factors if rf <= bound]
            asked = below[-1] if below else layer.legal_reuse_factors[0]
            if not below:
                warnings.append(
                    f"layer {layer.node.name}: its smallest legal reuse factor is {asked}, above the bound {bound}"
                )
        foldings[layer.node.name] = cheapest_folding(layer, asked, config.multiplier)
    return foldings, tuple(warnings)


def _fold_to_target(
    graph: Graph, layers: Sequence[MacLayer], config: HardwareConfig, dsp_budget: int | None
) -> dict[str, Folding]:
    """Foldings that meet Model.TargetCycles, .TargetFPS or .MaxDSP."""
    known: dict[object, tuple[Choice, ...]] = {}
    choices = [_choices(layer, config, known) for layer in layers]
    if config.target_fps is not None:
        cycles = int(1e9 / config.clock_ns / config.target_fps)
        return solve_cycles(choices, cycles, f"Model.TargetFPS {config.target_fps:g}")
    if config.target_cycles is not None:
        return solve_cycles(choices, config.target_cycles, "Model.TargetCycles")
    assert dsp_budget is not None  # the configuration has one of the four
    melting = _melting_projections(graph, config)
    own = [layer for layer in choices if layer.name not in melting]
    foldings = solve_dsp(own, dsp_budget)
    cycles = slowest_cycles(own, foldings)
    rest = [layer for layer in choices if layer.name in melting]
    return foldings | solve_cycles(rest, max([cycles, *(layer.fastest.cycles for layer in rest)]), "Model.MaxDSP")


def _melting_projections(graph: Graph, config: HardwareConfig) -> set[str]:
    """Projections that become part of the conv stage that their skip spans: no layers of their own."""
    return {
        edge.projection
        for edge in graph.skips
        if edge.projection is not None
        and len(edge.main) == 1
        and (config.skip_of(edge.name, edge.parent).implementation is not Implementation.CLONE_FIFO)
    }


def _choices(layer: MacLayer, config: HardwareConfig, known: dict[object, tuple[Choice, ...]]) -> LayerChoices:
    """Every reuse factor that a layer may take; layers of equal shapes and formats share the work."""
    asked = _asked(config, layer)
    factors = layer.legal_reuse_factors if asked is None else (asked,)
    formats = (layer.in_format, layer.weight_format)
    key = (layer.kernel, layer.stride, layer.padding, layer.in_shape, layer.out_shape, formats, factors)
    if key not in known:
        foldings = [cheapest_folding(layer, factor, config.multiplier) for factor in factors]
        known[key] = tuple(
            Choice(folding=folding, cycles=layer.cycles(folding), dsp=dsp_of(layer, folding, config.multiplier))
            for folding in foldings
        )
    return LayerChoices(name=layer.node.name, choices=known[key])


def _asked(config: HardwareConfig, layer: MacLayer) -> int | None:
    """The reuse factor that LayerName gives a layer."""
    entry = config.layers.get(layer.node.name)
    return entry.reuse_factor if entry else None


def _check_model_value(layers: Iterable[MacLayer], asked: int) -> list[str]:
    all_legal = [layer.legal_reuse_factors for layer in layers]
    if any(asked in legal for legal in all_legal):
        return []
    between = [legal for legal in all_legal if legal[0] < asked < legal[-1]]
    if not between:
        return []
    union = tuple(sorted({rf for legal in between for rf in legal}))
    return [f"Model.ReuseFactor: {asked} is legal for no layer; {neighbours(asked, union)}"]


def neighbours(asked: int, legal: tuple[int, ...]) -> str:
    """The advice part of an error: the legal values next to the one asked for."""
    below = [rf for rf in legal if rf < asked]
    above = [rf for rf in legal if rf > asked]
    near = [str(rf) for rf in (*below[-1:], *above[:1])]
    return f"the nearest legal values are {' and '.join(near)}"


def cheapest_folding(layer: MacLayer, reuse_factor: int, multiplier: Multiplier = Multiplier.AUTO) -> Folding:
    """Of the foldings with this RF the one that costs least.

    With narrow streams: the fewest DSP slices (they differ where products are packed), the read form that
    needs the fewest RAMs (serial, rows, window), a ring that is loaded in time, the fewest BRAM36 for it,
    then the smallest simd: a multiplier that serves one output channel accumulates in its own DSP, and the
    sums leave one by one. With pixel-wide streams: fewest BRAM36 for the ring (a wide simd makes a wide,
    shallow memory), then the smallest pe, since each further output channel brings an accumulator.
    """
    same = [folding for folding in layer.foldings if folding.reuse_factor == reuse_factor]
    if not layer.lean:
        return min(same, key=lambda folding: (_pixel_wide_bram36(layer, folding.simd), folding.pe))

    def cost(folding: Folding) -> tuple[int, int, bool, float, int]:
        ring = layer.line_buffer(folding)
        late = layer.cycles(folding) > layer.beats(folding)
        slices = dsp_of(layer, folding, multiplier)
        return slices, _FORM_ORDER.index(folding.form), late, ring.blocks(ring.pixels()), folding.simd

    return min(same, key=cost)


def _pixel_wide_bram36(layer: MacLayer, simd: int) -> int:
    words = ring_pixels(layer.kernel, layer.in_shape.width) * (layer.in_shape.channels // simd)
    if words <= _LUTRAM_WORDS:
        return 0
    return ceil(simd * layer.in_format.width / _BRAM36_WIDTH) * ceil(words / _BRAM36_DEPTH)
