"""The vendors' batch scripts: static Tcl, and the two small files that name this design."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from generator.assets import static_files
from generator.build_plan import BuildPlan
from generator.design import Design
from generator.names import identifier
from generator.templating import render


class Dialect(StrEnum):
    """An HLS compiler, as the batch flow knows it."""

    VITIS_HLS = "vitis_hls"
    VIVADO_HLS = "vivado_hls"


def dialect_of(backend: str) -> Dialect:
    """The dialect of a configuration's Backend: Vivado, else Vitis HLS (also beside RTL)."""
    return Dialect.VIVADO_HLS if backend == "Vivado" else Dialect.VITIS_HLS


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectView:
    """What the scripts need to know of a design.

    Attributes:
        backend: as hls4ml calls the compiler: vitis or vivado.
        clock_ns: decimal text, without an exponent.
    """

    name: str
    backend: str
    part: str
    clock_ns: str


def plan_tcl(design: Design, dialect: Dialect = Dialect.VITIS_HLS) -> BuildPlan:
    """build_prj.tcl (Vitis or Vivado HLS), vivado_synth.tcl (out-of-context implementation), their settings."""
    view = ProjectView(
        name=identifier(design.name),
        backend="vivado" if dialect is Dialect.VIVADO_HLS else "vitis",
        part=re.sub(r"[^A-Za-z0-9-]", "", design.device.part),
        clock_ns=f"{design.device.clock_ns:.6f}".rstrip("0").rstrip("."),
    )
    files = dict(static_files("vivado_tcl", (".tcl",)))
    files["project.tcl"] = render("hls/project.tcl.j2", view)
    files["ooc.xdc"] = render("hls/ooc.xdc.j2", view)
    return BuildPlan.of(files)
