"""When words move: a model of the stages' start rules, exact to the cycle, in which no clock is simulated.

Every stage starts a pixel at the latest of a few earlier events (its own last pixel, inputs loaded, skip
operand there, room in its outputs); all that the pixel does follows from that cycle (`stage_timing`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from generator.design import AddStage, CloneStage, ConvStage, PoolStage, Stage, Storage, Stream
from generator.passes.stage_timing import (
    OFFER_CYCLES,
    TAP_CYCLES,
    conv_timing,
    joined_stream,
    load_parts,
    offer_cycles,
)
from generator.passes.token_flow import FOREVER, Delayed, Fifo, Listed, Outlet, Patterned, Ring, Times, Wait
from generator.passes.token_nodes import Conv, Loader, Node, Pool, Words
from generator.passes.token_tap import Tap


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a run of the model tells.

    Attributes:
        finished: False if the stages wait for each other.
        frame_ends: cycle of the last word of each frame at the top's output.
        starts: first beat of every pixel, by conv stage.
        waits: what every stage waited for at the end; empty if all finished.
        occupancy: most words held or promised, by stream that has a FIFO; only where it was asked for.
    """

    finished: bool
    frame_ends: tuple[int, ...]
    starts: Mapping[str, Sequence[int]]
    waits: tuple[Wait, ...]
    occupancy: Mapping[str, int]

    @property
    def interval_cycles(self) -> int | None:
        """Largest distance of the ends of frames n and n+1, n >= 2 counted from 1."""
        ends = self.frame_ends
        if not self.finished or len(ends) < 3:
            return None
        return max(later - earlier for earlier, later in pairwise(ends[1:]))

    @property
    def latency_cycles(self) -> int | None:
        """First input word to last output word of the first frame."""
        return self.frame_ends[0] if self.frame_ends else None


def run_model(
    stages: Sequence[Stage],
    streams: Sequence[Stream],
    frames: int,
    depths: Mapping[str, int | None] | None = None,
    occupancy: Sequence[str] = (),
) -> Timing:
    """Play frames through stages; the source never idles, the sink is always ready.

    Args:
        stages: in dataflow order. `x` is fed a word a cycle; other streams that none of them writes hold
            all their words from the beginning, those that none reads are always taken.
        depths: FIFO depths in words that replace those of `streams`; None means unlimited.
        occupancy: streams whose fill is measured.
    """
    return _Network(stages, streams, frames, depths or {}).run(occupancy)


class _Supplied:
    """Words that are there from the beginning."""

    def time(self, word: int) -> int | None:
        """Offered in cycle 0."""
        return -OFFER_CYCLES if word < FOREVER else None

    def first_from(self, word: int, time: int) -> int:
        """All of them are old."""
        return word if time <= -OFFER_CYCLES else FOREVER

    def until(self, word: int, time: int) -> tuple[set[int], bool]:
        """All of them are old."""
        return {-OFFER_CYCLES} if min(word, time) < 0 else set(), True


