"""csim: the C++ of a project compiled by g++, run on the stored frames, compared with PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generator.tools.csim_build import (
    RESULTS,
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
class CsimResult:
    """What csim found.

    Attributes:
        mismatches: integers that differ from PyTorch's.
        compile_seconds: wall-clock time; 0 where an earlier binary of the same text was used.
        seconds_per_frame: wall-clock time of the run over the frames.
    """

    frames: int
    mismatches: int
    compile_seconds: float
    seconds_per_frame: float


def run_csim(project: Path, frames: int) -> CsimResult:
    """Compile the project's C++ (or find it compiled), run the first frames, count what differs.

    Args:
        project: folder that `tailor generate` wrote.
        frames: how many of the stored frames to run.

    Raises:
        ToolError: no project, fewer frames stored, no compiler, or the compiler or csim failed.
    """
    described = open_csim_project(project)
    expected = read_frames(described, OUTPUTS, frames)
    units = (f"firmware/{described.name}.cpp", f"{described.name}_test.cpp")
    binary, compile_seconds = build_program(described, Program(units=units, flags=("-Icsim",)))
    log = described.build / "csim.log"
    (project / RESULTS).unlink(missing_ok=True)
    done = run_command((str(binary), str(frames)), cwd=project.resolve(), timeout_s=_RUN_TIMEOUT_S, log=log)
    check(done, f"csim of design {described.name!r}", log)
    given = read_frames(described, RESULTS, frames)
    return CsimResult(
        frames=frames,
        mismatches=count_differences(given, expected),
        compile_seconds=compile_seconds,
        seconds_per_frame=done.seconds / frames,
    )
