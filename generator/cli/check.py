"""`tailor check`: the C++ of a project, held against what its compilers take."""

from __future__ import annotations

from pathlib import Path

import click

from generator import project as projects
from generator.cli.common import JSON_OPTION, answer, listing
from generator.tools.hls_grammar import Dialect

_DIALECTS = click.Choice([str(dialect) for dialect in Dialect])


@click.command("check", short_help="Hold the C++ of a project against what HLS compilers take.")
@click.argument("project", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--dialect", type=_DIALECTS, help="One compiler alone; both without.")
@JSON_OPTION
def command(project: Path, dialect: str | None, as_json: bool) -> None:
    """Check pragmas, loops and constructs of the firmware in DIR, line by line."""
    payload = projects.check(project, tuple(Dialect) if dialect is None else (Dialect(dialect),))
    findings = payload["findings"]
    assert isinstance(findings, list)
    table = listing(f"check {project}", ("dialect", "file", "line", "rule", "message"), findings)
    answer(payload, as_json, table)
    projects.require_clean(project, len(findings))
