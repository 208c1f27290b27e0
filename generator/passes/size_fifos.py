"""FIFO depths: the fewest words that keep the network alive, and at its full rate.

Each FIFO that enters a join is sized in its own block (fork to join) with an ideal source and sink, by
searching the smallest depth at which the token model finishes, and at which its interval is that of
unlimited FIFOs. Both questions are monotone in the depth. Blocks of the same shape are sized once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from generator.design import ConvStage, Implementation, PoolStage, Stage, Storage, Stream, StreamRole
from generator.errors import PlacementError
from generator.passes.build_stages import StageNetwork
from generator.passes.place_skips import PlacedSkip
from generator.passes.skip_blocks import SkipBlock, find_block, signature
from generator.passes.stage_timing import OFFER_CYCLES, PLACE_CYCLES, conv_timing
from generator.passes.token_model import Timing, run_model

FRAMES = 4
"""Frames the model plays: the first fills the pipeline, two steady intervals remain to compare."""

WORD_RATE = 3
"""Words at which a FIFO passes one a cycle: written, stored, offered."""
PROMISED_WORD_RATE = 5
"""The same where room is promised two cycles before the word is written."""

SRL_BITS = 1024
"""Above this a FIFO goes to block RAM, the rule that Vivado HLS follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depths:
    """The two knees of one FIFO, in words; of a ring that keeps a skip, in pixels."""

    live: int
    full_rate: int


def size_fifos(network: StageNetwork, skips: Sequence[PlacedSkip]) -> StageNetwork:
    """Set every stream's depths and storage, and the rings that keep a skip.

    Raises:
        PlacementError: a depth asked for in the configuration is below the live depth.
    """
    stages = {stage.name: stage for stage in network.stages}
    streams = {stream.name: _size_data(stream, stages) for stream in network.streams}
    placed = {skip.name: skip for skip in skips}
    known: dict[object, Depths] = {}
    for name, entering in network.skip_streams.items():
        block = find_block(tuple(stages.values()), streams, entering)
        extend = placed[name].implementation is Implementation.RING_EXTEND
        key = (signature(block), extend)
        if key not in known:
            known[key] = _size_ring(block) if extend else _size_skip(block)
        if extend:
            assert block.tapped is not None
            stage = stages[block.tapped]
            assert isinstance(stage, ConvStage)
            stages[block.tapped] = replace(stage, ring_pixels=known[key].full_rate)
            streams[entering] = _with_storage(streams[entering], placed[name].storage)
        else:
            streams[entering] = _apply(streams[entering], known[key], placed[name])
    return replace(
        network,
        stages=tuple(stages.values()),
        streams=tuple(streams[stream.name] for stream in network.streams),
    )


def _size_data(stream: Stream, stages: dict[str, Stage]) -> Stream:
    """A FIFO on the main path: a pixel, and the words still under way when the next pixel starts.

    A whole pixel also behind stages that pass single words: with less, a clone would stop within a
    pixel whenever one of its readers is busy, and starve the other.
    """
    if stream.storage is Storage.NONE:
        return stream
    words = stream.words_per_pixel
    source = stages.get(stream.source or "")
    live, depth = 1, max(words, PROMISED_WORD_RATE if isinstance(source, PoolStage) else WORD_RATE)
    if isinstance(source, ConvStage) and source.tap != stream.name:
        live = words
        depth = max(words + _words_on_their_way(source, stream), WORD_RATE)
    elif isinstance(source, ConvStage):
        depth = max(words, PROMISED_WORD_RATE)
    return _with_storage(replace(stream, depth_words=depth, depth_live=live, depth_full_rate=depth), Storage.AUTO)


def _words_on_their_way(stage: ConvStage, stream: Stream) -> int:
    """Words of earlier pixels whose places are not free again when the next pixel starts without a gap."""
    timing = conv_timing(stage, stream)
    cycles, offsets = min(zip(timing.cycles, timing.write, strict=True))
    again = [offset + OFFER_CYCLES + PLACE_CYCLES for offset in offsets]
    return sum(max(-(-time // cycles) - 1, 0) for time in again)


def _apply(stream: Stream, depths: Depths, placed: PlacedSkip) -> Stream:
    depth = depths.full_rate
    if placed.depth_pixels is not None:
        depth = placed.depth_pixels * stream.words_per_pixel
        if depth < depths.live:
            raise PlacementError(
                f"Skip.{placed.name}.Depth: {placed.depth_pixels} px deadlocks; the skip needs at least "
                f"{-(-depths.live // stream.words_per_pixel)} px, and {-(-depths.full_rate // stream.words_per_pixel)} "
                "px for the full rate"
            )
    sized = replace(stream, depth_words=depth, depth_live=depths.live, depth_full_rate=depths.full_rate)
    return _with_storage(sized, placed.storage)


def _with_storage(stream: Stream, asked: Storage) -> Stream:
    if asked is not Storage.AUTO:
        return replace(stream, storage=asked)
    large = stream.role is StreamRole.SKIP and stream.depth_words * stream.width_bits > SRL_BITS
    return replace(stream, storage=Storage.BRAM if large else Storage.SRL)


def _size_skip(block: SkipBlock) -> Depths:
    skip = block.skip

    def play(depth: int | None, frames: int = FRAMES) -> Timing:
        return run_model(block.stages, block.streams, frames, {skip.name: depth})

    unlimited = run_model(block.stages, block.streams, FRAMES, {skip.name: None}, occupancy=(skip.name,))
    if not unlimited.finished:
        raise PlacementError(f"skip stream {skip.name!r}: its block stops at any depth; {_stuck(unlimited)}")
    most = unlimited.occupancy[skip.name] + 1
    live = _least(lambda depth: play(depth, 2).finished, 1, most)
    return Depths(
        live=live,
        full_rate=_least(lambda depth: play(depth).interval_cycles == unlimited.interval_cycles, live, most),
    )


def _size_ring(block: SkipBlock) -> Depths:
    """The ring that keeps the skip: the FIFO behind it holds what it always does."""
    assert block.tapped is not None

    def play(pixels: int, frames: int = FRAMES) -> Timing:
        stages = tuple(
            replace(stage, ring_pixels=pixels) if isinstance(stage, ConvStage) and stage.name == block.tapped else stage
            for stage in block.stages
        )
        return run_model(stages, block.streams, frames)

    tapped = next(stage for stage in block.stages if stage.name == block.tapped)
    assert isinstance(tapped, ConvStage)
    base = tapped.ring_pixels
    most = base + tapped.in_shape.pixels + tapped.in_shape.width
    unlimited = play(most)
    if not unlimited.finished:
        raise PlacementError(f"skip stream {block.skip.name!r}: its block stops at any ring; {_stuck(unlimited)}")
    live = _least(lambda pixels: play(pixels, 2).finished, base, most)
    return Depths(
        live=live,
        full_rate=_least(lambda pixels: play(pixels).interval_cycles == unlimited.interval_cycles, live, most),
    )


def _stuck(timing: Timing) -> str:
    return "; ".join(f"{wait.stage} waits for {wait.reason} of {wait.stream}" for wait in timing.waits)


def _least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest number in [low, high] from which on a monotone property holds."""
    assert holds(high), "unlimited depth must satisfy what is searched"
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
