"""Both knees of random blocks in the token model and in the RTL: equal, to the word and to the cycle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from generator.design import Design, Implementation, SkipSizing
from generator.errors import CheckFailed
from generator.passes.token_model import run_model
from generator.tools.rtl_bench import BenchPort, BenchTop
from tests.generator.backends.rtl_cases import simulate, write_rtl
from tests.generator.passes.random_blocks import random_block, with_depth

FRAMES = 6
KINDS = (Implementation.CLONE_FIFO, Implementation.LINE_BUFFER_TAP, Implementation.RING_EXTEND)


def variants(design: Design, sizing: SkipSizing) -> dict[str, Design]:
    """Depths to compare: full rate, unlimited, one less than full rate, live, and one less than live.

    Below a pixel of its writer's promise a FIFO never shows room; that depth is left out.
    """
    unlimited = 2 * sizing.depth_full_rate + 200 if sizing.ring is None else sizing.depth_full_rate + 40
    depths = {"full": sizing.depth_full_rate, "unlimited": unlimited, "live": sizing.depth_live}
    if sizing.depth_full_rate > sizing.depth_live:
        depths["less"] = sizing.depth_full_rate - 1
    if sizing.ring is None and sizing.depth_live > design.stream(sizing.stream).words_per_pixel:
        depths["dead"] = sizing.depth_live - 1
    return {kind: with_depth(design, sizing, depth, f"{design.name}_{kind}") for kind, depth in depths.items()}


def bench_top(design: Design) -> BenchTop:
    """Random frames; what comes out is of no interest here."""
    x, y = design.input_stream, design.output_stream
    rng = np.random.default_rng(0)
    inputs = rng.integers(x.format.min_int, x.format.max_int + 1, (FRAMES, x.shape.elements))
    ports = [
        BenchPort(element_width=s.format.width, signed=s.format.signed, lanes=s.lanes, elements=s.shape.elements)
        for s in (x, y)
    ]
    expected = np.zeros((FRAMES, y.shape.elements), dtype=np.int64)
    return BenchTop(name=design.name, x=ports[0], y=ports[1], inputs=inputs, expected=expected, fifos=())


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(0, 36, 6))
def test_knees_equal_the_rtls(first: int, tmp_path: Path) -> None:
    cases = []
    for seed in range(first, first + 6):
        design = random_block(seed, KINDS[seed % len(KINDS)])
        cases.append((design.sizings[0], variants(design, design.sizings[0])))
    designs = [design for _, kinds in cases for design in kinds.values()]
    rtl = write_rtl(designs, tmp_path)
    with pytest.raises(CheckFailed):  # the depths below live
        simulate([bench_top(design) for design in designs], rtl, tmp_path / "bench", timeout_s=3000.0)
    scores = json.loads((tmp_path / "bench" / "scores.json").read_text())["scores"]
    for sizing, kinds in cases:
        given = {
            kind: None if scores[design.name]["faults"] else scores[design.name]["interval_cycles"]
            for kind, design in kinds.items()
        }
        model = {
            kind: run_model(design.stages, design.streams, FRAMES).interval_cycles for kind, design in kinds.items()
        }
        assert given == model, sizing
        assert given["full"] == given["unlimited"], sizing
        assert given["live"] is not None, sizing
        assert given.get("dead") is None, sizing
        if "less" in given:
            assert given["less"] > given["full"], sizing
