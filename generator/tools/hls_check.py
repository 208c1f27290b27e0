"""Holds the emitted C++ of a project against what its compiler takes: pragmas, loops, constructs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from generator.backends.hls_tcl import Dialect
from generator.tools.csim_build import open_csim_project
from generator.tools.hls_ast import Finding, parse_firmware
from generator.tools.hls_grammar import load_grammar
from generator.tools.hls_rules import find_faults


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What the checker found, in the order of files and lines."""

    dialect: Dialect
    findings: tuple[Finding, ...]


def run_check(project: Path, dialect: Dialect | None = None) -> CheckResult:
    """Check the firmware of a project.

    Args:
        project: folder that `tailor generate` wrote.
        dialect: None for the one that the project was written for.

    Raises:
        ToolError: no project, or a compiler's headers are missing.
    """
    top = open_csim_project(project).name
    grammar = load_grammar(dialect or _dialect_of(project))
    source = parse_firmware(project, top, grammar)
    return CheckResult(dialect=grammar.dialect, findings=find_faults(source, top, grammar))


def _dialect_of(project: Path) -> Dialect:
    """As project.tcl tells the vendor's scripts; Vitis HLS where there is none."""
    settings = project / "project.tcl"
    text = settings.read_text(encoding="utf-8") if settings.is_file() else ""
    vivado = re.search(r"^set backend vivado$", text, re.MULTILINE)
    return Dialect.VIVADO_HLS if vivado else Dialect.VITIS_HLS
