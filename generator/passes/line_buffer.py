"""Line buffers: how many pixels a ring holds, and what its RAMs take.

A ring holds the window's span in raster order and what is loaded ahead of it. A pixel of prefetch keeps a
stage alive; sixteen let it ride over the rows' ends, where windows need several pixels at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from generator.design import ReadForm
from generator.ram import buffer_blocks, free_words

LEAST_PREFETCH = 2
"""Pixels ahead of the window that a writer without a FIFO needs: one to draw on, one to fill."""
PREFETCH = 16
"""Pixels ahead of the window that make the interval that of the multipliers, if they cost no RAM."""

_WHOLE_PREFETCH_PRICE = 1.25
"""What a ring may cost with the whole prefetch, in terms of the least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineBuffer:
    """The ring of a conv stage.

    Attributes:
        kernel: (height, width) of the window.
        width: pixels of an input row.
        channels: of an input pixel.
        bits: of a channel.
        form: how the stage reads it.
        word_channels: channels of a RAM's word; divides `channels`.
    """

    kernel: tuple[int, int]
    width: int
    channels: int
    bits: int
    form: ReadForm
    word_channels: int

    @property
    def span(self) -> int:
        """Pixels from the window's first to its last in raster order."""
        return ring_span(self.kernel, self.width)

    def pixels(self, prefetch: int = PREFETCH, least: int = LEAST_PREFETCH) -> int:
        """Pixels that the ring holds.

        Serial: the span and `least` pixels more, up to `prefetch` or a row where they cost no RAM, and on to a
        power of two, whose addresses wrap by themselves, where that costs none either; a large ring takes up to a
        quarter more for the whole prefetch. Else one
        bank a kernel row, each a whole row, and further banks only where fewer than `least` pixels
        would be left for the prefetch.
        """
        if self.form is ReadForm.SERIAL:
            needed = self.span + least
            whole = self.span + prefetch
            if prefetch >= PREFETCH and self.blocks(whole) <= self.blocks(needed) * _WHOLE_PREFETCH_PRICE:
                needed = whole
            free = free_words(self._word_bits, self._words(needed)) // self._words(1)
            most = max(prefetch, self.width) if prefetch >= PREFETCH else max(prefetch, least)
            wanted = min(max(needed, free), self.span + most)
            rounded = 1 << (wanted - 1).bit_length()
            return rounded if prefetch >= PREFETCH and rounded <= free else wanted
        banks = self.kernel[0]
        while (banks - self.kernel[0] + 1) * self.width - self.kernel[1] < least:
            banks += 1
        return banks * self.width

    def blocks(self, pixels: int) -> float:
        """BRAM36 of a ring of that many pixels."""
        if self.form is ReadForm.SERIAL:
            return buffer_blocks(self._word_bits, self._words(pixels))
        return pixels // self.width * buffer_blocks(self._word_bits, self._words(self.width))

    @property
    def _word_bits(self) -> int:
        return self.word_channels * self.bits

    def _words(self, pixels: int) -> int:
        """Words of some pixels; each begins at a multiple of a power of two."""
        return pixels << (self.channels // self.word_channels - 1).bit_length()


def ring_span(kernel: tuple[int, int], width: int) -> int:
    """Pixels from a window's first to its last in raster order."""
    return (kernel[0] - 1) * width + kernel[1]


def ring_pixels(kernel: tuple[int, int], width: int) -> int:
    """Pixels of a ring with pixel-wide streams: the window's span and one pixel of prefetch."""
    return ring_span(kernel, width) + 1
