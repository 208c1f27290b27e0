"""The paper's block at its size: 16 filters, 32x32 pixels, ap_fixed<16,6>, RF 576, as T, S and R."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from generator import flow, project
from generator.config import HardwareConfig
from generator.hardware_yaml import parse_hardware, read_hardware
from generator.source import load_images, load_source

CONFIGS = Path(__file__).parents[1] / "configs"
FORMS = ("traditional", "shortened", "removed")
MOST_CYCLES = 1.01 * 589_824
FRAMES = 3


def build(form: str, config: HardwareConfig, out: Path) -> dict[str, Any]:
    """Write the project; its description."""
    network = load_source("skip_block", args={"skips": form})
    images = load_images(network, "random", {}, FRAMES).inputs
    return dict(flow.generate(flow.quantize_network(network, config), config, images, out).description)


def pixel_wide(depth: int | None = None) -> HardwareConfig:
    skip = {} if depth is None else {"block": {"Implementation": "clone_fifo", "Depth": depth}}
    model = {"Precision": "ap_fixed<16,6>", "ReuseFactor": 576}
    return parse_hardware({"HLSConfig": {"Model": model, "Skip": skip, "Stream": {"Lanes": "C"}}}, "test")


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_block_is_bit_exact_at_the_full_rate(form: str, tmp_path: Path) -> None:
    described = build(form, read_hardware(CONFIGS / "skip_block.yaml"), tmp_path / "prj")
    assert project.csim(tmp_path / "prj", FRAMES)["mismatches"] == 0
    result = project.cosim(tmp_path / "prj", FRAMES)
    assert result["mismatches"] == 0
    assert result["interval_cycles"] <= MOST_CYCLES
    assert described["predicted"]["interval_cycles"] == result["interval_cycles"]


@pytest.mark.nightly
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", [1, 2])
def test_block_is_bit_exact_under_stalls(form: str, seed: int, tmp_path: Path) -> None:
    build(form, read_hardware(CONFIGS / "skip_block.yaml"), tmp_path / "prj")
    assert project.cosim(tmp_path / "prj", FRAMES, seed)["mismatches"] == 0


def test_skip_fifo_is_as_deep_as_the_papers(tmp_path: Path) -> None:
    (skip,) = build("traditional", pixel_wide(), tmp_path / "prj")["skips"]
    assert 67 <= skip["depth_pixels"] <= 70  # paper, Table VII: 69


@pytest.mark.nightly
def test_one_pixel_less_costs_time(tmp_path: Path) -> None:
    (skip,) = build("traditional", pixel_wide(), tmp_path / "prj")["skips"]
    intervals = []
    for depth in (skip["depth_pixels"], 1024, skip["depth_pixels"] - 1):
        build("traditional", pixel_wide(depth), tmp_path / f"prj{depth}")
        result = project.cosim(tmp_path / f"prj{depth}", FRAMES)
        assert result["mismatches"] == 0
        intervals.append(result["interval_cycles"])
    assert intervals[0] == intervals[1]
    assert intervals[2] > intervals[0]
