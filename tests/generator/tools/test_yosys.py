"""Synthesis: sharing, caching, counting and messages, on a project of two tiny modules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from generator.errors import ToolError
from generator.tools import yosys
from generator.tools.netlist import Resources, count_cells
from generator.tools.synth_jobs import rom_text, stage_jobs, top_job
from generator.tools.yowasp import cache_folder

_MAC = """
module tiny_mac #(parameter int Width = 8, parameter WeightFile = "none.mem") (
  input logic clk, input logic [3:0] address, input logic signed [Width-1:0] x, output logic signed [23:0] y);
  (* rom_style = "logic" *) logic signed [Width-1:0] rom [16];
  initial $readmemh(WeightFile, rom);
  logic signed [Width-1:0] w_q, x_q;
  always_ff @(posedge clk) begin
    w_q <= rom[address];
    x_q <= x;
    y <= 24'(w_q * x_q);
  end
endmodule
"""
_DELAY = """
(* keep_hierarchy *) module tiny_inverter (input logic a, output logic b);
  assign b = !a;
endmodule
module tiny_delay #(parameter int Depth = 8) (input logic clk, input logic d, output logic q);
  logic [Depth-1:0] taps;
  always_ff @(posedge clk) taps <= {taps[Depth-2:0], d};
  tiny_inverter last (.a(taps[Depth-1]), .b(q));
endmodule
"""
_TOP = """
module tiny_top (
  input logic clk, input logic [3:0] a, input logic signed [7:0] x, output logic [23:0] y, output logic q);
  tiny_mac #(.Width(8), .WeightFile("weights.mem")) mac (.clk(clk), .address(a), .x(x), .y(y));
  tiny_delay #(.Depth(20)) delay (.clk(clk), .d(x[0]), .q(q));
