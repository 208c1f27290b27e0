"""Compares what a module answered with what it should have answered, and measures how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from streams import IntArray, Port, Recording, padding_is_zero, unpack_beats


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The verdict on one module.

    Attributes:
        mismatches: integers that differ; missing and surplus ones count.
        latency_cycles: first accepted input beat to the first frame's last output beat.
        interval_cycles: largest distance of the last beats of frames n and n+1, n >= 2 counted from 1;
            None with fewer than three frames.
        faults: what else was wrong, one sentence each.
    """

    mismatches: int
    latency_cycles: int | None
    interval_cycles: int | None
    total_cycles: int
    faults: tuple[str, ...]


def score(recording: Recording, expected: IntArray, port: Port) -> Score:
    """Hold a recording against the expected frames.

    Args:
        expected: (N, elements) int64, in LSBs of the port.
    """
    frames = len(expected)
    wanted = frames * port.beats
    got = len(recording.beats)
    faults = []
    if recording.stuck:
        faults.append(f"deadlock: nothing moved any more after {got} of {wanted} output beats")
    elif got != wanted:
        faults.append(f"{got} output beats, expected {wanted}")
    if recording.tlast_error:
        faults.append("x_tlast_error rose although TLAST of x was right")
    if not padding_is_zero(recording.beats, port):
        faults.append("padding bits of y are not zero")
    if any(last != ((beat + 1) % port.beats == 0) for beat, last in enumerate(recording.last)):
        faults.append("TLAST of y is not on each frame's last beat")
    ends = recording.cycles[port.beats - 1 :: port.beats]
    return Score(
        mismatches=_count_differences(unpack_beats(recording.beats, port), expected.reshape(-1)),
        latency_cycles=ends[0] - recording.first_input_cycle if ends else None,
        interval_cycles=max(later - earlier for earlier, later in pairwise(ends[1:])) if len(ends) > 2 else None,
        total_cycles=recording.total_cycles,
        faults=tuple(faults),
    )


def _count_differences(given: IntArray, expected: IntArray) -> int:
    common = min(len(given), len(expected))
    different = int(np.count_nonzero(given[:common] != expected[:common]))
    return different + abs(len(given) - len(expected))
