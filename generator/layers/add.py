"""The sum of a skip connection: main + skip, exact, at the finer of the two points."""

from __future__ import annotations

from dataclasses import dataclass

from generator.errors import GraphError
from generator.fixed_point import FixedPoint, IntArray
from generator.graph import Shape
from generator.layers.accumulation import sum_format


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """main + skip; the inputs stand in this order."""

    def output_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """Shape of the result.

        Raises:
            GraphError: the two operands differ in shape.
        """
        main, skip = inputs
        if main != skip:
            raise GraphError(f"operand shapes differ, {main} and {skip}; does the skip need a projection?")
        return main

    def accumulator(self, inputs: tuple[FixedPoint, ...], shapes: tuple[Shape, ...]) -> FixedPoint:  # noqa: ARG002
        """The finer of the two points, wide enough for every pair of operands."""
        fraction_bits = max(fmt.fraction_bits for fmt in inputs)
        lowest = sum(fmt.min_int << (fraction_bits - fmt.fraction_bits) for fmt in inputs)
        highest = sum(fmt.max_int << (fraction_bits - fmt.fraction_bits) for fmt in inputs)
        return sum_format(lowest, highest, fraction_bits)

    def divisor(self, shapes: tuple[Shape, ...]) -> int:  # noqa: ARG002
        """Sums are not divided."""
        return 1

    def execute(self, inputs: tuple[IntArray, ...], formats: tuple[FixedPoint, ...]) -> IntArray:
        """The exact sums, two (N, H, W, C) int64 -> (N, H, W, C) int64."""
        fraction_bits = max(fmt.fraction_bits for fmt in formats)
        main, skip = (
            values << (fraction_bits - fmt.fraction_bits) for values, fmt in zip(inputs, formats, strict=True)
        )
        return main + skip
