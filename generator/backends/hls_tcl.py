"""The vendors' batch scripts: static Tcl, and the two small files that name this design."""

from __future__ import annotations

import re
from dataclasses import dataclass

from generator.assets import static_files
from generator.build_plan import BuildPlan
from generator.design import Design
from generator.names import identifier
from generator.templating import render


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectView:
    """What the scripts need to know of a design.

    Attributes:
        clock_ns: decimal text, without an exponent.
    """

    name: str
    part: str
    clock_ns: str


def plan_tcl(design: Design) -> BuildPlan:
    """build_prj.tcl (Vitis HLS), vivado_synth.tcl (out-of-context implementation) and their settings."""
    view = ProjectView(
        name=identifier(design.name),
        part=re.sub(r"[^A-Za-z0-9-]", "", design.device.part),
        clock_ns=f"{design.device.clock_ns:.6f}".rstrip("0").rstrip("."),
    )
    files = dict(static_files("vivado_tcl", (".tcl",)))
    files["project.tcl"] = render("hls/project.tcl.j2", view)
    files["ooc.xdc"] = render("hls/ooc.xdc.j2", view)
    return BuildPlan.of(files)
