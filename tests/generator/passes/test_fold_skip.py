from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator import flow, project
from generator.config import SkipConfig
from generator.design import ConvStage, Implementation, Storage
from generator.errors import PlacementError
from generator.fixed_point import FixedPoint
from generator.layers.add import Add
from generator.layers.conv2d import Conv2d
from generator.passes.fold_skip import fold_skip
from generator.source import load_images, load_source
from tests.generator.passes.designs import design_of, graph_of, hardware

FOLD = SkipConfig(implementation=Implementation.FOLD)


def random_conv(rng: np.random.Generator, kernel: int, stride: int, channels: tuple[int, int], fraction: int) -> Conv2d:
    fmt = FixedPoint(width=6, integer_bits=6 - fraction)
    return Conv2d(
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(kernel // 2, kernel // 2),
        weight=rng.integers(fmt.min_int, fmt.max_int + 1, (kernel, kernel, *channels)),
        weight_format=fmt,
        bias=rng.integers(-500, 500, channels[1]),
        product_shift=int(rng.integers(0, 3)),
    )


def exact_point(conv: Conv2d, in_format: FixedPoint) -> FixedPoint:
    """A format wide enough for the conv's sums, at their point."""
    fraction = in_format.fraction_bits + conv.weight_format.fraction_bits + conv.product_shift
    return FixedPoint(width=40, integer_bits=40 - fraction)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.integers(-2, 7), st.integers(-2, 7), st.integers(-1, 5))
def test_the_folded_conv_gives_the_integers_of_conv_and_skip(seed, projected, main_point, side_point, in_point):
    rng = np.random.default_rng(seed)
    in_format = FixedPoint(width=5, integer_bits=5 - in_point)
    channels = (3, 4) if projected else (3, 3)
    stride = int(rng.integers(1, 3)) if projected else 1
    conv = random_conv(rng, 3, stride, channels, main_point)
    projection = random_conv(rng, 1, stride, channels, side_point) if projected else None
    values = rng.integers(in_format.min_int, in_format.max_int + 1, (2, 5, 4, 3))
    main_format = exact_point(conv, in_format)
    side, side_format = values, in_format
    if projection is not None:
        side, side_format = projection.execute((values,), (in_format,)), exact_point(projection, in_format)
    main = conv.execute((values,), (in_format,))
    expected = Add().execute((main, side), (main_format, side_format))

    folded = fold_skip(conv, projection, in_format, max(main_format.fraction_bits, side_format.fraction_bits))

    as_conv = Conv2d(
        kernel=conv.kernel,
        stride=conv.stride,
        padding=conv.padding,
        weight=folded.weight,
        weight_format=folded.weight_format,
        bias=folded.bias,
        product_shift=folded.product_shift,
    )
    np.testing.assert_array_equal(as_conv.execute((values,), (in_format,)), expected)
    assert folded.weight.min() >= folded.weight_format.min_int
    assert folded.weight.max() <= folded.weight_format.max_int
    assert np.abs(expected).max() <= folded.accumulator.max_int


def test_a_folded_skip_leaves_the_design_of_a_removed_one():
    args = {"filters": 8, "image_size": 8}
    shortened = design_of(graph_of("skip_block", skips="shortened", **args), hardware(72, skip=FOLD)).design
    removed = design_of(graph_of("skip_block", skips="removed", **args), hardware(72)).design
    assert [stream.name for stream in shortened.streams] == [stream.name for stream in removed.streams]
    assert [stream.depth_words for stream in shortened.streams] == [stream.depth_words for stream in removed.streams]
    for folded, plain in zip(shortened.stages, removed.stages, strict=True):
        assert isinstance(folded, ConvStage)
        assert isinstance(plain, ConvStage)
        assert folded.join is None
        assert folded.multipliers == plain.multipliers
    assert [(skip.implementation, skip.stored_bits) for skip in shortened.skips] == [(Implementation.FOLD, 0)] * 2


def test_a_long_skip_cannot_be_folded():
    graph = graph_of("skip_block", filters=8, image_size=8)
    with pytest.raises(PlacementError) as caught:
        design_of(graph, hardware(72, skips={"block": FOLD}))
    assert str(caught.value) == "Skip.block: fold needs a skip over one conv, this one spans 2; use clone_fifo"


def test_a_folded_skip_has_no_storage_to_choose():
    graph = graph_of("skip_block", filters=8, image_size=8, skips="shortened")
    config = hardware(72, skips={"block": SkipConfig(implementation=Implementation.FOLD, storage=Storage.SRL)})
    with pytest.raises(PlacementError) as caught:
        design_of(graph, config)
    assert "Skip.block.0: fold stores nothing; use Storage: auto and Depth: auto" in str(caught.value)


@pytest.mark.slow
def test_folded_hardware_answers_like_pytorch(tmp_path: Path):
    """Identity, and projections with stride 2; formats wrap, so a lost bit would show."""
    network = load_source("resnet8", args={"width": 4, "in_channels": 1, "image_size": 8, "skips": "shortened"})
    config = hardware(36, skip=FOLD)
    images = load_images(network, "random", {}, 3).inputs
    flow.generate(flow.quantize_network(network, config), config, images, tmp_path / "net")
    assert project.csim(tmp_path / "net", 3)["mismatches"] == 0
    assert project.cosim(tmp_path / "net", 3)["mismatches"] == 0
