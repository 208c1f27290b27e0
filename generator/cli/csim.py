"""`tailor csim`: the C++ of a project, compiled by g++."""

from __future__ import annotations

from pathlib import Path

import click

from generator import project as projects
from generator.cli.common import JSON_OPTION, answer, figures


@click.command("csim", short_help="Compile the C++ and compare its outputs with PyTorch.")
@click.argument("project", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--frames", type=click.IntRange(min=1), default=3, show_default=True, help="Stored frames to run.")
@click.option("--timed", is_flag=True, help="On a clock: cycles, words in each stream, deadlocks by name.")
@JSON_OPTION
def command(project: Path, frames: int, timed: bool, as_json: bool) -> None:
    """Compile the C++ of the project in DIR and count the integers that differ from PyTorch's."""
    if timed:
        _run_timed(project, frames, as_json)
        return
    payload = projects.csim(project, frames)
    shown = {key: value for key, value in payload.items() if key != "first_difference"}
    answer(payload, as_json, figures(f"csim {project}", shown))
    projects.require_equal("csim", project, payload)


def _run_timed(project: Path, frames: int, as_json: bool) -> None:
    payload = projects.timed_csim(project, frames)
    shown = {key: value for key, value in payload.items() if key not in ("max_occupancy", "deadlock")}
    occupancy, deadlock = payload["max_occupancy"], payload["deadlock"]
    assert isinstance(occupancy, dict)
    shown["deadlock"] = "yes" if deadlock else "none"
    words = figures("Most words in each stream", occupancy)
    answer(payload, as_json, figures(f"timed csim {project}", shown), words)
    projects.require_no_deadlock(project, deadlock)
    projects.require_equal("csim", project, payload)
