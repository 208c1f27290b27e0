"""Products in DSP slices: how many slices one takes, and which two share one."""

from __future__ import annotations

from math import ceil

from generator.fixed_point import FixedPoint

PACKED_BITS = 8
"""Widest operands of two products in one slice: the activation they share, and each weight."""

# Operand widths of a DSP48E2's multiplier, signed, and the smallest product that Yosys gives to one.
_WIDE, _NARROW, _LEAST_PRODUCT = 27, 18, 9


def dsp_slices(a_bits: int, b_bits: int) -> int:
    """DSP slices of one product of signed operands (an unsigned one counts a bit more)."""
    wide, narrow = max(a_bits, b_bits), min(a_bits, b_bits)
    if wide + narrow < _LEAST_PRODUCT or narrow < 2:
        return 0
    if wide <= _WIDE and narrow <= _NARROW:
        return 1
    # Longer operands are cut; all pieces but the highest are unsigned and lose the sign's bit.
    return ceil(wide / (_WIDE - 1)) * ceil(narrow / (_NARROW - 1))


def signed_bits(fmt: FixedPoint) -> int:
    """Bits of a value as a signed operand."""
    return fmt.width + (not fmt.signed)


def can_pack(activation: FixedPoint, weight: FixedPoint, pe: int) -> bool:
    """Whether the products of two output channels each share a slice."""
    return pe % 2 == 0 and activation.width <= PACKED_BITS and weight.width <= PACKED_BITS
