"""Free words: what a line buffer may grow to without another RAM."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.ram import LUTRAM_BITS, buffer_blocks, free_words, ram_blocks


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
def test_free_words_cost_nothing(width_bits, depth_words):
    free = free_words(width_bits, depth_words)
    assert free >= depth_words
    assert buffer_blocks(width_bits, free) == buffer_blocks(width_bits, depth_words)


@given(st.integers(1, 300), st.integers(1, 40000))
def test_a_block_ram_that_is_full_has_no_free_word(width_bits, depth_words):
    if width_bits * depth_words > LUTRAM_BITS:
        free = free_words(width_bits, depth_words)
        assert ram_blocks(width_bits, free + 1) != ram_blocks(width_bits, depth_words)
