"""Fixed-point formats and the one requantization that every integer executor shares.

A value of a `FixedPoint` is held as an int64 count of least significant bits (LSBs): the real
number is ``integer * 2**-fraction_bits``. The modes are those of `ap_fixed` (Vitis HLS user guide
UG1399, "Arbitrary Precision Fixed-Point Data Types").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from generator.errors import NumericsError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

MAX_WIDTH = 62
"""Widest format held in an int64 with one bit to spare for the rounding carry."""


class Rounding(StrEnum):
    """What happens to the bits below the LSB, by `ap_fixed` name."""

    TRN = "AP_TRN"
    TRN_ZERO = "AP_TRN_ZERO"
    RND = "AP_RND"
    RND_CONV = "AP_RND_CONV"


class Overflow(StrEnum):
    """What happens to values outside the range, by `ap_fixed` name."""

    WRAP = "AP_WRAP"
    SAT = "AP_SAT"
    SAT_SYM = "AP_SAT_SYM"


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPoint:
    """`ap_fixed<width, integer_bits, rounding, overflow>`, or `ap_ufixed` if not signed.

    `integer_bits` includes the sign bit and may be negative or exceed `width`, as in C++.
    """

    width: int
    integer_bits: int
    signed: bool = True
    rounding: Rounding = Rounding.TRN
    overflow: Overflow = Overflow.WRAP

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise NumericsError(f"format {self}: width must be 1 to {MAX_WIDTH} bits, got {self.width}")

    def __str__(self) -> str:
        name = "ap_fixed" if self.signed else "ap_ufixed"
        modes = f",{self.rounding},{self.overflow}"
        default = self.rounding is Rounding.TRN and self.overflow is Overflow.WRAP
        return f"{name}<{self.width},{self.integer_bits}{'' if default else modes}>"

    @property
    def fraction_bits(self) -> int:
        """Binary places right of the point; the LSB is ``2**-fraction_bits``."""
        return self.width - self.integer_bits

    @property
    def min_int(self) -> int:
        """Smallest integer a result may take, in LSBs (SAT_SYM excludes the lone negative end)."""
        if not self.signed:
            return 0
        return -(1 << (self.width - 1)) + (1 if self.overflow is Overflow.SAT_SYM else 0)

    @property
    def max_int(self) -> int:
        """Largest integer, in LSBs."""
        return (1 << (self.width - (1 if self.signed else 0))) - 1

    def with_modes(self, rounding: Rounding, overflow: Overflow) -> FixedPoint:
        """The same grid under other modes."""
        return replace(self, rounding=rounding, overflow=overflow)


_PATTERN = re.compile(r"^\s*ap_(u?)fixed\s*<\s*(.*?)\s*>\s*$")
_REFUSED = {"AP_RND_ZERO", "AP_RND_MIN_INF", "AP_RND_INF", "AP_SAT_ZERO", "AP_WRAP_SM"}


def parse_format(text: str) -> FixedPoint:
    """Read `ap_fixed<W,I[,rounding[,overflow]]>` or `ap_ufixed<...>`.

    Mode names are accepted with and without the `AP_` prefix; without modes AP_TRN, AP_WRAP.

    Raises:
        NumericsError: not of that form, or a mode that the executors do not share.
    """
    match = _PATTERN.match(text)
    fields = [field.strip() for field in match.group(2).split(",")] if match else []
    if match is None or not 2 <= len(fields) <= 4:
        raise NumericsError(
            f"precision {text!r}: expected ap_fixed<W,I> or ap_fixed<W,I,ROUNDING,OVERFLOW>, e.g. ap_fixed<16,6>"
        )
    try:
        width, integer_bits = int(fields[0]), int(fields[1])
    except ValueError as error:
        raise NumericsError(f"precision {text!r}: W and I must be integers") from error
    rounding, overflow = Rounding.TRN, Overflow.WRAP
    if len(fields) > 2:
        rounding = Rounding(_mode(text, fields[2], tuple(Rounding), "rounding"))
    if len(fields) > 3:
        overflow = Overflow(_mode(text, fields[3], tuple(Overflow), "overflow"))
    if not 1 <= width <= MAX_WIDTH:
        raise NumericsError(f"precision {text!r}: W must be 1 to {MAX_WIDTH}")
    return FixedPoint(
        width=width,
        integer_bits=integer_bits,
        signed=match.group(1) == "",
        rounding=rounding,
        overflow=overflow,
    )


def _mode(text: str, field: str, modes: tuple[StrEnum, ...], kind: str) -> str:
    name = field if field.startswith("AP_") else f"AP_{field}"
    known = [str(mode) for mode in modes]
    if name not in known:
        refused = " exists in ap_fixed but is not supported" if name in _REFUSED else " is unknown"
        raise NumericsError(f"precision {text!r}: {kind} mode {field}{refused}; use one of {', '.join(known)}")
    return name


def requantize(values: IntArray, fraction_bits: int, to: FixedPoint) -> IntArray:
    """Bring exact integers to the grid of `to`: round, then handle overflow, as `ap_fixed` does.

    Args:
        values: any shape, int64, in LSBs of ``2**-fraction_bits``.
        fraction_bits: binary places of `values`.
        to: the format of the result.

    Returns:
        Same shape, int64, in LSBs of `to`, within ``[to.min_int, to.max_int]`` (with WRAP: of the
        two's complement range).
    """
    return handle_overflow(round_to(values, fraction_bits, to), to)


def round_to(values: IntArray, fraction_bits: int, to: FixedPoint) -> IntArray:
    """The rounding half of `requantize`: integers on the grid of `to`, not yet limited to its range."""
    shift = fraction_bits - to.fraction_bits
    values = np.asarray(values, dtype=np.int64)
    if shift <= 0:
        return values << -shift
    if shift > MAX_WIDTH:  # every value is below one LSB; keep the sign, avoid an undefined shift
        values, shift = np.sign(values), MAX_WIDTH
    floor = values >> shift
    rest = values - (floor << shift)
    half = np.int64(1) << (shift - 1)
    if to.rounding is Rounding.TRN:
        return floor
    if to.rounding is Rounding.TRN_ZERO:
        carry = (values < 0) & (rest != 0)
    elif to.rounding is Rounding.RND:
        carry = rest >= half
    else:
        carry = (rest > half) | ((rest == half) & ((floor & 1) == 1))
    return np.asarray(floor + carry, dtype=np.int64)


def handle_overflow(values: IntArray, to: FixedPoint) -> IntArray:
    """The overflow half of `requantize`: wrap or saturate integers that are already in LSBs of `to`."""
    if to.overflow is not Overflow.WRAP:
        return np.clip(values, to.min_int, to.max_int)
    mask = (np.int64(1) << to.width) - 1
    wrapped = values & mask
    if to.signed:
        wrapped = wrapped - ((wrapped >> (to.width - 1)) << to.width)
    return wrapped


def quantize(values: FloatArray, to: FixedPoint) -> IntArray:
    """Bring real numbers to the integers of `to` (the C++ assignment ``ap_fixed<...> y = double``).

    Exact for every float64 whose scaled value is below 2**52: the scaling is by a power of two.

    Raises:
        NumericsError: a value is not finite.
    """
    values = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(values)):
        raise NumericsError(f"cannot quantize to {to}: the values hold NaN or infinity")
    scaled = np.ldexp(values, to.fraction_bits)
    if to.rounding is Rounding.TRN:
        rounded = np.floor(scaled)
    elif to.rounding is Rounding.TRN_ZERO:
        rounded = np.trunc(scaled)
    elif to.rounding is Rounding.RND:
        rounded = np.floor(scaled + 0.5)
    else:
        rounded = np.rint(scaled)
    return handle_overflow(np.clip(rounded, -(2.0**62), 2.0**62).astype(np.int64), to)


def dequantize(values: IntArray, fmt: FixedPoint) -> FloatArray:
    """Integers in LSBs of `fmt` as real numbers (exact below 2**53)."""
    return np.ldexp(np.asarray(values, dtype=np.float64), -fmt.fraction_bits)
