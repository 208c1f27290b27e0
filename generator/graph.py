"""The graph: what the network computes, with integer weights and a format on every tensor.

A node is ``layer -> exact accumulator -> optional ReLU -> optional requantization``. It holds no
word of hardware: how stages are folded and skips are built is decided later and kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from generator.errors import GraphError, TailorError
from generator.fixed_point import FixedPoint, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A feature map of one frame; vectors are 1 x 1 x channels."""

    height: int
    width: int
    channels: int

    def __str__(self) -> str:
        return f"({self.height},{self.width},{self.channels})"

    @property
    def pixels(self) -> int:
        """Pixels of a frame, in raster order on a stream."""
        return self.height * self.width

    @property
    def elements(self) -> int:
        """Values of a frame."""
        return self.pixels * self.channels


class Layer(Protocol):
    """What every file in `generator.layers` provides."""

    def output_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """Shape of the result. Raises GraphError with the reason if the inputs do not fit."""

    def accumulator(self, inputs: tuple[FixedPoint, ...], shapes: tuple[Shape, ...]) -> FixedPoint:
        """The exact format of the layer's sum: derived from its integers, a multiple of 4 bits wide."""

    def divisor(self, shapes: tuple[Shape, ...]) -> int:
        """What the requantization divides the sums by: 1, or the number of pixels of a mean."""

    def execute(self, inputs: tuple[IntArray, ...], formats: tuple[FixedPoint, ...]) -> IntArray:
        """The exact sums.

        Args:
            inputs: each (N, H, W, C) int64, in LSBs of the format at the same place in `formats`.

        Returns:
            (N, H, W, C) int64, in LSBs of `accumulator(...)`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step of the network.

    Attributes:
        name: the layer's module path; `<skip>.add` for the sum of a skip connection.
        inputs: names of the producing nodes, or `Graph.input_name`.
        shape: of the result.
        relu: whether negative sums become 0 before the requantization.
        accumulator: exact format of the layer's sum.
        result: format after the one requantization; None leaves the exact (rectified) accumulator.
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    shape: Shape
    relu: bool
    accumulator: FixedPoint
    result: FixedPoint | None

    @property
    def output_format(self) -> FixedPoint:
        """Format of the tensor that the node's consumers see."""
        return self.result or self.accumulator


class SkipState(StrEnum):
    """What has been done to a skip connection of the original network."""

    KEPT = "kept"
    REMOVED = "removed"
    SHORTENED = "shortened"


class SkipStyle(StrEnum):
    """Whether a short skip joins before or after the activation."""

    PRE = "pre"
    POST = "post"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipEdge:
    """One skip connection that is present in the graph.

    Attributes:
        name: path of its block; short skips `<skip>.0`, `<skip>.1`, ... (never for a kept skip).
        parent: path of the block.
        fork: node (or input) whose tensor is used twice.
        join: the add node; its inputs are (main, skip) in this order.
        main: the conv nodes that the skip spans, in order.
        projection: the 1x1 conv node on the skip branch, or None for an identity.
        short: True where it came from shortening.
    """

    name: str
    parent: str
    fork: str
    join: str
    main: tuple[str, ...]
    projection: str | None
    short: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A network in topological order, with one input and one output.

    Attributes:
        name: a safe identifier, used for files and top modules.
        output: name of the last node.
        skips: the skip connections present, in execution order of their forks.
        removed_skips: paths of the blocks whose skip was removed.
        folded_skips: names of short skips, `<skip>.0`, ..., that the weights of their convs have held since before
            quantization; no node is left of them.
    """

    name: str
    input_name: str
    input_shape: Shape
    input_format: FixedPoint
    nodes: tuple[Node, ...]
    output: str
    skips: tuple[SkipEdge, ...]
    removed_skips: tuple[str, ...]
    folded_skips: tuple[str, ...] = ()

    def node(self, name: str) -> Node:
        """The node of that name."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise GraphError(f"graph {self.name!r}: there is no node {name!r}")

    def shape_of(self, name: str) -> Shape:
        """Shape of a node's result or of the input."""
        return self.input_shape if name == self.input_name else self.node(name).shape

    def format_of(self, name: str) -> FixedPoint:
        """Format of a node's output tensor or of the input."""
        return self.input_format if name == self.input_name else self.node(name).output_format

    def consumers(self, name: str) -> tuple[Node, ...]:
        """The nodes that read a tensor, in order."""
        return tuple(node for node in self.nodes if name in node.inputs)


