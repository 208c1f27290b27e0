from __future__ import annotations

import pytest

from generator.design import Implementation
from generator.passes.skip_blocks import find_block
from generator.passes.token_model import run_model
from generator.passes.token_order import TokenOrder
from tests.generator.passes.designs import design_of, graph_of, hardware
from tests.generator.passes.random_blocks import random_block


@pytest.mark.parametrize("seed", range(8))
def test_the_clock_stops_exactly_below_the_depth_that_the_order_gives(seed):
    design = random_block(seed, (Implementation.CLONE_FIFO, Implementation.LINE_BUFFER_TAP)[seed % 2])
    sizing = design.sizings[0]
    block = find_block(design.stages, {stream.name: stream for stream in design.streams}, sizing.stream)
    live = TokenOrder(block.stages, block.streams, {sizing.stream: None}).live_depth(sizing.stream)
    assert live is not None
    assert live.words == sizing.depth_live
    assert run_model(block.stages, block.streams, 2, {sizing.stream: live.words}).finished
    assert not run_model(block.stages, block.streams, 2, {sizing.stream: live.words - 1}).finished


def test_the_chain_goes_back_from_the_join_to_the_writer():
    graph = graph_of("skip_block", filters=4, image_size=8, stem=1)
    design = design_of(graph, hardware(36, lanes=0)).design
    order = TokenOrder(design.stages, design.streams, {design.sizings[0].stream: None})
    live = order.live_depth(design.sizings[0].stream)
    assert live is not None
    assert live.words == 2 * (8 + 1) + 1
    agents = [live.chain[0].agent, *(step.other for step in live.chain)]
    assert agents == ["block.add", "block.conv2", "block.conv2.load", "block.conv1", "block.conv1.load", "block.clone"]
    for step, following in zip(live.chain, live.chain[1:], strict=False):
        assert (step.other, step.fired) == (following.agent, following.firing)


def test_a_join_that_needs_itself_is_found():
    graph = graph_of("skip_block", filters=4, image_size=8)
    design = design_of(graph, hardware(36, lanes=0)).design
    skip = design.sizings[0]
    assert not TokenOrder(design.stages, design.streams).stops("block.add")
    assert TokenOrder(design.stages, design.streams, {skip.stream: skip.depth_live - 1}).stops("block.add")
