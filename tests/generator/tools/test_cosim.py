"""cosim on a small project: figures, results file, deadlocks, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generator.backends.rtl import plan_rtl
from generator.build_plan import BuildPlan
from generator.design import Design, Storage
from generator.design_json import describe
from generator.errors import CheckFailed, ToolError
from generator.fixed_point import dequantize
from generator.tools import cosim
from generator.tools.cosim import CosimResult, run_cosim
from generator.vectors import OUTPUTS, plan_vectors
from tests.generator.backends.rtl_designs import diamond_design
from tests.generator.backends.stage_models import random_integers, run_design

FRAMES = 4


def write_project(design: Design, folder: Path) -> Path:
    rng = np.random.default_rng(3)
    shape = design.input_stream.shape
    x = random_integers(rng, design.input_stream.format, (FRAMES, shape.height, shape.width, shape.channels))
    vectors = plan_vectors(
        dequantize(x, design.input_stream.format), dequantize(run_design(design, x), design.output_stream.format)
    )
    marker = BuildPlan.of({"design.json": json.dumps(describe(design, {}))})
    BuildPlan.merge((plan_rtl(design), vectors, marker)).write(folder)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(diamond_design("diamond", Storage.BRAM, 1), tmp_path_factory.mktemp("cosim") / "diamond")


@pytest.mark.slow
def test_cosim_compares_measures_and_keeps_its_results(project: Path) -> None:
    result = run_cosim(project, FRAMES)
    assert (result.frames, result.mismatches) == (FRAMES, 0)
    assert result.interval_cycles == 4 * 5 * (4 // 2) * 9 * (4 // 2)
    assert result.latency_cycles is not None
    assert result.latency_cycles > result.interval_cycles
    assert set(result.max_occupancy) == {"x", "main_in", "side", "main_out", "y"}
    assert 0 < result.max_occupancy["side"] <= 32
    golden = (project / OUTPUTS).read_text()
    assert (project / cosim.RESULTS).read_text() == golden
    stalled = run_cosim(project, 3, stall_seed=5)
    assert (stalled.mismatches, stalled.latency_cycles, stalled.interval_cycles) == (0, None, None)
    assert run_cosim(project, 2).interval_cycles is None


@pytest.mark.slow
def test_one_wrong_weight_is_found(project: Path, tmp_path: Path) -> None:
    rtl = tmp_path / "rtl"
    shutil.copytree(project / "rtl", rtl)
    weights = rtl / "mem" / "diamond_conv_weight_00.mem"
    first, *rest = weights.read_text().splitlines(keepends=True)
    weights.write_text(f"{int(first, 16) ^ 1:0{len(first) - 1}x}\n" + "".join(rest))
    assert run_cosim(project, 1, rtl=rtl).mismatches > 0


@pytest.mark.slow
def test_a_skip_fifo_that_is_too_shallow_deadlocks_by_name(project: Path, tmp_path: Path) -> None:
    top = (project / "rtl" / "diamond.sv").read_text()
    assert ".Depth(32)" in top
    shallow = tmp_path / "shallow"
    shutil.copytree(project, shallow, ignore=shutil.ignore_patterns("build"))
    (shallow / "rtl" / "diamond.sv").write_text(top.replace(".Depth(32)", ".Depth(8)"))
    with pytest.raises(CheckFailed) as caught:
        run_cosim(shallow, 1)
    assert str(caught.value) == (
        "cosim of design 'diamond': diamond: deadlock: nothing moved any more after 0 of 80 output beats"
    )


@pytest.mark.slow
def test_a_broken_build_is_begun_anew_and_python_need_not_be_on_the_path(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(project, tmp_path / "project", ignore=shutil.ignore_patterns("build"))
    sim = tmp_path / "project" / "build" / "cosim" / "sim"
    tools = tmp_path / "tools"  # the compiler and the shell's tools, and no `python`, as on Debian
    tools.mkdir()
    for folder in (Path("/bin"), Path("/usr/bin")):
        for tool in folder.iterdir():
            if not tool.name.startswith("python") and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    monkeypatch.setenv("PATH", str(tools))
    (tools / "ar").unlink(missing_ok=True)
    with pytest.raises(ToolError, match="the simulation failed"):
        run_cosim(tmp_path / "project", 1)
    assert not (sim / "whole").exists()
    (tools / "ar").symlink_to(shutil.which("ar", path="/usr/bin:/bin") or "ar")
    assert run_cosim(tmp_path / "project", 1).mismatches == 0
    assert (sim / "whole").exists()


def test_more_frames_than_stored_are_refused(project: Path) -> None:
    with pytest.raises(ToolError) as caught:
        run_cosim(project, FRAMES + 1)
    assert str(caught.value) == (
        "cosim of design 'diamond': 5 frames asked for, tb_data/tb_input_features.dat holds 4; "
        "ask for fewer, or generate with a larger --frames"
    )


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        run_cosim(tmp_path, 1)
    assert str(caught.value) == (
        f"project {tmp_path}: expected a folder that `tailor generate` wrote, found no design.json"
    )


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_damaged_description_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "design.json").write_text(text)
    with pytest.raises(ToolError) as caught:
        run_cosim(tmp_path, 1)
    assert str(caught.value) == f"project {tmp_path}: design.json is damaged; generate the project again"


def test_a_missing_compiler_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError) as caught:
        run_cosim(project, 1)
    assert str(caught.value) == (
        "tool 'c++': expected an executable on PATH, found none; install a C++ compiler, e.g. `apt install g++`"
    )


def test_results_hold_what_the_interface_promises() -> None:
    fields: Mapping[str, Any] = CosimResult.__dataclass_fields__
    assert list(fields) == [
        "frames", "mismatches", "latency_cycles", "interval_cycles", "cycles_per_second", "max_occupancy",
        "difference",
    ]  # fmt: skip
