"""The verdict on a recording: every kind of fault is found and named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scoreboard import score
from streams import Port, Recording

PORT = Port(element_width=4, signed=True, lanes=1, elements=2)
EXPECTED = np.array([[1, -2], [3, -4], [5, -6]])
RIGHT = Recording(
    beats=(1, 14, 3, 12, 5, 10),
    last=(False, True) * 3,
    cycles=(20, 21, 30, 33, 40, 45),
    first_input_cycle=4,
    total_cycles=300,
    tlast_error=False,
    stuck=False,
)


def test_a_right_recording_has_no_fault_and_the_defined_times() -> None:
    verdict = score(RIGHT, EXPECTED, PORT)
    assert verdict.mismatches == 0
    assert verdict.faults == ()
    assert verdict.latency_cycles == 21 - 4
    assert verdict.interval_cycles == 45 - 33  # frames 2 and 3; the first distance does not count


def test_two_frames_have_no_interval() -> None:
    recording = replace(RIGHT, beats=RIGHT.beats[:4], last=RIGHT.last[:4], cycles=RIGHT.cycles[:4])
    assert score(recording, EXPECTED[:2], PORT).interval_cycles is None


def test_wrong_missing_and_surplus_integers_count() -> None:
    wrong = replace(RIGHT, beats=(2, *RIGHT.beats[1:]))
    assert score(wrong, EXPECTED, PORT).mismatches == 1
    short = replace(RIGHT, beats=RIGHT.beats[:5], last=RIGHT.last[:5], cycles=RIGHT.cycles[:5])
    assert score(short, EXPECTED, PORT).mismatches == 1
    assert score(short, EXPECTED, PORT).faults == ("5 output beats, expected 6",)
    surplus = replace(RIGHT, beats=(*RIGHT.beats, 0), last=(*RIGHT.last, False), cycles=(*RIGHT.cycles, 60))
    assert score(surplus, EXPECTED, PORT).mismatches == 1
    assert score(surplus, EXPECTED, PORT).faults == ("7 output beats, expected 6",)


def test_a_deadlock_is_named() -> None:
    stuck = replace(RIGHT, beats=(1, 14), last=(False, True), cycles=(20, 21), stuck=True)
    assert score(stuck, EXPECTED, PORT).faults == ("deadlock: nothing moved any more after 2 of 6 output beats",)


def test_broken_axi_rules_are_named() -> None:
    broken = replace(RIGHT, beats=(0x11, *RIGHT.beats[1:]), last=(True, True) * 3, tlast_error=True)
    assert score(broken, EXPECTED, PORT).faults == (
        "x_tlast_error rose although TLAST of x was right",
        "padding bits of y are not zero",
        "TLAST of y is not on each frame's last beat",
    )
