"""Runs many hand-built designs in one simulation: each with a top, stages and memories of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from generator.backends.rtl import plan_rtl
from generator.build_plan import BuildPlan
from generator.design import Design, Stream
from generator.tools.rtl_bench import BenchPort, BenchRun, BenchTop, run_bench
from tests.generator.backends.stage_models import random_integers, run_design


def bench_tops(designs: Sequence[Design], frames: int, seed: int) -> tuple[BenchTop, ...]:
    """The designs with random frames and what their stages compute from them."""
    tops = []
    for design in designs:
        rng = np.random.default_rng(seed)
        shape = design.input_stream.shape
        x = random_integers(rng, design.input_stream.format, (frames, shape.height, shape.width, shape.channels))
        tops.append(
            BenchTop(
                name=design.name,
                x=_port(design.input_stream),
                y=_port(design.output_stream),
                inputs=x.reshape(frames, -1),
                expected=run_design(design, x).reshape(frames, -1),
                fifos=tuple(stream.name for stream in design.streams),
            )
        )
    return tuple(tops)


def write_rtl(designs: Sequence[Design], folder: Path) -> Path:
    """The RTL of all designs in one folder, with one file list."""
    plans = [plan_rtl(design) for design in designs]
    private = ("rtl/filelist.f", "rtl/instances.json")
    files = {path: text for plan in plans for path, text in plan.files if path not in private}
    listed = dict.fromkeys(line for plan in plans for line in plan.text("rtl/filelist.f").split())
    files["rtl/filelist.f"] = "".join(f"{line}\n" for line in sorted(listed))
    BuildPlan.of(files | {"design.json": "{}"}).write(folder)
    return folder / "rtl"


def simulate(tops: Sequence[BenchTop], rtl: Path, folder: Path, **options: Any) -> dict[str, Any]:
    """Run the bench; limits fit small designs."""
    run = BenchRun(**({"limit_cycles": 20_000, "timeout_cycles": 2_000_000, "timeout_s": 500.0} | options))
    return dict(run_bench("test bench", rtl, tops, folder, run))


def _port(stream: Stream) -> BenchPort:
    return BenchPort(
        element_width=stream.format.width,
        signed=stream.format.signed,
        lanes=stream.lanes,
        elements=stream.shape.elements,
    )
