"""Fixed-point formats on torch tensors: `ap_fixed` rounding and overflow, exact in float64.

A value of a format is held as a floating-point tensor of whole numbers, in least significant bits
(LSBs): the real number is ``integer * 2**-fraction_bits``. Scaling by a power of two never rounds,
so every function here is exact while the integers stay below 2**53 (float64) or 2**24 (float32).
Written from the definition of the modes, without a look at any other executor: it serves as a check.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from tailor_train.errors import TrainError

DOUBLE_LIMIT = 1 << 53
"""Integers below this are exact in float64."""

SINGLE_LIMIT = 1 << 24
"""Integers below this are exact in float32."""

_LONG_LIMIT = 1 << 62
_FAR_SHIFT = 100
_PATTERN = re.compile(r"\s*ap_(u?)fixed\s*<([^<>]*)>\s*")


class Rounding(StrEnum):
    """What becomes of the places below the LSB."""

    TRN = "AP_TRN"
    TRN_ZERO = "AP_TRN_ZERO"
    RND = "AP_RND"
    RND_CONV = "AP_RND_CONV"


class Overflow(StrEnum):
    """What becomes of integers outside the range."""

    WRAP = "AP_WRAP"
    SAT = "AP_SAT"
    SAT_SYM = "AP_SAT_SYM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One `ap_fixed` (or `ap_ufixed`) type; `integer_bits` may be negative or exceed `width`."""

    width: int
    integer_bits: int
    signed: bool
    rounding: Rounding
    overflow: Overflow

    def __str__(self) -> str:
        name = "ap_fixed" if self.signed else "ap_ufixed"
        modes = f",{self.rounding},{self.overflow}"
        plain = self.rounding is Rounding.TRN and self.overflow is Overflow.WRAP
        return f"{name}<{self.width},{self.integer_bits}{'' if plain else modes}>"

    @property
    def fraction_bits(self) -> int:
        """Binary places; the LSB is ``2**-fraction_bits``."""
        return self.width - self.integer_bits

    @property
    def min_int(self) -> int:
        """Smallest integer, in LSBs; SAT_SYM leaves out the lone negative end."""
        if not self.signed:
            return 0
        return int(self.overflow is Overflow.SAT_SYM) - (1 << (self.width - 1))

    @property
    def max_int(self) -> int:
        """Largest integer, in LSBs."""
        return (1 << (self.width - int(self.signed))) - 1

    @property
    def max_abs(self) -> int:
        """Largest magnitude, in LSBs."""
        return max(-self.min_int, self.max_int)


def parse_format(text: str, owner: str = "precision") -> Format:
    """Read `ap_fixed<W,I>` or `ap_fixed<W,I,ROUNDING,OVERFLOW>`; without modes AP_TRN, AP_WRAP.

    Args:
        text: the format; mode names with or without `AP_`.
        owner: what the format belongs to, for the message.

    Raises:
        TrainError: not such a format, or wider than float64 can hold.
    """
    match = _PATTERN.fullmatch(text)
    fields = [field.strip() for field in match.group(2).split(",")] if match else []
    modes = {str(mode): mode for mode in (*Rounding, *Overflow)}
    names = [name if name.startswith("AP_") else f"AP_{name}" for name in fields[2:]]
    rounding = modes.get(names[0]) if names else Rounding.TRN
    overflow = modes.get(names[1]) if len(names) > 1 else Overflow.WRAP
    numbers = len(fields) in (2, 3, 4) and all(re.fullmatch(r"[+-]?\d+", field) for field in fields[:2])
    if match is None or not numbers or not isinstance(rounding, Rounding) or not isinstance(overflow, Overflow):
        raise TrainError(
            f"{owner}: expected a format like ap_fixed<16,6> or ap_ufixed<8,4,AP_RND_CONV,AP_SAT>, with the modes "
            f"{', '.join(Rounding)} and {', '.join(Overflow)}; got {text!r}"
        )
    width = int(fields[0])
    if not 1 <= width <= 53:
        raise TrainError(f"{owner}: {text!r} cannot be executed in PyTorch: float64 holds 1 to 53 bits, not {width}")
    return Format(
        width=width,
        integer_bits=int(fields[1]),
        signed=not match.group(1),
        rounding=rounding,
        overflow=overflow,
    )


