"""The report's numbers as texts."""

from __future__ import annotations

from pathlib import Path

from generator.report import tables
from generator.report.entries import load_entry
from tests.generator.report.report_samples import write_sample


def test_bars_compare_with_the_first_design(tmp_path: Path) -> None:
    entries = [load_entry(path) for path in write_sample(tmp_path).values()]
    groups = {group.title: group for group in tables.resource_bars(entries)}
    lut = groups["LUT"].bars
    base, other = (entry.results["yosys"]["lut"] for entry in entries[:2])
    assert lut[0].share == 100.0
    assert lut[1].share == round(100 * other / base, 2)
    assert lut[0].change == ""
    assert lut[1].change == f"−{round(100 * (base - other) / base)}%"
    assert groups["Skip memory"].bars[2].value == "0"
    assert groups["Interval"].note == "cycles a frame, measured in cosim"


def test_compositions_add_up(tmp_path: Path) -> None:
    entries = [load_entry(path) for path in write_sample(tmp_path).values()]
    for entry, stack in zip(entries, tables.compositions(entries), strict=True):
        assert stack.total == f"{entry.results['yosys']['lut']:,}"
        assert sum(int(part.value.replace(",", "")) for part in stack.parts) == entry.results["yosys"]["lut"]


def test_numbers() -> None:
    assert tables.number(None) == "–"
    assert tables.number(1234567) == "1,234,567"
    assert tables.number(37.5, 1) == "37.5"
    assert tables.number(30.0, 1) == "30"
    assert tables.signed(-0.204, 2) == "−0.20"
    assert tables.signed(0.0, 0) == "±0"
    assert tables.signed(-0.001, 2) == "±0.00"


def test_stage_table_shows_what_synthesis_found(tmp_path: Path) -> None:
    entry = load_entry(write_sample(tmp_path)["T"])
    table = tables.stage_table(entry)
    row = next(row for row in table.rows if row[0] == "layer2.0.conv1")
    assert row[1:7] == ("conv", "8×8×8", "4×4×16", "72", "1 × 16", "1,152")
    assert row[7] == f"{220 + 40 * 16:,}"
    assert len(tables.stream_table(entry).rows) == len(entry.design["streams"])
    assert all(len(row) == len(table.head) for row in table.rows)


def test_what_was_not_synthesised_is_said_to_be_predicted(tmp_path: Path) -> None:
    projects = write_sample(tmp_path)
    (projects["R"] / "build" / "results" / "yosys.json").unlink()
    entries = [load_entry(path) for path in projects.values()]
    groups = {group.title: group for group in tables.resource_bars(entries)}
    assert groups["DSP"].note == "DSP48 slices, predicted where not synthesised"
    assert groups["DSP"].bars[2].value == "300"
    assert groups["LUT"].bars[2].value == "–"
    assert [stack.label for stack in tables.compositions(entries)] == ["T", "S"]
