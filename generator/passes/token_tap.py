"""The tap of the token model: a ring's second reader, which gives way to the ring's writer."""

from __future__ import annotations

from generator.passes.stage_timing import PLACE_CYCLES, START_CYCLES, TAP_CYCLES
from generator.passes.token_flow import FOREVER, Outlet, Patterned, WaitFor
from generator.passes.token_nodes import Conv


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
