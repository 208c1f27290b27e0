from __future__ import annotations

import pytest

from generator.config import SkipConfig
from generator.design import StreamRole
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


def test_narrow_words_hold_the_same_pixels():
    graph = graph_of("skip_block", filters=16, image_size=8)
    wide = skip_depths(design_of(graph, hardware(576, lanes=0)).design)
    narrow = skip_depths(design_of(graph, hardware(576)).design)
    assert narrow == [(live * 16, full * 16) for live, full in wide]


@pytest.mark.parametrize("skips", ["traditional", "shortened", "removed"])
def test_a_whole_network_runs_at_the_rate_of_its_slowest_stage(skips):
    graph = graph_of("resnet20", width=8, in_channels=1, image_size=8, skips=skips)
    design = design_of(graph, hardware(72)).design
    timing = run_model(design.stages, design.streams, 4)
    assert timing.interval_cycles == 64 * 72
    for stream in design.streams:
        assert timing.occupancy[stream.name] <= max(stream.depth_words, stream.words_per_pixel)


def test_a_depth_from_the_configuration_is_taken():
    graph = graph_of("skip_block", filters=8, image_size=8)
    design = design_of(graph, hardware(72, skips={"block": SkipConfig(depth_pixels=20)})).design
    assert design.skips[0].depth_pixels == 20
