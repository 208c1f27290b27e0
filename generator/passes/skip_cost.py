"""What a way to build a skip connection will cost, before any stage exists: the measure of `auto`.

Look-ahead is counted in pixels of the skip: a conv holds L = (kh-1-pad) W + (kw-1-pad) pixels of its input behind
its window's centre (docs/streams_and_skips). A FIFO beside the convs holds the sum of them, a pixel in work in
each and what is loaded ahead; behind a tap only what the convs after the first hold beyond its own L.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from generator.config import HardwareConfig
from generator.design import Implementation, Multiplier
from generator.fixed_point import FixedPoint
from generator.graph import Graph, SkipEdge
from generator.layers.conv2d import Conv2d
from generator.multipliers import can_pack, dsp_slices, signed_bits
from generator.passes.fit_skip import look_ahead
from generator.passes.fold_skip import fold_skip, narrowest_format
from generator.passes.line_buffer import LEAST_PREFETCH, PREFETCH
from generator.passes.mac_layer import Folding, MacLayer, mac_layer
from generator.ram import ram_blocks, weight_banks, weight_blocks

SRL_BITS = 1024
"""Above this a FIFO goes to block RAM, the rule that Vivado HLS follows."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SkipCost:
    """What a way adds to the network without the skip, the scarcest first; compares in this order.

    Attributes:
        dsp: slices, where products that shared one no longer do. A projection's are left out: it multiplies anyway.
        bram36: of FIFOs, longer rings, and wider or further weights.
        bits: stored.
    """

    dsp: int
    bram36: float
    bits: int


def skip_cost(
    graph: Graph,
    edge: SkipEdge,
    implementation: Implementation,
    foldings: Mapping[str, Folding],
    config: HardwareConfig,
) -> SkipCost:
    """Predict the cost of a way that fits, with narrow streams."""
    match implementation:
        case Implementation.FOLD:
            return _folded(graph, edge, foldings, config)
        case Implementation.CENTRE_TAP | Implementation.SHIFT_REGISTER:
            return _in_stage(graph, edge, implementation, foldings)
        case Implementation.RING_EXTEND:
            return _extended(graph, edge, foldings)
        case _:
            return _queued(graph, edge, implementation)


def waiting_pixels(graph: Graph, edge: SkipEdge, implementation: Implementation) -> float:
    """Pixels of the fork that wait in a FIFO for the join, at the full rate."""
    ahead: list[float] = []
    scale = 1
    for name in edge.main:
        node = graph.node(name)
        assert isinstance(node.layer, Conv2d)
        width = graph.shape_of(node.inputs[0]).width
        ahead.append(look_ahead(node.layer, width) * scale)
        scale *= node.layer.stride[0] * node.layer.stride[1]
    if implementation is Implementation.CLONE_FIFO:
        return sum(ahead) + len(ahead) + 1 + PREFETCH
    return max(0.0, sum(ahead[1:]) - ahead[0]) + len(ahead)


def _queued(graph: Graph, edge: SkipEdge, implementation: Implementation) -> SkipCost:
    """A FIFO of the fork's pixels, or of a projection's sums on the pixels of the join."""
    pixels = waiting_pixels(graph, edge, implementation)
    source = graph.shape_of(edge.fork)
    if edge.projection is None:
        return _fifo(pixels * source.channels, graph.format_of(edge.fork))
    target = graph.node(edge.projection)
    pixels = pixels * target.shape.pixels / source.pixels + 1
    return _fifo(pixels * target.shape.channels, target.accumulator)


def _fifo(words: float, fmt: FixedPoint) -> SkipCost:
    bits = ceil(words) * fmt.width
    return SkipCost(dsp=0, bram36=ram_blocks(fmt.width, ceil(words)) if bits > SRL_BITS else 0.0, bits=bits)


