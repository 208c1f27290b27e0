"""Builds one case and measures it; what takes long is kept under the digest of what was emitted."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from figures.cases import Case
from generator import flow
from generator.errors import TailorError
from generator.hardware_yaml import parse_hardware
from generator.source import load_images, load_source
from generator.tools.cosim import run_cosim
from generator.tools.csim import run_csim
from generator.tools.nextpnr import run_nextpnr
from generator.tools.yosys import run_yosys
from generator.tools.yowasp import recall, remember

Tell = Callable[[str], None]
Json = dict[str, Any]

STEPS = ("yosys", "route", "csim", "cosim")
SECTION_STEPS = {
    "blocks": ("yosys", "route", "cosim"),
    "small": ("cosim",),
    "pixel_wide": (),
    "networks": ("csim", "cosim", "yosys"),
}
FRAMES = {"blocks": 4, "small": 6, "pixel_wide": 1, "networks": 3}

_KIND = "bench"
_TRIES = 3
_FIFO = re.compile(r"TAILOR_FIFO\((\w+), (\d+)|#pragma HLS STREAM variable=(\w+) depth=(\d+)")


def measure(case: Case, out: Path, steps: tuple[str, ...], tell: Tell) -> Json:
    """Generate a case's project and run the steps that its section asks for.

    A step that fails is told in `errors` and leaves the others alone.

    Returns:
        digest, design (figures of design.json), and a mapping per step.
    """
    project, row = out / case.name, {"title": case.title, "section": case.section, "errors": {}}
    try:
        row |= _generate(case, project)
    except TailorError as error:
        row["errors"]["generate"] = str(error)
        tell(f"{case.name}: generate: {error}")
        return row
    for step in SECTION_STEPS[case.section]:
        if step not in steps:
            continue
        begin = time.monotonic()
        try:
            row[step] = _run(step, case, project, str(row["digest"]))
            tell(f"{case.name}: {step} {_told(row[step])} ({time.monotonic() - begin:.0f} s)")
        except TailorError as error:
            row["errors"][step] = str(error)
            tell(f"{case.name}: {step}: {error}")
    return row


def measure_generate(out: Path) -> Json:
    """Seconds of `tailor generate resnet110`, start of Python included: wall clock and CPU; CPU of its sizing alone."""
    hardware = out / "resnet110.yaml"
    hardware.write_text('HLSConfig: {Model: {Precision: "ap_fixed<8,3>", ReuseFactor: 576}}\n', encoding="utf-8")
    words = ("generate", "resnet110", "--hardware", str(hardware), "--out", str(out / "resnet110"), "--json")
    start = "import sys; from generator.cli.main import run; sys.exit(run(sys.argv[1:]))"
    seconds, before = [], resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(_TRIES):
        begin = time.monotonic()
        done = subprocess.run([sys.executable, "-c", start, *words], capture_output=True, text=True, check=False)
        seconds.append(time.monotonic() - begin)
        if done.returncode:
            return {"error": done.stderr.strip()}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "load": round(os.getloadavg()[0], 1),
        "generate_seconds": round(min(seconds), 2),
        "generate_cpu_seconds": round(cpu / _TRIES, 2),
        "sizing_cpu_seconds": round(_sizing_seconds(hardware), 2),
    }


def fifo_table(project: Path, description: Mapping[str, Any]) -> list[Json]:
    """The emitted C++'s FIFOs, with the memory that Vivado HLS gives them.

    Its rule: a struct of channels becomes one FIFO a channel; above 1,024 bits one takes a RAMB18, below
    shift registers.
    """
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((project / "firmware").glob("*.cpp")))
    streams = {stream["name"]: stream for stream in description["streams"]}
    rows = []
    for found in _FIFO.finditer(text):
        name, depth = found[1] or found[3], int(found[2] or found[4])
        stream = streams.get(name) or streams[name.removesuffix("_stream")]
        channels = int(stream["lanes"])
        bits = depth * int(stream["width_bits"]) // channels
        bram36 = channels / 2 if bits > 1024 else 0.0
        rows.append({"name": name, "channels": channels, "depth": depth, "bits": bits, "bram36": bram36})
    return rows


def _generate(case: Case, project: Path) -> Json:
    network = load_source(case.source, args=case.args)
    config = parse_hardware(case.hardware, f"of row {case.name}")
    quantized = flow.quantize_network(network, config)
    images = load_images(network, "random", {}, FRAMES[case.section], labelled=False).inputs
    written = flow.generate(quantized, config, images, project)
    described: Mapping[str, Any] = written.description
    skips = [(skip["implementation"], skip["depth_pixels"]) for skip in described["skips"]]
    return {
        "digest": written.digest,
        "design": {
            "multipliers": described["multipliers"],
            "macs": sum(_macs(stage) for stage in described["stages"]),
            "slowest_stage": max(int(stage["cycles"]) for stage in described["stages"]),
            "skips": skips,
            "fifos": fifo_table(project, described),
            **{f"predicted_{key}": value for key, value in described["predicted"].items()},
        },
    }


def _macs(stage: Mapping[str, Any]) -> int:
    """Multiplications of a frame, those with padding included, as networks are compared by."""
    if stage["kind"] != "conv":
        return 0
    height, width, channels = stage["out_shape"]
    kernel_height, kernel_width = stage["kernel"]
    return int(height * width * channels * kernel_height * kernel_width * stage["in_shape"][2])


def _run(step: str, case: Case, project: Path, digest: str) -> Json:
    frames = FRAMES[case.section]
    if step == "yosys":
        whole = case.section == "blocks"
        result = run_yosys(project, family="xcup" if whole else "xc7", flatten=whole, workers=1).as_dict()
        return {key: value for key, value in result.items() if key != "rows"}
    if step == "route":
        return {key: value for key, value in run_nextpnr(project).as_dict().items() if key != "rows"}
    known = recall(_KIND, f"{digest}-{step}-{frames}")
    if known is not None:
        return dict(known)
    payload = _csim(project, frames) if step == "csim" else _cosim(project, frames)
    remember(_KIND, f"{digest}-{step}-{frames}", payload)
    return payload


def _csim(project: Path, frames: int) -> Json:
    result = run_csim(project, frames)
    return {
        "frames": frames,
        "mismatches": result.mismatches,
        "compile_seconds": round(result.compile_seconds, 1),
        "seconds_per_frame": round(result.seconds_per_frame, 3),
    }


def _cosim(project: Path, frames: int) -> Json:
    begin = time.monotonic()
    result = run_cosim(project, frames)
    seconds = time.monotonic() - begin
    cycles = (result.latency_cycles or 0) + (frames - 1) * (result.interval_cycles or 0)
    return {
        "frames": frames,
        "mismatches": result.mismatches,
        "latency_cycles": result.latency_cycles,
        "interval_cycles": result.interval_cycles,
        "cycles_per_second": round(result.cycles_per_second),
        "compile_seconds": round(seconds - cycles / result.cycles_per_second, 1),
    }


def _sizing_seconds(hardware: Path) -> float:
    """CPU seconds of the pass that sizes all FIFOs of ResNet-110."""
    from generator import passes
    from generator.hardware_yaml import read_hardware

    network = load_source("resnet110", args={})
    config = read_hardware(hardware)
    quantized = flow.quantize_network(network, config)
    original, seconds = passes.size_fifos, 0.0

    def timed(*args: Any, **options: Any) -> Any:
        nonlocal seconds
        begin = time.process_time()
        sized = original(*args, **options)
        seconds += time.process_time() - begin
        return sized

    passes.size_fifos = timed
    try:
        passes.build_design(quantized.graph, config, flow.find_device(config.part, config.clock_ns))
    finally:
        passes.size_fifos = original
    return seconds


def _told(result: Mapping[str, Any]) -> str:
    keys = ("lut", "ff", "dsp", "bram36", "fmax_mhz", "mismatches", "latency_cycles", "interval_cycles")
    return ", ".join(f"{key} {result[key]}" for key in keys if result.get(key) is not None)
