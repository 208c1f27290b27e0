"""The vendors' flows without the vendors: a stand-in on PATH, and stored reports in the vendors' layouts."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from generator.errors import ToolError
from generator.tools.vendor import VENDOR_TOOLS, read_csynth, read_utilization, run_vendor

REPORTS = Path(__file__).parents[2] / "data" / "reports"


@pytest.mark.parametrize(
    "name",
    [
        "utilization_placed_7series_2019.2.rpt",
        "utilization_placed_usplus_2024.1.rpt",
        "vivado_synth_usplus_2020.1.rpt",
        "vivado_synth_usplus_2024.1.rpt",
    ],
)
def test_utilization_of_every_layout(name: str) -> None:
    resources, period_ns = read_utilization(REPORTS / name)
    assert (resources.lut, resources.ff, resources.dsp, resources.bram36) == (14733, 17044, 12, 60.5)
    assert (resources.srl, resources.uram, period_ns) == (1733, 0, None)


@pytest.mark.parametrize("name", ["myproject_csynth_vitis2023.1.xml", "myproject_csynth_vivado2020.1.xml"])
def test_csynth_of_both_dialects(name: str) -> None:
    resources, period_ns = read_csynth(REPORTS / name)
    assert (resources.lut, resources.ff, resources.dsp, resources.bram36, period_ns) == (14733, 17044, 12, 60.5, 3.649)


def test_reports_of_another_kind_are_refused(tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.write_text("nothing\n")
    with pytest.raises(ToolError, match=r"expected a line .*LUTs"):
        read_utilization(report)
    with pytest.raises(ToolError, match="is no XML"):
        read_csynth(report)
    report.write_text("<profile/>")
    with pytest.raises(ToolError, match="expected LUT, FF, DSP and BRAM_18K"):
        read_csynth(report)


def test_a_design_that_is_too_slow_still_has_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = _install(
        tmp_path,
        monkeypatch,
        "vivado",
        f"""mkdir -p vivado_rtl && cp {REPORTS}/utilization_placed_usplus_2024.1.rpt vivado_rtl/utilization.rpt
echo "INFO: worst negative slack (WNS) -0.250 ns at 5 ns"
exit 1""",
    )
    payload = run_vendor("vivado", project)
    assert payload["stage"] == "Vivado out-of-context place and route"
    assert (payload["lut"], payload["bram36"], payload["fmax_mhz"]) == (14733, 60.5, 190.48)
    assert "-tclargs rtl" in (project / "build" / "vivado.log").read_text()


def test_hls_runs_the_project_s_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = "net_prj/solution1/syn/report"
    project = _install(
        tmp_path,
        monkeypatch,
        "vitis_hls",
        f"mkdir -p {report} && cp {REPORTS}/myproject_csynth_vitis2023.1.xml {report}/csynth.xml",
    )
    assert run_vendor("vitis_hls", project)["fmax_mhz"] == 274.05


def test_missing_tool_failure_and_missing_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for tool in VENDOR_TOOLS:
        with pytest.raises(ToolError) as caught:
            run_vendor(tool, tmp_path)
        assert str(caught.value) == (
            f"tool {tool!r}: expected an executable on PATH, found none; "
            "source the vendor's settings64.sh, or take --tool yosys"
        )
        assert caught.value.exit_code == 2
    project = _install(tmp_path, monkeypatch, "vivado_hls", "echo broken >&2; exit 1")
    with pytest.raises(ToolError, match=r"synth prj by vivado_hls: 'vivado_hls' ended with 1"):
        run_vendor("vivado_hls", project)
    project = _install(tmp_path, monkeypatch, "vivado_hls", "exit 0")
    with pytest.raises(ToolError, match=r"expected \*_prj/solution1/syn/report/csynth.xml, found none"):
        run_vendor("vivado_hls", project)


def _install(folder: Path, monkeypatch: pytest.MonkeyPatch, tool: str, script: str) -> Path:
    """A stand-in for the tool, alone in front of the system's PATH; returns an empty project."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "prj").mkdir(exist_ok=True)
    program = folder / "bin" / tool
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
    return folder / "prj"
