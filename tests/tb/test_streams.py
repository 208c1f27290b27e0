"""Beats back to elements, and recordings back from text."""

from __future__ import annotations

from pathlib import Path

import pytest
from streams import Port, padding_is_zero, read_recording, unpack_beats

SIGNED = Port(element_width=5, signed=True, lanes=2, elements=4)


def test_elements_are_sign_extended_from_their_own_width() -> None:
    assert unpack_beats((0b11111_00001, 0b01111_10000), SIGNED).tolist() == [1, -1, -16, 15]
    unsigned = Port(element_width=5, signed=False, lanes=2, elements=4)
    assert unpack_beats((0b11111_00001,), unsigned).tolist() == [1, 31]


def test_bits_above_the_elements_are_padding() -> None:
    assert padding_is_zero((0x3FF,), SIGNED)
    assert not padding_is_zero((0x400,), SIGNED)


def test_a_recording_holds_beats_and_the_end(tmp_path: Path) -> None:
    path = tmp_path / "dut_y.txt"
    path.write_text("1f 0 17\n3 1 20\n# 5 250 0 1\n")
    recording = read_recording(path)
    assert recording.beats == (0x1F, 3)
    assert recording.last == (False, True)
    assert recording.cycles == (17, 20)
    assert (recording.first_input_cycle, recording.total_cycles) == (5, 250)
    assert (recording.tlast_error, recording.stuck) == (False, True)


@pytest.mark.parametrize("text", ["", "1f 0 17\n"])
def test_a_recording_without_an_end_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "dut_y.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match="the simulation ended before its bench did"):
        read_recording(path)