endmodule
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two multiplier stages that differ in their weights, and a delay line; a cache of its own."""
    shared = cache_folder()
    monkeypatch.setenv("TAILOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (shared / "yowasp").mkdir(parents=True, exist_ok=True)
    (tmp_path / "cache" / "yowasp").symlink_to(shared / "yowasp")
    rtl = tmp_path / "project" / "rtl"
    (rtl / "lib").mkdir(parents=True)
    (rtl / "lib" / "tiny_mac.sv").write_text(_MAC)
    (rtl / "lib" / "tiny_delay.sv").write_text(_DELAY)
    (rtl / "tiny_top.sv").write_text(_TOP)
    (rtl / "weights.mem").write_text("".join(f"{17 * i % 256:02x}\n" for i in range(16)))
    _write(rtl, [_mac("conv1", "a.mem"), _mac("conv2", "b.mem"), _delay(20)])
    return tmp_path / "project"


@pytest.mark.slow
def test_equal_stages_are_one_run_and_a_second_call_needs_none(project: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    result = yosys.run_yosys(project, progress=lambda done, total, name: seen.append((done, total, name)))
    assert (result.runs, result.cached, result.stage) == (2, 0, "yosys synthesis, sum of stages")
    assert [row.shared_with for row in result.rows] == [None, "conv1", None]
    assert result.rows[0].resources == result.rows[1].resources
    assert result.rows[0].resources.dsp == 1
    assert result.rows[2].resources == Resources(lut=2, srl=1)
    assert result.total.dsp == 2
    assert result.total.lut == sum(row.resources.lut for row in result.rows) > 0
    assert seen[0] == (0, 2, "from the cache")
    assert seen[-1][:2] == (2, 2)

    again = yosys.run_yosys(project)
    assert (again.cached, again.total, again.rows) == (2, result.total, result.rows)
    assert not list(cache_folder().glob("yosys/run.*"))

    keys = {"tool", "stage", "lut", "ff", "dsp", "bram36", "uram", "srl", "fmax_mhz"}
    assert keys < set(json.loads(json.dumps(again.as_dict())))


@pytest.mark.slow
def test_flattened_top_is_one_run_with_the_real_contents(project: Path) -> None:
    result = yosys.run_yosys(project, flatten=True)
    assert result.stage == "yosys synthesis, flattened top"
    assert [(row.name, row.kind) for row in result.rows] == [("tiny_top", "top")]
    assert result.total.dsp == 1
    assert result.total.srl == 1
    assert "weights.mem" in dict(top_job(project).texts)


def test_a_failing_stage_is_named(project: Path) -> None:
    (project / "rtl" / "lib" / "tiny_delay.sv").write_text("module tiny_delay (input logic clk; endmodule\n")
    with pytest.raises(
        ToolError, match=r"^synthesis of stream 'delay' \(module tiny_delay\): .* ended with 1:\n"
    ) as caught:
        yosys.run_yosys(project)
    assert "syntax error" in str(caught.value)
    assert not list(cache_folder().glob("yosys/run.*"))


def test_messages_for_wrong_projects_and_families(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        yosys.run_yosys(tmp_path)
    assert str(caught.value) == (
        f"project {tmp_path}: expected rtl/instances.json, found none; write the project with tailor generate"
    )
    with pytest.raises(ToolError) as caught:
        yosys.run_yosys(tmp_path, family="ice40")
    assert str(caught.value) == "synth: expected a family of xcup, xc7, ecp5 for yosys, got 'ice40'"


def test_the_digest_sees_texts_parameters_family_and_version(project: Path) -> None:
    first, second, delay = stage_jobs(project)
    assert first.digest("xcup", "v") == second.digest("xcup", "v") != delay.digest("xcup", "v")
    assert first.digest("xcup", "v") != first.digest("xc7", "v")
    assert first.digest("xcup", "v") != first.digest("xcup", "w")
    _write(project / "rtl", [_delay(21)])
    assert next(stage_jobs(project)).digest("xcup", "v") != delay.digest("xcup", "v")
    (project / "rtl" / "lib" / "tiny_delay.sv").write_text(_DELAY + "\n")
    _write(project / "rtl", [_delay(20)])
    assert next(stage_jobs(project)).digest("xcup", "v") != delay.digest("xcup", "v")


def test_rom_contents_depend_on_the_shape_alone() -> None:
    lines = rom_text(12, 5).split()
    assert len(lines) == 5
    assert all(len(line) == 3 for line in lines)
    assert rom_text(12, 5) != rom_text(12, 6)


def test_every_primitive_is_counted_or_refused() -> None:
    cells = {
        "LUT2": 3, "LUT6": 4, "INV": 1, "SRL16E": 2, "SRLC32E": 1, "RAM32M16": 1, "RAM64X1D": 2, "FDRE": 7, "FDSE": 1,
        "DSP48E2": 5, "RAMB36E2": 2, "RAMB18E2": 1, "URAM288": 1, "CARRY8": 9, "MUXF7": 2,
    }  # fmt: skip
    assert count_cells(cells, "x") == Resources(lut=8 + 3 + 12, ff=8, dsp=5, bram36=2.5, uram=1, srl=3, lutram=12)
    with pytest.raises(ToolError) as caught:
        count_cells({"LUT2": 1, "$mul": 2}, "stage 'conv1'")
    assert str(caught.value) == "netlist of stage 'conv1': expected mapped primitives, found $mul"


def _write(rtl: Path, instances: list[dict[str, Any]]) -> None:
    top = {"module": "tiny_top", "files": ["lib/tiny_mac.sv", "lib/tiny_delay.sv", "tiny_top.sv"]}
    (rtl / "instances.json").write_text(json.dumps({"top": top, "instances": instances}))


def _mac(name: str, file: str) -> dict[str, Any]:
    memory = {"parameter": "WeightFile", "path": file, "width_bits": 8, "depth_words": 16}
    return {
        "name": name, "kind": "stage", "module": "tiny_mac", "parameters": {"Width": 8},
        "memories": [memory], "files": ["lib/tiny_mac.sv"],
    }  # fmt: skip


def _delay(depth: int) -> dict[str, Any]:
    return {
        "name": "delay", "kind": "stream", "module": "tiny_delay", "parameters": {"Depth": depth},
        "memories": [], "files": ["lib/tiny_delay.sv"],
    }  # fmt: skip
