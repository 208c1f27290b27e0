from __future__ import annotations

import pytest

from generator.config import SkipConfig
from generator.design import (
    AddStage,
    CloneStage,
    ConvStage,
    Design,
    Implementation,
    JoinSource,
    PoolStage,
    Storage,
    Stream,
    StreamRole,
)
from generator.errors import PlacementError
from generator.passes.build_stages import StageNetwork
from generator.passes.size_fifos import SRL_BITS
from tests.generator.passes.designs import design_of, graph_of, hardware, stages_of

SMALL = {"width": 8, "in_channels": 1, "image_size": 8}


def check_wiring(design: Design | StageNetwork) -> None:
    """Every stream has one writer and one reader that name it, and writers stand before readers."""
    written = {name: stage.name for stage in design.stages for name in outputs(stage)}
    read = {name: stage.name for stage in design.stages for name in inputs(stage)}
    order = [stage.name for stage in design.stages]
    assert len({stream.name for stream in design.streams}) == len(design.streams)
    for stream in design.streams:
        assert written.get(stream.name) == stream.source
        assert read.get(stream.name) == stream.sink
        assert stream.shape.channels % stream.lanes == 0
        if stream.source and stream.sink:
            assert order.index(stream.source) < order.index(stream.sink)
    assert (design.streams[0].name, design.streams[-1].name) == ("x", "y")


def stream(design: StageNetwork, name: str) -> Stream:
    return next(stream for stream in design.streams if stream.name == name)


def inputs(stage):
    if isinstance(stage, AddStage):
        return (stage.main, stage.skip)
    joined = isinstance(stage, ConvStage) and stage.join is not None and stage.join.stream is not None
    return (stage.input, stage.join.stream) if joined else (stage.input,)


def outputs(stage):
    if isinstance(stage, CloneStage):
        return stage.outputs
    tapped = isinstance(stage, ConvStage) and stage.tap is not None
    return (stage.output, stage.tap) if tapped else (stage.output,)


TAPS = {Implementation.LINE_BUFFER_TAP, Implementation.RING_EXTEND}
KINDS = {
    "traditional": ({Implementation.CLONE_FIFO}, TAPS),
    "shortened": ({Implementation.SHIFT_REGISTER}, {Implementation.FOLD, Implementation.CENTRE_TAP}),
    "removed": ({Implementation.NONE}, {Implementation.NONE}),
}
"""What `auto` takes, with pixel-wide and with narrow streams."""


@pytest.mark.parametrize("lanes", [0, None])
@pytest.mark.parametrize("skips", ["traditional", "shortened", "removed"])
@pytest.mark.parametrize("source", ["skip_block", "resnet8", "resnet20"])
def test_streams_join_every_stage(source, skips, lanes):
    args = {"filters": 8, "image_size": 8} if source == "skip_block" else SMALL
    chosen = stages_of(graph_of(source, skips=skips, **args), hardware(72, lanes=lanes))
    design = chosen.network
    check_wiring(design)
    clones = sum(isinstance(stage, CloneStage) for stage in design.stages)
    adds = sum(isinstance(stage, AddStage) for stage in design.stages)
    blocks = {"skip_block": 1, "resnet8": 3, "resnet20": 9}[source]
    assert (clones, adds) == ((blocks, blocks) if (skips, lanes) == ("traditional", 0) else (0, 0))
    count = 2 * blocks if skips == "shortened" else blocks
    assert len(chosen.skips) == count
    assert {skip.implementation for skip in chosen.skips} <= KINDS[skips][lanes is None]


@pytest.mark.parametrize("lanes", [0, None])
def test_a_projection_moves_into_the_conv_stage_when_the_skip_is_short(lanes):
    skip = SkipConfig(implementation=Implementation.SHIFT_REGISTER)
    graph = graph_of("resnet8", skips="shortened", **SMALL)
    design = design_of(graph, hardware(72, lanes=lanes, skip=skip)).design
    stages = {stage.name: stage for stage in design.stages}
    first, second = stages["layer2.0.conv1"], stages["layer2.0.conv2"]
    assert isinstance(first, ConvStage)
    assert isinstance(second, ConvStage)
    assert first.join is not None
    assert first.join.source is JoinSource.PROJECTION
    assert first.join.projection is not None
    assert first.join.projection.name == "layer2.0.downsample.0"
    assert first.join.projection.weight.shape == (8, 16)
    assert first.join.depth_pixels == 0
    assert first.multipliers == 2 * first.pe * first.simd
    assert second.join is not None
    assert second.join.projection is None
    prefetch = second.ring_pixels - (2 * 4 + 3)
    assert prefetch == (1 if lanes == 0 else 2)
    assert second.join.depth_pixels == (4 + 1) + 1 + prefetch
    assert "layer2.0.downsample.0" not in stages


def test_an_exact_result_leaves_in_whole_bytes():
    design = stages_of(graph_of("resnet8", **SMALL), hardware(72)).network
    last = design.stages[-1]
    assert isinstance(last, ConvStage)
    assert stream(design, "y").format == last.out_format


