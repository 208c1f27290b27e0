"""Stages and streams: the graph, its foldings and placed skips as a dataflow network.

A skip placed inside a conv stage melts into it together with its add and its projection; with narrow
streams every add whose main operand is a conv's exact sum happens in that conv's stage. FIFO depths are
left at one pixel, `size_fifos` sets them; a link that needs no FIFO has `Storage.NONE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from generator.config import HardwareConfig
from generator.design import (
    AddStage,
    ConvStage,
    Implementation,
    Join,
    JoinSource,
    Multiplier,
    PoolStage,
    Projection,
    ReadForm,
    Stage,
    Storage,
    Stream,
)
from generator.fixed_point import FixedPoint
from generator.graph import Graph, Node
from generator.layers.add import Add
from generator.layers.conv2d import Conv2d
from generator.layers.flatten import Flatten
from generator.layers.global_average_pool import GlobalAveragePool
from generator.layers.linear import Linear
from generator.multipliers import can_pack
from generator.passes.finish_streams import finish_streams, order_stages
from generator.passes.fit_skip import look_ahead
from generator.passes.fold_skip import ConvArithmetic, fold_skip
from generator.passes.line_buffer import LEAST_PREFETCH, PREFETCH, ring_pixels
from generator.passes.mac_layer import Folding, MacLayer, mac_layer
from generator.passes.place_skips import PlacedSkip
from generator.passes.wire_tensors import Port, Wiring, join_sites

_OWN_MEMORY = (JoinSource.SHIFT_REGISTER, JoinSource.PROJECTION)
"""Joins that keep what they add in the stage (a projection keeps no pixel)."""


@dataclass(frozen=True, slots=True)
class StageNetwork:
    """Stages in dataflow order and the streams between them, x first and y last.

    Attributes:
        skip_streams: skip -> the stream that enters its join; none for those built inside a conv stage.
        tap_streams: stream that a ring's second reader feeds (`ConvStage.tap`) -> the skips that it serves.
    """

    stages: tuple[Stage, ...]
    streams: tuple[Stream, ...]
    skip_streams: Mapping[str, str]
    tap_streams: Mapping[str, tuple[str, ...]]


def build_stages(
    graph: Graph, config: HardwareConfig, foldings: Mapping[str, Folding], skips: tuple[PlacedSkip, ...]
) -> StageNetwork:
    """Turn nodes into stages, tensors into streams and forks into clone stages."""
    return _Builder(graph, config, foldings, skips).build()


class _Builder:
    def __init__(
        self, graph: Graph, config: HardwareConfig, foldings: Mapping[str, Folding], skips: tuple[PlacedSkip, ...]
    ) -> None:
        self._graph = graph
        self._config = config
        self._foldings = foldings
        self._skips = tuple(skip for skip in skips if skip.edge is not None)
        self._sites = join_sites(graph, skips, lean=config.lean)
        self._wiring = Wiring(graph, skips, self._sites)

    def build(self) -> StageNetwork:
        graph, wiring = self._graph, self._wiring
        wiring.connect(graph.input_name, None, graph.input_shape, graph.input_format)
        nodes = [
            node
            for node in graph.nodes
            if node.name not in self._sites.absorbed and not isinstance(node.layer, Flatten)
        ]
        for node in nodes:
            tensor = self._tensor_of(node)
            wiring.connect(tensor.name, node.name, tensor.shape, self._stream_format(tensor))
        stages = [self._stage(node) for node in nodes]
        streams = finish_streams([*stages, *wiring.clones], wiring.wires, self._config.lanes)
        lanes = {stream.name: stream.lanes for stream in streams}
        return StageNetwork(
            stages=order_stages([_paired(stage, lanes) for stage in stages], wiring),
            streams=streams,
            skip_streams=dict(self._skip_streams()),
            tap_streams=wiring.tapped,
        )

    def _skip_streams(self) -> list[tuple[str, str]]:
        joins = {skip.edge.join: conv for conv, skip in self._sites.by_conv.items() if skip.edge is not None}
        found: list[tuple[str, str]] = []
        for skip in self._skips:
            assert skip.edge is not None
            wire = self._wiring.ports.get((joins.get(skip.edge.join, skip.edge.join), Port.SKIP))
            if wire is not None:
                found.append((skip.name, wire.name))
        return found

    def _tensor_of(self, node: Node) -> Node:
        """The node whose result leaves the stage: the add, where one happens in the conv's stage."""
        skip = self._sites.by_conv.get(node.name)
        return node if skip is None or skip.edge is None else self._graph.node(skip.edge.join)

    def _stream_format(self, tensor: Node) -> FixedPoint:
        """An exact result at the top's output is sign-extended to whole bytes."""
        return self._widened(tensor, tensor.output_format)

    def _exact(self, node: Node) -> FixedPoint:
        """The node's exact format, widened to whole bytes where it leaves through the top."""
        return self._widened(node, node.accumulator)

    def _widened(self, node: Node, exact: FixedPoint) -> FixedPoint:
        leaves = node.result is None and not self._wiring.is_read(node.name)
        return _whole_bytes(exact) if leaves else exact

    def _stage(self, node: Node) -> Stage:
        match node.layer:
            case Conv2d() | Linear():
                return self._conv_stage(node)
            case Add():
                return self._add_stage(node)
            case GlobalAveragePool():
                return self._pool_stage(node)
            case _:
                raise AssertionError(f"no stage for {type(node.layer).__name__}")

    def _add_stage(self, node: Node) -> AddStage:
        main, skip = (self._wiring.ports[(node.name, port)] for port in (Port.MAIN, Port.SKIP))
        return AddStage(
            name=node.name,
            main=main.name,
            skip=skip.name,
            output=self._wiring.written_by(node.name),
            shape=node.shape,
            main_format=main.format,
            skip_format=skip.format,
            sum=self._exact(node),
            relu=node.relu,
            result=node.result,
        )

    def _pool_stage(self, node: Node) -> PoolStage:
        source = self._wiring.ports[(node.name, Port.INPUT)]
        assert isinstance(node.layer, GlobalAveragePool)
        assert node.result is not None  # check_graph holds this
        division = node.layer.division(source.format, source.shape, node.result)
        return PoolStage(
            name=node.name,
            input=source.name,
            output=self._wiring.written_by(node.name),
            in_shape=source.shape,
            in_format=source.format,
            accumulator=node.accumulator,
            result=node.result,
            dividend_shift=division.dividend_shift,
            reciprocal=division.reciprocal,
        )

    def _conv_stage(self, node: Node) -> ConvStage:
        layer = mac_layer(self._graph, node, lean=self._config.lean)
        assert layer is not None
        tensor = self._tensor_of(node)
        source = self._wiring.ports[(node.name, Port.INPUT)]
        folding = self._foldings[node.name]
        arithmetic = self._arithmetic(node, tensor, source.format)
        tap = self._wiring.taps.get(node.name)
        return ConvStage(
            name=node.name,
            input=source.name,
            output=self._wiring.written_by(node.name),
            in_shape=layer.in_shape,
            out_shape=node.shape,
            in_format=source.format,
            kernel=layer.kernel,
            stride=layer.stride,
            padding=layer.padding,
            weight=arithmetic.weight,
            weight_format=arithmetic.weight_format,
            bias=arithmetic.bias,
            product_shift=arithmetic.product_shift,
            accumulator=arithmetic.accumulator,
            relu=tensor.relu or node.relu,
            result=tensor.result,
            pe=folding.pe,
            simd=folding.simd,
            ring_pixels=self._ring_pixels(layer, folding),
            multiplier=Multiplier.DSP if self._config.multiplier is Multiplier.PACKED else self._config.multiplier,
            form=folding.form,
            skip_padding=layer.skips_padding and folding.form is not ReadForm.WINDOW,
            join=self._join(node),
            tap=tap.name if tap else None,
            packed=self._is_packed(node, arithmetic.weight_format, source.format, folding.pe),
        )

    def _is_packed(self, node: Node, weight: FixedPoint, activation: FixedPoint, pe: int) -> bool:
        """Whether pairs of output channels share a slice; not where a projection's sums must stay apart."""
        skip = self._sites.by_conv.get(node.name)
        own = skip is not None and skip.edge is not None and skip.edge.projection in self._sites.absorbed
        wanted = self._config.multiplier is Multiplier.PACKED and self._config.lean
        return wanted and not (own and node.relu) and can_pack(activation, weight, pe)

    def _ring_pixels(self, layer: MacLayer, folding: Folding) -> int:
        if not self._config.lean:
            return ring_pixels(layer.kernel, layer.in_shape.width)
        ring = layer.line_buffer(folding)
        if layer.in_shape.pixels == 1:
            return ring.pixels(prefetch=1, least=1)
        skip = self._sites.by_conv.get(layer.node.name)
        shifted = skip is not None and skip.implementation is Implementation.SHIFT_REGISTER
        if shifted:  # what is loaded ahead waits in the shift register too
            return ring.pixels(prefetch=LEAST_PREFETCH)
        # the rows that a stride passes over are loaded while the row before is computed, not after it
        passed = (layer.stride[0] - 1) * layer.in_shape.width
        return ring.pixels(prefetch=passed + PREFETCH, least=passed + LEAST_PREFETCH)

    def _arithmetic(self, node: Node, tensor: Node, in_format: FixedPoint) -> ConvArithmetic:
        """Weights and exact sums of a conv stage, with a folded skip where there is one."""
        layer = node.layer
        assert isinstance(layer, Conv2d | Linear)
        skip = self._sites.by_conv.get(node.name)
        if skip is not None and skip.edge is not None and skip.implementation is Implementation.FOLD:
            assert isinstance(layer, Conv2d)
            side = self._graph.node(skip.edge.projection).layer if skip.edge.projection else None
            assert side is None or isinstance(side, Conv2d)
            folded = fold_skip(layer, side, in_format, tensor.accumulator.fraction_bits)
            return replace(folded, accumulator=self._widened(tensor, folded.accumulator))
        return ConvArithmetic(
            weight=layer.weight[None, None] if isinstance(layer, Linear) else layer.weight,
            weight_format=layer.weight_format,
            bias=layer.bias,
            product_shift=layer.product_shift,
            accumulator=node.accumulator if tensor is not node else self._exact(node),
        )

    def _join(self, node: Node) -> Join | None:
        skip = self._sites.by_conv.get(node.name)
        if skip is None or skip.edge is None or skip.implementation is Implementation.FOLD:
            return None
        stream = self._wiring.ports.get((node.name, Port.SKIP))
        projection = None if stream or skip.edge.projection is None else self._projection(skip.edge.projection)
        source = _join_source(skip.implementation, projection)
        depth = 0
        if source is JoinSource.SHIFT_REGISTER:
            layer = node.layer
            assert isinstance(layer, Conv2d)
            prefetch = LEAST_PREFETCH if self._config.lean else 1
            depth = look_ahead(layer, self._graph.shape_of(node.inputs[0]).width) + 1 + prefetch
        own = projection.accumulator if projection else self._graph.format_of(node.inputs[0])
        return Join(
            name=skip.name,
            join=skip.edge.join,
            source=source,
            stream=stream.name if stream else None,
            format=stream.format if stream else own,
            projection=projection,
            depth_pixels=depth,
            storage=Storage.SRL if source in _OWN_MEMORY else Storage.NONE,
            after_relu=node.relu,
            sum=self._exact(self._graph.node(skip.edge.join)),
        )

    def _projection(self, name: str) -> Projection:
        side = self._graph.node(name)
        layer = side.layer
        assert isinstance(layer, Conv2d)
        return Projection(
            name=side.name,
            weight=layer.weight[0, 0],
            weight_format=layer.weight_format,
            bias=layer.bias,
            accumulator=side.accumulator,
            product_shift=layer.product_shift,
        )


def _paired(stage: Stage, lanes: Mapping[str, int]) -> Stage:
    """A packed stage as one with single products where its output words leave no pairs."""
    if not isinstance(stage, ConvStage) or not stage.packed:
        return stage
    words = stage.pe // min(lanes[stage.output], stage.pe)
    return stage if words % 2 == 0 else replace(stage, packed=False)


def _join_source(implementation: Implementation, projection: Projection | None) -> JoinSource:
    """Where a conv stage takes the skip operand from."""
    if projection is not None:
        return JoinSource.PROJECTION
    match implementation:
        case Implementation.SHIFT_REGISTER:
            return JoinSource.SHIFT_REGISTER
        case Implementation.CENTRE_TAP:
            return JoinSource.CENTRE
        case _:
            return JoinSource.STREAM


def _whole_bytes(fmt: FixedPoint) -> FixedPoint:
    width = -(-fmt.width // 8) * 8
    return replace(fmt, width=width, integer_bits=fmt.integer_bits + width - fmt.width)
