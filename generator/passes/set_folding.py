"""Folding: how many products each layer makes a cycle, from its reuse factor.

RF = kh*kw * Cin/simd * Cout/pe cycles for one output pixel, so the legal reuse factors of a layer
are those products over all divisors of its channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from generator.config import HardwareConfig
from generator.errors import FoldingError
from generator.graph import Graph, Node
from generator.layers.conv2d import Conv2d
from generator.layers.linear import Linear

_LUTRAM_WORDS = 64
_BRAM36_WIDTH, _BRAM36_DEPTH = 72, 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Folding:
    """Products a cycle of one layer: `pe` output channels times `simd` input channels."""

    reuse_factor: int
    pe: int
    simd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MacLayer:
    """What folding and placement need of a conv or linear node, a linear layer seen as a 1x1 conv."""

    node: Node
    kernel: tuple[int, int]
    stride: tuple[int, int]
    in_channels: int
    out_channels: int
    in_width: int
    in_bits: int

    @property
    def taps(self) -> int:
        """Products per pair of channels and output pixel."""
        return self.kernel[0] * self.kernel[1]

    @property
    def foldings(self) -> tuple[Folding, ...]:
        """Every legal folding."""
        return tuple(
            Folding(reuse_factor=self.taps * (self.in_channels // simd) * (self.out_channels // pe), pe=pe, simd=simd)
            for pe in divisors(self.out_channels)
            for simd in divisors(self.in_channels)
        )

    @property
    def legal_reuse_factors(self) -> tuple[int, ...]:
        """Ascending, without repeats."""
        return tuple(sorted({folding.reuse_factor for folding in self.foldings}))


def mac_layer(graph: Graph, node: Node) -> MacLayer | None:
    """The node as a layer of multiplications, or None if it has none."""
    in_shape = graph.shape_of(node.inputs[0])
    in_bits = graph.format_of(node.inputs[0]).width
    match node.layer:
        case Conv2d() as conv:
            return MacLayer(
                node=node,
                kernel=conv.kernel,
                stride=conv.stride,
                in_channels=in_shape.channels,
                out_channels=node.shape.channels,
                in_width=in_shape.width,
                in_bits=in_bits,
            )
        case Linear():
            return MacLayer(
                node=node,
                kernel=(1, 1),
                stride=(1, 1),
                in_channels=in_shape.elements,
                out_channels=node.shape.channels,
                in_width=1,
                in_bits=in_bits,
            )
        case _:
            return None


def set_folding(graph: Graph, config: HardwareConfig) -> tuple[dict[str, Folding], tuple[str, ...]]:
    """Choose pe and simd for every conv and linear layer.

    Returns:
        Foldings by node name, and warnings for layers whose smallest legal RF is above the bound.

    Raises:
        FoldingError: the model's value is legal for no layer although some layer has legal RF on both
            sides, or a value under LayerName is not legal; all problems at once.
    """
    layers = [layer for node in graph.nodes if (layer := mac_layer(graph, node)) is not None]
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
    """Of the foldings with this RF the one whose line buffer and accumulators cost least.

    Fewest BRAM36 for the line buffer first (a wide simd makes a wide, shallow memory); then the
    smallest pe, since each further output channel brings an accumulator and a place in the serializer.
    """
    same = [folding for folding in layer.foldings if folding.reuse_factor == reuse_factor]
    return min(same, key=lambda folding: (_ring_bram36(layer, folding.simd), folding.pe))


def _ring_bram36(layer: MacLayer, simd: int) -> int:
    words = ring_pixels(layer.kernel, layer.in_width) * (layer.in_channels // simd)
    width = simd * layer.in_bits
    if words <= _LUTRAM_WORDS:
        return 0
    return ceil(width / _BRAM36_WIDTH) * ceil(words / _BRAM36_DEPTH)


def ring_pixels(kernel: tuple[int, int], width: int) -> int:
    """Pixels a line buffer holds: the window's span in raster order and one pixel of prefetch."""
    return (kernel[0] - 1) * width + kernel[1] + 1


def divisors(number: int) -> tuple[int, ...]:
    """All divisors, ascending."""
    return tuple(candidate for candidate in range(1, number + 1) if number % candidate == 0)