def test_main_and_skip_have_equal_lanes_and_clones_keep_them():
    skip = SkipConfig(implementation=Implementation.CLONE_FIFO)
    design = stages_of(graph_of("resnet8", **SMALL), hardware(72, lanes=4, skip=skip)).network
    clones = [stage for stage in design.stages if isinstance(stage, CloneStage)]
    assert len(clones) == 3
    for stage in clones:
        widths = {stream(design, name).lanes for name in (*inputs(stage), *outputs(stage))}
        assert len(widths) == 1


def test_a_pool_sends_the_words_that_it_takes():
    """The linear layer behind it would take four channels a word, the convolution in front sends other ones."""
    graph = graph_of("resnet8", width=3, in_channels=1, image_size=8)
    for reuse_factor in (1, 2, 3, 6, 9):
        design = stages_of(graph, hardware(reuse_factor)).network
        (pool,) = (stage for stage in design.stages if isinstance(stage, PoolStage))
        assert stream(design, pool.input).lanes == stream(design, pool.output).lanes


def test_auto_lanes_are_one_where_the_beats_allow_and_wider_where_not():
    graph = graph_of("skip_block", filters=16, image_size=8)
    assert {stream.lanes for stream in stages_of(graph, hardware(144)).network.streams} == {1}
    for stage in stages_of(graph, hardware(9)).network.stages:
        assert isinstance(stage, ConvStage)
        assert stage.fewest_group_beats < stage.pe


@pytest.mark.parametrize("reuse_factor", [1, 3, 9, 12, 16, 48, 72, 96, 192])
@pytest.mark.parametrize("lanes", [None, 1, 3, 4])
@pytest.mark.parametrize("implementation", [None, Implementation.CLONE_FIFO])
def test_a_group_has_left_before_the_next_is_done(reuse_factor, lanes, implementation):
    graph = graph_of("resnet8", **SMALL)
    skip = SkipConfig(implementation=implementation)
    design = stages_of(graph, hardware(reuse_factor, lanes=lanes, skip=skip)).network
    check_wiring(design)
    for stage in design.stages:
        if not isinstance(stage, ConvStage):
            continue
        joined = [] if stage.join is None or stage.join.stream is None else [stage.join.stream]
        for name in (stage.output, *joined):
            width = stream(design, name).lanes
            assert stage.pe <= width * stage.fewest_group_beats
            assert stage.pe % width == 0 or width % stage.pe == 0
        for name in (stage.input, *([] if stage.tap is None else [stage.tap])):
            width, word = stream(design, name).lanes, stage.ring_word_channels
            assert word % width == 0 or width % word == 0


def test_a_writer_fills_the_ring_itself_where_its_words_fit():
    design = stages_of(graph_of("resnet8", **SMALL), hardware(288)).network
    kinds = {stage.name: stage for stage in design.stages}
    for link in design.streams:
        sink = kinds.get(link.sink or "")
        direct = isinstance(sink, ConvStage) and link.source != "avgpool" and link.role is StreamRole.DATA
        assert (link.storage is Storage.NONE) == direct
        if direct:
            assert link.lanes <= sink.ring_word_channels
            assert (link.depth_words, link.depth_live, link.depth_full_rate) == (0, 0, 0)
        else:
            assert link.depth_words >= 1


def test_a_clone_stage_holds_nothing_but_the_skip_behind_it():
    skip = SkipConfig(implementation=Implementation.CLONE_FIFO)
    design = stages_of(graph_of("skip_block", filters=8, image_size=8), hardware(72, skip=skip)).network
    assert [stage.name for stage in design.stages] == ["block.clone", "block.conv1", "block.conv2"]
    held = [stream.name for stream in design.streams if stream.storage is not Storage.NONE]
    assert held == ["block_clone_to_block_add", "y"]


def test_pixel_wide_lanes_follow_the_channels():
    graph = graph_of("resnet8", **SMALL)
    for stream in stages_of(graph, hardware(72, lanes=0)).network.streams:
        assert stream.lanes == stream.shape.channels


def test_large_skip_fifos_go_to_block_ram_and_storage_can_be_forced():
    graph = graph_of("skip_block", filters=8, image_size=8)
    for asked, expected in ((Storage.AUTO, Storage.BRAM), (Storage.LUTRAM, Storage.LUTRAM)):
        config = hardware(72, lanes=0, skips={"block": SkipConfig(storage=asked)})
        skip = next(s for s in design_of(graph, config).design.streams if s.role is StreamRole.SKIP)
        assert skip.depth_words * skip.width_bits > SRL_BITS
        assert skip.storage is expected


