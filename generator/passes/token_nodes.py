"""The moving parts of the token model: each knows when its next words or pixels move, as soon as that is decided.

A node advances as far as the known times allow and says what it waits for. Times are clock cycles and
exact; no clock is simulated. A time that is not yet decided is None.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from generator.passes.stage_timing import (
    FREE_PIXELS,
    LEVEL_CYCLES,
    OFFER_CYCLES,
    PLACE_CYCLES,
    POOL_CYCLES,
    START_CYCLES,
    TAP_CYCLES,
    ConvTiming,
)

FOREVER = 1 << 60
"""Later than all that happens."""

_HOPS = 4
"""Waits that are followed when a bound on an undecided event is sought."""


class WaitFor(StrEnum):
    """Why a stage does not go on."""

    WORDS = "words"
    ROOM = "room"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A stage that waits for words of a stream, or for room in it."""

    stage: str
    reason: WaitFor
    stream: str


class Times(Protocol):
    """When the words at one end of a stream move, by their number counted through all frames."""

    def time(self, word: int) -> int | None:
        """The cycle, or None while it is not decided."""

    def first_from(self, word: int, time: int) -> int:
        """The first word from number `word` on that moves at `time` or later, or is not decided."""

    def until(self, word: int, time: int) -> tuple[set[int], bool]:
        """The cycles in which words from number `word` on move, at least those up to `time`, and if all are decided."""


class Listed:
    """Times word by word."""

    __slots__ = ("delay", "times")

    def __init__(self, times: list[int], delay: int = 0) -> None:
        self.times, self.delay = times, delay

    def time(self, word: int) -> int | None:
        return self.times[word] + self.delay if word < len(self.times) else None

    def first_from(self, word: int, time: int) -> int:
        return bisect_left(self.times, time - self.delay, word)

    def until(self, word: int, time: int) -> tuple[set[int], bool]:
        end = bisect_left(self.times, time - self.delay + 1, word)
        return {moved + self.delay for moved in self.times[word:end]}, end < len(self.times)


class Patterned:
    """Words at fixed offsets from the start of their pixel."""

    __slots__ = ("offsets", "pixels", "starts", "words")

    def __init__(self, starts: list[int], offsets: Sequence[tuple[int, ...]]) -> None:
        self.starts, self.offsets = starts, offsets
        self.words, self.pixels = len(offsets[0]), len(offsets)

    def time(self, word: int) -> int | None:
        pixel, index = divmod(word, self.words)
        if pixel >= len(self.starts):
            return None
        return self.starts[pixel] + self.offsets[pixel % self.pixels][index]

    def first_from(self, word: int, time: int) -> int:
        pixel = word // self.words
        starts = self.starts
        while pixel < len(starts):
            offsets = self.offsets[pixel % self.pixels]
            if starts[pixel] + offsets[-1] >= time:
                return max(word, pixel * self.words + bisect_left(offsets, time - starts[pixel]))
            pixel += 1
        return max(word, pixel * self.words)

    def until(self, word: int, time: int) -> tuple[set[int], bool]:
        found: set[int] = set()
        pixel = word // self.words
        while pixel < len(self.starts) and self.starts[pixel] <= time:
            start = self.starts[pixel]
            found.update([start + offset for offset in self.offsets[pixel % self.pixels]])
            pixel += 1
        return found, pixel < len(self.starts)


class Delayed:
    """Another end's times, later by a constant: an ideal sink takes each word as soon as it is offered."""

    __slots__ = ("delay", "times")

    def __init__(self, times: Times, delay: int) -> None:
        self.times, self.delay = times, delay

    def time(self, word: int) -> int | None:
        time = self.times.time(word)
        return None if time is None else time + self.delay

    def first_from(self, word: int, time: int) -> int:
        return self.times.first_from(word, time - self.delay)

    def until(self, word: int, time: int) -> tuple[set[int], bool]:
        found, decided = self.times.until(word, time - self.delay)
        return {moved + self.delay for moved in found}, decided


class Ring:
    """A conv stage's line buffer.

    Attributes:
        pixels: capacity.
        words: stream words of an input pixel.
        loaded: by input pixel, the cycle of its last write.
        passed: by input pixel plus margin, the last beat after which no window needs it.
        reader: the loop that reads it.
        tap: its second reader, or None.
        writes: when its words are written, the last of `parts` cycles each.
    """

    __slots__ = ("loaded", "margin", "parts", "passed", "pixels", "reader", "stream", "tap", "words", "writes")

    def __init__(self, stream: str, pixels: int, words: int, margin: int, parts: int) -> None:
        self.stream, self.pixels, self.words, self.margin, self.parts = stream, pixels, words, margin, parts
        self.loaded: list[int] = []
        self.passed: list[int] = []
        self.reader: Conv | None = None
        self.tap: Tap | None = None
        self.writes: Times | None = None

    def free(self, pixel: int) -> int | None:
        """First cycle in which the slot of an input pixel shows as free; None if not decided."""
        index = pixel + self.margin
        if index < 0:
            return 0
        if index >= len(self.passed):
            return None
        time = self.passed[index]
        if self.tap is not None and pixel >= 0:
            last = (pixel + 1) * self.tap.words - 1
            if last >= len(self.tap.reads):
                return None
            time = max(time, self.tap.reads[last])
        return time + PLACE_CYCLES

    def start(self, ready: int) -> int | None:
        """First cycle from `ready` on in which a direct writer sees room for its next pixel.

        The writer sees the pixels that are loaded, not those on their way: a slot that falls free while
        an earlier pixel is still on its way counts, the same slot a cycle after its arrival does not.
        """
        loaded = self.loaded
        pixel = first = len(loaded)
        while first and loaded[first - 1] >= ready:
            first -= 1
        while True:
            free = self.free(first - self.pixels + FREE_PIXELS - 1)
            if free is None:
                return None
            time = max(ready, free)
            if first == pixel or time <= loaded[first]:
                return time
            first += 1


