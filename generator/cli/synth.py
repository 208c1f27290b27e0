"""`tailor synth`: what the SystemVerilog of a project costs."""

from __future__ import annotations

from pathlib import Path

import click

from generator import project as projects
from generator.cli.common import JSON_OPTION, answer, figures
from generator.tools.yosys import FAMILIES, progress_bar


@click.command("synth", short_help="Count LUTs, flip-flops, DSPs and block RAMs.")
@click.argument("project", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--tool", type=click.Choice(["yosys"]), default="yosys", show_default=True)
@click.option("--family", type=click.Choice(FAMILIES), default=None, help="Default: the project's.")
@click.option("--flatten", is_flag=True, help="The whole top in one run, not the sum of its stages.")
@JSON_OPTION
def command(project: Path, tool: str, family: str | None, flatten: bool, as_json: bool) -> None:
    """Synthesise the SystemVerilog of the project in DIR."""
    with progress_bar(tool) as progress:
        payload = projects.synth(project, family, flatten, progress)
    shown = {key: value for key, value in payload.items() if key != "rows"}
    answer(payload, as_json, figures(f"synth {project}", shown))
