"""`tailor csim`: the C++ of a project, compiled by g++."""

from __future__ import annotations

from pathlib import Path

import click

from generator import project as projects
from generator.cli.common import JSON_OPTION, answer, figures


@click.command("csim", short_help="Compile the C++ and compare its outputs with PyTorch.")
@click.argument("project", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--frames", type=click.IntRange(min=1), default=3, show_default=True, help="Stored frames to run.")
@JSON_OPTION
def command(project: Path, frames: int, as_json: bool) -> None:
    """Compile the C++ of the project in DIR and count the integers that differ from PyTorch's."""
    payload = projects.csim(project, frames)
    answer(payload, as_json, figures(f"csim {project}", payload))
    projects.require_equal("csim", project, payload["mismatches"])