def check_graph(graph: Graph) -> None:
    """Check every invariant that passes and backends rely on.

    Names are unique, inputs stand before their readers, shapes and accumulators are those that the
    layers derive, everything leads to the one output, a mean is requantized, and each sum is the join
    of exactly one skip connection, whose path is that of the graph.

    Raises:
        GraphError: every broken invariant in one message.
    """
    problems = [*_name_problems(graph)]
    if not problems:  # the other checks look tensors up by name
        for node in graph.nodes:
            problems += [f"node {node.name!r}: {problem}" for problem in _node_problems(graph, node)]
        problems += _skip_problems(graph)
    if problems:
        raise GraphError(f"graph {graph.name!r}: " + "; ".join(problems))


def _name_problems(graph: Graph) -> Iterator[str]:
    if not graph.name.isidentifier() or not graph.name.isascii():
        yield "its name is no safe identifier"
    if not graph.nodes:
        yield "it has no nodes"
    elif graph.nodes[-1].name != graph.output:
        yield f"the output {graph.output!r} is not its last node {graph.nodes[-1].name!r}"
    known = {graph.input_name}
    for node in graph.nodes:
        for name in node.inputs:
            if name not in known:
                yield f"node {node.name!r} reads {name!r}, which no node before it produces"
        if node.name in known:
            yield f"the name {node.name!r} is used twice"
        known.add(node.name)
    read = {name for node in graph.nodes for name in node.inputs}
    for name in (graph.input_name, *(node.name for node in graph.nodes)):
        if name not in read and name != graph.output:
            yield f"nothing reads {name!r}"
    if graph.output in read:
        yield f"the output {graph.output!r} is read inside the graph"


def _node_problems(graph: Graph, node: Node) -> Iterator[str]:
    shapes = tuple(graph.shape_of(name) for name in node.inputs)
    formats = tuple(graph.format_of(name) for name in node.inputs)
    try:
        shape = node.layer.output_shape(shapes)
        accumulator = node.layer.accumulator(formats, shapes)
    except TailorError as error:
        yield str(error)
        return
    except ValueError:
        yield f"it cannot take {len(shapes)} inputs"
        return
    if shape != node.shape:
        yield f"its shape is {node.shape}, the layer gives {shape}"
    if accumulator != node.accumulator:
        yield f"its accumulator is {node.accumulator}, the layer needs {accumulator}"
    if node.layer.divisor(shapes) != 1 and node.result is None:
        yield "a mean has no exact result, it needs a result format"


def _skip_problems(graph: Graph) -> Iterator[str]:
    names = {graph.input_name, *(node.name for node in graph.nodes)}
    joins = [skip.join for skip in graph.skips]
    for node in graph.nodes:
        if len(node.inputs) > 1 and joins.count(node.name) != 1:
            yield f"node {node.name!r} is the join of {joins.count(node.name)} skip connections, expected 1"
    for skip in graph.skips:
        mentioned = (skip.fork, skip.join, *skip.main, *([] if skip.projection is None else [skip.projection]))
        missing = [name for name in mentioned if name not in names]
        if missing:
            yield f"skip {skip.name!r} mentions {', '.join(missing)}, which the graph does not have"
            continue
        operands = graph.node(skip.join).inputs if skip.join != graph.input_name else ()
        side = skip.projection or skip.fork
        if len(operands) != 2 or operands[1] != side:
            yield f"skip {skip.name!r}: {side!r} is not the second operand of {skip.join!r}"
        elif not skip.main:
            yield f"skip {skip.name!r} spans no convolution"
        elif not _leads(graph, skip.fork, operands[0]):
            yield f"skip {skip.name!r}: the main operand {operands[0]!r} does not come from the fork {skip.fork!r}"
        if skip.projection is not None and graph.node(skip.projection).inputs != (skip.fork,):
            yield f"skip {skip.name!r}: the projection {skip.projection!r} does not read the fork {skip.fork!r}"


def _leads(graph: Graph, source: str, target: str) -> bool:
    """Whether data flows from one tensor to another."""
    pending, seen = [target], {target}
    while pending:
        name = pending.pop()
        if name == source:
            return True
        fresh = set() if name == graph.input_name else set(graph.node(name).inputs) - seen
        seen |= fresh
        pending += fresh
    return False
