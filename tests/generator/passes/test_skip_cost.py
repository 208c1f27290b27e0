"""What `auto` reckons with, and what it takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.config import HardwareConfig, SkipConfig
from generator.design import ConvStage, Implementation, Multiplier
from generator.fixed_point import parse_format
from generator.flow import quantize_network
from generator.graph import Graph
from generator.passes.choose_stages import choose_stages
from generator.passes.set_folding import set_folding
from generator.passes.skip_cost import SkipCost, skip_cost, waiting_pixels
from generator.source import load_source
from tests.generator.passes.designs import graph_of, hardware

CLONE, TAP, RING = Implementation.CLONE_FIFO, Implementation.LINE_BUFFER_TAP, Implementation.RING_EXTEND
FOLD, CENTRE, SHIFT = Implementation.FOLD, Implementation.CENTRE_TAP, Implementation.SHIFT_REGISTER


def costs(graph: Graph, config: HardwareConfig, place: int, *ways: Implementation) -> list[SkipCost]:
    foldings, _ = set_folding(graph, config)
    return [skip_cost(graph, graph.skips[place], way, foldings, config) for way in ways]


def taken(graph: Graph, config: HardwareConfig) -> list[Implementation]:
    return [skip.implementation for skip in choose_stages(graph, config).skips]


def eight_bits(source: str, precision: str, **args: object) -> tuple[Graph, HardwareConfig]:
    config = replace(hardware(144), precision=parse_format(precision), multiplier=Multiplier.PACKED)
    return quantize_network(load_source(source, args=args), config).graph, config


@pytest.mark.parametrize(("width", "tapped", "cloned"), [(32, 2, 85), (8, 2, 37)])
def test_a_tap_leaves_two_pixels_of_a_skip_over_two_convs(width, tapped, cloned):
    """L = W + 1 each: the sum, a pixel each, the join's and sixteen of prefetch; behind a tap a pixel each."""
    graph = graph_of("skip_block", filters=8, image_size=width)
    assert waiting_pixels(graph, graph.skips[0], TAP) == tapped
    assert waiting_pixels(graph, graph.skips[0], CLONE) == cloned


def test_what_is_stored_decides_where_no_block_ram_is_saved():
    graph = graph_of("skip_block", filters=16, image_size=32)
    tap, ring, clone = costs(graph, hardware(576), 0, TAP, RING, CLONE)
    assert (tap.bram36, ring.bram36, clone.bram36) == (0, 0, 1)
    assert (tap.bits, ring.bits, clone.bits) == (2 * 256, 2 * 256, 85 * 256)
    assert taken(graph, hardware(576)) == [TAP]


def test_a_skip_over_one_conv_is_never_stored():
    graph = graph_of("skip_block", filters=16, image_size=32, skips="shortened")
    fold, centre, shift = costs(graph, hardware(576), 0, FOLD, CENTRE, SHIFT)
    assert fold == centre == SkipCost(dsp=0, bram36=0, bits=0)
    assert shift.bits == 36 * 256
    assert taken(graph, hardware(576)) == [FOLD, FOLD]


def test_behind_the_activation_the_centre_joins():
    graph = graph_of("resnet8", width=8, in_channels=1, image_size=8, skips="shortened", style="post")
    assert taken(graph, hardware(72)) == [CENTRE] * 6
    assert taken(graph, hardware(72, lanes=0)) == [CLONE] * 6


def test_a_one_that_widens_weights_costs_packed_slices():
    """Weights below 1 have no bit for it; the centre adds it behind the accumulators and keeps the pairs."""
    graph, config = eight_bits("skip_block", "ap_fixed<8,1>", filters=8, image_size=8, skips="shortened")
    fold, centre, shift = costs(graph, config, 0, FOLD, CENTRE, SHIFT)
    assert (fold.dsp, centre.dsp, shift.dsp) == (2, 0, 0)
    assert taken(graph, config) == [CENTRE, CENTRE]
    assert SHIFT not in taken(graph, replace(config, multiplier=Multiplier.DSP))


def test_products_pair_only_where_words_do():
    """Four channels that leave in one word of four make no pairs of words."""
    graph, config = eight_bits("skip_block", "ap_fixed<8,1>", filters=4, image_size=8, skips="removed")
    for lanes, packed in ((1, True), (2, True), (4, False)):
        stages = choose_stages(graph, replace(config, reuse_factor=36, lanes=lanes)).network.stages
        assert {(stage.pe, stage.packed) for stage in stages if isinstance(stage, ConvStage)} == {(4, packed)}


def test_any_way_that_fits_can_be_forced():
    ways = {"traditional": (CLONE, TAP, RING), "shortened": (CLONE, FOLD, CENTRE, SHIFT)}
    for skips, names in ways.items():
        graph = graph_of("skip_block", filters=8, image_size=8, skips=skips)
        for way in names:
            assert set(taken(graph, hardware(72, skip=SkipConfig(implementation=way)))) == {way}
