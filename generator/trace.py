"""Comparison of two executions, layer by layer: where do they part?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from generator.fixed_point import IntArray


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
