"""Training curves: what is read, what is drawn, where the alterations are marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.errors import SourceError
from generator.report.curves import draw_curves
from generator.report.entries import Epoch, load_entry, read_epochs
from tests.generator.report.report_samples import write_sample


def test_alterations_are_marked_where_they_happened(tmp_path: Path) -> None:
    entries = [load_entry(path) for path in write_sample(tmp_path).values()]
    accuracy, loss = draw_curves(entries)
    assert [line.label for line in accuracy.lines] == ["T", "S", "R"]
    assert [len(line.marks) for line in accuracy.lines] == [0, 9, 9]
    assert [line.lane_y is None for line in loss.lines] == [True, False, False]
    assert accuracy.lines[1].marks[0].tooltip == "S, epoch 1: layer1.0 altered"
    for chart in (accuracy, loss):
        for line in chart.lines:
            numbers = [float(n) for point in line.path[1:].split("L") for n in point.split()]
            assert all(chart.left <= x <= chart.right for x in numbers[::2])
            assert all(chart.top <= y <= chart.bottom for y in numbers[1::2])
            assert line.lane_y is None or chart.bottom < line.lane_y < chart.height


def test_the_last_phase_is_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(
        "phase,epoch,loss,test_accuracy,altered\nteacher,0,2,30,\nstudent,0,0.5,25,\nstudent,1,,,layer1.0 layer1.1\n"
    )
    assert read_epochs(path) == (
        Epoch(number=0, loss=0.5, accuracy=25.0, altered=()),
        Epoch(number=1, loss=None, accuracy=None, altered=("layer1.0", "layer1.1")),
    )
    assert read_epochs(tmp_path / "none.csv") == ()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss\n1,2\n")
    with pytest.raises(SourceError) as caught:
        read_epochs(path)
    assert str(caught.value) == f"report: {path} is damaged ('epoch'); expected columns epoch, loss, test_accuracy"


def test_without_runs_there_is_nothing_to_draw(tmp_path: Path) -> None:
    projects = write_sample(tmp_path / "a", depth=8)
    for path in (tmp_path / "a" / "runs").rglob("metrics.csv"):
        path.unlink()
    assert draw_curves([load_entry(projects["T"])]) == ()