def _extended(graph: Graph, edge: SkipEdge, foldings: Mapping[str, Folding]) -> SkipCost:
    """The first conv's ring, longer by what a FIFO behind a tap would hold."""
    layer = _layer(graph, edge.main[0])
    ring = layer.line_buffer(foldings[edge.main[0]])
    more = ceil(waiting_pixels(graph, edge, Implementation.LINE_BUFFER_TAP)) - len(edge.main) + 1
    longer = ring.blocks(ring.span + LEAST_PREFETCH + more)
    pixel_bits = layer.in_shape.channels * layer.in_format.width
    joined = pixel_bits  # the FIFO at the join holds one pixel
    if edge.projection is not None:
        side = graph.node(edge.projection)
        joined = side.shape.channels * side.accumulator.width
    blocks = max(0.0, longer - ring.blocks(ring.pixels()))
    return SkipCost(dsp=0, bram36=blocks, bits=more * pixel_bits + joined)


def _folded(graph: Graph, edge: SkipEdge, foldings: Mapping[str, Folding], config: HardwareConfig) -> SkipCost:
    """Wider weights: more ROM, and slices where they can no longer be packed."""
    layer, folding = _layer(graph, edge.main[0]), foldings[edge.main[0]]
    conv = layer.node.layer
    side = graph.node(edge.projection).layer if edge.projection else None
    assert isinstance(conv, Conv2d)
    assert side is None or isinstance(side, Conv2d)
    point = graph.node(edge.join).accumulator.fraction_bits
    wide = fold_skip(conv, side, layer.in_format, point).weight_format
    plain = narrowest_format(conv.weight, layer.weight_format.fraction_bits)
    more_rom = max(0.0, _rom(folding, wide) - _rom(folding, plain))
    more_dsp = _slices(layer, folding, wide, config) - _slices(layer, folding, layer.weight_format, config)
    return SkipCost(dsp=more_dsp, bram36=more_rom, bits=0)


def _in_stage(
    graph: Graph,
    edge: SkipEdge,
    implementation: Implementation,
    foldings: Mapping[str, Folding],
) -> SkipCost:
    """A projection's own multipliers and weights, a shift register, or the weights' own centre."""
    layer, folding = _layer(graph, edge.main[0]), foldings[edge.main[0]]
    if edge.projection is not None:
        side = _layer(graph, edge.projection)
        step_bits = layer.word_channels(folding) * side.weight_format.width
        words = side.products // (folding.pe * layer.word_channels(folding))
        bank = weight_banks(words, folding.pe, step_bits)
        return SkipCost(dsp=0, bram36=weight_blocks(words, folding.pe, step_bits, bank), bits=0)
    if implementation is Implementation.SHIFT_REGISTER:
        conv = layer.node.layer
        assert isinstance(conv, Conv2d)
        pixels = look_ahead(conv, layer.in_shape.width) + 3
        return SkipCost(dsp=0, bram36=0.0, bits=pixels * layer.in_shape.channels * layer.in_format.width)
    if layer.node.relu:  # the centre's words are kept for the group
        return SkipCost(dsp=0, bram36=0.0, bits=folding.pe * layer.in_format.width)
    return SkipCost(dsp=0, bram36=0.0, bits=0)


def _rom(folding: Folding, weight: FixedPoint) -> float:
    """BRAM36 of the weights, sums leaving one by one."""
    step_bits = folding.simd * weight.width
    bank = weight_banks(folding.reuse_factor, folding.pe, step_bits)
    return weight_blocks(folding.reuse_factor, folding.pe, step_bits, bank)


def _slices(layer: MacLayer, folding: Folding, weight: FixedPoint, config: HardwareConfig) -> int:
    slices = folding.pe * folding.simd * _product_slices(layer, weight)
    packed = config.multiplier is Multiplier.PACKED and can_pack(layer.in_format, weight, folding.pe)
    return slices // 2 if packed else slices


def _product_slices(layer: MacLayer, weight: FixedPoint) -> int:
    return dsp_slices(signed_bits(layer.in_format), signed_bits(weight))


def _layer(graph: Graph, name: str) -> MacLayer:
    layer = mac_layer(graph, graph.node(name))
    assert layer is not None
    return layer
