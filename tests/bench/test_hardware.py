"""The bench's rows, limits and page, without building anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hardware
import pytest
from figures.cases import limit_of as limit
from figures.cases import overlay, read_cases, read_figures
from figures.measure import SECTION_STEPS, fifo_table
from figures.tables import count_targets, write_results

from generator.hardware_yaml import parse_hardware

FIGURES = read_figures()
CASES = read_cases(FIGURES)


def row_of(**yosys: float) -> dict[str, Any]:
    return {"title": "t", "section": "blocks", "errors": {}, "yosys": yosys}


def test_every_row_has_a_name_of_its_own_and_a_hardware_configuration() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.section for case in CASES} == set(SECTION_STEPS)
    for case in CASES:
        parse_hardware(case.hardware, case.name)


def test_overlay_merges_mappings_and_replaces_the_rest() -> None:
    assert overlay({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}, "d": {"e": 5}}) == {
        "a": {"b": 4, "c": 2},
        "d": {"e": 5},
    }


def test_a_limit_may_follow_another_row() -> None:
    case = next(case for case in CASES if case.name == "t16_tap")
    assert case.limits["lut"] == "r16 + 40"
    assert limit(case, "lut", {"r16": row_of(lut=300)}) == 340
    assert limit(case, "lut", {}) is None
    assert limit(case, "dsp", {}) == 8


def test_the_page_marks_what_is_reached_and_missed() -> None:
    rows = {"r16": row_of(lut=300, ff=311, dsp=8, bram36=5.5)}
    page = write_results(FIGURES, CASES, {"rows": rows})
    line = next(line for line in page.splitlines() if line.startswith("| 16 filters `<16,6>`: R |"))
    assert "| 300 (≤ 400) ✓ | 311 (≤ 310) ✗ | 8 (≤ 8) ✓ | 5.5 (≤ 6) ✓ | 13,320 / 14,935 / 12 / 52.5 |" in line
    assert count_targets(FIGURES, CASES, {"rows": rows}) == (3, 4)
    rows["r16"]["cosim"] = {"interval_cycles": 565504, "latency_cycles": 600000, "mismatches": 0}
    assert count_targets(FIGURES, CASES, {"rows": rows}) == (4, 6)


def test_a_failed_row_is_named() -> None:
    rows = {"r16": {"title": "t", "section": "blocks", "errors": {"cosim": "deadlock\nmore"}}}
    assert "- 16 filters `<16,6>`: R (r16), cosim: deadlock" in write_results(FIGURES, CASES, {"rows": rows})


@pytest.mark.parametrize(
    "fifo", ["TAILOR_FIFO(skip, 69, bram)", "#pragma HLS STREAM variable=skip depth=69", "TAILOR_FIFO(skip, 69)"]
)
def test_vivado_hls_splits_a_fifo_by_channels(tmp_path: Path, fifo: str) -> None:
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "net.cpp").write_text(f"{fifo}\nTAILOR_FIFO(y_stream, 3, srl)\n")
    description = {"streams": [{"name": name, "lanes": 16, "width_bits": 256} for name in ("skip", "y")]}
    skip, data = fifo_table(tmp_path, description)
    assert skip == {"name": "skip", "channels": 16, "depth": 69, "bits": 1104, "bram36": 8.0}
    assert (data["bits"], data["bram36"]) == (48, 0.0)


def test_rows_left_out_keep_their_figures_while_the_design_is_the_same(tmp_path: Path) -> None:
    old = {"digest": "a", "yosys": {"lut": 1}}
    assert hardware._merge(old, {"digest": "a", "cosim": {}}) == {"digest": "a", "yosys": {"lut": 1}, "cosim": {}}
    assert hardware._merge(old, {"digest": "b"}) == {"digest": "b"}


def test_the_command_lists_rows_and_refuses_unknown_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert hardware.main(["--list", "--quick"]) == 0
    listed = capsys.readouterr().out
    assert "r16 " in listed
    assert "r64 " not in listed
    assert hardware.main(["nowhere"]) == 2
    assert capsys.readouterr().err == "hardware.py: no row nowhere; see --list\n"


def test_a_wrong_integer_is_the_exit_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(case: Any, out: Path, steps: tuple[str, ...], tell: Any) -> dict[str, Any]:
        return {"title": case.title, "section": case.section, "errors": {}, "cosim": {"mismatches": wrong}}

    monkeypatch.setattr(hardware, "measure", measure)
    folders = ["--docs", str(tmp_path / "docs"), "--out", str(tmp_path / "out")]
    wrong = 0
    assert hardware.main(["r8", *folders]) == 0
    wrong = 3
    assert hardware.main(["r8", *folders]) == 1
    assert json.loads((tmp_path / "docs" / "results.json").read_text())["rows"]["r8"]["cosim"]["mismatches"] == 3
    assert "R, 8x8 pixels" in (tmp_path / "docs" / "results.md").read_text()
