"""Global average pooling: one rounding of the mean, and the reciprocal that hardware uses for it."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from generator.errors import NumericsError
from generator.fixed_point import FixedPoint, Overflow, Rounding, handle_overflow
from generator.graph import Shape
from generator.layers.flatten import Flatten
from generator.layers.global_average_pool import GlobalAveragePool, round_quotient
from generator.layers.reciprocal import derive_reciprocal

results = st.builds(
    FixedPoint,
    width=st.integers(2, 20),
    integer_bits=st.integers(-2, 8),
    signed=st.booleans(),
    rounding=st.sampled_from(Rounding),
    overflow=st.sampled_from(Overflow),
)


def oracle(total: int, pixels: int, fraction_bits: int, to: FixedPoint) -> int:
    """The mean rounded from the definition of the modes, before overflow."""
    scaled = Fraction(total, pixels) * Fraction(2) ** (to.fraction_bits - fraction_bits)
    if to.rounding is Rounding.TRN:
        return math.floor(scaled)
    if to.rounding is Rounding.TRN_ZERO:
        return math.trunc(scaled)
    return math.floor(scaled + Fraction(1, 2)) if to.rounding is Rounding.RND else round(scaled)


@given(
    total=st.integers(-(1 << 24), 1 << 24), pixels=st.integers(1, 200), fraction_bits=st.integers(-2, 12), to=results
)
def test_mean_is_rounded_once(total: int, pixels: int, fraction_bits: int, to: FixedPoint) -> None:
    rounded = round_quotient(np.array([total]), pixels, fraction_bits, to)
    assert rounded.item() == oracle(total, pixels, fraction_bits, to)


def by_hardware(total: int, result: FixedPoint, pixels: int, in_format: FixedPoint) -> int:
    """The recipe of `design.PoolStage`, with nothing but the reciprocal's multiplication."""
    division = GlobalAveragePool().division(in_format, Shape(height=1, width=pixels, channels=1), result)
    half = pixels << max(in_format.fraction_bits - result.fraction_bits, 0)
    a = total << division.dividend_shift
    if result.rounding is Rounding.TRN:
        return division.reciprocal.divide(a)
    if result.rounding is Rounding.TRN_ZERO:
        return int(math.copysign(1, a)) * division.reciprocal.divide(abs(a))
    quotient = division.reciprocal.divide(2 * a + half)
    tie = result.rounding is Rounding.RND_CONV and quotient % 2 == 1 and (2 * a + half) % (2 * half) == 0
    return quotient - tie


@settings(deadline=None, max_examples=60)
@given(
    result=results, pixels=st.integers(1, 100), bits=st.integers(2, 8), signed=st.booleans(), seed=st.integers(0, 99)
)
def test_reciprocal_divides_every_sum(result: FixedPoint, pixels: int, bits: int, signed: bool, seed: int) -> None:
    in_format = FixedPoint(width=bits, integer_bits=3, signed=signed)
    assume(result.fraction_bits <= in_format.fraction_bits + 8)  # far finer means need products of over 62 bits
    accumulator = GlobalAveragePool().accumulator((in_format,), (Shape(height=1, width=pixels, channels=1),))
    rng = np.random.default_rng(seed)
    inside = rng.integers(accumulator.min_int, accumulator.max_int, 200).tolist()
    ends = [accumulator.min_int + i for i in range(5)] + [accumulator.max_int - i for i in range(5)]
    for total in [*inside, *ends, -1, 0, 1]:
        expected = round_quotient(np.array([total]), pixels, in_format.fraction_bits, result)
        assert by_hardware(total, result, pixels, in_format) == expected.item()


@pytest.mark.parametrize("divisor", [1, 2, 3, 7, 9, 49, 64, 81, 100, 127])
def test_reciprocal_is_exact_over_its_whole_range(divisor: int) -> None:
    lowest, highest = -1000, 3000
    reciprocal = derive_reciprocal(lowest, highest, divisor)
    assert [reciprocal.divide(b) for b in range(lowest, highest + 1)] == [
        b // divisor for b in range(lowest, highest + 1)
    ]
    assert (reciprocal.multiplier == 1) == (divisor & (divisor - 1) == 0)


def test_reciprocal_without_room_is_refused() -> None:
    message = (
        "the mean divides values of up to 41 bits by 49, which needs a product of more than 62 bits; "
        "use narrower formats"
    )
    with pytest.raises(NumericsError, match=f"^{message}$"):
        derive_reciprocal(0, 1 << 40, 49)


def test_pool_sums_all_pixels() -> None:
    in_format = FixedPoint(width=8, integer_bits=8, signed=False)
    shape = Shape(height=3, width=5, channels=2)
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 2))
    sums = GlobalAveragePool().execute((x,), (in_format,))
    accumulator = GlobalAveragePool().accumulator((in_format,), (shape,))
    assert np.array_equal(sums.reshape(2, 2), x.reshape(2, 15, 2).sum(axis=1))
    assert (accumulator.width, accumulator.fraction_bits) == (16, 0)
    assert accumulator.max_int >= 255 * 15
    assert GlobalAveragePool().divisor((shape,)) == 15


def test_quotient_beyond_62_bits_is_refused() -> None:
    to = FixedPoint(width=62, integer_bits=2)
    message = f"the mean in {to} needs sums of more than 62 bits; use a coarser result format"
    with pytest.raises(NumericsError, match=f"^{re.escape(message)}$"):
        round_quotient(np.array([8]), 3, 0, to)


def test_flatten_keeps_the_order_of_the_stream() -> None:
    x = np.arange(24).reshape(1, 2, 3, 4)
    fmt = FixedPoint(width=8, integer_bits=8)
    assert np.array_equal(Flatten().execute((x,), (fmt,)).ravel(), np.arange(24))
    assert Flatten().output_shape((Shape(height=2, width=3, channels=4),)) == Shape(height=1, width=1, channels=24)
    assert Flatten().accumulator((fmt,), ()) == fmt


def test_overflow_follows_the_rounding() -> None:
    to = FixedPoint(width=4, integer_bits=4, rounding=Rounding.RND, overflow=Overflow.SAT)
    assert handle_overflow(round_quotient(np.array([30]), 4, 0, to), to).item() == 7
