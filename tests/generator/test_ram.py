"""Free words: what a line buffer may grow to without another RAM."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from generator.ram import (
    LUTRAM_BITS,
    buffer_blocks,
    free_words,
    ram_blocks,
    weight_banks,
    weight_blocks,
    weights_in_block_ram,
)


@pytest.mark.parametrize(
    ("width_bits", "depth_words", "blocks", "free"),
    [
        (16, 1104, 1.0, 2048),
        (8, 1104, 0.5, 2048),
        (64, 276, 1.0, 512),
        (16, 40, 0.0, 64),
        (8, 33, 0.0, 64),
        (16, 65, 0.5, 1024),
        (36, 250, 0.5, 512),
        (144, 400, 2.0, 512),
    ],
)
def test_a_buffer_grows_to_the_end_of_its_blocks(width_bits, depth_words, blocks, free):
    assert buffer_blocks(width_bits, depth_words) == blocks
    assert free_words(width_bits, depth_words) == free


@given(st.integers(1, 300), st.integers(1, 40000))
@example(235, 29185)  # weighed, 405 RAMB18 are dearer than 203 RAMB36
def test_free_words_cost_nothing(width_bits, depth_words):
    free = free_words(width_bits, depth_words)
    assert free >= depth_words
    assert buffer_blocks(width_bits, free) <= buffer_blocks(width_bits, depth_words)


@given(st.integers(1, 300), st.integers(1, 40000))
def test_a_block_ram_that_is_full_has_no_free_word(width_bits, depth_words):
    if width_bits * depth_words > LUTRAM_BITS:
        free = free_words(width_bits, depth_words)
        assert ram_blocks(width_bits, free + 1) > ram_blocks(width_bits, depth_words)


@pytest.mark.parametrize(
    ("words", "word_bits", "expected"),
    [
        (576, 64, True),
        (144, 256, True),
        (72, 1024, False),
        (64, 64, False),
        (228, 18, True),
        (4608, 8, True),
        (32, 512, False),
    ],
)
def test_shallow_weights_stay_in_luts(words, word_bits, expected):
    assert weights_in_block_ram(words, word_bits) is expected


def test_weight_roms_are_shared_where_that_saves_block_rams():
    """Steps of 16 bits, 576 words: each alone fills a RAMB18 of 1024x18, two share a RAMB36 of 1024x36 no better."""
    assert weight_blocks(576, 4, 16, 1) == weight_blocks(576, 4, 16, 2) == 2
    assert weight_banks(576, 4, 16) == 2
    assert weight_blocks(576, 3, 12, weight_banks(576, 3, 12)) == 1
    assert weight_blocks(64, 4, 16, 2) == 0
