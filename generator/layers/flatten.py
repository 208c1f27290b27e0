"""A map of H x W x C values seen as one pixel of H*W*C channels; the order on a stream stays the same."""

from __future__ import annotations

from dataclasses import dataclass

from generator.fixed_point import FixedPoint, IntArray
from generator.graph import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten:
    """(N, H, W, C) -> (N, 1, 1, H*W*C); the values, their order and their format do not change."""

    def output_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """One pixel."""
        return Shape(height=1, width=1, channels=inputs[0].elements)

    def accumulator(self, inputs: tuple[FixedPoint, ...], shapes: tuple[Shape, ...]) -> FixedPoint:  # noqa: ARG002
        """The input's format."""
        return inputs[0]

    def divisor(self, shapes: tuple[Shape, ...]) -> int:  # noqa: ARG002
        """Values are not divided."""
        return 1

    def execute(self, inputs: tuple[IntArray, ...], formats: tuple[FixedPoint, ...]) -> IntArray:  # noqa: ARG002
        """The same values, (N, H, W, C) int64 -> (N, 1, 1, H*W*C) int64."""
        frames, height, width, channels = inputs[0].shape
        return inputs[0].reshape(frames, 1, 1, height * width * channels)
