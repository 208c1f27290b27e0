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


def weight_words(weight: IntArray, pe: int, simd: int, at_once: tuple[int, int]) -> IntArray:
    """The weights of a conv as its weight memories hold them.

    Args:
        weight: (kh, kw, Cin, Cout) int64.
        at_once: kernel rows and columns that a beat reads together (1, or all).

    Returns:
        (words, pe, simd) int64; word = (tap * Cout/pe + group) * n + input group, n the input groups
        rounded up to a power of two (the words between are zero); the taps in raster order, those of a
        beat counted once; element s of a word = tap of the beat * channels + channel.
    """
    rows, cols, inputs, outputs = weight.shape
    height, width = at_once
    channels = simd // (height * width)
    groups = inputs // channels
    split = weight.reshape(rows // height, height, cols // width, width, groups, channels, outputs // pe, pe)
    words = split.transpose(0, 2, 6, 4, 7, 1, 3, 5).reshape(-1, groups, pe, simd)
    padded = 1 << (groups - 1).bit_length()
    return np.pad(words, ((0, 0), (0, padded - groups), (0, 0), (0, 0))).reshape(-1, pe, simd)


def memory_text(words: IntArray, width_bits: int) -> str:
    """Words of several elements as hexadecimal lines, element 0 in the lowest bits.

    Args:
        words: (words, elements) int64, each element within `width_bits` (at most 64) bits of two's complement.
    """
    count, elements = words.shape
    digits = -(-elements * width_bits // 4)
    octets = np.ascontiguousarray(words, dtype="<i8").view(np.uint8).reshape(count, elements, 8)
    bits = np.unpackbits(octets[:, :, : -(-width_bits // 8)], axis=2, bitorder="little")[:, :, :width_bits]
    packed = np.packbits(bits.reshape(count, elements * width_bits), axis=1, bitorder="little")
    text = np.frombuffer(packed[:, ::-1].tobytes().hex().encode("ascii"), dtype=np.uint8)
    lines = np.full((count, digits + 1), ord("\n"), dtype=np.uint8)
    lines[:, :digits] = text.reshape(count, 2 * packed.shape[1])[:, -digits:]
    return lines.tobytes().decode("ascii")
