"""Global average pooling: the exact sum of a frame, divided and rounded once in the requantization."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generator.errors import NumericsError
from generator.fixed_point import FixedPoint, IntArray, Rounding
from generator.graph import Shape
from generator.layers.accumulation import sum_format
from generator.layers.reciprocal import Reciprocal, derive_reciprocal


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """How a pooling stage divides: ``a = sum << dividend_shift``, then a / pixels rounded as the result says.

    Attributes:
        reciprocal: gives floor(b / divisor) with b = a and divisor = N (TRN, TRN_ZERO: of |a|) or
            b = 2a + N and divisor = 2N (RND, RND_CONV), N being the pixels shifted onto the result's point.
    """

    dividend_shift: int
    reciprocal: Reciprocal


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalAveragePool:
    """Per channel the exact sum over all pixels; the requantization divides it by their number."""

    def output_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """One pixel of the same channels."""
        return Shape(height=1, width=1, channels=inputs[0].channels)

    def accumulator(self, inputs: tuple[FixedPoint, ...], shapes: tuple[Shape, ...]) -> FixedPoint:
        """The exact format of the sum (not of the mean), at the input's point."""
        pixels = shapes[0].pixels
        return sum_format(inputs[0].min_int * pixels, inputs[0].max_int * pixels, inputs[0].fraction_bits)

    def divisor(self, shapes: tuple[Shape, ...]) -> int:
        """The number of pixels."""
        return shapes[0].pixels

    def execute(self, inputs: tuple[IntArray, ...], formats: tuple[FixedPoint, ...]) -> IntArray:  # noqa: ARG002
        """The exact sums, (N, H, W, C) int64 -> (N, 1, 1, C) int64."""
        return np.asarray(inputs[0].sum(axis=(1, 2), keepdims=True), dtype=np.int64)

    def division(self, in_format: FixedPoint, shape: Shape, result: FixedPoint) -> Division:
        """How hardware divides, proved over every sum that the accumulator can hold.

        Args:
            in_format: of the input.
            shape: of the input.
            result: format of the mean.

        Raises:
            NumericsError: no reciprocal of at most 62-bit products divides the whole range.
        """
        accumulator = self.accumulator((in_format,), (shape,))
        shift = accumulator.fraction_bits - result.fraction_bits
        dividend_shift, divisor = max(-shift, 0), shape.pixels << max(shift, 0)
        lowest, highest = accumulator.min_int << dividend_shift, accumulator.max_int << dividend_shift
        if result.rounding is Rounding.TRN_ZERO:
            lowest, highest = 0, max(-lowest, highest)
        elif result.rounding is not Rounding.TRN:
            lowest, highest, divisor = 2 * lowest + divisor, 2 * highest + divisor, 2 * divisor
        return Division(dividend_shift=dividend_shift, reciprocal=derive_reciprocal(lowest, highest, divisor))


def round_quotient(sums: IntArray, divisor: int, fraction_bits: int, to: FixedPoint) -> IntArray:
    """``sums / divisor`` rounded once onto the grid of `to`, not yet limited to its range.

    Args:
        sums: any shape, int64, in LSBs of ``2**-fraction_bits``.

    Raises:
        NumericsError: the shifted sums do not fit in 62 bits.
    """
    shift = fraction_bits - to.fraction_bits
    divisor <<= max(shift, 0)
    reach = int(np.abs(sums).max(initial=0)) << max(-shift, 0)
    if 2 * reach + divisor >= 1 << 62:
        raise NumericsError(f"the mean in {to} needs sums of more than 62 bits; use a coarser result format")
    dividend = sums << max(-shift, 0)
    if to.rounding is Rounding.TRN:
        return np.asarray(dividend // divisor, dtype=np.int64)
    if to.rounding is Rounding.TRN_ZERO:
        return np.asarray(np.sign(dividend) * (np.abs(dividend) // divisor), dtype=np.int64)
    quotient, rest = np.divmod(2 * dividend + divisor, 2 * divisor)
    if to.rounding is Rounding.RND:
        return quotient
    tie_to_even = (rest == 0) & (quotient & 1 == 1)
    return np.asarray(quotient - tie_to_even, dtype=np.int64)
