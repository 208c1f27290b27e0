"""Where two executions part."""

from __future__ import annotations

import numpy as np
import pytest

from generator.design import ConvStage
from generator.trace import carried_tensors, expected_streams, first_difference
from tests.generator.passes.designs import design_of, graph_of, hardware


def test_equal_tensors_have_no_difference() -> None:
    x = np.arange(12).reshape(1, 2, 3, 2)
    assert first_difference({"a": x, "only here": x}, {"a": x.copy(), "only there": x}) is None


def test_the_first_layer_and_place_are_named() -> None:
    x = np.zeros((2, 2, 3, 2), dtype=np.int64)
    y, z = x.copy(), x.copy()
    y[1, 0, 2, 1] = 7
    y[1, 1, 0, 0] = 5
    z[0, 0, 0, 0] = 1
    difference = first_difference({"a": x, "b": x, "c": x}, {"c": z, "b": y, "a": x})
    assert str(difference) == ("layer 'b' differs in 2 values, first in frame 1, pixel (0,2), channel 1: 0 and 7")


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"^layer 'a': shapes differ, \(1, 2\) and \(2, 1\)$"):
        first_difference({"a": np.zeros((1, 2), dtype=np.int64)}, {"a": np.zeros((2, 1), dtype=np.int64)})


@pytest.mark.parametrize(
    ("skips", "lanes", "last_conv"),
    [("traditional", None, "block.add"), ("traditional", 0, "block.conv2"), ("shortened", None, "block.1.add")],
)
def test_streams_carry_what_their_writers_compute(skips: str, lanes: int | None, last_conv: str) -> None:
    design = design_of(graph_of("skip_block", filters=4, image_size=6, skips=skips), hardware(36, lanes=lanes)).design
    carried = carried_tensors(design)
    assert carried.keys() == {stream.name for stream in design.streams}
    writers = {stream.source: carried[stream.name] for stream in design.streams}
    assert writers[None] == design.graph.input_name
    assert writers["block.conv2"] == last_conv
    assert carried["y"] == design.graph.output
    taps = [stage.tap for stage in design.stages if isinstance(stage, ConvStage) and stage.tap]
    assert all(carried[tap] == design.graph.input_name for tap in taps)
    assert bool(taps) == (skips == "traditional" and lanes is None)


def test_expected_streams_fit_their_formats() -> None:
    design = design_of(graph_of("resnet8", width=2, image_size=6, in_channels=1), hardware(1000)).design
    inputs = np.random.default_rng(0).integers(-300, 300, (2, 6, 6, 1))
    for name, values in expected_streams(design, inputs).items():
        stream = design.stream(name)
        assert values.shape == (2, stream.shape.height, stream.shape.width, stream.shape.channels)
        assert stream.format.min_int <= values.min() <= values.max() <= stream.format.max_int
