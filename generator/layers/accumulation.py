"""What the layers share: formats of exact sums, and integer matrix products at the speed of BLAS."""

from __future__ import annotations

import numpy as np

from generator.errors import NumericsError
from generator.fixed_point import FixedPoint, IntArray

MAX_SUM_BITS = 60
"""Widest accumulator: the largest multiple of 4 that leaves an int64 room for rounding."""

FLOAT32_EXACT = 1 << 24
FLOAT64_EXACT = 1 << 53


def sum_format(lowest: int, highest: int, fraction_bits: int) -> FixedPoint:
    """The signed format that holds every integer of ``[lowest, highest]``, a multiple of 4 bits wide.

    Raises:
        NumericsError: more than `MAX_SUM_BITS` bits are needed.
    """
    magnitude_bits = max(highest.bit_length(), (-lowest - 1).bit_length() if lowest < 0 else 0)
    width = -(-(magnitude_bits + 1) // 4) * 4
    if width > MAX_SUM_BITS:
        raise NumericsError(
            f"the exact sum needs {width} bits, at most {MAX_SUM_BITS} are supported; use narrower formats"
        )
    return FixedPoint(width=width, integer_bits=width - fraction_bits)


def largest_magnitude(fmt: FixedPoint) -> int:
    """max|x| over the integers of a format."""
    return max(-fmt.min_int, fmt.max_int)


def dot_bounds(weight: IntArray, bias: IntArray) -> tuple[tuple[int, int], ...]:
    """Per output channel (sum|w|, |b|): all that the bound of a sum needs to know of its parameters.

    Args:
        weight: (..., Cout) int64.
        bias: (Cout,) int64, in LSBs of the accumulator.
    """
    magnitudes = np.abs(weight).reshape(-1, weight.shape[-1])
    if int(magnitudes.max(initial=0)) * len(magnitudes) >= 1 << 62:  # beyond int64: sum Python integers
        magnitudes = magnitudes.astype(object)
    per_channel = magnitudes.sum(axis=0)
    return tuple(zip(per_channel.tolist(), np.abs(bias).tolist(), strict=True))


def dot_bound(bounds: tuple[tuple[int, int], ...], product_shift: int, in_format: FixedPoint) -> int:
    """Largest |sum| that any output channel can reach: ``max|x| * (sum|w| << shift) + |b|``.

    Args:
        bounds: from `dot_bounds`.
    """
    reach = largest_magnitude(in_format)
    return max(reach * (total << product_shift) + offset for total, offset in bounds)


def float_type(bound: int) -> type[np.float32] | type[np.float64] | None:
    """The fastest float in which sums of integers up to `bound` are exact; None if there is none."""
    if bound < FLOAT32_EXACT:
        return np.float32
    return np.float64 if bound < FLOAT64_EXACT else None


def lock(values: IntArray) -> IntArray:
    """A read-only int64 array with these values (the same one if it already is)."""
    array = np.asarray(values, dtype=np.int64)
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array
