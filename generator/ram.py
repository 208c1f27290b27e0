"""Shapes of block RAMs, and how many a memory takes: what Yosys' memory mapping chooses on UltraScale+."""

from __future__ import annotations

from math import ceil

LUTRAM_BITS = 1024
"""Line buffers up to this size are built of LUTs."""

# (words, bits a word) of one RAMB18 and one RAMB36 as simple dual-port memories (UG573, table 1-9 and 1-10).
_RAMB18 = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
_RAMB36 = ((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1))
# Yosys' memory_libmap weighs a RAMB18 by 129 and a RAMB36 by 257.
_RAMB18_WEIGHT, _RAMB36_WEIGHT = 129, 257

_BLOCK_WEIGHT = 60
"""LUTs and registers that a block RAM of weights is worth."""
_LUT_ROM_BITS = 4096
"""Weights up to this size, and those that fill a RAMB18 less than that, stay in LUTs."""
_STEPS_OF_A_BANK = 16


def ram_blocks(width_bits: int, depth_words: int) -> float:
    """BRAM36 that a simple dual-port memory takes, in the shape that Yosys chooses."""
    return _cheapest(width_bits, depth_words)[1]


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


def weight_banks(words: int, steps: int, step_bits: int) -> int:
    """How many systolic steps share a weight ROM: block RAMs weighed against what the skew costs.

    Args:
        words: of every ROM.
        steps: of the array; each reads `step_bits` a word.
    """
    address_bits = max((words - 1).bit_length(), 1)

    def cost(bank: int) -> float:
        banks = [min(bank, steps - first) for first in range(0, steps, bank)]
        late = (len(banks) - 1) * address_bits * _delay(bank)
        skew = sum(step_bits * _delay(step - 1) for count in banks for step in range(2, count))
        return weight_blocks(words, steps, step_bits, bank) * _BLOCK_WEIGHT + late + skew

    return min(range(1, min(steps, _STEPS_OF_A_BANK) + 1), key=cost)


def _delay(cycles: int) -> int:
    """Registers, or a LUT as shift register and its register, that bring a bit some cycles later."""
    return min(cycles, 2)


def weight_blocks(words: int, steps: int, step_bits: int, bank: int) -> float:
    """BRAM36 of weight ROMs that `bank` steps share each; 0 where all are built of LUTs."""
    if not weights_in_block_ram(words, steps * step_bits):
        return 0.0
    return sum(ram_blocks(min(bank, steps - first) * step_bits, words) for first in range(0, steps, bank))


def weights_in_block_ram(words: int, word_bits: int) -> bool:
    """Whether a stage's weights go to block RAM: many enough, and deep enough to fill their RAMB18 by a quarter.

    A LUT holds 64 bits, so a RAMB18 takes the place of at least 64 LUTs.
    """
    bits = words * word_bits
    return bits > _LUT_ROM_BITS and bits >= 2 * ram_blocks(word_bits, words) * _LUT_ROM_BITS


def _cheapest(width_bits: int, depth_words: int) -> tuple[int, float]:
    """Weight and BRAM36 of the lightest arrangement."""
    small = min(ceil(width_bits / bits) * ceil(depth_words / words) for words, bits in _RAMB18)
    large = min(ceil(width_bits / bits) * ceil(depth_words / words) for words, bits in _RAMB36)
    return min((small * _RAMB18_WEIGHT, small / 2), (large * _RAMB36_WEIGHT, float(large)))
