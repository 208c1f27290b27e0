"""Comparison of two executions, layer by layer: which tensor does each stream carry, and where do they part?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from generator.design import AddStage, CloneStage, ConvStage, Design, PoolStage
from generator.fixed_point import IntArray
from generator.reference import run_reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first value in which two executions differ.

    Attributes:
        layer: name of the tensor.
        frame, row, column, channel: its place.
        first, second: the two integers.
        count: values of this layer that differ.
    """

    layer: str
    frame: int
    row: int
    column: int
    channel: int
    first: int
    second: int
    count: int

    def __str__(self) -> str:
        return (
            f"layer {self.layer!r} differs in {self.count} values, first in frame {self.frame}, pixel "
            f"({self.row},{self.column}), channel {self.channel}: {self.first} and {self.second}"
        )

    def renamed(self, layer: str) -> Difference:
        """The same difference in a layer of another name."""
        return replace(self, layer=layer)


def first_difference(first: Mapping[str, IntArray], second: Mapping[str, IntArray]) -> Difference | None:
    """The first difference of two sets of tensors, None if there is none.

    Layers are compared in the order of `first`; those that only one side has are left out.

    Args:
        first, second: layer name -> (N, H, W, C) integers.

    Raises:
        ValueError: a layer's shapes differ.
    """
    for layer, values in first.items():
        if layer not in second:
            continue
        other = second[layer]
        if values.shape != other.shape:
            raise ValueError(f"layer {layer!r}: shapes differ, {values.shape} and {other.shape}")
        places = np.argwhere(values != other)
        if len(places):
            place = tuple(int(index) for index in places[0])
            frame, row, column, channel = place
            return Difference(
                layer=layer,
                frame=frame,
                row=row,
                column=column,
                channel=channel,
                first=int(values[place]),
                second=int(other[place]),
                count=len(places),
            )
    return None


def carried_tensors(design: Design) -> dict[str, str]:
    """Stream -> the graph's tensor that flows in it: the input's name, or the last node that its writer computes."""
    stages = {stage.name: stage for stage in design.stages}
    joined = {stage.join.join for stage in design.stages if isinstance(stage, ConvStage) and stage.join}
    readers: dict[str, list[str]] = {}
    for node in design.graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node.name)
    carried: dict[str, str] = {}

    def last_computed(tensor: str) -> str:
        """Follow a tensor through the nodes that have no stage of their own: they are its writer's."""
        following = readers.get(tensor, [])
        if not following or any(name in stages or name in joined for name in following):
            return tensor
        return last_computed(following[0])

    for stream in sorted(design.streams, key=lambda entry: _position(design, entry.source)):
        writer = stages.get(stream.source or "")
        match writer:
            case None:
                carried[stream.name] = design.graph.input_name
            case CloneStage():
                carried[stream.name] = carried[writer.input]
            case ConvStage() if writer.tap == stream.name:
                carried[stream.name] = carried[writer.input]
            case ConvStage():
                carried[stream.name] = last_computed(writer.join.join if writer.join else writer.name)
            case AddStage() | PoolStage():
                carried[stream.name] = last_computed(writer.name)
    return carried


def expected_streams(design: Design, inputs: IntArray) -> dict[str, IntArray]:
    """What every stream must carry, by the reference, in the order of the data.

    Args:
        inputs: (N, H, W, C) int64, in LSBs of the graph's input format.

    Returns:
        Stream -> (N, H, W, C) int64, in LSBs of the stream's format.
    """
    carried = carried_tensors(design)
    observed = run_reference(design.graph, inputs, observe=sorted(set(carried.values()))).observed
    expected = {}
    for name, tensor in carried.items():
        fraction = design.stream(name).format.fraction_bits - design.graph.format_of(tensor).fraction_bits
        shape = design.stream(name).shape
        values = observed[tensor].reshape(len(inputs), shape.height, shape.width, shape.channels)
        expected[name] = values << fraction
    return expected


def _position(design: Design, source: str | None) -> int:
    """Of a stream's writer in the order of the data."""
    names = [stage.name for stage in design.stages]
    return -1 if source is None else names.index(source)
