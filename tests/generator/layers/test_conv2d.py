"""Convolution and linear layer: exact sums against plain loops, formats against what sums can reach."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.errors import GraphError, NumericsError
from generator.fixed_point import FixedPoint
from generator.graph import Shape
from generator.layers.accumulation import dot_bounds, float_type, sum_format
from generator.layers.conv2d import Conv2d
from generator.layers.linear import Linear

BYTE = FixedPoint(width=8, integer_bits=3)


def loops(layer: Conv2d, x: np.ndarray) -> np.ndarray:
    """The definition, one product after another, in Python integers."""
    frames, height, width, _ = x.shape
    shape = layer.output_shape((Shape(height=height, width=width, channels=x.shape[3]),))
    out = np.zeros((frames, shape.height, shape.width, shape.channels), dtype=object)
    for n, r, c, o in np.ndindex(*out.shape):
        total = int(layer.bias[o])
        for i, j in np.ndindex(*layer.kernel):
            row, column = r * layer.stride[0] + i - layer.padding[0], c * layer.stride[1] + j - layer.padding[1]
            if 0 <= row < height and 0 <= column < width:
                products = [int(a) * int(b) for a, b in zip(x[n, row, column], layer.weight[i, j, :, o], strict=True)]
                total += sum(products) << layer.product_shift
        out[n, r, c, o] = total
    return out


def random_conv(
    rng: np.random.Generator, *, kernel: int, stride: int, cin: int, cout: int, bits: int, shift: int
) -> Conv2d:
    reach = 1 << (bits - 1)
    return Conv2d(
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(kernel // 2, kernel // 2),
        weight=rng.integers(-reach, reach, (kernel, kernel, cin, cout)),
        weight_format=FixedPoint(width=bits, integer_bits=2),
        bias=rng.integers(-1000, 1000, cout),
        product_shift=shift,
    )


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 1000),
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.sampled_from([1, 2]),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    bits=st.sampled_from([4, 12, 24]),
    shift=st.sampled_from([0, 3]),
)
def test_sums_match_loops(seed, kernel, stride, size, channels, bits, shift) -> None:
    rng = np.random.default_rng(seed)
    layer = random_conv(rng, kernel=kernel, stride=stride, cin=channels[0], cout=channels[1], bits=bits, shift=shift)
    in_format = FixedPoint(width=bits, integer_bits=3)
    x = rng.integers(in_format.min_int, in_format.max_int + 1, (2, *size, channels[0]))
    sums = layer.execute((x,), (in_format,))
    assert sums.dtype == np.int64
    assert np.array_equal(sums, loops(layer, x))


def test_sums_beyond_float64_are_exact() -> None:
    wide = FixedPoint(width=29, integer_bits=5)
    weight = np.full((1, 1, 2, 1), (1 << 27) + 1)
    layer = Conv2d(
        kernel=(1, 1),
        stride=(1, 1),
        padding=(0, 0),
        weight=weight,
        weight_format=wide,
        bias=np.array([1]),
        product_shift=0,
    )
    x = np.array([wide.max_int, wide.max_int - 2]).reshape(1, 1, 1, 2)
    assert float_type(2 * wide.max_int * ((1 << 27) + 1)) is None
    assert layer.execute((x,), (wide,)).item() == ((1 << 27) + 1) * (2 * wide.max_int - 2) + 1


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), signed=st.booleans(), shift=st.sampled_from([0, 2]))
def test_accumulator_holds_the_largest_sum_and_no_more(seed: int, signed: bool, shift: int) -> None:
    rng = np.random.default_rng(seed)
    layer = random_conv(rng, kernel=3, stride=1, cin=2, cout=3, bits=6, shift=shift)
    in_format = FixedPoint(width=8, integer_bits=3, signed=signed)
    shape = Shape(height=3, width=3, channels=2)
    accumulator = layer.accumulator((in_format,), (shape,))
    extreme = 128 if signed else 255
    reach = max(
        extreme * (int(np.abs(layer.weight[..., o]).sum()) << shift) + abs(int(layer.bias[o])) for o in range(3)
    )
    assert accumulator.width % 4 == 0
    assert reach < 1 << (accumulator.width - 1)
    assert reach >= 1 << (accumulator.width - 5)
    assert accumulator.fraction_bits == in_format.fraction_bits + layer.weight_format.fraction_bits + shift
    assert accumulator.signed


def test_bound_of_the_widest_weights_does_not_overflow() -> None:
    weight = np.full((3, 1), -(1 << 61))
    assert dot_bounds(weight, np.array([-5])) == ((3 << 61, 5),)


def test_weights_cannot_be_written() -> None:
    weight = np.zeros((1, 1, 1, 1), dtype=np.int64)
    layer = Linear(weight=weight[0, 0], weight_format=BYTE, bias=np.zeros(1, dtype=np.int64), product_shift=0)
    weight[:] = 7
    assert layer.weight.item() == 0
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[0, 0] = 1


def test_linear_is_a_dot_product() -> None:
    rng = np.random.default_rng(3)
    weight, bias = rng.integers(-128, 128, (5, 3)), rng.integers(-100, 100, 3)
    layer = Linear(weight=weight, weight_format=BYTE, bias=bias, product_shift=1)
    x = rng.integers(-128, 128, (4, 1, 1, 5))
    assert np.array_equal(layer.execute((x,), (BYTE,)).reshape(4, 3), 2 * (x.reshape(4, 5) @ weight) + bias)
    assert layer.output_shape((Shape(height=1, width=1, channels=5),)) == Shape(height=1, width=1, channels=3)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            Shape(height=4, width=4, channels=3),
            "the convolution's weights expect 2 input channels, its input (4,4,3) has 3",
        ),
        (Shape(height=4, width=1, channels=2), "a 3x3 kernel does not fit the input (4,1,2)"),
    ],
)
def test_shapes_that_do_not_fit(shape: Shape, message: str) -> None:
    layer = Conv2d(
        kernel=(3, 3),
        stride=(1, 1),
        padding=(0, 0),
        weight=np.zeros((3, 3, 2, 1), dtype=np.int64),
        weight_format=BYTE,
        bias=np.zeros(1, dtype=np.int64),
        product_shift=0,
    )
    with pytest.raises(GraphError, match=f"^{re.escape(message)}$"):
        layer.output_shape((shape,))


def test_linear_needs_one_pixel() -> None:
    layer = Linear(weight=np.zeros((4, 1)), weight_format=BYTE, bias=np.zeros(1), product_shift=0)
    message = "the linear layer expects (1,1,4), its input is (2,2,1); flatten or pool it before"
    with pytest.raises(GraphError, match=f"^{re.escape(message)}$"):
        layer.output_shape((Shape(height=2, width=2, channels=1),))


def test_too_wide_sums_are_refused() -> None:
    message = "the exact sum needs 64 bits, at most 60 are supported; use narrower formats"
    with pytest.raises(NumericsError, match=f"^{message}$"):
        sum_format(-(1 << 60), 1 << 60, 10)


@given(low=st.integers(-(1 << 58), 0), high=st.integers(0, 1 << 58))
def test_sum_format_is_the_narrowest_multiple_of_four(low: int, high: int) -> None:
    fmt = sum_format(low, high, 7)
    assert fmt.min_int <= low <= high <= fmt.max_int
    assert fmt.width % 4 == 0
    assert fmt.fraction_bits == 7
    smaller = fmt.width - 4
    assert smaller == 0 or not -(1 << (smaller - 1)) <= low <= high < 1 << (smaller - 1)
