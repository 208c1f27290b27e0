"""Division by a constant as one multiplication, proved over the whole range of the dividend."""

from __future__ import annotations

from dataclasses import dataclass

from generator.errors import NumericsError

MAX_PRODUCT_BITS = 62
"""Widest (dividend x multiplier) that a reciprocal may need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reciprocal:
    """A division by a constant as a multiplication: ``floor(b / divisor)`` for every b of a proved range.

    Equals ``(((b + lift * divisor) * multiplier) >> shift) - lift``; a power of two has multiplier 1.
    """

    divisor: int
    lift: int
    multiplier: int
    shift: int

    def divide(self, dividend: int) -> int:
        """``floor(dividend / divisor)`` by the multiplication, as hardware does it."""
        return (((dividend + self.lift * self.divisor) * self.multiplier) >> self.shift) - self.lift


def derive_reciprocal(lowest: int, highest: int, divisor: int) -> Reciprocal:
    """The reciprocal with the smallest shift that is exact for every integer of ``[lowest, highest]``.

    Proof. Lifted dividends are ``0 <= n <= top``. With ``m = ceil(2**s / d)`` and ``e = m*d - 2**s >= 0``,
    ``n*m / 2**s = n/d + n*e / (d * 2**s)``. Write ``n = q*d + r``: the floor is q as long as
    ``r + n*e / 2**s < d``, and as ``r <= d - 1`` this holds for all n if ``top * e < 2**s``.

    Raises:
        NumericsError: dividend times multiplier would exceed `MAX_PRODUCT_BITS` bits.
    """
    lift = -(lowest // divisor) if lowest < 0 else 0
    top = highest + lift * divisor
    shift = divisor.bit_length() - 1
    while True:
        multiplier = -(-(1 << shift) // divisor)
        if top.bit_length() + multiplier.bit_length() > MAX_PRODUCT_BITS:
            raise NumericsError(
                f"the mean divides values of up to {top.bit_length()} bits by {divisor}, which needs a product of more "
                f"than {MAX_PRODUCT_BITS} bits; use narrower formats"
            )
        if top * (multiplier * divisor - (1 << shift)) < (1 << shift):
            return Reciprocal(divisor=divisor, lift=lift, multiplier=multiplier, shift=shift)
        shift += 1