@pytest.mark.parametrize(
    ("skips", "named", "message"),
    [
        (
            "traditional",
            {"block": SkipConfig(implementation=Implementation.SHIFT_REGISTER)},
            "Skip.block: shift_register needs a skip over one conv, this one spans 2; use clone_fifo",
        ),
        (
            "traditional",
            {"block": SkipConfig(implementation=Implementation.NONE)},
            "Skip.block: none is for removed skips and this one is part of the network; remove it in training",
        ),
        (
            "removed",
            {"block": SkipConfig(implementation=Implementation.CLONE_FIFO)},
            "Skip.block: clone_fifo does not fit, this skip was removed; use auto or none",
        ),
        (
            "traditional",
            {"blok": SkipConfig()},
            "Skip.blok: the network has no such skip connection; it has block",
        ),
        (
            "traditional",
            {"block": SkipConfig(depth_pixels=3)},
            "Skip.block.Depth: 3 px deadlocks; the skip needs at least 19 px, and 21 px for the full rate",
        ),
    ],
)
def test_what_does_not_fit_is_refused(skips, named, message):
    graph = graph_of("skip_block", filters=8, image_size=8, skips=skips)
    with pytest.raises(PlacementError) as caught:
        design_of(graph, hardware(72, lanes=0, skips=named))
    assert str(caught.value) == message


def test_a_default_that_does_not_fit_warns_and_takes_auto():
    graph = graph_of("skip_block", filters=8, image_size=8)
    built = design_of(graph, hardware(72, lanes=0, skip=SkipConfig(implementation=Implementation.SHIFT_REGISTER)))
    assert built.design.skips[0].implementation is Implementation.CLONE_FIFO
    assert built.warnings == (
        "skip block: Skip.Default does not fit (shift_register needs a skip over one conv, this one spans 2; "
        "use clone_fifo); auto is taken",
    )


def test_a_short_skip_can_be_forced_into_a_fifo():
    graph = graph_of("skip_block", filters=8, image_size=8, skips="shortened")
    config = hardware(72, skips={"block": SkipConfig(implementation=Implementation.CLONE_FIFO)})
    chosen = stages_of(graph, config)
    check_wiring(chosen.network)
    assert [skip.implementation for skip in chosen.skips] == [Implementation.CLONE_FIFO] * 2


@pytest.mark.parametrize("way", [Implementation.CENTRE_TAP, Implementation.SHIFT_REGISTER, Implementation.CLONE_FIFO])
def test_behind_the_activation_the_skip_joins_the_rectified_sum(way):
    graph = graph_of("skip_block", filters=8, image_size=8, skips="shortened", style="post")
    sources = {
        Implementation.CENTRE_TAP: JoinSource.CENTRE,
        Implementation.SHIFT_REGISTER: JoinSource.SHIFT_REGISTER,
        Implementation.CLONE_FIFO: JoinSource.STREAM,
    }
    network = stages_of(graph, hardware(72, skip=SkipConfig(implementation=way))).network
    check_wiring(network)
    for place, stage in enumerate(stage for stage in network.stages if isinstance(stage, ConvStage)):
        add = graph.node(f"block.{place}.add")
        assert stage.join is not None
        assert (stage.relu, stage.join.after_relu, stage.join.source) == (True, True, sources[way])
        assert (stage.exact_sum, stage.result) == (add.accumulator, add.result)


def test_pixel_wide_streams_carry_the_rectified_sum_to_its_add():
    graph = graph_of("skip_block", filters=8, image_size=8, skips="shortened", style="post")
    network = stages_of(graph, hardware(72, lanes=0)).network
    for stage in network.stages:
        if isinstance(stage, ConvStage):
            assert (stage.relu, stage.result, stage.join) == (True, None, None)
        if isinstance(stage, AddStage):
            assert not stage.relu
            assert stage.result is not None


@pytest.mark.parametrize(
    ("args", "way", "options", "message"),
    [
        (
            {"skips": "shortened", "style": "post"},
            Implementation.FOLD,
            {},
            "the conv block.conv1 is rectified before the add (style post), a weight cannot be; use centre_tap",
        ),
        (
            {"skips": "shortened"},
            Implementation.CENTRE_TAP,
            {"lanes": 0},
            "centre_tap needs narrow streams and Stream.Lanes is C; use shift_register, or Lanes: auto",
        ),
        (
            {},
            Implementation.RING_EXTEND,
            {"lanes": 0},
            "ring_extend needs narrow streams and Stream.Lanes is C; use clone_fifo, or Lanes: auto",
        ),
        (
            {"skips": "shortened"},
            Implementation.LINE_BUFFER_TAP,
            {},
            "line_buffer_tap needs a skip over two convs or more, this one spans 1; use centre_tap",
        ),
        (
            {},
            Implementation.LINE_BUFFER_TAP,
            {"reuse_factor": 48},
            "the conv block.conv1 reads its ring by rows, a tap needs the serial form; use clone_fifo, or another "
            "reuse factor for block.conv1",
        ),
    ],
)
def test_a_way_that_does_not_fit_says_why(args, way, options, message):
    graph = graph_of("skip_block", filters=8, image_size=8, **args)
    named = {"block": SkipConfig(implementation=way)}
    config = hardware(**{"reuse_factor": 72, **options}, skips=named)
    with pytest.raises(PlacementError) as caught:
        stages_of(graph, config)
    first = str(caught.value).splitlines()[0]
    assert first.partition(": ")[2] == message
