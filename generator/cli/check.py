"""`tailor check`: the C++ of a project, held against what its compiler takes."""

from __future__ import annotations

from pathlib import Path

import click

from generator import project as projects
from generator.backends.hls_tcl import Dialect
from generator.cli.common import JSON_OPTION, answer, listing

_DIALECTS = click.Choice([str(dialect) for dialect in Dialect])


@click.command("check", short_help="Hold the C++ of a project against what HLS compilers take.")
@click.argument("project", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--dialect", type=_DIALECTS, help="Another compiler than the project's.")
@JSON_OPTION
def command(project: Path, dialect: str | None, as_json: bool) -> None:
    """Check pragmas, loops and constructs of the firmware in DIR, line by line."""
    payload = projects.check(project, Dialect(dialect) if dialect else None)
    findings = payload["findings"]
    assert isinstance(findings, list)
    table = listing(f"check {project} for {payload['dialect']}", ("file", "line", "rule", "message"), findings)
    answer(payload, as_json, table)
    projects.require_clean(project, len(findings))
