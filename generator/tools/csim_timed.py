"""Timed csim: the C++ of a project with every stage a process and every FIFO bounded.

One iteration of an II=1 loop takes one cycle (templates/hls/timed), so one g++ binary gives bits, cycles,
the words that each FIFO held, and deadlocks by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from generator.assets import asset_folder
from generator.build_plan import MARKER
from generator.errors import ToolError
from generator.names import identifier
from generator.tools.csim_build import (
    RESULTS,
    CsimProject,
    Program,
    build_program,
    count_differences,
    open_csim_project,
    read_frames,
)
from generator.tools.run import check, run_command
from generator.vectors import OUTPUTS

_RUN_TIMEOUT_S = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A stage that cannot go on.

    Attributes:
        waits_to: `read` or `write`.
        stream: the name of the empty or full stream.
    """

    stage: str
    waits_to: str
    stream: str

    def __str__(self) -> str:
        state = "empty" if self.waits_to == "read" else "full"
        return f"{self.stage} waits to {self.waits_to} {self.stream} ({state})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlock:
    """All stages wait.

    Attributes:
        at_cycle: the last cycle in which anything moved, or little later.
        circle: the stages that wait for each other, each for the next one and the last for the first; empty
            where a word is missing instead.
        waiting: every stage that waits.
    """

    at_cycle: int
    circle: tuple[Wait, ...]
    waiting: tuple[Wait, ...]

    def __str__(self) -> str:
        waits = self.circle or self.waiting
        kind = "a circular wait" if self.circle else "no circle, so words are missing"
        return f"deadlock in cycle {self.at_cycle:,}, {kind}: " + "; ".join(map(str, waits))

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""

        def plain(waits: tuple[Wait, ...]) -> list[dict[str, str]]:
            return [{"stage": wait.stage, "waits_to": wait.waits_to, "stream": wait.stream} for wait in waits]

        return {
            "at_cycle": self.at_cycle,
            "circle": plain(self.circle),
            "waiting": plain(self.waiting),
            "message": str(self),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedResult:
    """What a timed csim found.

    Attributes:
        mismatches: integers that differ from PyTorch's, missing ones included.
        latency_cycles: first accepted input beat to last output beat of the first frame; None if it never came.
        interval_cycles: largest distance of the last beats of frames n and n+1, n >= 2 counted from 1; None with
            fewer than 3 frames, and under a deadlock.
        max_occupancy: most words held, by stream.
    """

    frames: int
    mismatches: int
    compile_seconds: float
    seconds_per_frame: float
    latency_cycles: int | None
    interval_cycles: int | None
    max_occupancy: Mapping[str, int]
    deadlock: Deadlock | None


def run_timed(project: Path, frames: int, depths: Mapping[str, int] | None = None) -> TimedResult:
    """Compile the project's C++ with a clock (or find it compiled), run the first frames.

    Args:
        project: folder that `tailor generate` wrote.
        frames: how many of the stored frames to run.
        depths: stream -> words that its FIFO holds, in place of the design's; for experiments.

    Raises:
        ToolError: no project, fewer frames stored, an unknown stream, no compiler, or the compiler or csim failed.
    """
    described = open_csim_project(project)
    network = _read_network(described)
    expected = read_frames(described, OUTPUTS, frames)
    binary, compile_seconds = build_program(described, _program(described.name))
    log = described.build / "csim_timed.log"
    (project / RESULTS).unlink(missing_ok=True)
    argv = (str(binary), str(frames), *_overrides(network, depths or {}))
    done = run_command(argv, cwd=project.resolve(), timeout_s=_RUN_TIMEOUT_S, log=log)
    check(done, f"timed csim of design {described.name!r}", log)
    report = json.loads(done.stdout.splitlines()[-1])
    last = report["last_y"]
    deadlock = _deadlock(report, network) if len(last) < frames else None
    given = read_frames(described, RESULTS, len(last)) if last else np.zeros((0, 0))
    missing = expected[len(last) :].size
    return TimedResult(
        frames=frames,
        mismatches=missing + (count_differences(given, expected[: len(last)]) if last else 0),
        compile_seconds=compile_seconds,
        seconds_per_frame=done.seconds / frames,
        latency_cycles=last[0] - report["first_x"] if last else None,
        interval_cycles=None if deadlock or frames < 3 else max(b - a for a, b in pairwise(last[1:])),
        max_occupancy={network.stream(name): words for name, words in report["max_occupancy"].items()},
        deadlock=deadlock,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Names of a project: as the C++ has them -> as the design has them.

    Attributes:
        ends: stream -> (stage that writes it, stage that reads it); x and y stand for the ports.
    """

    stages: Mapping[str, str]
    streams: Mapping[str, str]
    ends: Mapping[str, tuple[str, str]]

    def stage(self, name: str) -> str:
        return self.stages.get(name, name)

    def stream(self, name: str) -> str:
        return self.streams.get(name, name)


def _read_network(project: CsimProject) -> Network:
    try:
        described: dict[str, Any] = json.loads((project.path / MARKER).read_text(encoding="utf-8"))
        stages = {identifier(stage["name"]): str(stage["name"]) for stage in described["stages"]}
        ends = {
            str(stream["name"]): (str(stream["source"] or "x"), str(stream["sink"] or "y"))
            for stream in described["streams"]
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ToolError(f"project {project.path}: {MARKER} is damaged; generate the project again") from error
    streams = {f"{name}_stream" if name in ("x", "y") else identifier(name): name for name in ends}
    return Network(stages=stages, streams=streams, ends=ends)


def _program(name: str) -> Program:
    timed = asset_folder("templates").resolve() / "hls" / "timed"
    flags = (
        "-DTAILOR_TIMED",
        f"-DTAILOR_TOP={name}",
        f'-DTAILOR_TOP_SOURCE="firmware/{name}.cpp"',
        f'-DTAILOR_BENCH_SOURCE="{name}_test.cpp"',
        f"-I{timed}",
        "-I.",
        "-Icsim",
    )
    return Program(label="timed", units=(str(timed / "main.cpp"),), flags=flags, headers=(timed,))


def _overrides(network: Network, depths: Mapping[str, int]) -> list[str]:
    emitted = {name: cpp for cpp, name in network.streams.items()}
    unknown = sorted(depths.keys() - emitted.keys())
    if unknown:
        raise ToolError(f"timed csim: there is no stream {', '.join(unknown)}; the design has {', '.join(emitted)}")
    return [f"{emitted[name]}={words}" for name, words in depths.items()]


def _deadlock(report: Mapping[str, Any], network: Network) -> Deadlock:
    waiting = tuple(
        Wait(stage=network.stage(entry["stage"]), waits_to=entry["waits_to"], stream=network.stream(entry["stream"]))
        for entry in report["waiting"]
        if entry["stage"] not in ("source", "sink")
    )
    return Deadlock(at_cycle=report["cycles"], circle=find_circle(waiting, network), waiting=waiting)


def find_circle(waiting: tuple[Wait, ...], network: Network) -> tuple[Wait, ...]:
    """The closed chain of stages that each wait for the next one and for nobody outside; () if there is none.

    Other chains may be closed too, but a stage in them also waits for the one that is to blame.
    """
    waits: dict[str, list[tuple[Wait, str]]] = {}
    for wait in waiting:
        writer, reader = network.ends.get(wait.stream, ("", ""))
        waits.setdefault(wait.stage, []).append((wait, writer if wait.waits_to == "read" else reader))
    reached = {stage: _reached(stage, waits) for stage in waits}
    for stage, others in reached.items():
        if stage in others and all(stage in reached.get(other, ()) for other in others):
            return _follow(stage, stage, waits, ())
    return ()


def _reached(start: str, waits: Mapping[str, list[tuple[Wait, str]]]) -> frozenset[str]:
    """The stages that a stage waits for, directly or through others."""
    found: set[str] = set()
    pending = [start]
    while pending:
        for _, other in waits.get(pending.pop(), ()):
            if other not in found:
                found.add(other)
                pending.append(other)
    return frozenset(found)


def _follow(
    stage: str, goal: str, waits: Mapping[str, list[tuple[Wait, str]]], path: tuple[Wait, ...]
) -> tuple[Wait, ...]:
    """The first way from a stage back to the goal that meets no stage twice."""
    for wait, other in waits.get(stage, ()):
        if other == goal:
            return (*path, wait)
        if other not in [step.stage for step in path] and other != stage:
            circle = _follow(other, goal, waits, (*path, wait))
            if circle:
                return circle
    return ()
