"""Folding: how many products each layer makes a cycle, from its reuse factor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil

from generator.config import HardwareConfig
from generator.errors import FoldingError
from generator.graph import Graph
from generator.passes.line_buffer import ring_pixels
from generator.passes.mac_layer import Folding, MacLayer, mac_layer

_FORM_ORDER = ("serial", "rows", "window")
_LUTRAM_WORDS = 64
_BRAM36_WIDTH, _BRAM36_DEPTH = 72, 512


def set_folding(graph: Graph, config: HardwareConfig) -> tuple[dict[str, Folding], tuple[str, ...]]:
    """Choose pe and simd for every conv and linear layer.

    Returns:
        Foldings by node name, and warnings for layers whose smallest legal RF is above the bound.

    Raises:
        FoldingError: the model's value is legal for no layer although some layer has legal RF on both
            sides, or a value under LayerName is not legal; all problems at once.
    """
    layers = [layer for node in graph.nodes if (layer := mac_layer(graph, node, lean=config.lean)) is not None]
    problems = _check_model_value(layers, config.reuse_factor)
    foldings: dict[str, Folding] = {}
    warnings: list[str] = []
    for layer in layers:
        name = layer.node.name
        legal = layer.legal_reuse_factors
        asked = _asked(config.layers, name)
        if asked is not None and asked not in legal:
            problems.append(
                f"LayerName.{name}.ReuseFactor: {asked} is not legal for this layer; {neighbours(asked, legal)}"
            )
            continue
        if asked is None:
            below = [rf for rf in legal if rf <= config.reuse_factor]
            asked = below[-1] if below else legal[0]
            if not below:
                warnings.append(
                    f"layer {name}: its smallest legal reuse factor is {asked}, above the bound {config.reuse_factor}"
                )
        foldings[name] = cheapest_folding(layer, asked)
    if problems:
        raise FoldingError("\n".join(problems))
    return foldings, tuple(warnings)


def _asked(layers: Mapping[str, object], name: str) -> int | None:
    layer = layers.get(name)
    return getattr(layer, "reuse_factor", None)


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


def cheapest_folding(layer: MacLayer, reuse_factor: int) -> Folding:
    """Of the foldings with this RF the one that costs least.

    With narrow streams: the read form that needs the fewest RAMs (serial, rows, window), a ring that is
    loaded in time, the fewest BRAM36 for it, then the smallest simd: a multiplier that serves one output
    channel accumulates in its own DSP, and the sums leave one by one. With pixel-wide streams: fewest
    BRAM36 for the ring (a wide simd makes a wide, shallow memory), then the smallest pe, since each
    further output channel brings an accumulator.
    """
    same = [folding for folding in layer.foldings if folding.reuse_factor == reuse_factor]
    if not layer.lean:
        return min(same, key=lambda folding: (_pixel_wide_bram36(layer, folding.simd), folding.pe))

    def cost(folding: Folding) -> tuple[int, bool, float, int]:
        ring = layer.line_buffer(folding)
        late = layer.cycles(folding) > layer.beats(folding)
        return _FORM_ORDER.index(folding.form), late, ring.blocks(ring.pixels()), folding.simd

    return min(same, key=cost)


def _pixel_wide_bram36(layer: MacLayer, simd: int) -> int:
    words = ring_pixels(layer.kernel, layer.in_shape.width) * (layer.in_shape.channels // simd)
    if words <= _LUTRAM_WORDS:
        return 0
    return ceil(simd * layer.in_bits / _BRAM36_WIDTH) * ceil(words / _BRAM36_DEPTH)
