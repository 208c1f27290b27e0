"""Stage benches: every design of `rtl_designs` in one simulation, against plain numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from generator.design import ConvStage
from tests.generator.backends.rtl_cases import bench_tops, simulate, write_rtl
from tests.generator.backends.rtl_designs import CONVS, DESIGNS, LEAN

pytestmark = pytest.mark.slow


class Bench:
    """The compiled simulation of all designs; each run takes well under a second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rtl = write_rtl(DESIGNS, folder / "designs")

    def run(self, frames: int, **options: Any) -> dict[str, Any]:
        return simulate(bench_tops(DESIGNS, frames, frames), self._rtl, self._folder / "bench", **options)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("rtl"))


def mismatches(results: dict[str, Any]) -> dict[str, int]:
    return {name: score["mismatches"] for name, score in results["scores"].items() if score["mismatches"]}


def test_every_design_equals_numpy_and_keeps_its_rate(bench: Bench) -> None:
    results = bench.run(4)
    assert mismatches(results) == {}
    slow = {}
    for design in (*CONVS, *LEAN):
        stage = design.stages[0]
        assert isinstance(stage, ConvStage)
        bound = max(stage.cycles, design.input_stream.words_per_frame)
        interval = results["scores"][design.name]["interval_cycles"]
        # A stride reads in bursts, which only the frames' other rows could hide.
        if stage.stride == (1, 1) and interval != bound:
            slow[design.name] = (interval, bound)
    assert slow == {}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_stalls_on_both_sides_change_nothing(bench: Bench, seed: int) -> None:
    assert mismatches(bench.run(3, stall_seed=seed)) == {}


@pytest.mark.parametrize("cycle", [60, 333])
def test_a_reset_in_mid_frame_begins_anew(bench: Bench, cycle: int) -> None:
    assert mismatches(bench.run(2, stall_seed=cycle, reset_at=cycle)) == {}


def test_a_wrong_expectation_is_noticed(bench: Bench) -> None:
    """The bench itself can fail: one wrong integer in one design is one mismatch."""
    results = bench.run(1)
    assert mismatches(results) == {}
    tops = list(bench_tops(DESIGNS, 1, 1))
    tops[0].expected[0, 0] += 1
    results = simulate(tops, bench._rtl, bench._folder / "bench")
    assert mismatches(results) == {DESIGNS[0].name: 1}
