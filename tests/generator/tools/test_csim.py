"""csim as a tool: it compiles once, compares every integer, and says what is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from generator.backends.hls import plan_hls
from generator.build_plan import BuildPlan
from generator.errors import ToolError
from generator.fixed_point import dequantize, parse_format
from generator.graph import Shape
from generator.tools import csim_build
from generator.tools.csim import CsimResult, run_csim
from generator.vectors import plan_vectors
from tests.generator.backends.stage_models import (
    ConvSpec,
    make_conv,
    make_design,
    make_stream,
    random_integers,
    run_design,
)

FRAMES = 3
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="csim needs g++")


def plan_project(off_by: float = 0.0) -> BuildPlan:
    """A project of one conv, its last expected number `off_by` wrong."""
    rng = np.random.default_rng(5)
    shape, fmt = Shape(height=3, width=4, channels=2), parse_format("ap_fixed<8,4>")
    stage = make_conv(rng, ConvSpec(name="conv", out_channels=3, simd=2), "x", "y", shape, fmt)
    streams = (make_stream("x", shape, fmt, 1), make_stream("y", stage.out_shape, stage.out_format, 3))
    design = make_design("net", (stage,), streams)
    frames = random_integers(rng, fmt, (FRAMES, 3, 4, 2))
    expected = dequantize(run_design(design, frames), stage.out_format)
    expected[-1, -1, -1, -1] += off_by
    marker = BuildPlan.of({"design.json": json.dumps({"name": "net"})})
    return BuildPlan.merge([plan_hls(design), plan_vectors(dequantize(frames, fmt), expected), marker])


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CsimResult]:
    """A project whose csim has run once."""
    project = tmp_path_factory.mktemp("csim") / "net"
    plan_project().write(project)
    return project, run_csim(project, FRAMES)


@needs_compiler
def test_csim_equals_what_is_stored(compiled: tuple[Path, CsimResult]) -> None:
    _, result = compiled
    assert (result.frames, result.mismatches) == (FRAMES, 0)
    assert result.compile_seconds > 0
    assert result.seconds_per_frame > 0


@needs_compiler
def test_csim_compiles_once(compiled: tuple[Path, CsimResult]) -> None:
    project, _ = compiled
    again = run_csim(project, 1)
    assert (again.frames, again.mismatches, again.compile_seconds) == (1, 0, 0.0)


@needs_compiler
@pytest.mark.parametrize(("off_by", "mismatches"), [(2.0**-4, 1), (2.0**-9, 1), (0.0, 0)])
def test_csim_counts_every_difference(
    compiled: tuple[Path, CsimResult], tmp_path: Path, off_by: float, mismatches: int
) -> None:
    project, _ = compiled
    copy = tmp_path / "net"
    shutil.copytree(project, copy)
    outputs = "tb_data/tb_output_predictions.dat"
    (copy / outputs).write_text(plan_project(off_by).text(outputs))
    assert run_csim(copy, FRAMES).mismatches == mismatches


@needs_compiler
def test_changed_weights_need_no_compiler_and_are_seen(compiled: tuple[Path, CsimResult], tmp_path: Path) -> None:
    project, _ = compiled
    copy = tmp_path / "net"
    shutil.copytree(project, copy)
    weights = copy / "firmware/weights/conv_weight.txt"
    rows = weights.read_text().splitlines()
    weights.write_text("\n".join([*rows[:-1], "0.03125, 0.03125"]) + "\n")
    result = run_csim(copy, FRAMES)
    assert result.compile_seconds == 0.0
    assert result.mismatches > 0


@needs_compiler
def test_missing_weights_are_named(compiled: tuple[Path, CsimResult], tmp_path: Path) -> None:
    project, _ = compiled
    copy = tmp_path / "net"
    shutil.copytree(project, copy)
    (copy / "firmware/weights/conv_bias.txt").unlink()
    with pytest.raises(ToolError) as error:
        run_csim(copy, FRAMES)
    assert str(error.value).splitlines()[1] == "  csim: cannot open firmware/weights/conv_bias.txt"


@needs_compiler
def test_a_compiler_error_is_shown(tmp_path: Path) -> None:
    project = tmp_path / "net"
    plan_project().write(project)
    (project / "firmware/net.cpp").write_text("nonsense;\n")
    with pytest.raises(ToolError, match=r"^csim of design 'net': compiling firmware/net\.cpp: 'g\+\+' ended with 1"):
        run_csim(project, FRAMES)
    assert not list(project.glob("build/csim/*.o"))


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "net"
    plan_project().write(project)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError) as error:
        run_csim(project, FRAMES)
    assert error.value.exit_code == 2
    assert str(error.value) == (
        "tool 'g++': expected an executable on PATH, found none; "
        "install a C++11 compiler, e.g. `apt install g++` or `xcode-select --install`"
    )
    assert not (project / "build").exists()


def test_missing_headers_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csim_build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError) as error:
        csim_build.ap_types_folder()
    assert str(error.value) == (
        "csim: ap_fixed.h was expected in the Python package hls4ml and is not there; pip install hls4ml"
    )


def test_more_frames_than_stored_is_an_error(tmp_path: Path) -> None:
    project = tmp_path / "net"
    plan_project().write(project)
    with pytest.raises(ToolError) as error:
        run_csim(project, FRAMES + 1)
    assert str(error.value) == (
        "csim of design 'net': 4 frames asked for, tb_data/tb_output_predictions.dat holds 3; "
        "ask for fewer, or generate with a larger --frames"
    )


def test_a_folder_without_a_project_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as error:
        run_csim(tmp_path, 1)
    assert str(error.value) == (
        f"project {tmp_path}: expected a folder that `tailor generate` wrote, found no design.json"
    )


def test_a_damaged_marker_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "design.json").write_text("{")
    with pytest.raises(ToolError) as error:
        run_csim(tmp_path, 1)
    assert str(error.value) == f"project {tmp_path}: design.json is damaged; generate the project again"
