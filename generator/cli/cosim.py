"""`tailor cosim`: the SystemVerilog of a project, run by Verilator."""

from __future__ import annotations

from pathlib import Path

import click

from generator import project as projects
from generator.cli.common import JSON_OPTION, answer, figures


@click.command("cosim", short_help="Simulate the SystemVerilog and compare its outputs with PyTorch.")
@click.argument("project", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--frames", type=click.IntRange(min=1), default=3, show_default=True, help="Stored frames to run.")
@click.option("--stall", type=int, metavar="SEED", help="Random idle cycles and back-pressure on both sides.")
@JSON_OPTION
def command(project: Path, frames: int, stall: int | None, as_json: bool) -> None:
    """Simulate the SystemVerilog of the project in DIR and count the integers that differ from PyTorch's."""
    payload = projects.cosim(project, frames, stall)
    shown = {key: value for key, value in payload.items() if key not in ("max_occupancy", "first_difference")}
    occupancy = payload["max_occupancy"]
    assert isinstance(occupancy, dict)
    words = figures("Most words in each stream", occupancy)
    answer(payload, as_json, figures(f"cosim {project}", shown), words)
    projects.require_equal("cosim", project, payload)
