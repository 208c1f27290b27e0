"""The one requantization, against exact rational arithmetic."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from generator.errors import NumericsError
from generator.fixed_point import (
    FixedPoint,
    Overflow,
    Rounding,
    dequantize,
    parse_format,
    quantize,
    requantize,
)

formats = st.builds(
    FixedPoint,
    width=st.integers(1, 40),
    integer_bits=st.integers(-8, 48),
    signed=st.booleans(),
    rounding=st.sampled_from(Rounding),
    overflow=st.sampled_from(Overflow),
)


def oracle(value: Fraction, to: FixedPoint) -> int:
    """What `ap_fixed` makes of a real number, from the definition of its modes."""
    scaled = value * Fraction(2) ** to.fraction_bits
    floor = math.floor(scaled)
    if to.rounding is Rounding.TRN:
        whole = floor
    elif to.rounding is Rounding.TRN_ZERO:
        whole = math.trunc(scaled)
    elif to.rounding is Rounding.RND:
        whole = math.floor(scaled + Fraction(1, 2))
    else:
        whole = round(scaled)  # ties to even
    if to.overflow is Overflow.WRAP:
        low = -(1 << (to.width - 1)) if to.signed else 0
        return (whole - low) % (1 << to.width) + low
    return min(max(whole, to.min_int), to.max_int)


@given(value=st.integers(-(1 << 50), 1 << 50), fraction_bits=st.integers(-4, 30), to=formats)
@example(value=-3, fraction_bits=1, to=FixedPoint(width=8, integer_bits=8, rounding=Rounding.RND_CONV))
@example(value=-3, fraction_bits=1, to=FixedPoint(width=8, integer_bits=8, rounding=Rounding.RND))
@example(value=-1, fraction_bits=30, to=FixedPoint(width=8, integer_bits=48, rounding=Rounding.TRN))
@example(value=-1, fraction_bits=30, to=FixedPoint(width=1, integer_bits=48, rounding=Rounding.RND_CONV))
def test_requantize_matches_rationals(value: int, fraction_bits: int, to: FixedPoint) -> None:
    if abs(value) << max(to.fraction_bits - fraction_bits, 0) >= 1 << 62:
        value >>= 44
    if abs(value) << max(to.fraction_bits - fraction_bits, 0) >= 1 << 62:
        return
    result = requantize(np.array([value]), fraction_bits, to)
    assert result.dtype == np.int64
    assert int(result[0]) == oracle(Fraction(value) / Fraction(2) ** fraction_bits, to)


@given(value=st.floats(-(2.0**40), 2.0**40, width=32), to=formats)
def test_quantize_matches_rationals(value: float, to: FixedPoint) -> None:
    if abs(value) * 2.0**to.fraction_bits >= 2.0**51:
        return
    assert int(quantize(np.array([value]), to)[0]) == oracle(Fraction(value), to)


@given(to=formats, seed=st.integers(0, 99))
def test_dequantized_values_are_fixed_points(to: FixedPoint, seed: int) -> None:
    values = np.random.default_rng(seed).integers(to.min_int, to.max_int + 1, 5)
    assert np.array_equal(quantize(dequantize(values, to), to), values)


@given(to=formats)
def test_text_round_trip(to: FixedPoint) -> None:
    assert parse_format(str(to)) == to


def test_modes_without_prefix() -> None:
    expected = FixedPoint(width=8, integer_bits=3, signed=False, rounding=Rounding.RND_CONV, overflow=Overflow.SAT_SYM)
    assert parse_format(" ap_ufixed< 8, 3, RND_CONV , SAT_SYM > ") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "fixed<16,6>",
            "precision 'fixed<16,6>': expected ap_fixed<W,I> or ap_fixed<W,I,ROUNDING,OVERFLOW>, e.g. ap_fixed<16,6>",
        ),
        ("ap_fixed<a,6>", "precision 'ap_fixed<a,6>': W and I must be integers"),
        ("ap_fixed<63,6>", "precision 'ap_fixed<63,6>': W must be 1 to 62"),
        (
            "ap_fixed<16,6,AP_RND_INF>",
            "precision 'ap_fixed<16,6,AP_RND_INF>': rounding mode AP_RND_INF exists in ap_fixed but is not supported; "
            "use one of AP_TRN, AP_TRN_ZERO, AP_RND, AP_RND_CONV",
        ),
        (
            "ap_fixed<16,6,TRN,CLAMP>",
            "precision 'ap_fixed<16,6,TRN,CLAMP>': overflow mode CLAMP is unknown; "
            "use one of AP_WRAP, AP_SAT, AP_SAT_SYM",
        ),
    ],
)
def test_refused_formats(text: str, message: str) -> None:
    with pytest.raises(NumericsError, match=f"^{re.escape(message)}$"):
        parse_format(text)


def test_not_a_number_is_refused() -> None:
    message = "cannot quantize to ap_fixed<16,6>: the values hold NaN or infinity"
    with pytest.raises(NumericsError, match=f"^{re.escape(message)}$"):
        quantize(np.array([1.0, np.nan]), parse_format("ap_fixed<16,6>"))
