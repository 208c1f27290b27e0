"""Runs many designs in one C++ binary: each in a namespace and a folder of its own.

Every design runs twice: through its top, frame after frame, and (where it is one stage) with all
frames queued before the first call, so that the stage reads ahead into the next frame.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generator.backends.hls import plan_hls, view_design
from generator.backends.hls_tcl import Dialect
from generator.design import Design
from generator.fixed_point import IntArray, dequantize
from generator.tools.csim_build import ap_types_folder
from generator.vectors import INPUTS, plan_vectors

FLAGS = ("-std=c++11", "-O0", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label")

_HEAD = """\
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>
#include "csim/ap_axi_sdata.h"
#include "csim/hls_stream.h"
{define}
#include "firmware/tailor/rom.h"
#include "firmware/tailor/tailor.h"
#define main bench_main
"""

_RUN_STAGE = """
static void {name}_queued() {{
    hls::stream<ap_uint<{in_bits}> > in("queued_in");
    hls::stream<ap_uint<{out_bits}> > out("queued_out");
    hls::stream<{name}::x_beat_t> x("x");
    std::ifstream features("{inputs}");
    int frames = 0;
    for (std::string line; std::getline(features, line); ++frames) {name}::send_frame(line, x);
    while (!x.empty()) in.write(x.read().data);
    hls::stream<{name}::y_beat_t> y("y");
    for (int frame = 0; frame < frames; ++frame) {{
        {call}
        for (int word = 0; !out.empty(); ++word) {{
            {name}::y_beat_t beat;
            beat.data = out.read();
            beat.last = out.empty();
            y.write(beat);
        }}
    }}
    std::FILE *results = std::fopen("queued.log", "w");
    for (int frame = 0; frame < frames; ++frame) {name}::receive_frame(y, results);
    std::fclose(results);
    if (!in.empty()) std::printf("{name}: words are left over\\n");
}}
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A design and its frames: (N, H, W, C) int64, in LSBs of x's format."""

    design: Design
    frames: IntArray


def write_projects(cases: Sequence[Case], folder: Path, dialect: Dialect = Dialect.VITIS_HLS) -> None:
    """The project of each design, with its input frames, in a folder of its name."""
    for case in cases:
        inputs = dequantize(case.frames, case.design.input_stream.format)
        for path, text in (*plan_hls(case.design, dialect).files, *plan_vectors(inputs, inputs).files):
            target = folder / case.design.name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)


def run_cases(
    cases: Sequence[Case],
    folder: Path,
    synthesis: bool = False,
    compiler: str = "g++",
    flags: Sequence[str] = (),
    dialect: Dialect = Dialect.VITIS_HLS,
) -> dict[str, list[IntArray]]:
    """The outputs of every design, by each of its runs: (N, elements) int64, in LSBs of y's format.

    Args:
        synthesis: compile what a vendor's synthesis sees: weights as initialisers, no monitors.
        flags: more of the compiler's, e.g. sanitizers.
        dialect: the HLS compiler whose projects are compiled; its macros are those of the first case.
    """
    write_projects(cases, folder, dialect)
    driver = folder / "driver.cpp"
    macros = [*(["__SYNTHESIS__"] if synthesis else []), *view_design(cases[0].design, dialect).macros]
    driver.write_text(_driver(cases, macros))
    include = f"-I{folder / cases[0].design.name}"
    argv = [compiler, *FLAGS, *flags, '-DTAILOR_WEIGHTS_FOLDER="firmware/weights"', include, f"{include}/csim"]
    argv += [f"-I{folder}", "-isystem", str(ap_types_folder()), str(driver), "-o", str(folder / "driver")]
    compiled = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr[:4000]
    done = subprocess.run([folder / "driver"], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left over" not in done.stdout + done.stderr
    return {case.design.name: _outputs(case, folder / case.design.name) for case in cases}


def _outputs(case: Case, project: Path) -> list[IntArray]:
    logs = [project / "tb_data/csim_results.log"]
    if len(case.design.stages) == 1:
        logs.append(project / "queued.log")
    scale = case.design.output_stream.format.fraction_bits
    return [np.rint(np.ldexp(np.loadtxt(log, ndmin=2), scale)).astype(np.int64) for log in logs]


def _driver(cases: Sequence[Case], macros: Sequence[str]) -> str:
    parts = [_HEAD.replace("{define}", "\n".join(f"#define {macro}" for macro in macros))]
    for case in cases:
        name = case.design.name
        parts.append(
            f'namespace {name} {{\n#include "{name}/firmware/{name}.cpp"\n#include "{name}/{name}_test.cpp"\n}}'
        )
        if len(case.design.stages) == 1:
            parts.append(_run_stage(case))
    parts.append('#undef main\nint main() {\n    char top[] = "top";\n    char *argv[] = {top, NULL};')
    for case in cases:
        name = case.design.name
        parts.append(f'    if (chdir("{name}") != 0 || {name}::bench_main(1, argv) != 0) return 1;')
        if len(case.design.stages) == 1:
            parts.append(f"    {name}_queued();")
        parts.append('    if (chdir("..") != 0) return 1;')
    parts.append("    return 0;\n}\n")
    return "\n".join(parts)


def _run_stage(case: Case) -> str:
    """A second run of a one-stage design, the ports' converters left out."""
    name, design = case.design.name, case.design
    call = view_design(design).calls[1]
    call = call.replace("<", f"<{name}::", 1).replace("x_stream", "in").replace("y_stream", "out")
    head, _, tables = call.partition("(in, out")
    tables = tables.replace(", ", f", {name}::")
    return _RUN_STAGE.format(
        name=name,
        in_bits=design.input_stream.width_bits,
        out_bits=design.output_stream.width_bits,
        inputs=INPUTS,
        call=f"{head}(in, out{tables}",
    )
