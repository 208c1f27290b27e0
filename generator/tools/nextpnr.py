"""Place and route on a Lattice ECP5: the one clock frequency that free tools can measure on this RTL.

The flattened top with its real ROM contents, mapped by Yosys, routed by nextpnr on the largest part of
the family at its fastest grade. It guards the length of the paths; it is no figure of a Xilinx part.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generator.errors import ToolError
from generator.tools.netlist import Resources
from generator.tools.run import check
from generator.tools.synth_jobs import NETLIST, Job, top_job
from generator.tools.yosys import Progress, SynthResult, SynthRow
from generator.tools.yowasp import NEXTPNR_ECP5, YOSYS, recall, remember, scratch_folder

FAMILY = "ecp5"
LABEL = "nextpnr place and route, LFE5U-85F, speed grade 8"

_KIND = "nextpnr"
_PART = ("--85k", "--speed", "8", "--package", "CABGA756")
_GOAL_MHZ = 200
_REPORT = "report.json"
_OPTIONS = (
    *_PART,
    *("--freq", str(_GOAL_MHZ), "--timing-allow-fail", "--seed", "1", "--quiet"),
    *("--json", f"./{NETLIST}", "--report", f"./{_REPORT}"),
)
_TIMEOUT_S = 7200.0


def run_nextpnr(project: Path, progress: Progress | None = None) -> SynthResult:
    """Map and route a generated project's top for ECP5.

    Args:
        project: the folder that `tailor generate` wrote; only its rtl/ is read, nothing is written there.

    Returns:
        Figures of the routed design, `fmax_mhz` among them: `lut` are its LUT4 (carries, LUT memories and
        their write ports included), `dsp` its 18x18 multipliers, `bram36` its block RAMs of 18 Kbit by two.

    Raises:
        ToolError: no RTL there, a tool is missing or failed, or the design does not fit the part.
    """
    job = top_job(project)
    version = f"{NEXTPNR_ECP5.version()}; {YOSYS.version()}"
    digest = job.digest(FAMILY, f"{version}; {' '.join(_OPTIONS)}")
    known = recall(_KIND, digest)
    if progress is not None:
        progress(int(known is not None), 1, job.name)
    entry = known or _route(job)
    if known is None:
        remember(_KIND, digest, entry)
    resources = Resources(**entry["resources"])
    return SynthResult(
        tool="nextpnr-ecp5",
        version=version,
        stage=LABEL,
        family=FAMILY,
        total=resources,
        rows=(SynthRow(name=job.name, kind=job.kind, module=job.module, resources=resources, shared_with=None),),
        runs=1,
        cached=int(known is not None),
        seconds=float(entry["seconds"]),
        fmax_mhz=float(entry["fmax_mhz"]),
    )


def _route(job: Job) -> Mapping[str, Any]:
    """Map and route in a folder of its own; the form in which the outcome is remembered."""
    with scratch_folder(_KIND, (*job.texts, ("run.ys", job.script(FAMILY, netlist=True)))) as folder:
        mapped = check(YOSYS.run(("-q", "./run.ys"), folder, _TIMEOUT_S), f"synthesis of top {job.name!r}")
        routed = check(NEXTPNR_ECP5.run(_OPTIONS, folder, _TIMEOUT_S), f"place and route of top {job.name!r}")
        report = json.loads((folder / _REPORT).read_text(encoding="utf-8"))
    return {
        "resources": _resources(report["utilization"]),
        "fmax_mhz": _fmax_mhz(report, job.name),
        "seconds": round(mapped.seconds + routed.seconds, 2),
    }


def _resources(utilization: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    used = {cell: counts["used"] for cell, counts in utilization.items()}
    return {
        "lut": used["TRELLIS_COMB"] + 2 * used["TRELLIS_RAMW"],
        "ff": used["TRELLIS_FF"],
        "dsp": used["MULT18X18D"],
        "bram36": used["DP16KD"] / 2,
    }


def _fmax_mhz(report: Mapping[str, Any], name: str) -> float:
    """The slowest clock's frequency; the top has one."""
    clocks = [float(clock["achieved"]) for clock in report["fmax"].values()]
    if not clocks:
        raise ToolError(f"place and route of top {name!r}: expected a clock in the report, found none")
    return round(min(clocks), 2)
