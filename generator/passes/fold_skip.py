"""Folding a short skip into its conv: relu(W x + P x) = relu((W + P at the centre tap) x).

P is the identity or the block's 1x1 projection. The fold is exact: it adds the integers after
quantization, so the weights get wider instead of rounded, and the sums are the same integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generator.fixed_point import FixedPoint, IntArray
from generator.layers.accumulation import dot_bound, dot_bounds, sum_format
from generator.layers.conv2d import Conv2d


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvArithmetic:
    """What a conv stage multiplies and adds: its weights, its bias and the format of its exact sums.

    Attributes:
        weight: (kh, kw, Cin, Cout) int64, in LSBs of weight_format.
        bias: (Cout,) int64, in LSBs of the accumulator.
        product_shift: left shift of each product onto the accumulator's point.
    """

    weight: IntArray
    weight_format: FixedPoint
    bias: IntArray
    product_shift: int
    accumulator: FixedPoint


def fold_skip(conv: Conv2d, projection: Conv2d | None, in_format: FixedPoint, point: int) -> ConvArithmetic:
    """Add a short skip to the centre tap of its conv.

    Args:
        conv: same-padded, with the skip's stride; for an identity Cin equals Cout and the stride is 1.
        projection: the 1x1 conv on the skip, or None for an identity.
        in_format: of the tensor that both read.
        point: fraction bits of the sum main + skip, the finer of its two operands'.
    """
    side_point = projection.weight_format.fraction_bits if projection else 0
    fraction = max(conv.weight_format.fraction_bits, side_point)
    weight = conv.weight << (fraction - conv.weight_format.fraction_bits)
    if projection:
        side = projection.weight[0, 0]
        bias = (conv.bias << _lift(conv, in_format, point)) + (projection.bias << _lift(projection, in_format, point))
    else:
        side = np.eye(weight.shape[2], dtype=np.int64)
        bias = conv.bias << _lift(conv, in_format, point)
    weight[conv.padding] += side << (fraction - side_point)
    product_shift = point - in_format.fraction_bits - fraction
    bound = dot_bound(dot_bounds(weight, bias), product_shift, in_format)
    return ConvArithmetic(
        weight=weight,
        weight_format=narrowest_format(weight, fraction),
        bias=bias,
        product_shift=product_shift,
        accumulator=sum_format(-bound, bound, point),
    )


def _lift(conv: Conv2d, in_format: FixedPoint, point: int) -> int:
    """Binary places from a conv's own accumulator to the sum's point."""
    return point - in_format.fraction_bits - conv.weight_format.fraction_bits - conv.product_shift


def narrowest_format(weight: IntArray, fraction: int) -> FixedPoint:
    """The signed format that holds every weight."""
    lowest, highest = int(weight.min()), int(weight.max())
    width = max(highest.bit_length(), (-lowest - 1).bit_length() if lowest < 0 else 0) + 1
    return FixedPoint(width=width, integer_bits=width - fraction)