class Fifo:
    """The reading end of a FIFO as its writer sees it."""

    __slots__ = ("depth", "name", "taken", "words")

    def __init__(self, name: str, words: int, depth: int, taken: Times) -> None:
        self.name, self.words, self.depth, self.taken = name, words, depth, taken

    def room(self, word: int) -> int | None:
        """First cycle with room for all words up to this one; None if not decided."""
        if word < self.depth:
            return 0
        time = self.taken.time(word - self.depth)
        return None if time is None else time + PLACE_CYCLES

    def places(self, word: int, words: int) -> list[int]:
        """First cycles with room for words from this one on, as far as decided."""
        first = word - self.depth
        taken, found = self.taken, [0] * min(max(-first, 0), words)
        if not isinstance(taken, Patterned):
            room = self.room(word)
            return found or ([] if room is None else [room])
        first = max(first, 0)
        while len(found) < words:
            pixel, index = divmod(first, taken.words)
            if pixel >= len(taken.starts):
                break
            given = taken.starts[pixel] + PLACE_CYCLES
            offsets = taken.offsets[pixel % taken.pixels][index : index + words - len(found)]
            found += [given + offset for offset in offsets]
            first += len(offsets)
        return found


class Node(Protocol):
    """A part that moves words."""

    wait: tuple[WaitFor, str] | None

    def advance(self) -> bool:
        """Go on as far as the known times allow; False if nothing moved."""


class Outlet:
    """Where a writer's words go: FIFOs that hold them, rings that it fills directly."""

    __slots__ = ("fifos", "filled", "rings")

    def __init__(self) -> None:
        self.fifos: list[Fifo] = []
        self.rings: list[Ring] = []
        self.filled: list[int] = []
        """By ring, words of the input pixel that is being written."""

    def add_ring(self, ring: Ring) -> None:
        """Fill a ring directly."""
        self.rings.append(ring)
        self.filled.append(0)

    def word_room(self, word: int, time: int) -> tuple[int | None, str]:
        """First cycle from `time` on with room for a single word, and the stream that decides it."""
        name = ""
        for fifo in self.fifos:
            room = fifo.room(word)
            if room is None:
                return None, fifo.name
            time, name = (room, fifo.name) if room > time else (time, name)
        for ring, filled in zip(self.rings, self.filled, strict=True):
            if filled == 0:
                room = ring.free(len(ring.loaded) - ring.pixels)
                if room is None:
                    return None, ring.stream
                time, name = (room, ring.stream) if room > time else (time, name)
        return time, name

    def burst(self, word: int, time: int) -> list[int]:
        """When words from this one on, which moves at `time`, can move within all input pixels, as far as decided."""
        words = min((ring.words - filled for ring, filled in zip(self.rings, self.filled, strict=True)), default=1)
        moved = list(range(time, time + words))
        for fifo in self.fifos:
            given = fifo.places(word, words)
            if given and given[-1] <= time and len(given) == words:
                continue
            del moved[max(len(given), 1) :]
            for index in range(1, len(moved)):
                moved[index] = max(moved[index], given[index], moved[index - 1] + 1)
        return moved

    def put(self, time: int, words: int = 1) -> None:
        """Words written, the last of them at `time`; never across an input pixel's end."""
        for index, ring in enumerate(self.rings):
            filled = self.filled[index] + words
            if filled == ring.words:
                ring.loaded.append(time)
                filled = 0
            self.filled[index] = filled


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


