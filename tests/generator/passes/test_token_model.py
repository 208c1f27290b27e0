from __future__ import annotations

from generator.config import SkipConfig
from generator.design import Implementation
from generator.passes.token_flow import Listed, Outlet, Patterned, Ring, WaitFor
from generator.passes.token_model import run_model
from generator.passes.token_nodes import Words
from tests.generator.passes.designs import design_of, graph_of, hardware


def make_ring(loaded: list[int], passed: list[int]) -> Ring:
    """A ring of three pixels of one word, its window beginning at pixel 0."""
    ring = Ring("flow", 3, 1, 0, 1)
    ring.loaded.extend(loaded)
    ring.passed.extend(passed)
    return ring


def test_a_direct_writer_counts_loaded_pixels_not_those_on_their_way():
    ring = make_ring([10, 20, 30], [])
    assert ring.start(25) is None  # pixels 0 and 1 lie there, 2 is on its way: no slot is free
    ring = make_ring([10, 20, 30], [26])
    assert ring.start(25) == 27  # pixel 0 is passed while 2 is on its way
    ring = make_ring([10, 20, 30], [31])
    assert ring.start(25) is None  # too late: 1 and 2 lie there, one slot is free
    ring = make_ring([10, 20, 30], [31, 40])
    assert ring.start(25) == 41


def test_words_wait_for_room_and_for_each_other():
    source, outlet = [0, 1, 10], Outlet()
    ring = make_ring([], [50])
    outlet.add_ring(ring)
    node = Words([("in", Listed(source))], outlet, 4)
    assert node.advance()
    assert node.times == [2, 3, 12]
    assert ring.loaded == [2, 3, 12]
    assert node.wait == (WaitFor.WORDS, "in")
    source.append(11)
    node.advance()
    assert node.times[-1] == 51  # its slot is pixel 0's


def test_patterns_know_the_first_word_from_a_cycle_on():
    words = Patterned([100, 200], ((5, 9), (5, 9)))
    assert [words.time(word) for word in range(5)] == [105, 109, 205, 209, None]
    assert [words.first_from(0, time) for time in (0, 106, 110, 210)] == [0, 1, 2, 4]


def test_a_tap_reads_every_word_once_and_never_while_the_ring_is_written():
    graph = graph_of("skip_block", filters=4, image_size=6, stem=1)
    config = hardware(36, skip=SkipConfig(implementation=Implementation.LINE_BUFFER_TAP))
    design = design_of(graph, config).design
    tapped = next(stage for stage in design.stages if getattr(stage, "tap", None))
    timing = run_model(design.stages, design.streams, 4, occupancy=(tapped.tap,))
    assert timing.finished
    assert timing.occupancy[tapped.tap] <= design.stream(tapped.tap).depth_words
    assert timing.interval_cycles == max(stage.cycles for stage in design.stages if hasattr(stage, "cycles"))


def test_a_network_that_stops_says_who_waits_for_what():
    graph = graph_of("skip_block", filters=4, image_size=6)
    design = design_of(graph, hardware(36, lanes=0)).design
    skip = design.sizings[0].stream
    timing = run_model(design.stages, design.streams, 2, {skip: design.sizings[0].depth_live - 1})
    assert not timing.finished
    waits = {(wait.stage, str(wait.reason), wait.stream) for wait in timing.waits}
    assert ("block.clone", "room", skip) in waits
    assert ("block.add", "words", "block_conv2_to_block_add") in waits
