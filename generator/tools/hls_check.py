"""Holds the emitted C++ of a project against what a compiler for FPGAs takes: pragmas, loops, constructs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.tools.csim_build import open_csim_project
from generator.tools.hls_ast import Finding, parse_firmware
from generator.tools.hls_grammar import Dialect, Grammar, load_grammar
from generator.tools.hls_rules import find_faults


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What the checker found for one dialect, in the order of files and lines."""

    dialect: Dialect
    findings: tuple[Finding, ...]


def run_check(project: Path, dialects: Sequence[Dialect] = tuple(Dialect)) -> tuple[CheckResult, ...]:
    """Check the firmware of a project; the same text serves every dialect.

    Args:
        project: folder that `tailor generate` wrote.
        dialects: those to check it for.

    Raises:
        ToolError: no project, or a compiler's headers are missing.
    """
    top = open_csim_project(project).name
    return tuple(_check(project, top, load_grammar(dialect)) for dialect in dialects)


def _check(project: Path, top: str, grammar: Grammar) -> CheckResult:
    source = parse_firmware(project, top, grammar)
    return CheckResult(dialect=grammar.dialect, findings=find_faults(source, top, grammar))
