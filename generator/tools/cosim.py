"""cosim: the SystemVerilog of a project simulated by Verilator on the stored frames, compared with PyTorch.

cocotb starts the simulation, waits and compares; frames are played and recorded inside the HDL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from generator.build_plan import MARKER
from generator.errors import ToolError
from generator.fixed_point import IntArray
from generator.names import identifier
from generator.tools.rtl_bench import BenchPort, BenchRun, BenchTop, Probe, run_bench
from generator.tools.stream_trace import locate, read_traced_streams
from generator.trace import Difference
from generator.vectors import INPUTS, OUTPUTS, plan_vectors

RESULTS = "tb_data/rtl_cosim_results.log"
_SLACK_CYCLES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CosimResult:
    """What cosim found.

    Attributes:
        mismatches: integers that differ from PyTorch's.
        latency_cycles: first accepted input beat to last output beat, from idle; None under stalls.
        interval_cycles: largest distance of the last beats of frames n and n+1, n >= 2 counted from 1;
            None with fewer than 3 frames and under stalls.
        cycles_per_second: of the simulation.
        max_occupancy: most words held or promised, by stream.
        difference: where the first frame goes wrong, if it does: reference first, cosim second.
    """

    frames: int
    mismatches: int
    latency_cycles: int | None
    interval_cycles: int | None
    cycles_per_second: float
    max_occupancy: Mapping[str, int]
    difference: Difference | None = None


def run_cosim(project: Path, frames: int, stall_seed: int | None = None, rtl: Path | None = None) -> CosimResult:
    """Simulate the project's RTL on its first frames and count what differs from PyTorch.

    Args:
        project: folder that `tailor generate` wrote.
        frames: how many of the stored frames to run.
        stall_seed: of random idle cycles and back-pressure on both sides; None for none.
        rtl: another folder of RTL with the same top; its filelist.f names the sources.

    Raises:
        ToolError: no project, fewer frames stored, a tool is missing or failed.
        CheckFailed: the design deadlocked, or broke a rule of AXI-Stream.
    """
    described = _open(project)
    name = described.name
    top = _top(described, frames)
    limit = 2 * described.cycles + _SLACK_CYCLES
    options = BenchRun(
        stall_seed=stall_seed,
        limit_cycles=limit,
        timeout_cycles=(4 if stall_seed is None else 64) * limit * (frames + 1),
    )
    folder = project / "build" / "cosim"
    (project / RESULTS).unlink(missing_ok=True)
    results = run_bench(f"cosim of design {name!r}", rtl or project / "rtl", (top,), folder, options)
    score = results["scores"][name]
    _write_results(project, described.y, np.load(folder / f"{name}_given.npy"))
    stalled = stall_seed is not None
    mismatches = int(score["mismatches"])
    return CosimResult(
        frames=frames,
        mismatches=mismatches,
        latency_cycles=None if stalled else score["latency_cycles"],
        interval_cycles=None if stalled else score["interval_cycles"],
        cycles_per_second=score["total_cycles"] / float(results["seconds"]),
        max_occupancy=dict(results["occupancy"][name]),
        difference=_locate(described, rtl or project / "rtl", options) if mismatches else None,
    )


def _top(project: _Project, frames: int, probes: tuple[Probe, ...] = ()) -> BenchTop:
    return BenchTop(
        name=project.name,
        x=project.x.bench,
        y=project.y.bench,
        inputs=_read_integers(project, INPUTS, frames, project.x),
        expected=_read_integers(project, OUTPUTS, frames, project.y),
        fifos=project.streams,
        probes=probes,
    )


def _locate(project: _Project, rtl: Path, options: BenchRun) -> Difference | None:
    """Simulate the first frame again with every stream recorded."""
    streams = read_traced_streams(project.path)
    if not streams:
        return None
    probes = tuple(
        Probe(
            name=identifier(stream.name), signal=f"s_{identifier(stream.name)}", bits=stream.lanes * stream.format.width
        )
        for stream in streams
    )
    folder = project.path / "build" / "cosim_trace"
    what = f"cosim of design {project.name!r}, traced"
    run_bench(what, rtl, (_top(project, 1, probes),), folder, replace(options, stall_seed=None))
    return locate(streams, {stream.name: folder / f"{identifier(stream.name)}.txt" for stream in streams})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Port:
    """A port as design.json describes it."""

    bench: BenchPort
    fraction_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    """What cosim needs to know of a project.

    Attributes:
        cycles: a frame's in all stages together.
    """

    path: Path
    name: str
    x: _Port
    y: _Port
    streams: tuple[str, ...]
    cycles: int


def _open(project: Path) -> _Project:
    try:
        described = json.loads((project / MARKER).read_text(encoding="utf-8"))
        return _Project(
            path=project,
            name=identifier(str(described["name"])),
            x=_port(described["x"]),
            y=_port(described["y"]),
            streams=tuple(str(stream["name"]) for stream in described["streams"] if stream["storage"] != "none"),
            cycles=sum(int(stage["cycles"]) for stage in described["stages"]),
        )
    except OSError as error:
        raise ToolError(
            f"project {project}: expected a folder that `tailor generate` wrote, found no {MARKER}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(f"project {project}: {MARKER} is damaged; generate the project again") from error


def _port(described: Mapping[str, Any]) -> _Port:
    height, width, channels = described["shape"]
    bench = BenchPort(
        element_width=int(described["element_width"]),
        signed=bool(described["signed"]),
        lanes=int(described["lanes"]),
        elements=height * width * channels,
    )
    return _Port(bench=bench, fraction_bits=int(described["fraction_bits"]))


def _read_integers(project: _Project, file: str, frames: int, port: _Port) -> IntArray:
    """The first frames of a file of decimals as integers on a port's grid, (frames, elements)."""
    path = project.path / file
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[:frames]
    except OSError as error:
        raise ToolError(
            f"cosim: {path} cannot be read ({error.strerror or error}); generate the project again"
        ) from error
    if len(lines) < frames:
        raise ToolError(
            f"cosim of design {project.name!r}: {frames} frames asked for, {file} holds {len(lines)}; "
            "ask for fewer, or generate with a larger --frames"
        )
    values = np.array([[float(word) for word in line.split()] for line in lines], dtype=np.float64)
    return np.rint(np.ldexp(values, port.fraction_bits)).astype(np.int64)


def _write_results(project: Path, port: _Port, given: IntArray) -> None:
    """What the RTL answered, in the form of the golden vectors: a frame a line."""
    elements = port.bench.elements
    whole = given[: len(given) // elements * elements].reshape(-1, elements)
    values = np.ldexp(whole.astype(np.float64), -port.fraction_bits)
    try:
        (project / RESULTS).write_text(plan_vectors(values, values).text(OUTPUTS), encoding="utf-8")
    except OSError as error:
        raise ToolError(f"cosim: {project / RESULTS} cannot be written ({error.strerror or error})") from error
