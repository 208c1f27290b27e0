"""What the token model's nodes share: when words move at an end of a stream, and where there is room for more.

A time that is not decided yet is None.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from generator.passes.stage_timing import FREE_PIXELS, PLACE_CYCLES

if TYPE_CHECKING:
    from generator.passes.token_nodes import Conv
    from generator.passes.token_tap import Tap

FOREVER = 1 << 60
"""Later than all that happens."""


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
