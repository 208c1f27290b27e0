"""FIFO depths: the fewest words that keep the network alive, and at its full rate.

Each skip FIFO is sized in its own block (fork to join) with an ideal source and sink, by searching
the smallest depth at which the token model finishes, and at which its interval is that of unlimited
FIFOs. Both questions are monotone in the depth. Blocks of the same shape are sized once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from generator.design import (
    AddStage,
    CloneStage,
    ConvStage,
    Implementation,
    PoolStage,
    Stage,
    Storage,
    Stream,
    StreamRole,
)
from generator.errors import PlacementError
from generator.passes.build_stages import StageNetwork
from generator.passes.place_skips import PlacedSkip
from generator.passes.token_model import run_model

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
    """The two knees of one FIFO, in words."""

    live: int
    full_rate: int


def size_fifos(network: StageNetwork, skips: Sequence[PlacedSkip]) -> StageNetwork:
    """Set every stream's depths and storage.

    Raises:
        PlacementError: a depth asked for in the configuration is below the live depth.
    """
    streams = {stream.name: _size_data(stream, network) for stream in network.streams}
    asked = {skip.edge.join: skip for skip in skips if skip.edge is not None}
    known: dict[object, Depths] = {}
    for stream in network.streams:
        if stream.role is not StreamRole.SKIP:
            continue
        placed = asked.get(stream.sink or "")
        if placed is None or placed.implementation is not Implementation.CLONE_FIFO:
            continue
        block = _block(network, stream)
        key = _signature(block, streams)
        if key not in known:
            known[key] = _size_skip(block, streams, stream)
        streams[stream.name] = _apply(stream, known[key], placed)
    return replace(network, streams=tuple(streams[stream.name] for stream in network.streams))


def _size_data(stream: Stream, network: StageNetwork) -> Stream:
    """A FIFO on the main path: a pixel, and the words still under way when the next pixel starts.

    A whole pixel also behind stages that pass single words: with less, a clone would stop within a
    pixel whenever one of its readers is busy, and starve the other.
    """
    if stream.storage is Storage.NONE:
        return stream
    words = stream.words_per_pixel
    source = next((stage for stage in network.stages if stage.name == stream.source), None)
    live, depth = 1, max(words, PROMISED_WORD_RATE if isinstance(source, PoolStage) else WORD_RATE)
    if isinstance(source, ConvStage):
        live = words
        depth = max(words + -(-source.pe // stream.lanes), WORD_RATE)
    return replace(
        stream,
        depth_words=depth,
        depth_live=live,
        depth_full_rate=depth,
        storage=_storage(stream, depth, Storage.AUTO),
    )


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
    return replace(
        stream,
        depth_words=depth,
        depth_live=depths.live,
        depth_full_rate=depths.full_rate,
        storage=_storage(stream, depth, placed.storage),
    )


def _storage(stream: Stream, depth: int, asked: Storage) -> Storage:
    if asked is not Storage.AUTO:
        return asked
    return Storage.BRAM if stream.role is StreamRole.SKIP and depth * stream.width_bits > SRL_BITS else Storage.SRL


def _block(network: StageNetwork, skip: Stream) -> tuple[Stage, ...]:
    """The stages between the fork of a skip FIFO and its join, both included."""
    by_name = {stage.name: stage for stage in network.stages}
    sources = {stream.name: stream.source for stream in network.streams}
    join = by_name[skip.sink or ""]
    assert isinstance(join, AddStage)

    def upstream(name: str) -> list[str]:
        """Stages that feed a stream, nearest first."""
        found: list[str] = []
        queue = [sources[name]]
        while queue:
            stage = queue.pop(0)
            if stage is None or stage in found:
                continue
            found.append(stage)
            queue += [sources[stream] for stream in _reads(by_name[stage])]
        return found

    main, side = upstream(join.main), upstream(join.skip)
    fork = next(stage for stage in side if stage in main and isinstance(by_name[stage], CloneStage))
    beyond = set(upstream(_reads(by_name[fork])[0]))
    names = ({*main, *side} - beyond) | {join.name, fork}
    return tuple(stage for stage in network.stages if stage.name in names)


def _reads(stage: Stage) -> tuple[str, ...]:
    return (stage.main, stage.skip) if isinstance(stage, AddStage) else (stage.input,)


def _writes(stage: Stage) -> tuple[str, ...]:
    return stage.outputs if isinstance(stage, CloneStage) else (stage.output,)


def _signature(block: Sequence[Stage], streams: Mapping[str, Stream]) -> object:
    """What the model sees of a block, without names: equal signatures have equal depths."""
    numbers = {
        name: place for place, name in enumerate(dict.fromkeys(n for s in block for n in (*_reads(s), *_writes(s))))
    }
    shape: list[object] = []
    for stage in block:
        shape.append((type(stage).__name__, [numbers[n] for n in _reads(stage)], [numbers[n] for n in _writes(stage)]))
        if isinstance(stage, ConvStage):
            folding = (stage.reuse_factor, stage.pe, stage.ring_pixels)
            shape.append((stage.in_shape, stage.out_shape, stage.kernel, stage.stride, stage.padding, folding))
    flows = [(streams[n].words_per_pixel, streams[n].shape.pixels, streams[n].depth_words) for n in numbers]
    return repr((shape, flows))


def _size_skip(block: Sequence[Stage], streams: Mapping[str, Stream], skip: Stream) -> Depths:
    inside = {name for stage in block for name in (*_reads(stage), *_writes(stage))}
    flows = [stream for name, stream in streams.items() if name in inside]
    others = {stream.name: stream.depth_words for stream in flows}
    unlimited = run_model(block, flows, FRAMES, {**others, skip.name: None})
    pixel = skip.words_per_pixel

    def alive(pixels: int) -> bool:
        return run_model(block, flows, 2, {**others, skip.name: pixels * pixel}).finished

    def at_full_rate(pixels: int) -> bool:
        timing = run_model(block, flows, FRAMES, {**others, skip.name: pixels * pixel})
        return timing.finished and timing.interval_cycles == unlimited.interval_cycles

    most = unlimited.occupancy[skip.name] // pixel + 1
    live = _least(alive, 1, most)
    return Depths(live=live * pixel, full_rate=_least(at_full_rate, live, most) * pixel)


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