class Tap:
    """The second reader of a ring: copies its pixels into a FIFO in cycles in which the ring is not written.

    Attributes:
        words: of a pixel in the FIFO.
        reads: by word, the cycle of the read; the FIFO is written TAP_CYCLES later.
        candidate: the cycle of the next read, if it only depends on a write of the ring not yet decided.
    """

    def __init__(self, words: int, reader: Conv, outlet: Outlet, total: int) -> None:
        self.words = words
        self._reader, self._ring, self._outlet, self._total = reader, reader.ring, outlet, total
        self.writer: Conv | None = None
        self.reads: list[int] = []
        self.candidate: int | None = None
        self.wait: tuple[WaitFor, str] | None = None
        self._write = 0
        """Number of the first ring write that is not known to lie before the next read."""
        self._held = False
        """Whether the next word waits for its place, as those behind it then do."""

    def advance(self) -> bool:
        """Read words that are loaded, find room, and meet no write."""
        begun = len(self.reads)
        self.candidate = None
        while True:
            while self._read_pixel():
                continue
            time = self._next()
            if time is None:
                break
            word = len(self.reads)
            time, write = self._gap(time)
            if write is None:
                write = self._no_write_before(word)
                if write is not None and time >= write:
                    self.candidate = time
                    break
            self._read(time, self._burst(word, time, write))
        return len(self.reads) > begun

    def force(self, before: int | None) -> None:
        """Read on at the candidate: nothing undecided can happen before it.

        Nor before the pixel's last word if only that one moves others, and as long as no other tap's
        candidate, `before`, is reached.
        """
        time = self.candidate
        assert time is not None
        if self._read_pixel(before if before is not None else time + FOREVER):
            return
        whole = all(isinstance(fifo.taken, Patterned) for fifo in self._outlet.fifos)
        while True:
            self._read(time, 1)
            if not whole or len(self.reads) % self.words == 0:
                return
            following = self._next()
            if following is None:
                return
            time, _ = self._gap(following)
            if before is not None and time >= before:
                return

    def _read_pixel(self, before: int | None = None) -> bool:
        """Read a whole pixel, its places given by a join behind the FIFO; False if it is not that simple.

        Args:
            before: no undecided write of the ring comes before this cycle; None: not known yet.
        """
        word, ring = len(self.reads), self._ring
        pixel, index = divmod(word, self.words)
        fifo = self._outlet.fifos[0] if self._outlet.fifos else None
        if fifo is None or index or word >= self._total or pixel >= len(ring.loaded):
            return False
        taken = fifo.taken
        if not isinstance(taken, Patterned) or taken.words != self.words or len(self._outlet.fifos) > 1:
            return False
        giver, uneven = divmod(word - fifo.depth, self.words)
        if uneven or giver < 0 or giver >= len(taken.starts):
            return False
        if ring.writes is None or ring.parts > 1:
            return False
        time = max(ring.loaded[pixel] + START_CYCLES, self.reads[-1] + 1 if word else 0)
        given = taken.starts[giver] + PLACE_CYCLES
        offsets = taken.offsets[giver % taken.pixels]
        self._write = ring.writes.first_from(self._write, time)
        written, decided = ring.writes.until(self._write, max(given + offsets[-1], time) + 2 * self.words)
        times = []
        for offset in offsets:
            time = max(time, given + offset)
            while time in written:
                time += 1
            times.append(time)
            time += 1
        bound = before
        if before is None and not decided:
            bound = self._no_write_before(word)
        if bound is not None and times[-1] >= bound:
            return False
        self.reads += times
        self._outlet.put(times[-1] + TAP_CYCLES, self.words)
        return True

    def _next(self) -> int | None:
        """First cycle in which the next word is loaded and finds room; None, with the reason, if not decided."""
        word, ring = len(self.reads), self._ring
        self.wait = None
        if word >= self._total:
            return None
        pixel = word // self.words
        if pixel >= len(ring.loaded):
            self.wait = (WaitFor.WORDS, ring.stream)
            return None
        time = ring.loaded[pixel] + START_CYCLES
        if word and self.reads[-1] >= time:
            time = self.reads[-1] + 1
        room, name = self._outlet.word_room(word, time)
        if room is None:
            self.wait = (WaitFor.ROOM, name)
        self._held = room != time
        return room

    def _burst(self, word: int, time: int, write: int | None) -> int:
        """Words of the pixel that can be read one a cycle from `time` on."""
        words = 1 if self._held else self.words - word % self.words
        if write is not None:
            words = min(words, write - time)
        if words > 1:
            room, _ = self._outlet.word_room(word + words - 1, time)
            if room != time:
                return 1
        return words

    def _read(self, time: int, words: int) -> None:
        if words == 1:
            self.reads.append(time)
        else:
            self.reads.extend(range(time, time + words))
        self._outlet.put(time + words - 1 + TAP_CYCLES, words)

    def _gap(self, time: int) -> tuple[int, int | None]:
        """First cycle from `time` on without a decided write of the ring, and the write after it if decided."""
        writes, parts = self._ring.writes, self._ring.parts
        assert writes is not None
        while True:
            self._write = writes.first_from(self._write, time)
            written = writes.time(self._write)
            if written is None or written - parts + 1 > time:
                return time, None if written is None else written - parts + 1
            time = written + 1

    def _no_write_before(self, word: int) -> int | None:
        """A cycle before which no undecided write of the ring can come; None: none before this word's read."""
        ring = self._ring
        slot = len(ring.loaded) - ring.pixels
        if self._write >= self._total // self.words * ring.words or word < (slot + 1) * self.words:
            return None
        if self.writer is not None:
            return self.writer.next_start() + self.writer.first_write
        freed = slot + ring.margin < len(ring.passed)
        return 0 if freed else self._reader.next_end()
