"""FIFO depths: the fewest words that keep the network alive, and at its full rate.

Each FIFO that enters a join is sized in its own block (fork to join) with an ideal source and sink, by
the smallest depth without deadlock (from token order alone) and the smallest at which the token model's
interval is that of an unlimited FIFO. Both are monotone in the depth. Equal blocks are sized once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from generator.design import (
    ConvStage,
    Implementation,
    PoolStage,
    SkipSizing,
    Stage,
    Storage,
    Stream,
    StreamRole,
)
from generator.errors import PlacementError
from generator.passes.build_stages import StageNetwork
from generator.passes.place_skips import PlacedSkip
from generator.passes.skip_blocks import SkipBlock, block_names, find_block, forcing_path, renamed, signature
from generator.passes.stage_timing import PLACE_CYCLES, conv_timing, offer_cycles
from generator.passes.token_model import Timing, run_model
from generator.passes.token_order import LiveDepth, TokenOrder

FRAMES = 3
"""Frames the model plays: the first two fill the pipeline, then an interval is steady."""
SMALL_FRAME, SMALL_FRAMES = 256, 6
"""Below so many pixels a frame fits into the memories several times, and more are played."""

WORD_RATE = 3
"""Words at which a FIFO passes one a cycle: written, stored, offered."""
PROMISED_WORD_RATE = 5
"""The same where room is promised two cycles before the word is written."""

SRL_BITS = 1024
"""Above this a FIFO goes to block RAM, the rule that Vivado HLS follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedNetwork:
    """A network with every depth set, and the reasons for those of its skips."""

    network: StageNetwork
    sizings: tuple[SkipSizing, ...]


def size_fifos(network: StageNetwork, skips: Sequence[PlacedSkip]) -> SizedNetwork:
    """Set every stream's depths and storage, and the rings that keep a skip.

    Raises:
        PlacementError: a depth asked for in the configuration is below the live depth.
    """
    stages = {stage.name: stage for stage in network.stages}
    streams = {stream.name: _size_data(stream, stages) for stream in network.streams}
    placed = {skip.name: skip for skip in skips}
    open_streams = set(network.skip_streams.values())
    known: dict[object, tuple[SkipSizing, tuple[str, ...]]] = {}
    sizings: dict[str, SkipSizing] = {}
    for name in _inner_first(network, stages, streams):
        entering, skip = network.skip_streams[name], placed[name]
        block = find_block(tuple(stages.values()), streams, entering)
        extend = skip.implementation is Implementation.RING_EXTEND
        if extend:
            open_streams.discard(entering)
        names = block_names(block)
        key = (signature(block), extend, tuple(number for number, n in enumerate(names) if n in open_streams))
        if key not in known:
            search = _RingSearch(block) if extend else _FifoSearch(block, frozenset(open_streams))
            known[key] = (search.sizing(name), names)
        sizing, known_names = known[key]
        sizing = sizings[name] = renamed(sizing, dict(zip(known_names, names, strict=True)), name)
        open_streams.discard(entering)
        if sizing.ring is not None:
            stages[sizing.ring] = _with_ring(stages[sizing.ring], sizing.depth_full_rate)
            streams[entering] = _with_storage(streams[entering], skip.storage)
        else:
            streams[entering] = _apply(streams[entering], sizing, skip)
    sized = replace(
        network,
        stages=tuple(stages.values()),
        streams=tuple(streams[stream.name] for stream in network.streams),
    )
    return SizedNetwork(network=sized, sizings=tuple(sizings[name] for name in network.skip_streams))


def _inner_first(network: StageNetwork, stages: dict[str, Stage], streams: dict[str, Stream]) -> list[str]:
    """Skips so that one inside another's block comes before it."""

    def size(name: str) -> int:
        return len(find_block(tuple(stages.values()), streams, network.skip_streams[name]).stages)

    return sorted(network.skip_streams, key=size)


