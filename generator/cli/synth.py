"""`tailor synth`: what the SystemVerilog of a project costs, and how fast its clock can be."""

from __future__ import annotations

from pathlib import Path

import click

from generator import project as projects
from generator.cli.common import JSON_OPTION, answer, figures
from generator.tools.synth_jobs import FAMILIES
from generator.tools.yosys import progress_bar


@click.command("synth", short_help="Count LUTs, flip-flops, DSPs and block RAMs; route for a clock frequency.")
@click.argument("project", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--tool", type=click.Choice(projects.SYNTH_TOOLS), default="yosys", show_default=True)
@click.option("--family", type=click.Choice(FAMILIES), default=None, help="Default: the project's; yosys only.")
@click.option("--flatten", is_flag=True, help="The whole top in one run, not the sum of its stages; yosys only.")
@JSON_OPTION
def command(project: Path, tool: str, family: str | None, flatten: bool, as_json: bool) -> None:
    """Synthesise the project in DIR.

    yosys counts primitives of the SystemVerilog; nextpnr-ecp5 routes its flattened top on a Lattice ECP5;
    vivado implements it out of context; vitis_hls and vivado_hls synthesise the C++. Those three must be on PATH.
    """
    with progress_bar(tool) as progress:
        payload = projects.synth(project, family, flatten, progress, tool)
    shown = {key: value for key, value in payload.items() if key != "rows"}
    answer(payload, as_json, figures(f"synth {project}", shown))
