"""Formats and requantization in torch, against rational numbers and against the generator's integers."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from generator import fixed_point as integers
from tailor_train.errors import TrainError
from tailor_train.fixed_point import (
    Format,
    Overflow,
    Rounding,
    parse_format,
    requantize,
    requantize_quotient,
    to_integers,
    to_reals,
)
from tests.tailor_train.slow_arithmetic import quantize

MODES = tuple(product(Rounding, Overflow))


@st.composite
def formats(draw: st.DrawFn, max_width: int = 20) -> Format:
    rounding, overflow = draw(st.sampled_from(MODES))
    return Format(
        width=draw(st.integers(1, max_width)),
        integer_bits=draw(st.integers(-8, 24)),
        signed=draw(st.booleans()),
        rounding=rounding,
        overflow=overflow,
    )


@settings(max_examples=400, deadline=None)
@given(fmt=formats(), point=st.integers(-6, 24), values=st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=8))
def test_requantize_is_the_definition_of_ap_fixed(fmt: Format, point: int, values: list[int]) -> None:
    got = requantize(torch.tensor(values, dtype=torch.float64), point, fmt)
    assert got.tolist() == [quantize(Fraction(value) / Fraction(2) ** point, fmt) for value in values]


@settings(max_examples=200, deadline=None)
@given(
    fmt=formats(),
    point=st.integers(-6, 24),
    values=st.lists(st.integers(-(2**24) + 1, 2**24 - 1), min_size=1, max_size=8),
)
def test_float32_is_exact_below_24_bits(fmt: Format, point: int, values: list[int]) -> None:
    got = requantize(torch.tensor(values, dtype=torch.float32), point, fmt)
    assert got.dtype == torch.float32
    assert got.tolist() == [quantize(Fraction(value) / Fraction(2) ** point, fmt) for value in values]


@settings(max_examples=400, deadline=None)
@given(
    fmt=formats(),
    point=st.integers(-6, 20),
    divisor=st.integers(1, 1025),
    values=st.lists(st.integers(-(2**26), 2**26), min_size=1, max_size=8),
)
def test_a_mean_is_rounded_once(fmt: Format, point: int, divisor: int, values: list[int]) -> None:
    got = requantize_quotient(torch.tensor(values, dtype=torch.float64), divisor, point, fmt)
    assert got.tolist() == [quantize(Fraction(value, divisor) / Fraction(2) ** point, fmt) for value in values]


@settings(max_examples=200, deadline=None)
@given(fmt=formats(), values=st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=8))
def test_real_numbers_are_rounded_exactly(fmt: Format, values: list[float]) -> None:
    got = to_integers(torch.tensor(values, dtype=torch.float64), fmt)
    assert got.tolist() == [quantize(Fraction(value), fmt) for value in values]


@pytest.mark.parametrize(("rounding", "overflow"), MODES)
@pytest.mark.parametrize("signed", [True, False])
def test_equals_the_generators_integers_exhaustively(rounding: Rounding, overflow: Overflow, signed: bool) -> None:
    values = np.arange(-600, 601, dtype=np.int64)
    for width, integer_bits, point in product((1, 2, 5, 8), (-2, 1, 4, 9), (0, 3, 7)):
        fmt = Format(width=width, integer_bits=integer_bits, signed=signed, rounding=rounding, overflow=overflow)
        expected = integers.requantize(values, point, integers.parse_format(str(fmt)))
        got = requantize(torch.from_numpy(values).double(), point, fmt)
        assert got.to(torch.int64).tolist() == expected.tolist(), f"{fmt} from 2**-{point}"


def test_a_value_just_below_one_half_rounds_down() -> None:
    fmt = parse_format("ap_fixed<8,8,AP_RND,AP_SAT>")
    close = torch.tensor([0.49999999999999994, 0.5, -0.5, -0.5000000000000001], dtype=torch.float64)
    assert to_integers(close, fmt).tolist() == [0, 1, 0, -1]


def test_formats_print_as_they_are_read() -> None:
    for text in ("ap_fixed<16,6>", "ap_ufixed<8,-3,AP_RND_CONV,AP_SAT>", "ap_fixed<8,12,AP_TRN_ZERO,AP_SAT_SYM>"):
        assert str(parse_format(text)) == text
    assert str(parse_format(" ap_fixed< 8 , 3 , RND , SAT > ")) == "ap_fixed<8,3,AP_RND,AP_SAT>"
    fmt = parse_format("ap_fixed<8,3,RND,SAT_SYM>")
    assert (fmt.fraction_bits, fmt.min_int, fmt.max_int, fmt.max_abs) == (5, -127, 127, 127)
    assert to_reals(torch.tensor([-127.0]), 5).tolist() == [-127 / 32]


@pytest.mark.parametrize(
    "text", ["", "fixed<8,3>", "ap_fixed<8>", "ap_fixed<8,x>", "ap_fixed<8,3,AP_SAT>", "ap_fixed<8,3,RND,SAT,0>"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(TrainError) as error:
        parse_format(text, "conv1.weight")
    assert str(error.value) == (
        "conv1.weight: expected a format like ap_fixed<16,6> or ap_ufixed<8,4,AP_RND_CONV,AP_SAT>, with the modes "
        f"AP_TRN, AP_TRN_ZERO, AP_RND, AP_RND_CONV and AP_WRAP, AP_SAT, AP_SAT_SYM; got {text!r}"
    )


def test_widths_beyond_float64_are_refused() -> None:
    with pytest.raises(TrainError) as error:
        parse_format("ap_fixed<54,6>")
    assert str(error.value) == (
        "precision: 'ap_fixed<54,6>' cannot be executed in PyTorch: float64 holds 1 to 53 bits, not 54"
    )


def test_nan_is_refused() -> None:
    with pytest.raises(TrainError) as error:
        to_integers(torch.tensor([float("nan")]), parse_format("ap_fixed<8,3>"))
    assert str(error.value) == "cannot quantize to ap_fixed<8,3>: the values hold NaN or infinity"


def test_a_mean_beyond_62_bits_is_refused() -> None:
    with pytest.raises(TrainError) as error:
        requantize_quotient(torch.tensor([2.0**40]), 3, 0, parse_format("ap_fixed<40,10>"))
    assert str(error.value) == (
        "mean to ap_fixed<40,10>: sums up to 1099511627776 over 3 need more than 62 bits; use a narrower format"
    )
