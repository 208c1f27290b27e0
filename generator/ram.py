"""Shapes of block RAMs, and how many a memory takes: what Yosys' memory mapping chooses on UltraScale+."""

from __future__ import annotations

from math import ceil

LUTRAM_BITS = 1024
"""Line buffers up to this size are built of LUTs."""

# (words, bits a word) of one RAMB18 and one RAMB36 as simple dual-port memories (UG573, table 1-9 and 1-10).
_RAMB18 = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
_RAMB36 = ((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1))
# Yosys' memory_libmap weighs a RAMB18 by 129 and a RAMB36 by 257; a bit of a ROM in LUTs by 1/64.
_RAMB18_WEIGHT, _RAMB36_WEIGHT, _ROM_BITS_PER_WEIGHT = 129, 257, 64


def ram_blocks(width_bits: int, depth_words: int) -> float:
    """BRAM36 that a simple dual-port memory takes, in the shape that Yosys chooses."""
    return _cheapest(width_bits, depth_words)[1]


def rom_blocks(width_bits: int, depth_words: int) -> float:
    """BRAM36 that a ROM takes; 0 where LUTs are cheaper."""
    weight, blocks = _cheapest(width_bits, depth_words)
    return blocks if weight < width_bits * depth_words / _ROM_BITS_PER_WEIGHT else 0.0


def buffer_blocks(width_bits: int, depth_words: int) -> float:
    """BRAM36 of one RAM of a line buffer; 0 where it is built of LUTs."""
    return 0.0 if width_bits * depth_words <= LUTRAM_BITS else ram_blocks(width_bits, depth_words)


def free_words(width_bits: int, depth_words: int) -> int:
    """The most words that a line buffer's RAM holds at the price of `depth_words`.

    A RAM of LUTs grows by 32 words, its LUTs' depth; a block RAM ends with its blocks.
    """
    blocks = buffer_blocks(width_bits, depth_words)
    if not blocks:
        return min(ceil(depth_words / 32) * 32, LUTRAM_BITS // width_bits)
    reach = [
        words * int(blocks / price / ceil(width_bits / bits))
        for shapes, price in ((_RAMB18, 0.5), (_RAMB36, 1.0))
        for words, bits in shapes
        if ceil(width_bits / bits) * price <= blocks
    ]
    return max(words for words in (*reach, depth_words) if ram_blocks(width_bits, words) <= blocks)


def _cheapest(width_bits: int, depth_words: int) -> tuple[int, float]:
    """Weight and BRAM36 of the lightest arrangement."""
    small = min(ceil(width_bits / bits) * ceil(depth_words / words) for words, bits in _RAMB18)
    large = min(ceil(width_bits / bits) * ceil(depth_words / words) for words, bits in _RAMB36)
    return min((small * _RAMB18_WEIGHT, small / 2), (large * _RAMB36_WEIGHT, float(large)))
