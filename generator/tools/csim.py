"""csim: the C++ of a project compiled by g++, run on the stored frames, compared with PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
from generator.tools.stream_trace import locate, read_traced_streams
from generator.trace import Difference
from generator.vectors import OUTPUTS

_RUN_TIMEOUT_S = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CsimResult:
    """What csim found.

    Attributes:
        mismatches: integers that differ from PyTorch's.
        compile_seconds: wall-clock time; 0 where an earlier binary of the same text was used.
        seconds_per_frame: wall-clock time of the run over the frames.
        difference: where the first frame goes wrong, if it does: reference first, csim second.
    """

    frames: int
    mismatches: int
    compile_seconds: float
    seconds_per_frame: float
    difference: Difference | None = None


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
    binary, compile_seconds = build_program(described, Program(units=_units(described), flags=("-Icsim",)))
    log = described.build / "csim.log"
    (project / RESULTS).unlink(missing_ok=True)
    done = run_command((str(binary), str(frames)), cwd=project.resolve(), timeout_s=_RUN_TIMEOUT_S, log=log)
    check(done, f"csim of design {described.name!r}", log)
    given = read_frames(described, RESULTS, frames)
    mismatches = count_differences(given, expected)
    return CsimResult(
        frames=frames,
        mismatches=mismatches,
        compile_seconds=compile_seconds,
        seconds_per_frame=done.seconds / frames,
        difference=_locate(described) if mismatches else None,
    )


def _units(project: CsimProject) -> tuple[str, ...]:
    return (f"firmware/{project.name}.cpp", f"{project.name}_test.cpp")


def _locate(project: CsimProject) -> Difference | None:
    """Run the first frame again with every stream recorded."""
    streams = read_traced_streams(project.path)
    if not streams:
        return None
    folder = project.build / "trace"
    folder.mkdir(parents=True, exist_ok=True)
    files = {stream.name: folder / f"{stream.cpp_name()}.txt" for stream in streams}
    for path in files.values():
        path.unlink(missing_ok=True)
    flags = ("-Icsim", '-DTAILOR_TRACE_FOLDER="build/csim/trace"')
    binary, _ = build_program(project, Program(label="trace", units=_units(project), flags=flags))
    log = project.build / "csim_trace.log"
    done = run_command((str(binary), "1"), cwd=project.path.resolve(), timeout_s=_RUN_TIMEOUT_S, log=log)
    check(done, f"csim of design {project.name!r}, traced", log)
    return locate(streams, files)
