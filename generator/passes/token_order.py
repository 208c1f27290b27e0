"""Which tokens must come before which, whatever the clock: deadlock from token order alone.

Agents fire: a conv stage starts pixels; loaders, clones, adds and taps move words. To have fired k times an
agent needs others to have fired so and so often: inputs loaded, words written, places free. The fewest
firings that a join needs for its next one are the least solution of these demands. What its skip FIFO
must then hold is the depth below which some order of events, hence every one, ends in a circular wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generator.design import AddStage, CloneStage, ConvStage, PoolStage, Stage, Storage, Stream
from generator.fixed_point import IntArray
from generator.passes.stage_timing import FREE_PIXELS, conv_timing, joined_stream
from generator.passes.token_flow import WaitFor
from generator.passes.token_model import inputs_of, outputs_of

_Cause = tuple[str, "Demand", NDArray[np.bool_]]
"""Who asked, by which rule, and for which of the join's firings it was the most."""

Counts = Callable[[IntArray], IntArray]
"""From firings of one agent to the firings that another must have had before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One rule: before an agent's k-th firing another must have fired `counts(k)` times.

    Attributes:
        other: the agent that must have fired.
        reason, stream: what the waiting agent waits for.
    """

    other: str
    counts: Counts
    reason: WaitFor
    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A link of a chain of waits: `agent` needs, for its firing number `firing`, `other` to have fired `fired` times.

    Firings are counted from 1 through all frames.
    """

    agent: str
    firing: int
    reason: WaitFor
    stream: str
    other: str
    fired: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDepth:
    """The fewest words of a FIFO without deadlock.

    Attributes:
        words: that depth.
        chain: why: from the join's firing to the firing of the FIFO's writer that it needs.
    """

    words: int
    chain: tuple[Step, ...]


class TokenOrder:
    """The demands of a network.

    Args:
        depths: FIFO depths that replace those of `streams`; None means unlimited.
    """

    def __init__(
        self, stages: Sequence[Stage], streams: Sequence[Stream], depths: Mapping[str, int | None] | None = None
    ) -> None:
        self._stages = {stage.name: stage for stage in stages}
        self._streams = {stream.name: stream for stream in streams}
        override = depths or {}
        self._depths = {stream.name: override.get(stream.name, stream.depth_words) for stream in streams}
        self._readers = {name: stage for stage in stages for name in inputs_of(stage)}
        self._writers = {name: stage for stage in stages for name in outputs_of(stage)}
        self.demands: dict[str, list[Demand]] = {}
        for name, stream in self._streams.items():
            if name == "x" and name not in self._writers:
                self.demands["x"] = self._rooms("x", stream, 1)
        for stage in stages:
            self._add_stage(stage)

    def live_depth(self, skip: str) -> LiveDepth | None:
        """The fewest words of the FIFO in front of a join, unlimited in this network.

        Returns:
            None if the network stops at any depth.
        """
        stream = self._streams[skip]
        join = self._readers[skip]
        taken = stream.words_per_pixel if isinstance(join, ConvStage) else 1
        frame = join.out_shape.pixels if isinstance(join, ConvStage) else stream.words_per_frame
        firings = np.arange(2 * frame, 3 * frame, dtype=np.int64) + 1
        fired, causes = self._close(join.name, firings)
        if fired is None:
            return None
        writer, words = self._writer_of(skip)
        held = fired[writer] * words - (firings - 1) * taken
        place = int(held.argmax())
        return LiveDepth(words=int(held[place]), chain=_chain(join.name, writer, place, fired, causes))

    def fired_before(self, join: str, frames: int) -> dict[str, IntArray]:
        """The least firings of all agents before each of a join's in its first frames, running maxima.

        Raises:
            ValueError: the join comes to need its own later firing.
        """
        firings = np.arange(frames * self._frame(join), dtype=np.int64) + 1
        fired, _ = self._close(join, firings)
        if fired is None:
            raise ValueError(f"join {join} waits for itself")
        return {agent: np.maximum.accumulate(counts) for agent, counts in fired.items()}

    def circle(self, chain: Sequence[Step], join: str, skip: str) -> tuple[Step, ...]:
        """A chain from a join to the writer of its skip FIFO, closed by the writer's wait for room in it."""
        writer, firing = (chain[-1].other, chain[-1].fired) if chain else (join, 1)
        room = next(demand for demand in self.demands[writer] if demand.stream == skip)
        taken = int(room.counts(np.array([firing]))[0])
        closing = Step(agent=writer, firing=firing, reason=room.reason, stream=skip, other=join, fired=taken)
        return (*chain, closing)

    def _frame(self, join: str) -> int:
        stage = self._stages[join]
        if isinstance(stage, ConvStage):
            return stage.out_shape.pixels
        return self._streams[stage_output(stage)].words_per_frame

    def stops(self, join: str) -> bool:
        """Whether a join, at its depths, comes to need its own later firing."""
        frame = self._frame(join)
        firings = np.arange(2 * frame, 3 * frame, dtype=np.int64) + 1
        return self._close(join, firings)[0] is None

    def _close(self, target: str, firings: IntArray) -> tuple[dict[str, IntArray] | None, dict[str, list[_Cause]]]:
        """The least firings of all agents before each of `target`'s; None if it needs its own later ones."""
        fired: dict[str, IntArray] = {target: firings}
        causes: dict[str, list[_Cause]] = {}
        pending = [target]
        while pending:
            agent = pending.pop(0)
            for demand in self.demands.get(agent, ()):
                needed = np.maximum(demand.counts(fired[agent]), 0)
                known = fired.get(demand.other)
                if demand.other == target:
                    if (needed >= firings).any():
                        return None, causes
                    continue
                if needed.max() > self._limit(demand.other):
                    return None, causes
                if known is not None and not (needed > known).any():
                    continue
                more = needed > (known if known is not None else -1)
                fired[demand.other] = needed if known is None else np.maximum(known, needed)
                causes.setdefault(demand.other, []).append((agent, demand, more))
                if demand.other not in pending:
                    pending.append(demand.other)
        return fired, causes

    def _limit(self, agent: str) -> int:
        """More firings than a join's third frame can need: demands that grow further never end."""
        stage = self._stages.get(agent.removesuffix(".load").removesuffix(".tap"))
        if isinstance(stage, ConvStage) and agent == stage.name:
            return 8 * stage.out_shape.pixels
        stream = self._streams["x" if stage is None else stage_input(stage)]
        return 8 * stream.words_per_frame

    def _add_stage(self, stage: Stage) -> None:
        match stage:
            case ConvStage():
                self._add_conv(stage)
            case CloneStage():
                if self._streams[stage.input].storage is not Storage.NONE:
                    rooms = [d for name in stage.outputs for d in self._rooms(stage.name, self._streams[name], 1)]
                    self.demands[stage.name] = [*self._written(stage.input, 1), *rooms]
            case AddStage():
                rooms = self._rooms(stage.name, self._streams[stage.output], 1)
                self.demands[stage.name] = [*self._written(stage.main, 1), *self._written(stage.skip, 1), *rooms]
            case PoolStage():
                self.demands[stage.name] = self._written(stage.input, 1)

    def _add_conv(self, stage: ConvStage) -> None:
        stream, output = self._streams[stage.input], self._streams[stage.output]
        skip = joined_stream(stage)
        timing = conv_timing(stage, output, self._streams[skip] if skip else None)
        words = stream.words_per_frame // stage.in_shape.pixels
        need = np.maximum.accumulate(np.array(timing.need, dtype=np.int64)) + 1
        pixels = stage.in_shape.pixels
        demands = self._loaded(stage, lambda k: _periodic(need, pixels, k - 1))
        if skip is not None:
            demands += self._written(skip, self._streams[skip].words_per_pixel)
        demands += self._rooms(stage.name, output, output.words_per_pixel)
        self.demands[stage.name] = demands
        if self._loaders(stage):
            slots = self._slots(stage, lambda k: (k - 1) // words - stage.ring_pixels, stage.input)
            self.demands[f"{stage.name}.load"] = [*self._written(stage.input, 1), *slots]
        if stage.tap is not None:
            tap = self._streams[stage.tap]
            per_pixel = tap.words_per_frame // pixels
            self.demands[f"{stage.name}.tap"] = [
                *self._loaded(stage, lambda k: (k - 1) // per_pixel + 1),
                *self._rooms(f"{stage.name}.tap", tap, 1),
            ]

    def _loaded(self, stage: ConvStage, pixels: Counts) -> list[Demand]:
        """Input pixels in the ring."""
        stream = self._streams[stage.input]
        words = stream.words_per_frame // stage.in_shape.pixels
        if f"{stage.name}.load" in self._loaders(stage):
            other = f"{stage.name}.load"
            return [Demand(other=other, counts=lambda k: pixels(k) * words, reason=WaitFor.WORDS, stream=stage.input)]
        return self._written_words(stage.input, lambda k: pixels(k) * words)

    def _loaders(self, stage: ConvStage) -> tuple[str, ...]:
        fifo = self._streams[stage.input].storage is not Storage.NONE
        return (f"{stage.name}.load",) if fifo and (stage.input in self._writers or stage.input == "x") else ()

    def _written(self, name: str, each: int) -> list[Demand]:
        """`each` words of a stream for every firing."""
        return self._written_words(name, lambda k: k * each)

    def _written_words(self, name: str, words: Counts) -> list[Demand]:
        if self._root(name) not in self._writers and name != "x" and self._root(name) != "x":
            return []
        writer, each = self._writer_of(name)
        return [Demand(other=writer, counts=lambda k: -(-words(k) // each), reason=WaitFor.WORDS, stream=name)]

    def _root(self, name: str) -> str:
        """The stream whose words a stream carries on through clones without storage."""
        source = self._writers.get(name)
        if isinstance(source, CloneStage) and self._streams[source.input].storage is Storage.NONE:
            return self._root(source.input)
        return name

    def _writer_of(self, name: str) -> tuple[str, int]:
        """The agent that writes a stream, and the words that it writes at a firing."""
        root = self._root(name)
        writer = self._writers.get(root)
        if writer is None:
            return root, 1
        if isinstance(writer, ConvStage):
            if writer.tap == root:
                return f"{writer.name}.tap", 1
            return writer.name, self._streams[root].words_per_pixel
        return writer.name, 1

    def _rooms(self, agent: str, stream: Stream, each: int) -> list[Demand]:
        """Places for what an agent writes to a stream at a firing, `each` words."""
        reader = self._readers.get(stream.name)
        if stream.storage is not Storage.NONE:
            depth = self._depths[stream.name]
            if depth is None or reader is None or isinstance(reader, PoolStage):
                return []
            return [self._taken(stream, reader, lambda k: k * each - depth)]
        if isinstance(reader, CloneStage):
            return [d for name in reader.outputs for d in self._rooms(agent, self._streams[name], each)]
        if not isinstance(reader, ConvStage):
            return []
        words = stream.words_per_frame // reader.in_shape.pixels
        ahead = FREE_PIXELS - 1 if each > 1 or self._promises(agent) else 0
        pixels = reader.ring_pixels
        return self._slots(reader, lambda k: (k * each - 1) // words - pixels + ahead, stream.name)

    def _promises(self, agent: str) -> bool:
        return isinstance(self._stages.get(agent), ConvStage)

    def _taken(self, stream: Stream, reader: Stage, words: Counts) -> Demand:
        """Words of a FIFO that its reader must have taken."""
        if not isinstance(reader, ConvStage):
            return Demand(other=reader.name, counts=words, reason=WaitFor.ROOM, stream=stream.name)
        if stream.name == reader.input:
            return Demand(other=f"{reader.name}.load", counts=words, reason=WaitFor.ROOM, stream=stream.name)
        each = stream.words_per_pixel
        return Demand(other=reader.name, counts=lambda k: -(-words(k) // each), reason=WaitFor.ROOM, stream=stream.name)

    def _slots(self, stage: ConvStage, pixel: Counts, stream: str) -> list[Demand]:
        """A slot of a ring that the window, and the tap, must have passed."""
        timing = conv_timing(stage, self._streams[stage.output])
        after = np.cumsum(np.array(timing.passed, dtype=np.int64))
        pixels, margin = stage.in_shape.pixels, timing.margin
        # starts after which more than n pixels have been passed, n within a frame
        starts = np.searchsorted(after, np.arange(pixels), side="right") + 1
        demands = [
            Demand(
                other=stage.name,
                counts=lambda k: np.where(
                    pixel(k) + margin < 0, 0, _periodic(starts, len(after), np.maximum(pixel(k) + margin, 0))
                ),
                reason=WaitFor.ROOM,
                stream=stream,
            )
        ]
        if stage.tap is not None:
            words = self._streams[stage.tap].words_per_frame // pixels
            demands.append(
                Demand(
                    other=f"{stage.name}.tap",
                    counts=lambda k: np.maximum((pixel(k) + 1) * words, 0),
                    reason=WaitFor.ROOM,
                    stream=stream,
                )
            )
        return demands


def stage_output(stage: Stage) -> str:
    """The stream on a stage's main path."""
    return outputs_of(stage)[0]


def stage_input(stage: Stage) -> str:
    """The stream that feeds a stage's main path."""
    return inputs_of(stage)[0]


def _periodic(table: IntArray, period: int, index: IntArray) -> IntArray:
    """A table of one frame continued through all frames: it grows by `period` a frame; 0 below index 0."""
    frame, place = np.divmod(np.maximum(index, 0), len(table))
    values: IntArray = np.where(index < 0, 0, table[place] + frame * period)
    return values


def _chain(
    join: str,
    writer: str,
    place: int,
    fired: Mapping[str, IntArray],
    causes: Mapping[str, Sequence[_Cause]],
) -> tuple[Step, ...]:
    """Back from the writer's firing to the join's, by the rule that asked for most."""
    steps: list[Step] = []
    agent = writer
    while agent != join:
        cause, demand, _ = next(entry for entry in reversed(causes[agent]) if bool(entry[2][place]))
        steps.append(
            Step(
                agent=cause,
                firing=int(fired[cause][place]),
                reason=demand.reason,
                stream=demand.stream,
                other=agent,
                fired=int(fired[agent][place]),
            )
        )
        agent = cause
    return tuple(reversed(steps))
