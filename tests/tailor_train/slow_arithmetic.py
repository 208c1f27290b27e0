"""Fixed-point layers in rational numbers, one scalar after another: slow, and obviously right."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

from tailor_train.fixed_point import Format, Overflow, Rounding

Map = list[list[list[Fraction]]]
"""Channels, rows, columns."""


def quantize(value: Fraction, fmt: Format) -> int:
    """The definition of ap_fixed: the integer, in LSBs of the format."""
    scaled = value * Fraction(2) ** fmt.fraction_bits
    floor = math.floor(scaled)
    rounded = {
        Rounding.TRN: floor,
        Rounding.TRN_ZERO: math.trunc(scaled),
        Rounding.RND: math.floor(scaled + Fraction(1, 2)),
        Rounding.RND_CONV: round(scaled),
    }[fmt.rounding]
    top = 2 ** (fmt.width - 1) if fmt.signed else 2**fmt.width
    bottom = -top if fmt.signed else 0
    if fmt.overflow is Overflow.WRAP:
        return (rounded - bottom) % 2**fmt.width + bottom
    if fmt.overflow is Overflow.SAT_SYM and fmt.signed:
        bottom += 1
    return min(max(rounded, bottom), top - 1)


def snap(value: Fraction, fmt: Format) -> Fraction:
    """The real number that the format makes of a value."""
    return quantize(value, fmt) / Fraction(2) ** fmt.fraction_bits


def each(function: object, *maps: Map) -> Map:
    """A scalar function on every place of one or more maps."""
    assert callable(function)
    return [
        [[function(*values) for values in zip(*columns, strict=True)] for columns in zip(*rows, strict=True)]
        for rows in zip(*maps, strict=True)
    ]


def relu(values: Map) -> Map:
    """Negative numbers become 0."""
    return each(lambda value: max(value, Fraction(0)), values)


def add(main: Map, skip: Map) -> Map:
    """The exact sum."""
    return each(lambda a, b: a + b, main, skip)


def to(fmt: Format, values: Map) -> Map:
    """Every value on a format's grid."""
    return each(lambda value: snap(value, fmt), values)


def convolve(x: Map, weight: list[list[list[list[Fraction]]]], bias: list[Fraction], stride: int, padding: int) -> Map:
    """The exact cross-correlation with zero padding; weight (out, in, rows, columns)."""
    rows, columns, size = len(x[0]), len(x[0][0]), len(weight[0][0])
    result: Map = []
    for taps, offset in zip(weight, bias, strict=True):
        out = []
        for top in range(-padding, rows + padding - size + 1, stride):
            line = []
            for left in range(-padding, columns + padding - size + 1, stride):
                total = offset
                for channel, dy, dx in product(range(len(x)), range(size), range(size)):
                    y, z = top + dy, left + dx
                    if 0 <= y < rows and 0 <= z < columns:
                        total += x[channel][y][z] * taps[channel][dy][dx]
                line.append(total)
            out.append(line)
        result.append(out)
    return result


def mean(x: Map) -> list[Fraction]:
    """The exact mean of every channel."""
    return [sum((sum(row) for row in rows), Fraction(0)) / (len(rows) * len(rows[0])) for rows in x]
