"""Stages and streams: the graph, its foldings and placed skips as a dataflow network.

A tensor with two readers gets a clone stage; a skip placed as `shift_register` or `fold` melts into the
conv stage that it spans, together with its add and its projection. FIFO depths are left at one pixel;
`size_fifos` sets them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from generator.config import HardwareConfig
from generator.design import (
    AddStage,
    CloneStage,
    ConvStage,
    Implementation,
    Join,
    JoinSource,
    PoolStage,
    Projection,
    Stage,
    Storage,
    Stream,
    StreamRole,
)
from generator.fixed_point import FixedPoint
from generator.graph import Graph, Node, Shape
from generator.layers.add import Add
from generator.layers.conv2d import Conv2d
from generator.layers.flatten import Flatten
from generator.layers.global_average_pool import GlobalAveragePool
from generator.layers.linear import Linear
from generator.names import identifier
from generator.passes.fold_skip import ConvArithmetic, fold_skip
from generator.passes.place_skips import IN_STAGE, PlacedSkip
from generator.passes.set_folding import Folding, ring_pixels
from generator.passes.set_lanes import StreamEnd, set_lanes


@dataclass(frozen=True, slots=True)
class StageNetwork:
    """Stages in dataflow order and the streams between them, x first and y last."""

    stages: tuple[Stage, ...]
    streams: tuple[Stream, ...]


@dataclass(slots=True)
class _Wire:
    """A stream under construction: who writes it, who reads it, what flows."""

    name: str
    source: str | None
    sink: str | None
    shape: Shape
    format: FixedPoint
    role: StreamRole


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
        self._fused = {
            skip.edge.main[0]: skip for skip in self._skips if skip.edge is not None and skip.implementation in IN_STAGE
        }
        self._absorbed = {
            name
            for skip in self._fused.values()
            if skip.edge is not None
            for name in (skip.edge.join, skip.edge.projection)
            if name is not None
        }
        self._wires: list[_Wire] = []
        self._ports: dict[tuple[str, str], _Wire] = {}
        self._stages: list[Stage] = []

    def build(self) -> StageNetwork:
        graph = self._graph
        self._connect(graph.input_name, None, graph.input_shape, graph.input_format)
        for node in graph.nodes:
            if node.name in self._absorbed or isinstance(node.layer, Flatten):
                continue
            tensor = self._tensor_of(node)
            stage_shape = tensor.shape
            self._connect(tensor.name, node.name, stage_shape, self._stream_format(tensor))
            self._stages.append(self._stage(node, tensor))
        return StageNetwork(stages=self._in_order(), streams=self._finish())

    def _tensor_of(self, node: Node) -> Node:
        """The node whose result leaves the stage: the add, where a short skip melts into the conv."""
        skip = self._fused.get(node.name)
        return node if skip is None or skip.edge is None else self._graph.node(skip.edge.join)

    def _stream_format(self, tensor: Node) -> FixedPoint:
        """An exact result at the top's output is sign-extended to whole bytes."""
        fmt = tensor.output_format
        if tensor.result is None and not self._readers(tensor.name):
            return _whole_bytes(fmt)
        return fmt

    def _readers(self, tensor: str) -> list[tuple[str, str]]:
        """(stage, port) of all stages that read a tensor, main path first; a flatten is only a name."""
        ports: list[tuple[str, str]] = []
        for node in self._graph.consumers(tensor):
            if isinstance(node.layer, Flatten):
                ports += self._readers(node.name)
            elif node.name in self._absorbed:
                continue  # the conv of the same stage reads this tensor already
            elif isinstance(node.layer, Add):
                ports += [
                    (node.name, port)
                    for port, name in zip(("main", "skip"), node.inputs, strict=True)
                    if name == tensor
                ]
            else:
                ports.append((node.name, "input"))
        side = {skip.edge.projection for skip in self._skips if skip.edge is not None}
        return sorted(ports, key=lambda port: port[1] == "skip" or port[0] in side)

    def _connect(self, tensor: str, source: str | None, shape: Shape, fmt: FixedPoint) -> None:
        """Join a tensor's writer to its readers, through clone stages where there are several."""
        readers = self._readers(tensor)
        if not readers:
            self._wire(source, None, shape, fmt, StreamRole.DATA)
            return
        forks = [skip.name for skip in self._skips if skip.edge is not None and skip.edge.fork == tensor]
        while len(readers) > 1:
            *rest, (last, port) = readers
            clone = f"{_owner(forks, last, self._skips)}.clone"
            forks = [name for name in forks if f"{name}.clone" != clone]
            inlet = self._wire(source, clone, shape, fmt, StreamRole.DATA)
            side = self._wire(clone, last, shape, fmt, StreamRole.SKIP if port == "skip" else StreamRole.DATA)
            self._ports[(last, port)] = side
            following = f"{_owner(forks, rest[-1][0], self._skips)}.clone" if len(rest) > 1 else rest[0][0]
            through = f"{identifier(clone)}_to_{identifier(following)}"
            self._stages.append(
                CloneStage(name=clone, input=inlet.name, outputs=(through, side.name), shape=shape, format=fmt)
            )
            source, readers = clone, rest
        stage, port = readers[0]
        role = StreamRole.SKIP if port == "skip" else StreamRole.DATA
        self._ports[(stage, port)] = self._wire(source, stage, shape, fmt, role)

    def _wire(self, source: str | None, sink: str | None, shape: Shape, fmt: FixedPoint, role: StreamRole) -> _Wire:
        name = "x" if source is None else "y" if sink is None else f"{identifier(source)}_to_{identifier(sink)}"
        wire = _Wire(name, source, sink, shape, fmt, role)
        self._wires.append(wire)
        return wire

    def _stage(self, node: Node, tensor: Node) -> Stage:
        output = self._wires_from(node.name)
        match node.layer:
            case Conv2d() | Linear():
                return self._conv_stage(node, tensor, output)
            case Add():
                main, skip = (self._ports[(node.name, port)] for port in ("main", "skip"))
                return AddStage(
                    name=node.name,
                    main=main.name,
                    skip=skip.name,
                    output=output,
                    shape=node.shape,
                    main_format=main.format,
                    skip_format=skip.format,
                    sum=self._exact(node),
                    relu=node.relu,
                    result=node.result,
                )
            case GlobalAveragePool() as pool:
                source = self._ports[(node.name, "input")]
                assert node.result is not None  # check_graph holds this
                division = pool.division(source.format, source.shape, node.result)
                return PoolStage(
                    name=node.name,
                    input=source.name,
                    output=output,
                    in_shape=source.shape,
                    in_format=source.format,
                    accumulator=node.accumulator,
                    result=node.result,
                    dividend_shift=division.dividend_shift,
                    reciprocal=division.reciprocal,
                )
            case _:
                raise AssertionError(f"no stage for {type(node.layer).__name__}")

    def _conv_stage(self, node: Node, tensor: Node, output: str) -> ConvStage:
        layer = node.layer
        assert isinstance(layer, Conv2d | Linear)
        source = self._ports[(node.name, "input")]
        folding = self._foldings[node.name]
        if isinstance(layer, Linear):
            in_shape = Shape(height=1, width=1, channels=source.shape.elements)
            kernel, stride, padding = (1, 1), (1, 1), (0, 0)
        else:
            in_shape = source.shape
            kernel, stride, padding = layer.kernel, layer.stride, layer.padding
        arithmetic = self._arithmetic(node, tensor, source.format)
        return ConvStage(
            name=node.name,
            input=source.name,
            output=output,
            in_shape=in_shape,
            out_shape=node.shape,
            in_format=source.format,
            kernel=kernel,
            stride=stride,
            padding=padding,
            weight=arithmetic.weight,
            weight_format=arithmetic.weight_format,
            bias=arithmetic.bias,
            product_shift=arithmetic.product_shift,
            accumulator=arithmetic.accumulator,
            relu=tensor.relu,
            result=tensor.result,
            pe=folding.pe,
            simd=folding.simd,
            ring_pixels=ring_pixels(kernel, in_shape.width),
            multiplier=self._config.multiplier,
            join=self._short_skip(node, in_shape),
        )

    def _arithmetic(self, node: Node, tensor: Node, in_format: FixedPoint) -> ConvArithmetic:
        """Weights and exact sums of a conv stage, with a folded skip where there is one."""
        layer = node.layer
        assert isinstance(layer, Conv2d | Linear)
        skip = self._fused.get(node.name)
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

    def _exact(self, node: Node) -> FixedPoint:
        """The node's exact format, widened to whole bytes where it leaves through the top."""
        return self._widened(node, node.accumulator)

    def _widened(self, node: Node, exact: FixedPoint) -> FixedPoint:
        leaves = node.result is None and not self._readers(node.name)
        return _whole_bytes(exact) if leaves else exact

    def _short_skip(self, node: Node, in_shape: Shape) -> Join | None:
        skip = self._fused.get(node.name)
        if skip is None or skip.edge is None or skip.implementation is Implementation.FOLD:
            return None
        projection = None
        if skip.edge.projection is not None:
            side = self._graph.node(skip.edge.projection)
            layer = side.layer
            assert isinstance(layer, Conv2d)
            projection = Projection(
                name=side.name,
                weight=layer.weight[0, 0],
                weight_format=layer.weight_format,
                bias=layer.bias,
                accumulator=side.accumulator,
                product_shift=layer.product_shift,
            )
        layer = node.layer
        assert isinstance(layer, Conv2d)
        look_ahead = (layer.kernel[0] - 1 - layer.padding[0]) * in_shape.width + layer.kernel[1] - 1 - layer.padding[1]
        return Join(
            name=skip.name,
            join=skip.edge.join,
            source=JoinSource.PROJECTION if projection else JoinSource.SHIFT_REGISTER,
            format=projection.accumulator if projection else self._graph.format_of(node.inputs[0]),
            projection=projection,
            depth_pixels=0 if projection else look_ahead + 2,
            storage=Storage.SRL,
            sum=self._exact(self._graph.node(skip.edge.join)),
        )

    def _wires_from(self, stage: str) -> str:
        return next(wire.name for wire in self._wires if wire.source == stage)

    def _in_order(self) -> tuple[Stage, ...]:
        """Stages so that a stream's writer stands before its reader."""
        position = {node.name: place for place, node in enumerate(self._graph.nodes)}
        ordered: list[Stage] = []
        clones = [stage for stage in self._stages if isinstance(stage, CloneStage)]
        others = sorted((s for s in self._stages if not isinstance(s, CloneStage)), key=lambda s: position[s.name])
        sources = {wire.name: wire.source for wire in self._wires}

        def take_clones(source: str | None) -> None:
            for clone in clones:
                if sources[clone.input] == source:
                    ordered.append(clone)
                    take_clones(clone.name)

        take_clones(None)
        for stage in others:
            ordered.append(stage)
            take_clones(stage.name)
        return tuple(ordered)

    def _finish(self) -> tuple[Stream, ...]:
        stages = {stage.name: stage for stage in self._stages}
        ends = [
            StreamEnd(wire.name, wire.shape, stages.get(wire.source or ""), stages.get(wire.sink or ""))
            for wire in self._wires
        ]
        lanes = set_lanes(ends, self._config.lanes)
        streams = [
            Stream(
                name=wire.name,
                source=wire.source,
                sink=wire.sink,
                shape=wire.shape,
                format=wire.format,
                lanes=lanes[wire.name],
                depth_words=wire.shape.channels // lanes[wire.name],
                depth_live=wire.shape.channels // lanes[wire.name],
                depth_full_rate=wire.shape.channels // lanes[wire.name],
                storage=Storage.AUTO,
                role=wire.role,
            )
            for wire in self._wires
        ]
        return tuple(sorted(streams, key=lambda stream: (stream.name != "x", stream.name == "y")))


def _owner(forks: list[str], reader: str, skips: tuple[PlacedSkip, ...]) -> str:
    """The skip that a forked reader belongs to: the one whose add or projection it is."""
    for skip in skips:
        if skip.edge is not None and skip.name in forks and reader in (skip.edge.join, skip.edge.projection):
            return skip.name
    return forks[-1] if forks else reader


def _whole_bytes(fmt: FixedPoint) -> FixedPoint:
    width = -(-fmt.width // 8) * 8
    return replace(fmt, width=width, integer_bits=fmt.integer_bits + width - fmt.width)
