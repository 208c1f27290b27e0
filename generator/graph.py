"""The graph: what the network computes, with integer weights and a format on every tensor.

A node is ``layer -> exact accumulator -> optional ReLU -> optional requantization``. It holds no
word of hardware: how stages are folded and skips are built is decided later and kept elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from generator.errors import GraphError
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
    """

    name: str
    input_name: str
    input_shape: Shape
    input_format: FixedPoint
    nodes: tuple[Node, ...]
    output: str
    skips: tuple[SkipEdge, ...]
    removed_skips: tuple[str, ...]

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
