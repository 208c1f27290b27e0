"""Memory files of the RTL: one hexadecimal word a line, as `$readmemh` reads them."""

from __future__ import annotations

import numpy as np

from generator.fixed_point import IntArray


def bits_for(values: IntArray) -> int:
    """Width of the narrowest two's complement integer that holds every value, at least 1."""
    ends = (int(values.min()), int(values.max()))
    return max((~end if end < 0 else end).bit_length() for end in ends) + 1


def bias_bits(values: IntArray) -> int:
    """Width of a bias memory: a multiple of 4, so that layers of one shape are one netlist more often."""
    return -(-bits_for(values) // 4) * 4


def weight_words(weight: IntArray, pe: int, simd: int) -> IntArray:
    """The weights of a conv in the order in which its beats read them.

    Args:
        weight: (kh, kw, Cin, Cout) int64.

    Returns:
        (beats, pe * simd) int64; beat = ((group * kh + row) * kw + column) * Cin/simd + input group,
        element p * simd + s belongs to output channel group * pe + p.
    """
    rows, cols, inputs, outputs = weight.shape
    split = weight.reshape(rows, cols, inputs // simd, simd, outputs // pe, pe)
    return split.transpose(4, 0, 1, 2, 5, 3).reshape(-1, pe * simd)


def memory_text(words: IntArray, width_bits: int) -> str:
    """Words of several elements as hexadecimal lines, element 0 in the lowest bits.

    Args:
        words: (words, elements) int64, each element within `width_bits` bits of two's complement.
    """
    digits = -(-words.shape[1] * width_bits // 4)
    mask = (1 << width_bits) - 1
    shifts = [width_bits * index for index in range(words.shape[1])]
    lines = (
        f"{sum((value & mask) << shift for value, shift in zip(row, shifts, strict=True)):0{digits}x}\n"
        for row in np.asarray(words, dtype=np.int64).tolist()
    )
    return "".join(lines)
