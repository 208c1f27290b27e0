from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.design import ReadForm
from generator.passes.line_buffer import LEAST_PREFETCH, PREFETCH, LineBuffer, ring_pixels, ring_span


def ring(**changes: object) -> LineBuffer:
    """The ring of a 3x3 conv over 16 channels of 16 bits, 32 pixels a row."""
    sizes: dict[str, object] = {"kernel": (3, 3), "width": 32, "channels": 16, "bits": 16, "word_channels": 1}
    return LineBuffer(**{"form": ReadForm.SERIAL, **sizes, **changes})  # type: ignore[arg-type]


def test_pixel_wide_rings_hold_the_window_span_and_one_pixel():
    assert ring_pixels((3, 3), 32) == 68
    assert ring_pixels((1, 1), 32) == 2


def test_the_prefetch_takes_what_the_ram_has_for_nothing():
    """Three times 1024 words of 16 bits hold 96 px of 32 channels, 29 px ahead of the window; 97 px are not free."""
    assert ring(channels=32).pixels() == 67 + 29
    assert ring(channels=32).blocks(96) == ring(channels=32).blocks(67 + 2) == 1.5 < ring(channels=32).blocks(97)


def test_a_large_ring_takes_a_quarter_more_for_the_whole_prefetch():
    assert ring(channels=64).pixels() == 96
    assert ring(channels=64).blocks(67 + 2) == 2.5
    assert ring(channels=64).blocks(96) == 3


def test_a_ring_grows_to_a_power_of_two_where_that_is_free():
    assert ring().pixels() == 128
    assert ring().blocks(128) == ring().blocks(67 + 2) == 1


def test_the_prefetch_ends_where_a_block_would_be_added():
    """2048 words of 9 bits are 32 px of 64 channels: a ring of 30 px can grow by two."""
    narrow = ring(width=12, kernel=(3, 3), channels=64, bits=8)
    assert narrow.span == 27
    assert narrow.pixels() == 32
    assert narrow.blocks(32) == 0.5 < narrow.blocks(33)


def test_a_shift_register_keeps_the_prefetch_short():
    assert ring().pixels(prefetch=2) == 69


@pytest.mark.parametrize(("width", "banks"), [(32, 3), (5, 3), (4, 4), (2, 5), (1, 7)])
def test_rows_are_banks_with_two_pixels_of_prefetch(width, banks):
    assert ring(form=ReadForm.WINDOW, width=width).pixels() == banks * width


def test_a_pixels_words_begin_at_a_power_of_two():
    """Three channels one by one take four words each: 128 pixels of them fill 512 words."""
    thirds = ring(channels=3, bits=36, width=40, kernel=(3, 3))
    assert thirds.blocks(128) == 0.5 < thirds.blocks(129)


@given(st.integers(0, 3), st.integers(1, 64), st.integers(1, 64), st.integers(1, 20), st.sampled_from(ReadForm))
def test_every_ring_holds_its_window_and_two_pixels_more(half, width, channels, bits, form):
    kernel = (2 * half + 1, 2 * half + 1)
    buffer = ring(kernel=kernel, width=width, channels=channels, bits=bits, form=form)
    pixels = buffer.pixels()
    assert pixels >= ring_span(kernel, width) + LEAST_PREFETCH
    if form is ReadForm.SERIAL:
        assert pixels <= buffer.span + max(PREFETCH, width) or pixels & (pixels - 1) == 0
        assert buffer.blocks(pixels) <= buffer.blocks(buffer.span + LEAST_PREFETCH) * 1.25
    else:
        assert pixels % width == 0
