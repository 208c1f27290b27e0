"""ResNet-20 for an XC7Z020 at full size: exact in both executors, and fast enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from figures.cases import Case, read_cases, read_figures
from figures.measure import measure

FIGURES = read_figures()
NETWORKS = [case for case in read_cases(FIGURES) if case.section == "networks"]


@pytest.mark.nightly
@pytest.mark.parametrize("case", NETWORKS, ids=lambda case: case.name)
def test_three_frames_are_exact_within_the_cycles_asked_for(case: Case, tmp_path: Path) -> None:
    goals = FIGURES["networks"]
    row = measure(case, tmp_path, ("csim", "cosim"), print)
    assert row["errors"] == {}
    assert (row["csim"]["mismatches"], row["cosim"]["mismatches"]) == (0, 0)
    interval = row["cosim"]["interval_cycles"]
    packed = goals["rows"][case.name]["packed"]
    assert interval <= goals["packed_interval_cycles" if packed else "interval_cycles"]
    assert row["design"]["macs"] >= goals["utilisation"] * interval * row["design"]["multipliers"]
