"""The bench of one or more generated tops: start, wait, compare.

The clock ticks, and frames are played and recorded, inside the HDL (templates/rtl/tb); Python wakes up once, at the
end. A clock of cocotb's would take two thirds of the time. The environment variable TAILOR_BENCH names a folder with
bench.json; the verdict is written to scores.json.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge, with_timeout
from scoreboard import Score, score
from streams import Port, read_recording, unpack_beats


@cocotb.test()
async def plays_all_frames(dut: Any) -> None:
    """Every module under test answers every frame with the expected integers, and then falls silent."""
    folder = Path(os.environ["TAILOR_BENCH"])
    bench = json.loads((folder / "bench.json").read_text(encoding="utf-8"))
    begin = time.perf_counter()
    await with_timeout(RisingEdge(dut.finished_o), int(bench["timeout_cycles"]) * 2, "ns")
    seconds = time.perf_counter() - begin
    verdicts = {entry["name"]: _verdict(folder, entry) for entry in bench["duts"]}
    occupancy = {
        entry["name"]: {
            stream: int(_fifo(dut, index, signal).max_occupancy_q.value) for stream, signal in entry["fifos"].items()
        }
        for index, entry in enumerate(bench["duts"])
    }
    results = {
        "seconds": seconds,
        "scores": {name: asdict(verdict) for name, verdict in verdicts.items()},
        "occupancy": occupancy,
    }
    (folder / "scores.json").write_text(json.dumps(results), encoding="utf-8")
    wrong = [
        f"{name}: {verdict.mismatches} mismatches; {'; '.join(verdict.faults)}"
        for name, verdict in verdicts.items()
        if verdict.mismatches or verdict.faults
    ]
    assert not wrong, "\n".join(wrong)


def _fifo(dut: Any, index: int, signal: str) -> Any:
    return getattr(getattr(dut, f"dut_{index}"), signal)


def _verdict(folder: Path, entry: dict[str, Any]) -> Score:
    port = Port(**entry["y"])
    recording = read_recording(folder / f"{entry['name']}_y.txt")
    np.save(folder / f"{entry['name']}_given.npy", unpack_beats(recording.beats, port))
    return score(recording, np.load(folder / f"{entry['name']}_expected.npy"), port)
