"""The vendors' tools, where they are installed: the project's own batch scripts, then their reports."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from generator.errors import ToolError
from generator.tools.netlist import Resources
from generator.tools.run import check, require_tool, run_command

_TIMEOUT_S = 24 * 3600.0
_TIMING_NOT_MET = 1
_SLACK = re.compile(r"worst negative slack \(WNS\) (-?[\d.]+) ns at ([\d.]+) ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorTool:
    """How a vendor's tool is run on a project.

    Attributes:
        arguments: after the tool's name.
        report: where it writes its figures, below the project; `*` stands for one folder.
        read: from the report's path to figures.
        stage: what the figures are.
    """

    arguments: tuple[str, ...]
    report: str
    read: Callable[[Path], tuple[Resources, float | None]]
    stage: str


def run_vendor(tool: str, project: Path) -> dict[str, object]:
    """Synthesise (HLS) or implement (Vivado, the SystemVerilog) a generated project, in its folder.

    Args:
        tool: one of VENDOR_TOOLS.

    Returns:
        The keys of `tailor synth --json`.

    Raises:
        ToolError: the tool is not on PATH or failed, or its report cannot be read.
    """
    flow = VENDOR_TOOLS[tool]
    project = project.resolve()
    require_tool(tool, "source the vendor's settings64.sh, or take --tool yosys", None)
    log = project / "build" / f"{tool}.log"
    done = run_command((tool, *flow.arguments), project, timeout_s=_TIMEOUT_S, log=log)
    slack = _SLACK.search(done.output)
    if not (done.returncode == _TIMING_NOT_MET and slack):  # the figures of a design that is too slow are figures
        check(done, f"synth {project.name} by {tool}", log)
    reports = sorted(project.glob(flow.report))
    if not reports:
        raise ToolError(f"synth {project.name} by {tool}: expected {flow.report}, found none; see {log}")
    resources, period_ns = flow.read(reports[0])
    if slack:
        period_ns = float(slack[2]) - float(slack[1])
    return {
        "tool": tool,
        "stage": flow.stage,
        **{key: getattr(resources, key) for key in ("lut", "ff", "dsp", "bram36", "uram", "srl", "lutram")},
        "fmax_mhz": None if period_ns is None else round(1000 / period_ns, 2),
        "seconds": round(done.seconds, 1),
    }


def read_utilization(path: Path) -> tuple[Resources, float | None]:
    """Figures of Vivado's report_utilization, of 7 series or UltraScale+; it knows no clock.

    Raises:
        ToolError: a figure is missing.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    resources = Resources(
        lut=int(_used(text, r"(?:CLB|Slice) LUTs\*?", path)),
        ff=int(_used(text, r"(?:CLB|Slice) Registers", path)),
        dsp=int(_used(text, r"DSPs", path)),
        bram36=_used(text, r"Block RAM Tile", path),
        uram=int(_used(text, r"URAM", path, missing=0.0)),
        srl=int(_used(text, r"LUT as Shift Register", path, missing=0.0)),
        lutram=int(_used(text, r"LUT as Distributed RAM", path, missing=0.0)),
    )
    return resources, None


def read_csynth(path: Path) -> tuple[Resources, float | None]:
    """Figures and the estimated clock period in ns of an HLS tool's csynth.xml (either vendor dialect).

    Raises:
        ToolError: it is no such report.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ToolError(f"report {path}: is no XML ({error})") from error
    found = {entry.tag: entry.text or "" for entry in root.iterfind("AreaEstimates/Resources/*")}
    period = root.findtext("PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod")
    try:
        resources = Resources(
            lut=int(found["LUT"]),
            ff=int(found["FF"]),
            dsp=int(found.get("DSP") or found["DSP48E"]),
            bram36=int(found["BRAM_18K"]) / 2,
            uram=int(found.get("URAM") or 0),
        )
        return resources, float(period) if period else None
    except (KeyError, ValueError) as error:
        raise ToolError(f"report {path}: expected LUT, FF, DSP and BRAM_18K, found {', '.join(found)}") from error


def _used(text: str, site: str, path: Path, missing: float | None = None) -> float:
    """The first `Used` of a site type; `missing` where there is no such line."""
    found = re.search(rf"^\|\s*{site}\s*\|\s*([\d.]+)\s*\|", text, re.MULTILINE)
    if found is None and missing is None:
        raise ToolError(f"report {path}: expected a line {site!r}, found none; is it Vivado's report_utilization?")
    return float(found[1]) if found else float(missing or 0.0)


_HLS = ("-f", "build_prj.tcl", "reset=1 csim=0 synth=1 cosim=0 export=0")
_CSYNTH = "*_prj/solution1/syn/report/csynth.xml"
VENDOR_TOOLS = {
    "vivado": VendorTool(
        arguments=("-mode", "batch", "-nojournal", "-source", "vivado_synth.tcl", "-tclargs", "rtl"),
        report="vivado_rtl/utilization.rpt",
        read=read_utilization,
        stage="Vivado out-of-context place and route",
    ),
    "vitis_hls": VendorTool(arguments=_HLS, report=_CSYNTH, read=read_csynth, stage="Vitis HLS C synthesis, estimate"),
    "vivado_hls": VendorTool(
        arguments=_HLS, report=_CSYNTH, read=read_csynth, stage="Vivado HLS C synthesis, estimate"
    ),
}
"""By the name of the executable."""
