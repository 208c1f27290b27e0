"""The moving parts of the token model: each knows when its next words or pixels move, as soon as that is decided.

A node advances as far as the known times allow and says what it waits for. Times are clock cycles and
exact; no clock is simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from generator.passes.stage_timing import LEVEL_CYCLES, OFFER_CYCLES, POOL_CYCLES, START_CYCLES, ConvTiming
from generator.passes.token_flow import Outlet, Ring, Times, WaitFor

_HOPS = 4
"""Waits that are followed when a bound on an undecided event is sought."""


class Node(Protocol):
    """A part that moves words."""

    wait: tuple[WaitFor, str] | None

    def advance(self) -> bool:
        """Go on as far as the known times allow; False if nothing moved."""


class Words:
    """Passes single words on: a top's input port (no sources), a clone or an add stage."""

    def __init__(self, sources: Sequence[tuple[str, Times]], outlet: Outlet, total: int) -> None:
        self._sources, self._outlet, self._total = sources, outlet, total
        self.times: list[int] = []
        self.wait: tuple[WaitFor, str] | None = None

    def advance(self) -> bool:
        """Move words that all inputs have and all outputs take."""
        times, outlet = self.times, self._outlet
        begun = word = len(times)
        time = times[-1] + 1 if times else 0
        self.wait = None
        while word < self._total:
            for name, source in self._sources:
                written = source.time(word)
                if written is None:
                    self.wait = (WaitFor.WORDS, name)
                    return word > begun
                time = max(time, written + OFFER_CYCLES)
            room, name = outlet.word_room(word, time)
            if room is None:
                self.wait = (WaitFor.ROOM, name)
                return word > begun
            moved = [room] if self._sources else outlet.burst(word, room)
            times += moved
            outlet.put(moved[-1], len(moved))
            word += len(moved)
            time = moved[-1] + 1
        return word > begun


class Loader:
    """Takes words from a FIFO into a ring."""

    def __init__(self, source: tuple[str, Times], ring: Ring, total: int) -> None:
        self._name, self._source = source
        self._ring, self._total = ring, total
        self.times: list[int] = []
        self.wait: tuple[WaitFor, str] | None = None

    def advance(self) -> bool:
        """Load what is written and finds a free slot."""
        times, ring, source = self.times, self._ring, self._source
        begun = word = len(times)
        self.wait = None
        while word < self._total:
            time = source.time(word)
            if time is None:
                self.wait = (WaitFor.WORDS, self._name)
                break
            time += OFFER_CYCLES
            if word and times[-1] >= time:
                time = times[-1] + 1
            pixel, index = divmod(word, ring.words)
            if index == 0:
                free = ring.free(pixel - ring.pixels)
                if free is None:
                    self.wait = (WaitFor.ROOM, self._name)
                    break
                time = max(time, free)
            time += ring.parts - 1
            times.append(time)
            word += 1
            if index == ring.words - 1:
                ring.loaded.append(time)
        return word > begun


class Conv:
    """The loop of a conv stage: starts a pixel as soon as inputs, skip operand and room are there.

    Attributes:
        starts: first beats.
        ready: the loop is not free for the next pixel before this cycle.
        first_write: no pixel writes a word sooner after its first beat.
    """

    def __init__(self, timing: ConvTiming, ring: Ring, outlet: Outlet, frames: int) -> None:
        self.timing, self.ring, self.outlet = timing, ring, outlet
        self.ring.reader = self
        self.starts: list[int] = []
        self.join: tuple[str, Times] | None = None
        self.wait: tuple[WaitFor, str] | None = None
        self.ready = 0
        self._frame_pixels = len(timing.cycles)
        self._in_pixels = sum(timing.passed)
        self._total = frames * self._frame_pixels
        self._join_words = len(timing.take[0])
        self._words = len(timing.write[0])
        self.first_write = min(offsets[0] for offsets in set(timing.write))

    def advance(self) -> bool:
        """Start pixels."""
        begun = pixel = len(self.starts)
        timing, loaded, passed = self.timing, self.ring.loaded, self.ring.passed
        self.wait = None
        while pixel < self._total:
            frame, place = divmod(pixel, self._frame_pixels)
            need = frame * self._in_pixels + timing.need[place]
            if need >= len(loaded):
                self.wait = (WaitFor.WORDS, self.ring.stream)
                break
            time = max(loaded[need] + START_CYCLES, self.ready)
            found = self._side_conditions(pixel, time)
            if found is None:
                break
            self.starts.append(found)
            pixel += 1
            self.ready = found + timing.cycles[place]
            steps = timing.passed[place]
            if steps == 1:
                passed.append(self.ready - 1)
            else:
                passed += [self.ready - 1] * steps
            if self.outlet.rings:
                self.outlet.put(found + timing.write[place][-1], self._words)
        return pixel > begun

    def _side_conditions(self, pixel: int, time: int) -> int | None:
        """First cycle from `time` on in which the skip operand and the room are there as well."""
        if self.join is not None:
            written = self.join[1].time((pixel + 1) * self._join_words - 1)
            if written is None:
                self.wait = (WaitFor.WORDS, self.join[0])
                return None
            time = max(time, written + LEVEL_CYCLES)
        last = (pixel + 1) * self._words - 1
        for fifo in self.outlet.fifos:
            room = fifo.room(last)
            if room is None:
                self.wait = (WaitFor.ROOM, fifo.name)
                return None
            time = max(time, room)
        rings = self.outlet.rings
        settled = not rings
        while not settled:
            before = time
            for ring in rings:
                room = ring.start(time)
                if room is None:
                    self.wait = (WaitFor.ROOM, ring.stream)
                    return None
                time = room
            settled = len(rings) == 1 or time == before
        return time

    def next_start(self, hops: int = _HOPS) -> int:
        """No pixel that has not started can start before this cycle.

        It may wait for a slot that one of its readers' next pixels frees; `hops` such waits are looked at.
        """
        start = self.ready
        for ring in self.outlet.rings if hops else ():
            slot = len(ring.loaded) - ring.pixels
            if slot + ring.margin >= len(ring.passed) and ring.reader is not None:
                start = max(start, ring.reader.next_end(hops - 1))
        return start

    def next_end(self, hops: int = _HOPS) -> int:
        """No pixel that has not started can have freed its inputs before this cycle."""
        return self.next_start(hops) + self.timing.cycles[len(self.starts) % self._frame_pixels]


class Pool:
    """Global average: each word of a frame's last pixel gives one word of means."""

    def __init__(self, source: tuple[str, Times], outlet: Outlet, shape: tuple[int, int], frames: int) -> None:
        self._name, self._source = source
        self._outlet = outlet
        self._pixels, self._words = shape
        self._frames = frames
        self.times: list[int] = []
        self.sent: list[int] = []
        self.wait: tuple[WaitFor, str] | None = None

    def advance(self) -> bool:
        """Take words; those of the last pixel only with room for the mean."""
        times = self.times
        begun = word = len(times)
        frame_words = self._pixels * self._words
        self.wait = None
        while word < frame_words * self._frames:
            time = self._source.time(word)
            if time is None:
                self.wait = (WaitFor.WORDS, self._name)
                break
            time = max(time + OFFER_CYCLES, times[-1] + 1 if times else 0)
            if word % frame_words >= frame_words - self._words:
                room, name = self._outlet.word_room(len(self.sent), time)
                if room is None:
                    self.wait = (WaitFor.ROOM, name)
                    break
                time = room
                self.sent.append(time + POOL_CYCLES)
                self._outlet.put(time + POOL_CYCLES)
            times.append(time)
            word += 1
        return word > begun