def to_integers(values: Tensor, fmt: Format) -> Tensor:
    """Real numbers to the integers of a format: the C++ assignment ``ap_fixed<...> y = double``.

    Args:
        values: any shape, any floating dtype, finite.

    Returns:
        Same shape, float64 whole numbers, in LSBs of `fmt`.

    Raises:
        TrainError: a value is NaN or infinite.
    """
    if not bool(torch.isfinite(values).all()):
        raise TrainError(f"cannot quantize to {fmt}: the values hold NaN or infinity")
    return requantize(values.double(), 0, fmt)


def to_reals(integers: Tensor, fraction_bits: int) -> Tensor:
    """Integers in LSBs of ``2**-fraction_bits`` as real numbers, float64."""
    return integers.double() * math.ldexp(1.0, -fraction_bits)


def requantize(values: Tensor, fraction_bits: int, fmt: Format) -> Tensor:
    """Bring values to the grid of `fmt`: round once, then handle overflow.

    Args:
        values: any shape, float64 or float32, in units of ``2**-fraction_bits``, exact in that dtype.

    Returns:
        Same shape and dtype, whole numbers in LSBs of `fmt`; `fmt.max_abs` must be exact in that dtype.
    """
    # A shift beyond +-100 decides nothing more: all is below half an LSB, or beyond 53 bits.
    shift = min(max(fmt.fraction_bits - fraction_bits, -_FAR_SHIFT), _FAR_SHIFT)
    scaled = values * math.ldexp(1.0, shift) if shift else values
    return _limit(_round(scaled, fmt.rounding), fmt)


def requantize_quotient(sums: Tensor, divisor: int, fraction_bits: int, fmt: Format) -> Tensor:
    """Round ``sums / divisor`` once to the grid of `fmt`, in integer arithmetic.

    The quotient is not dyadic in general, and rounding it to a float first would round twice.

    Args:
        sums: any shape, float64 whole numbers, in units of ``2**-fraction_bits``.
        divisor: positive.

    Returns:
        Same shape, float64 whole numbers in LSBs of `fmt`.

    Raises:
        TrainError: the aligned quotient does not fit 62-bit integers.
    """
    shift = fmt.fraction_bits - fraction_bits
    largest = int(sums.abs().max()) if sums.numel() else 0
    if shift >= 0:
        aligned, whole = largest << min(shift, 64), divisor
    else:
        aligned, whole = largest, divisor << -shift
    if max(aligned, whole) >= _LONG_LIMIT:
        raise TrainError(
            f"mean to {fmt}: sums up to {largest} over {divisor} need more than 62 bits; use a narrower format"
        )
    numerator = sums.to(torch.int64) << min(max(shift, 0), 62)
    quotient = torch.div(numerator, whole, rounding_mode="floor")
    rest = numerator - quotient * whole  # 0 <= rest < whole
    if fmt.rounding is Rounding.TRN_ZERO:
        quotient = quotient + ((numerator < 0) & (rest > 0))
    elif fmt.rounding is Rounding.RND:
        quotient = quotient + (rest >= whole - rest)
    elif fmt.rounding is Rounding.RND_CONV:
        tie_up = (rest == whole - rest) & (quotient % 2 == 1)
        quotient = quotient + ((rest > whole - rest) | tie_up)
    return _limit(quotient.double(), fmt)


def _round(scaled: Tensor, rounding: Rounding) -> Tensor:
    if rounding is Rounding.TRN:
        return torch.floor(scaled)
    if rounding is Rounding.TRN_ZERO:
        return torch.trunc(scaled)
    if rounding is Rounding.RND_CONV:
        return torch.round(scaled)
    floor = torch.floor(scaled)  # floor(x + 0.5) would round the sum itself
    return floor + (scaled - floor >= 0.5).to(scaled.dtype)


def _limit(whole: Tensor, fmt: Format) -> Tensor:
    if fmt.overflow is not Overflow.WRAP:
        return torch.clamp(whole, fmt.min_int, fmt.max_int)
    modulus = math.ldexp(1.0, fmt.width)
    wrapped = whole - torch.floor(whole / modulus) * modulus
    return wrapped - (wrapped > fmt.max_int).to(whole.dtype) * modulus if fmt.signed else wrapped
