"""Timed csim: the HLS C++ itself keeps the RTL's rate, and names the stages of a planted deadlock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from generator import flow
from generator.cli.main import run
from generator.config import SkipConfig
from generator.design import Implementation
from generator.errors import ToolError
from generator.hardware_yaml import parse_hardware
from generator.source import load_source
from generator.tools import csim_timed
from generator.tools.cosim import run_cosim
from generator.tools.csim_timed import Deadlock, Wait, run_timed
from tests.generator.passes.designs import hardware
from tests.test_four_executors import make_case

pytestmark = [pytest.mark.skipif(shutil.which("g++") is None, reason="csim needs g++"), pytest.mark.slow]

FRAMES = 4
BLOCK = {"filters": 4, "image_size": 8}


def write_project(
    out: Path, lanes: int | None, skip: SkipConfig | None = None, backend: str = "Vitis", **args: object
) -> Path:
    """A skip block as `generate` writes it, with random frames."""
    config = replace(hardware(36, lanes=lanes, skip=skip), backend=backend)
    quantized = flow.quantize_network(load_source("skip_block", args=BLOCK | args), config)
    images = np.random.default_rng(1).normal(0.0, 1.0, (FRAMES, 4, 8, 8))
    flow.generate(quantized, config, images, out)
    return out


def predicted(project: Path) -> Mapping[str, int]:
    figures = json.loads((project / "design.json").read_text())["predicted"]
    assert isinstance(figures, dict)
    return figures


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The traditional block, pixel-wide, with its skip in a FIFO."""
    return write_project(
        tmp_path_factory.mktemp("wide") / "net", 0, SkipConfig(implementation=Implementation.CLONE_FIFO)
    )


@pytest.fixture(scope="module")
def lean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The traditional block on narrow streams, its add inside the second conv, with its skip in a FIFO."""
    skip = SkipConfig(implementation=Implementation.CLONE_FIFO)
    return write_project(tmp_path_factory.mktemp("lean") / "net", None, skip)


def require_rate(project: Path) -> None:
    """Bits as PyTorch's, cycles as predicted for the RTL."""
    result = run_timed(project, FRAMES)
    assert (result.mismatches, result.deadlock) == (0, None)
    assert result.interval_cycles == pytest.approx(predicted(project)["interval_cycles"], rel=0.01)
    assert result.latency_cycles == pytest.approx(predicted(project)["latency_cycles"], rel=0.02)


def test_pixel_wide_cycles_are_the_hardwares(wide: Path) -> None:
    require_rate(wide)


@pytest.mark.parametrize("skips", ["traditional", "shortened"])
def test_lean_cycles_are_the_hardwares(tmp_path: Path, skips: str) -> None:
    require_rate(write_project(tmp_path / "net", None, skips=skips))


def test_every_run_is_the_same(wide: Path) -> None:
    first, second = run_timed(wide, 2), run_timed(wide, 2)
    assert (first.latency_cycles, first.max_occupancy) == (second.latency_cycles, second.max_occupancy)
    assert second.compile_seconds == 0.0
    assert second.interval_cycles is None


def test_occupancy_stays_within_the_depths(wide: Path) -> None:
    streams = json.loads((wide / "design.json").read_text())["streams"]
    depths = {stream["name"]: stream["depth_words"] for stream in streams}
    occupancy = run_timed(wide, 3).max_occupancy
    assert occupancy.keys() == depths.keys()
    assert all(0 < occupancy[name] <= depths[name] for name in depths)
    assert occupancy["block_clone_to_block_add"] == depths["block_clone_to_block_add"]


def test_a_skip_fifo_below_its_live_depth_deadlocks_by_name(wide: Path) -> None:
    streams = {entry["name"]: entry for entry in json.loads((wide / "design.json").read_text())["streams"]}
    live = streams["block_clone_to_block_add"]["depth_live"]
    assert run_timed(wide, 3, {"block_clone_to_block_add": live}).deadlock is None
    deadlock = run_timed(wide, 3, {"block_clone_to_block_add": live - 1}).deadlock
    assert deadlock is not None
    assert deadlock.circle == (
        Wait(stage="block.clone", waits_to="write", stream="block_clone_to_block_add"),
        Wait(stage="block.add", waits_to="read", stream="block_conv2_to_block_add"),
        Wait(stage="block.conv2", waits_to="read", stream="block_conv1_to_block_conv2"),
        Wait(stage="block.conv1", waits_to="read", stream="block_clone_to_block_conv1"),
    )
    assert str(deadlock) == (
        f"deadlock in cycle {deadlock.at_cycle:,}, a circular wait: "
        "block.clone waits to write block_clone_to_block_add (full); "
        "block.add waits to read block_conv2_to_block_add (empty); "
        "block.conv2 waits to read block_conv1_to_block_conv2 (empty); "
        "block.conv1 waits to read block_clone_to_block_conv1 (empty)"
    )


