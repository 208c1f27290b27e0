"""Synthesis of emitted designs: they map completely, and need the DSPs and block RAMs that were predicted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator.backends.rtl import plan_rtl
from generator.config import HardwareConfig
from generator.cost import predict
from generator.design import Design, Storage
from generator.device import find_device
from generator.fixed_point import parse_format
from generator.flow import quantize_network
from generator.passes import build_design
from generator.source import load_source
from generator.tools.yosys import run_yosys


@pytest.mark.slow
def test_a_small_block_needs_what_was_predicted(tmp_path: Path) -> None:
    design = _skip_block("shortened", filters=4, image_size=8, reuse_factor=144)
    plan_rtl(design).write(tmp_path / "project")
    result = run_yosys(tmp_path / "project")
    predicted = predict(design)
    assert (result.total.dsp, result.total.bram36) == (predicted.dsp, predicted.bram36)
    assert result.total.srl > 0
    kinds = [row.kind for row in result.rows]
    fifos = [stream for stream in design.streams if stream.storage is not Storage.NONE]
    assert (kinds.count("stage"), kinds.count("stream")) == (len(design.stages), len(fifos))
    instances = json.loads((tmp_path / "project" / "rtl" / "instances.json").read_text())["instances"]
    assert [row.name for row in result.rows] == [entry["name"] for entry in instances]


@pytest.mark.nightly
@pytest.mark.parametrize("skips", ["traditional", "shortened", "removed"])
def test_the_paper_s_block_flattened_and_in_parts(skips: str, tmp_path: Path) -> None:
    design = _skip_block(skips, filters=16, image_size=32, reuse_factor=576)
    plan_rtl(design).write(tmp_path / "project")
    parts = run_yosys(tmp_path / "project").total
    whole = run_yosys(tmp_path / "project", flatten=True).total
    predicted = predict(design)
    assert (parts.dsp, parts.bram36) == (predicted.dsp, predicted.bram36)
    assert (whole.dsp, whole.bram36) == (parts.dsp, parts.bram36)
    assert abs(whole.lut - parts.lut) < 0.1 * parts.lut


def _skip_block(skips: str, filters: int, image_size: int, reuse_factor: int) -> Design:
    network = load_source("skip_block", args={"skips": skips, "filters": filters, "image_size": image_size})
    config = HardwareConfig(
        backend="RTL",
        part="xcu200-fsgd2104-2-e",
        clock_ns=5.0,
        reuse_factor=reuse_factor,
        precision=parse_format("ap_fixed<16,6>"),
    )
    quantized = quantize_network(network, config)
    return build_design(quantized.graph, config, find_device(config.part, config.clock_ns)).design
