from __future__ import annotations

import pytest

from generator.config import SkipConfig
from generator.design import Implementation, StreamRole
from generator.passes.token_model import run_model
from tests.generator.passes.designs import design_of, graph_of, hardware


def skip_depths(design) -> list[tuple[int, int]]:
    return [(s.depth_live, s.depth_full_rate) for s in design.streams if s.role is StreamRole.SKIP]


@pytest.mark.parametrize("size", [8, 12, 32])
def test_the_full_rate_depth_is_the_sum_of_the_look_aheads(size):
    """Closed form for n = 2 stride-1 convs that spend RF on every pixel: 2(W+1) + n + 1."""
    graph = graph_of("skip_block", filters=16, image_size=size)
    design = design_of(graph, hardware(576, lanes=0)).design
    assert skip_depths(design) == [(2 * (size + 1) + 1, 2 * (size + 1) + 3)]


def test_one_pixel_less_is_slower_and_two_less_than_live_deadlock():
    graph = graph_of("skip_block", filters=16, image_size=12)
    design = design_of(graph, hardware(576, lanes=0)).design
    skip = next(stream for stream in design.streams if stream.role is StreamRole.SKIP)

    def play(depth: int | None):
        return run_model(design.stages, design.streams, 4, {skip.name: depth})

    full = play(skip.depth_full_rate)
    assert full.interval_cycles == play(None).interval_cycles == 12 * 12 * 576
    assert play(skip.depth_full_rate - 1).interval_cycles > full.interval_cycles
    assert play(skip.depth_live).finished
    assert not play(skip.depth_live - 1).finished


def test_narrow_words_live_with_the_same_pixels_and_ride_over_the_prefetch():
    graph = graph_of("skip_block", filters=16, image_size=8)
    clone = SkipConfig(implementation=Implementation.CLONE_FIFO)
    ((live, _),) = skip_depths(design_of(graph, hardware(576, lanes=0, skip=clone)).design)
    ((narrow_live, narrow_full),) = skip_depths(design_of(graph, hardware(576, skip=clone)).design)
    assert 0 <= live * 16 - narrow_live < 16  # the input moves word by word, a clone stage pixel by pixel
    assert narrow_full > narrow_live


@pytest.mark.parametrize("skips", ["traditional", "shortened", "removed"])
def test_a_whole_network_runs_at_the_rate_of_its_slowest_stage(skips):
    graph = graph_of("resnet20", width=8, in_channels=1, image_size=8, skips=skips)
    design = design_of(graph, hardware(72)).design
    fifos = [stream for stream in design.streams if stream.depth_words]
    timing = run_model(design.stages, design.streams, 4, occupancy=[stream.name for stream in fifos])
    assert timing.interval_cycles == max(getattr(stage, "cycles", 0) for stage in design.stages)
    for stream in fifos:
        assert timing.occupancy[stream.name] <= stream.depth_words


def test_a_depth_from_the_configuration_is_taken():
    graph = graph_of("skip_block", filters=8, image_size=8)
    design = design_of(graph, hardware(72, skips={"block": SkipConfig(depth_pixels=20)})).design
    assert design.skips[0].depth_pixels == 20


@pytest.mark.parametrize("kind", ["clone_fifo", "line_buffer_tap", "ring_extend"])
def test_every_skip_says_what_forces_its_depth_and_what_less_costs(kind):
    graph = graph_of("resnet8", width=4, in_channels=1, image_size=8)
    config = hardware(36, skip=SkipConfig(implementation=Implementation(kind)))
    design = design_of(graph, config).design
    assert [sizing.skip for sizing in design.sizings] == [skip.name for skip in design.skips]
    for sizing in design.sizings:
        depths, intervals = zip(*sizing.slowdown, strict=True)
        assert depths[0] == sizing.depth_live
        assert (depths[-1], intervals[-1]) == (sizing.depth_full_rate, sizing.interval_cycles)
        assert list(intervals) == sorted(intervals, reverse=True)
        if sizing.ring is None:
            stream = design.stream(sizing.stream)
            assert (stream.depth_words, stream.depth_live) == (sizing.depth_full_rate, sizing.depth_live)
        else:
            stage = next(stage for stage in design.stages if stage.name == sizing.ring)
            assert stage.ring_pixels == sizing.depth_full_rate
    assert {sizing.ring is not None for sizing in design.sizings} >= {kind == "ring_extend"}


def test_the_path_of_a_clone_fifo_holds_the_look_aheads():
    graph = graph_of("skip_block", filters=16, image_size=12)
    sizing = design_of(graph, hardware(576, lanes=0)).design.sizings[0]
    assert [(held.stage, held.pixels) for held in sizing.path] == [("block.conv2", 14), ("block.conv1", 14)]
    assert sizing.depth_live == sum(held.pixels - 1 for held in sizing.path) + 1


def test_equal_blocks_are_sized_once_and_named_apart():
    graph = graph_of("resnet20", width=8, in_channels=1, image_size=8)
    config = hardware(72, skip=SkipConfig(implementation=Implementation.CLONE_FIFO))
    first, second = design_of(graph, config).design.sizings[1:3]
    assert first.slowdown == second.slowdown
    assert first.stream != second.stream
    assert second.path[0].stage.startswith("layer1.2")


def test_nothing_on_the_way_is_slower_than_without_limits():
    """The whole network at its sizes runs as it would with unlimited skip FIFOs."""
    graph = graph_of("resnet20", width=8, in_channels=1, image_size=8)
    design = design_of(graph, hardware(72, skip=SkipConfig(implementation=Implementation.CLONE_FIFO))).design
    unlimited = {sizing.stream: None for sizing in design.sizings}
    sized = run_model(design.stages, design.streams, 5)
    assert sized.interval_cycles == run_model(design.stages, design.streams, 5, unlimited).interval_cycles