class _Network:
    """Stages as nodes, streams as what links them."""

    def __init__(
        self, stages: Sequence[Stage], streams: Sequence[Stream], frames: int, depths: Mapping[str, int | None]
    ) -> None:
        self._frames = frames
        self._streams = {stream.name: stream for stream in streams}
        self._depths = {stream.name: depths.get(stream.name, stream.depth_words) for stream in streams}
        self._readers = {name: stage for stage in stages for name in inputs_of(stage)}
        self._convs: dict[str, Conv] = {}
        self._rings: dict[str, Ring] = {}
        self._stages = {stage.name: stage for stage in stages}
        self._nodes: list[tuple[str, Node]] = []
        self._touched: list[tuple[str, ...]] = []
        self._taps: list[tuple[int, Tap]] = []
        self._written: dict[str, Times] = {}
        self._taken: dict[str, Times] = {}
        self._outlets: list[tuple[str, Outlet]] = []
        self._promises: dict[str, tuple[Sequence[int], int]] = {}
        written = {name for stage in stages for name in outputs_of(stage)}
        for name in self._streams:
            if name not in written:
                self._make_source(name)
        for stage in stages:
            self._make_stage(stage)
        for name, outlet in self._outlets:
            self._fill(name, outlet)

    def run(self, occupancy: Sequence[str]) -> Timing:
        """Let all nodes advance until none can."""
        nodes = [node for _, node in self._nodes]
        neighbours = self._neighbours()
        queue = deque(range(len(nodes)))
        queued = [True] * len(nodes)
        while queue:
            number = queue.popleft()
            queued[number] = False
            if nodes[number].advance():
                for other in neighbours[number]:
                    if not queued[other]:
                        queued[other] = True
                        queue.append(other)
            if not queue and (forced := self._force()) is not None:
                for other in (forced, *neighbours[forced]):
                    queued[other] = True
                    queue.append(other)
        waits = tuple(
            Wait(stage=stage, reason=node.wait[0], stream=node.wait[1])
            for stage, node in self._nodes
            if node.wait is not None
        )
        return Timing(
            finished=not waits,
            frame_ends=self._frame_ends(),
            starts={name: conv.starts for name, conv in self._convs.items()},
            waits=waits,
            occupancy={name: self._occupancy(name) for name in occupancy},
        )

    def _neighbours(self) -> list[tuple[int, ...]]:
        """By node, those that may go on when it has moved: the ones with which it shares a stream."""
        at: dict[str, list[int]] = {}
        for number, streams in enumerate(self._touched):
            for name in {self._root(stream) for stream in streams}:
                at.setdefault(name, []).append(number)
        return [
            tuple(sorted({other for name in streams for other in at[self._root(name)]} - {number}))
            for number, streams in enumerate(self._touched)
        ]

    def _root(self, name: str) -> str:
        """The stream whose words a stream carries on through clones without storage."""
        source = self._stages.get(self._streams[name].source or "")
        if isinstance(source, CloneStage) and self._streams[source.input].storage is Storage.NONE:
            return self._root(source.input)
        return name

    def _force(self) -> int | None:
        """Where all wait for a ring write that may still come: the earliest read goes before it."""
        undecided = [(tap.candidate, number) for number, tap in self._taps if tap.candidate is not None]
        if not undecided:
            return None
        (_, number), *others = sorted(undecided)
        tap = next(tap for place, tap in self._taps if place == number)
        tap.force(others[0][0] if others else None)
        return number

    def _frame_ends(self) -> tuple[int, ...]:
        stream = [stream for name, stream in self._streams.items() if name not in self._readers][-1]
        sent = self._written[stream.name]
        offered = 0 if stream.storage is Storage.NONE else offer_cycles(stream)
        ends = (sent.time((frame + 1) * stream.words_per_frame - 1) for frame in range(self._frames))
        return tuple(end + offered for end in ends if end is not None)

    def _occupancy(self, name: str) -> int:
        promised_in, words = self._promises[name]
        taken_end = self._taken[name]
        total = self._streams[name].words_per_frame * self._frames
        promised = np.array(promised_in, dtype=np.int64)
        times = (taken_end.time(word) for word in range(total))
        taken = np.array([time for time in times if time is not None], dtype=np.int64)
        held = np.arange(1, len(promised) + 1) * words - np.searchsorted(taken, promised, side="right")
        return int(held.max(initial=0))

    def _add(self, stage: str, node: Node, *streams: str) -> None:
        """A node of a stage, and the streams that it reads or writes."""
        self._nodes.append((stage, node))
        self._touched.append(streams)

    def _outlet(self, name: str) -> Outlet:
        outlet = Outlet()
        self._outlets.append((name, outlet))
        return outlet

    def _write(self, name: str, times: Times, promises: Sequence[int], words: int) -> None:
        """Tell when a stream's words are written, also to what stands behind a clone without storage."""
        self._written[name] = times
        self._promises[name] = (promises, words)
        reader = self._readers.get(name)
        if self._streams[name].storage is Storage.NONE and isinstance(reader, CloneStage):
            for output in reader.outputs:
                self._write(output, times, promises, words)

    def _fill(self, name: str, outlet: Outlet) -> None:
        """Link a writer to the FIFO behind it, or to the rings that it fills itself."""
        reader = self._readers.get(name)
        stream = self._streams[name]
        if stream.storage is not Storage.NONE:
            depth = self._depths[name]
            taken = self._taken.setdefault(name, Delayed(self._written[name], offer_cycles(stream)))
            if depth is not None:
                outlet.fifos.append(Fifo(name, stream.words_per_pixel, depth, taken))
        elif isinstance(reader, CloneStage):
            for output in reader.outputs:
                self._fill(output, outlet)
        elif isinstance(reader, ConvStage):
            outlet.add_ring(self._rings[reader.name])

    def _make_source(self, name: str) -> None:
        reader = self._readers.get(name)
        if name != "x":
            self._written[name] = _Supplied()
            return
        stream = self._streams[name]
        source = Words((), self._outlet(name), stream.words_per_frame * self._frames)
        self._add(name if reader is None else reader.name, source, name)
        self._write(name, Listed(source.times), source.times, 1)

    def _make_stage(self, stage: Stage) -> None:
        match stage:
            case ConvStage():
                self._make_conv(stage)
            case CloneStage():
                if self._streams[stage.input].storage is not Storage.NONE:
                    self._make_words(stage, (stage.input,), stage.outputs)
            case AddStage():
                self._make_words(stage, (stage.main, stage.skip), (stage.output,))
            case PoolStage():
                source, stream = (stage.input, self._written[stage.input]), self._streams[stage.input]
                shape = (stage.in_shape.pixels, stream.words_per_pixel)
                pool = Pool(source, self._outlet(stage.output), shape, self._frames)
                self._add(stage.name, pool, stage.input, stage.output)
                self._taken[stage.input] = Listed(pool.times)
                self._write(stage.output, Listed(pool.sent), pool.sent, 1)

    def _make_words(self, stage: Stage, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        outlet = Outlet()
        total = self._streams[outputs[0]].words_per_frame * self._frames
        words = Words([(name, self._written[name]) for name in inputs], outlet, total)
        self._add(stage.name, words, *inputs, *outputs)
        for name in inputs:
            self._taken[name] = Listed(words.times)
        for name in outputs:
            self._outlets.append((name, outlet))
            self._write(name, Listed(words.times), words.times, 1)

    def _make_conv(self, stage: ConvStage) -> None:
        stream, output = self._streams[stage.input], self._streams[stage.output]
        skip = joined_stream(stage)
        timing = conv_timing(stage, output, self._streams[skip] if skip else None)
        words = stream.words_per_frame // stage.in_shape.pixels
        ring = Ring(stage.input, stage.ring_pixels, words, timing.margin, load_parts(stage, stream))
        self._rings[stage.name] = ring
        conv = Conv(timing, ring, self._outlet(stage.output), self._frames)
        self._convs[stage.name] = conv
        self._feed(stage, ring, words)
        self._add(stage.name, conv, *inputs_of(stage), *outputs_of(stage))
        self._write(stage.output, Patterned(conv.starts, timing.write), conv.starts, output.words_per_pixel)
        if skip:
            self._taken[skip] = Patterned(conv.starts, timing.take)
            if not isinstance(self._written[skip], _Supplied):
                conv.join = (skip, self._written[skip])
        if stage.tap is not None:
            self._make_tap(stage, stage.tap, conv)

    def _feed(self, stage: ConvStage, ring: Ring, words: int) -> None:
        """What fills a ring: its FIFO's loader, or the writer itself, or it is full from the beginning."""
        written = self._written[stage.input]
        in_pixels = stage.in_shape.pixels * self._frames
        ring.writes = written
        if isinstance(written, _Supplied):
            ring.loaded.extend([-1] * in_pixels)
        elif self._streams[stage.input].storage is not Storage.NONE:
            loader = Loader((stage.input, written), ring, in_pixels * words)
            ring.writes = Listed(loader.times)
            self._taken[stage.input] = ring.writes
            self._add(stage.name, loader, stage.input)

    def _make_tap(self, stage: ConvStage, name: str, reader: Conv) -> None:
        stream, ring = self._streams[name], reader.ring
        words = stream.words_per_frame // stage.in_shape.pixels
        tap = Tap(words, reader, self._outlet(name), stream.words_per_frame * self._frames)
        ring.tap = tap
        if isinstance(ring.writes, Patterned):
            tap.writer = next((conv for conv in self._convs.values() if conv.starts is ring.writes.starts), None)
        self._taps.append((len(self._nodes), tap))
        self._add(stage.name, tap, stage.input, name)
        self._write(name, Listed(tap.reads, TAP_CYCLES), tap.reads, 1)


def inputs_of(stage: Stage) -> tuple[str, ...]:
    """Streams that a stage reads, the main path first."""
    if isinstance(stage, AddStage):
        return (stage.main, stage.skip)
    skip = joined_stream(stage) if isinstance(stage, ConvStage) else None
    return (stage.input, skip) if skip is not None else (stage.input,)


def outputs_of(stage: Stage) -> tuple[str, ...]:
    """Streams that a stage writes, the main path first."""
    if isinstance(stage, CloneStage):
        return stage.outputs
    if isinstance(stage, ConvStage) and stage.tap is not None:
        return (stage.output, stage.tap)
    return (stage.output,)
