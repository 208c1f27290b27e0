"""Place and route of a tiny design on ECP5, and its cache."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator import project as projects
from generator.errors import ToolError
from generator.tools import yosys
from generator.tools.nextpnr import run_nextpnr
from generator.tools.synth_jobs import top_job
from generator.tools.yowasp import cache_folder

_TOP = """
module tiny_top #(
  parameter int Depth = 2, // stages; of registers
  parameter Family = "generic"
) (input logic clk, input logic signed [7:0] a, input logic signed [7:0] b, output logic signed [15:0] y);
  logic signed [15:0] product_q;
  logic signed [7:0] a_q, b_q;
  always_ff @(posedge clk) begin
    a_q <= a;
    b_q <= b;
    product_q <= a_q * b_q;
    y <= Family == "xcup" ? ~product_q : product_q;
  end
endmodule
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One multiplier between registers; a cache of its own that shares the compiled tools."""
    shared = cache_folder()
    monkeypatch.setenv("TAILOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (shared / "yowasp").mkdir(parents=True, exist_ok=True)
    (tmp_path / "cache" / "yowasp").symlink_to(shared / "yowasp")
    rtl = tmp_path / "project" / "rtl"
    rtl.mkdir(parents=True)
    (rtl / "tiny_top.sv").write_text(_TOP)
    top = {"module": "tiny_top", "files": ["tiny_top.sv"]}
    (rtl / "instances.json").write_text(json.dumps({"top": top, "instances": []}))
    (tmp_path / "project" / "design.json").write_text(json.dumps({"family": "xcup"}))
    return tmp_path / "project"


@pytest.mark.slow
def test_a_routed_design_has_a_frequency_and_is_remembered(project: Path) -> None:
    first = run_nextpnr(project)
    assert (first.tool, first.family, first.cached) == ("nextpnr-ecp5", "ecp5", 0)
    assert (first.total.dsp, first.total.ff, first.total.bram36) == (1, 48, 0)
    assert first.fmax_mhz is not None
    assert first.fmax_mhz > 50
    again = projects.synth(project, tool="nextpnr-ecp5")
    assert (again["cached"], again["fmax_mhz"], again["ff"]) == (1, first.fmax_mhz, 48)
    assert json.loads((project / "build" / "results" / "nextpnr-ecp5.json").read_text())["lut"] == first.total.lut


@pytest.mark.slow
@pytest.mark.parametrize(("family", "inverters"), [("xcup", 16), ("xc7", 0), ("ecp5", 0)])
def test_the_module_is_told_its_family(project: Path, family: str, inverters: int) -> None:
    result = yosys.run_yosys(project, family=family, flatten=True)
    assert (result.total.lut, result.total.dsp) == (inverters, 1)


def test_only_a_declared_parameter_is_set(project: Path) -> None:
    assert 'chparam -set Family "xc7" tiny_top' in top_job(project).script("xc7")
    assert 'chparam -set Family "generic" tiny_top' in top_job(project).script("ecp5")
    (project / "rtl" / "tiny_top.sv").write_text(
        _TOP.replace('parameter Family = "generic"', "parameter int Other = 0")
    )
    assert "chparam" not in top_job(project).script("xc7")


def test_other_families_are_refused(project: Path) -> None:
    with pytest.raises(ToolError) as caught:
        projects.synth(project, family="xc7", tool="nextpnr-ecp5")
    assert str(caught.value) == "synth: nextpnr-ecp5 routes for family ecp5, got 'xc7'; leave --family out"
