"""Legal foldings and their cycles, against a count of the beats one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.design import ReadForm
from generator.fixed_point import FixedPoint
from generator.graph import Node, Shape
from generator.layers.conv2d import Conv2d
from generator.passes.mac_layer import Folding, MacLayer, divisors

FORMAT = FixedPoint(width=8, integer_bits=4)


def layer_of(kernel: int, stride: int, padding: int, size: tuple[int, int], channels: tuple[int, int]) -> MacLayer:
    conv = Conv2d(
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(padding, padding),
        weight=np.zeros((kernel, kernel, *channels), dtype=np.int64),
        weight_format=FORMAT,
        bias=np.zeros(channels[1], dtype=np.int64),
        product_shift=0,
    )
    in_shape = Shape(height=size[0], width=size[1], channels=channels[0])
    shape = conv.output_shape((in_shape,))
    node = Node(name="conv", layer=conv, inputs=("x",), shape=shape, relu=False, accumulator=FORMAT, result=FORMAT)
    return MacLayer(
        node=node,
        kernel=conv.kernel,
        stride=conv.stride,
        padding=conv.padding,
        in_shape=in_shape,
        out_shape=shape,
        in_format=FORMAT,
        weight_format=FORMAT,
        lean=True,
    )


def counted_beats(layer: MacLayer, folding: Folding) -> int:
    """Beats of a frame, walked tap by tap."""
    beats = 0
    groups = layer.out_shape.channels // folding.pe
    for row in range(layer.out_shape.height):
        for column in range(layer.out_shape.width):
            inside_rows, inside_columns = (
                [
                    tap
                    for tap in range(layer.kernel[axis])
                    if 0 <= place * layer.stride[axis] - layer.padding[axis] + tap < size
                ]
                for axis, (place, size) in enumerate(((row, layer.in_shape.height), (column, layer.in_shape.width)))
            )
            words = layer.in_shape.channels // layer.word_channels(folding)
            steps = {
                ReadForm.SERIAL: len(inside_rows) * len(inside_columns),
                ReadForm.ROWS: len(inside_columns),
                ReadForm.WINDOW: 1,
            }
            beats += groups * steps[folding.form] * words
    return beats


def test_divisors_are_all_and_ascending():
    assert divisors(12) == (1, 2, 3, 4, 6, 12)
    assert divisors(1) == (1,)


def test_every_reuse_factor_that_a_read_form_gives_is_legal():
    layer = layer_of(3, 1, 1, (8, 8), (4, 2))
    assert layer.legal_reuse_factors == (1, 2, 3, 4, 6, 8, 9, 12, 18, 24, 36, 72)
    assert layer_of(1, 1, 0, (8, 8), (4, 2)).legal_reuse_factors == (1, 2, 4, 8)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_reuse_factors_reach_from_one_to_all_products(kernel):
    legal = layer_of(kernel, 1, kernel // 2, (9, 9), (3, 5)).legal_reuse_factors
    assert (legal[0], legal[-1]) == (1, kernel * kernel * 15)


@settings(deadline=None)
@given(st.sampled_from((1, 3, 5, 7)), st.integers(1, 3), st.integers(5, 9), st.integers(5, 9), st.data())
def test_cycles_are_the_beats_of_the_loop(kernel, stride, height, width, data):
    padding = data.draw(st.integers(0, kernel // 2))
    if min(height, width) + 2 * padding < kernel:
        return
    layer = layer_of(kernel, stride, padding, (height, width), (4, 6))
    folding = data.draw(st.sampled_from(layer.foldings))
    if layer.skips_padding:
        assert layer.beats(folding) == counted_beats(layer, folding)
    else:
        assert layer.beats(folding) == layer.out_shape.pixels * folding.reuse_factor
    assert folding.pe * folding.simd * folding.reuse_factor == layer.products


def test_a_window_without_any_tap_inside_keeps_its_beats():
    """A padded 1x1 conv: at the border there is only the bias, and a pixel without beats would not exist."""
    layer = layer_of(1, 1, 1, (4, 4), (2, 2))
    assert not layer.skips_padding
    assert layer.beats(layer.foldings[0]) == 36 * layer.foldings[0].reuse_factor
