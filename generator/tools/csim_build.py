"""Builds the C++ of a project with g++: each program once, found again by a digest of all that it depends on.

The vendor's headers are not needed: `csim/` of the project stands in for the stream and AXI headers, and
the openly licensed `ap_int.h` and `ap_fixed.h` come from the installed hls4ml wheel, as an include path.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generator.build_plan import MARKER
from generator.errors import ToolError
from generator.fixed_point import FloatArray
from generator.tools.run import Completed, check, require_tool, run_command

COMPILER = "g++"
FLAGS = ("-std=c++11", "-O1", '-DTAILOR_WEIGHTS_FOLDER="firmware/weights"')
"""As measured on ResNet-20: -O1 compiles fastest and runs within a few percent of -O2."""

RESULTS = "tb_data/csim_results.log"
_HINT = "install a C++11 compiler, e.g. `apt install g++` or `xcode-select --install`"
_COMPILE_TIMEOUT_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CsimProject:
    """What csim needs to know of a project.

    Attributes:
        name: of its top.
    """

    path: Path
    name: str

    @property
    def build(self) -> Path:
        """Where the programs are."""
        return self.path / "build" / "csim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program made of a project's C++.

    Attributes:
        label: a short word for its file name; none for the plain one.
        units: sources, relative to the project or absolute.
        flags: beside the common ones; include paths among them.
        headers: folders outside the project whose files it depends on.
    """

    label: str = ""
    units: tuple[str, ...]
    flags: tuple[str, ...]
    headers: tuple[Path, ...] = ()


def open_csim_project(project: Path) -> CsimProject:
    """A project on disk.

    Raises:
        ToolError: the folder holds none.
    """
    try:
        described = json.loads((project / MARKER).read_text(encoding="utf-8"))
        return CsimProject(path=project, name=described["name"])
    except OSError as error:
        raise ToolError(
            f"project {project}: expected a folder that `tailor generate` wrote, found no {MARKER}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(f"project {project}: {MARKER} is damaged; generate the project again") from error


def ap_types_folder() -> Path:
    """The folder of ap_int.h and ap_fixed.h in the installed hls4ml, which is not imported.

    Raises:
        ToolError: hls4ml is not installed, or a version without them.
    """
    spec = importlib.util.find_spec("hls4ml")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "templates" / "vivado" / "ap_types"
        if (folder / "ap_fixed.h").is_file():
            return folder
    raise ToolError("csim: ap_fixed.h was expected in the Python package hls4ml and is not there; pip install hls4ml")


def build_program(project: CsimProject, program: Program) -> tuple[Path, float]:
    """The program's binary, and the seconds it took to build it: 0 where it was found.

    Raises:
        ToolError: no compiler, no headers, the folder cannot be written, or the compiler failed.
    """
    compiler = require_tool(COMPILER, _HINT)
    include = ap_types_folder()
    name = f"{project.name}_{program.label}_" if program.label else f"{project.name}_"
    binary = (project.build / f"{name}{_digest(project, program, compiler)[:16]}").resolve()
    if os.access(binary, os.X_OK):
        return binary, 0.0
    try:
        project.build.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolError(f"csim: {project.build} cannot be written ({error.strerror or error})") from error
    objects = [binary.with_name(f"{binary.name}.{index}.{os.getpid()}.o") for index, _ in enumerate(program.units)]
    staged = binary.with_name(f"{binary.name}.{os.getpid()}")

    def compile_unit(unit: str, target: Path) -> Completed:
        log = project.build / f"{target.name}.log"
        argv = (compiler, *FLAGS, *program.flags, "-isystem", str(include), "-c", unit, "-o", str(target))
        done = run_command(argv, cwd=project.path, timeout_s=_COMPILE_TIMEOUT_S, log=log)
        check(done, f"csim of design {project.name!r}: compiling {unit}", log)
        log.unlink()
        return done

    try:
        with ThreadPoolExecutor(len(program.units)) as pool:
            done = list(pool.map(compile_unit, program.units, objects))
        linked = run_command((compiler, *map(str, objects), "-o", str(staged)), cwd=project.path)
        check(linked, f"csim of design {project.name!r}: linking")
        staged.replace(binary)
    finally:
        for path in (*objects, staged):
            path.unlink(missing_ok=True)
    return binary, max(unit.seconds for unit in done) + linked.seconds


def _digest(project: CsimProject, program: Program, compiler: str) -> str:
    """SHA-256 of all that the binary depends on; the weights are read when it runs."""
    state = hashlib.sha256()
    version = run_command((compiler, "--version"), cwd=project.path).stdout
    for text in (version, importlib.metadata.version("hls4ml"), *FLAGS, *program.units, *program.flags):
        state.update(text.encode() + b"\0")
    root = project.path
    sources = [*root.glob("*.cpp"), *root.glob("csim/*.h"), *root.glob("firmware/**/*.h"), *root.glob("firmware/*.cpp")]
    for folder, paths in ((root, sources), *((folder, [*folder.rglob("*.*")]) for folder in program.headers)):
        for path in sorted(paths):
            state.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return state.hexdigest()


def read_frames(project: CsimProject, file: str, frames: int) -> FloatArray:
    """The first frames of a file of decimals, as (frames, elements) float64: exact, so they compare by `==`.

    Raises:
        ToolError: the file is missing, holds fewer frames, or something else.
    """
    path = project.path / file
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[:frames]
    except OSError as error:
        raise ToolError(
            f"csim: {path} cannot be read ({error.strerror or error}); generate the project again"
        ) from error
    if len(lines) < frames:
        raise ToolError(
            f"csim of design {project.name!r}: {frames} frames asked for, {file} holds {len(lines)}; "
            "ask for fewer, or generate with a larger --frames"
        )
    try:
        return np.array([[float(word) for word in line.split()] for line in lines], dtype=np.float64)
    except ValueError as error:
        raise ToolError(
            f"csim: {path} does not hold a frame of numbers on each line; generate the project again"
        ) from error


def count_differences(given: FloatArray, expected: FloatArray) -> int:
    """Integers that differ; all of them if the shapes do."""
    if given.shape != expected.shape:
        return int(max(given.size, expected.size))
    return int(np.count_nonzero(given != expected))