def test_a_lean_skip_fifo_deadlocks_below_its_live_depth_too(lean: Path) -> None:
    require_rate(lean)
    streams = {entry["name"]: entry for entry in json.loads((lean / "design.json").read_text())["streams"]}
    live, pixel = (streams["block_clone_to_block_add"][key] for key in ("depth_live", "words_per_pixel"))
    assert run_timed(lean, 3, {"block_clone_to_block_add": live}).deadlock is None
    deadlock = run_timed(lean, 3, {"block_clone_to_block_add": live - pixel}).deadlock
    assert deadlock is not None
    assert [(wait.stage, wait.waits_to) for wait in deadlock.circle] == [
        ("block.clone", "write"),
        ("block.conv2", "read"),
        ("block.conv1", "read"),
    ]


def test_of_two_circles_the_one_that_waits_for_nobody_else_is_named() -> None:
    ends = {"ab": ("a", "b"), "ba": ("b", "a"), "bc": ("b", "c"), "cd": ("c", "d"), "dc": ("d", "c")}
    network = csim_timed.Network(stages={}, streams={}, ends=ends)
    waits = [("a", "read", "ba"), ("b", "read", "ab"), ("b", "write", "bc"), ("c", "write", "cd"), ("d", "write", "dc")]
    waiting = tuple(Wait(stage=stage, waits_to=verb, stream=stream) for stage, verb, stream in waits)
    assert csim_timed.find_circle(waiting, network) == waiting[3:]
    assert csim_timed.find_circle(waiting[:2], network) == waiting[:2]
    assert csim_timed.find_circle(waiting[:1], network) == ()


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(8))
def test_random_networks_keep_the_rate_of_the_rtl(tmp_path: Path, seed: int) -> None:
    case = make_case(seed)
    config = parse_hardware(case.hardware, "random")
    quantized = flow.quantize_network(case.network, config)
    flow.generate(quantized, config, case.images, tmp_path / "net")
    timed, rtl = run_timed(tmp_path / "net", FRAMES), run_cosim(tmp_path / "net", FRAMES)
    assert (timed.mismatches, timed.deadlock) == (0, None)
    assert rtl.interval_cycles is not None
    # a frame of a few pixels is over before a percent is a cycle
    assert timed.interval_cycles == pytest.approx(rtl.interval_cycles, rel=0.01, abs=12)


def test_the_command_answers_with_the_deadlock(wide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["csim", str(wide), "--timed", "--json"]) == 0
    payload = json.loads(capsys.readouterr().out)
    assert payload["deadlock"] is None
    assert payload["interval_cycles"] > 0
    project = tmp_path / "net"
    shutil.copytree(wide, project, ignore=shutil.ignore_patterns("build"))
    top = project / "firmware" / "skip_block.cpp"
    depth = json.loads((wide / "design.json").read_text())["streams"][1]["depth_words"]
    top.write_text(top.read_text().replace(f"block_clone_to_block_add, {depth},", "block_clone_to_block_add, 2,"))
    assert run(["csim", str(project), "--timed", "--json"]) == 1
    captured = capsys.readouterr()
    payload = json.loads(captured.out)
    assert [wait["stage"] for wait in payload["deadlock"]["circle"]][:2] == ["block.clone", "block.add"]
    assert payload["interval_cycles"] is None
    assert captured.err == f"Error: csim {project}: {payload['deadlock']['message']}\n"


def test_an_unknown_stream_is_an_error(wide: Path) -> None:
    with pytest.raises(ToolError, match=r"^timed csim: there is no stream ghost; the design has "):
        run_timed(wide, 3, {"ghost": 1})


def test_words_that_never_come_are_no_circle() -> None:
    deadlock = Deadlock(at_cycle=7, circle=(), waiting=(Wait(stage="add", waits_to="read", stream="a"),))
    assert str(deadlock) == "deadlock in cycle 7, no circle, so words are missing: add waits to read a (empty)"