def _with_ring(stage: Stage, pixels: int) -> Stage:
    assert isinstance(stage, ConvStage)
    return replace(stage, ring_pixels=pixels)


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
    again = [offset + offer_cycles(stream) + PLACE_CYCLES for offset in offsets]
    return sum(max(-(-time // cycles) - 1, 0) for time in again)


def _apply(stream: Stream, depths: SkipSizing, placed: PlacedSkip) -> Stream:
    depth = depths.depth_full_rate
    if placed.depth_pixels is not None:
        depth = placed.depth_pixels * stream.words_per_pixel
        if depth < depths.depth_live:
            each = stream.words_per_pixel
            live, full_rate = (-(-words // each) for words in (depths.depth_live, depths.depth_full_rate))
            raise PlacementError(
                f"Skip.{placed.name}.Depth: {placed.depth_pixels} px deadlocks; the skip needs at least {live} px, "
                f"and {full_rate} px for the full rate"
            )
    sized = replace(stream, depth_words=depth, depth_live=depths.depth_live, depth_full_rate=depths.depth_full_rate)
    return _with_storage(sized, placed.storage)


def _with_storage(stream: Stream, asked: Storage) -> Stream:
    if asked is not Storage.AUTO:
        return replace(stream, storage=asked)
    large = stream.role is StreamRole.SKIP and stream.depth_words * stream.width_bits > SRL_BITS
    return replace(stream, storage=Storage.BRAM if large else Storage.SRL)


class _Search:
    """Looks for the two knees of one memory; remembers every depth that it has tried."""

    def __init__(self, block: SkipBlock) -> None:
        self._block = block
        frame = max(stream.shape.pixels for stream in block.streams)
        self._frames = FRAMES if frame >= SMALL_FRAME else SMALL_FRAMES
        self._intervals: dict[int, int | None] = {}

    def interval(self, depth: int) -> int | None:
        """Cycles a frame at a depth; None: the stages stop."""
        if depth not in self._intervals:
            self._intervals[depth] = self._play(depth).interval_cycles
        return self._intervals[depth]

    def _play(self, depth: int) -> Timing:
        raise NotImplementedError

    def _chosen(self, name: str, ring: str | None, live: LiveDepth, full_rate: int, best: int) -> SkipSizing:
        tried = {depth: at for depth, at in self._intervals.items() if at is not None and live.words <= depth}
        tried[live.words] = self.interval(live.words) or 0
        curve = sorted((depth, at) for depth, at in tried.items() if depth <= full_rate and at > 0)
        return SkipSizing(
            skip=name,
            stream=self._block.skip.name,
            ring=ring,
            depth_live=live.words,
            depth_full_rate=full_rate,
            interval_cycles=best,
            path=forcing_path(self._block, live),
            slowdown=tuple(curve),
        )


class _FifoSearch(_Search):
    """The FIFO in front of a join; those of other joins that are not sized yet are unlimited."""

    def __init__(self, block: SkipBlock, unsized: frozenset[str]) -> None:
        super().__init__(block)
        self._depths: dict[str, int | None] = {stream.name: None for stream in block.streams if stream.name in unsized}

    def _play(self, depth: int) -> Timing:
        block = self._block
        return run_model(block.stages, block.streams, self._frames, {**self._depths, block.skip.name: depth})

    def sizing(self, name: str) -> SkipSizing:
        """Both knees."""
        block, skip = self._block, self._block.skip.name
        depths = {**self._depths, skip: None}
        live = TokenOrder(block.stages, block.streams, depths).live_depth(skip)
        unlimited = run_model(block.stages, block.streams, self._frames, depths, occupancy=(skip,))
        best = unlimited.interval_cycles
        if live is None or best is None:
            raise PlacementError(f"skip {name!r}: its block stops at any depth of {skip}; {_stuck(unlimited)}")
        full_rate = live.words
        if self.interval(full_rate) != best:
            most = max(unlimited.occupancy[skip] + 1, live.words)
            full_rate = _least(lambda depth: self.interval(depth) == best, full_rate + 1, most)
        return self._chosen(name, None, live, full_rate, best)


class _RingSearch(_Search):
    """The ring that keeps the skip: the FIFO behind it holds what it always does."""

    def __init__(self, block: SkipBlock) -> None:
        super().__init__(block)
        tapped = next(stage for stage in block.stages if stage.name == block.tapped)
        assert isinstance(tapped, ConvStage)
        self._tapped = tapped

    def _stages(self, pixels: int) -> tuple[Stage, ...]:
        name = self._tapped.name
        return tuple(_with_ring(stage, pixels) if stage.name == name else stage for stage in self._block.stages)

    def _play(self, depth: int) -> Timing:
        return run_model(self._stages(depth), self._block.streams, self._frames)

    def _runs(self, pixels: int) -> bool:
        block = self._block
        return not TokenOrder(self._stages(pixels), block.streams).stops(block.join)

    def sizing(self, name: str) -> SkipSizing:
        """Both knees, in pixels of the ring; never below what the stage has without the skip."""
        block, base = self._block, self._tapped.ring_pixels
        most = base + self._tapped.in_shape.pixels
        if not self._runs(most):
            raise PlacementError(f"skip {name!r}: its block stops at any ring of {block.tapped}")
        pixels = _least(self._runs, base, most)
        bound = max(stage.cycles for stage in block.stages if isinstance(stage, ConvStage))
        best = bound if self.interval(pixels) == bound else self.interval(most)
        assert best is not None
        enough = pixels
        while self.interval(enough) != best:
            enough = min(2 * enough - pixels + 1, most)
        full_rate = _least(lambda depth: self.interval(depth) == best, pixels, enough)
        below = TokenOrder(self._stages(most), block.streams, {block.skip.name: None}).live_depth(block.skip.name)
        chain = below.chain if below is not None else ()
        return self._chosen(name, block.tapped, LiveDepth(words=pixels, chain=chain), full_rate, best)


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
