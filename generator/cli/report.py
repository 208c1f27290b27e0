"""`tailor report`: projects side by side."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from generator import project as projects
from generator.cli.common import JSON_OPTION, answer, figures
from generator.report.entries import load_entry
from generator.report.html import write_report


@click.command("report", short_help="Lay projects side by side in one HTML file.")
@click.argument("directories", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="E.g. report.html.")
@JSON_OPTION
def command(directories: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Lay the projects in DIR... side by side in one HTML file that needs no network."""
    for directory in directories:
        projects.open_project(directory)
    twice = {name for name, count in Counter(path.absolute().name for path in directories).items() if count > 1}
    labels = [path.absolute().name if path.absolute().name not in twice else str(path) for path in directories]
    entries = [load_entry(path, label) for path, label in zip(directories, labels, strict=True)]
    payload = {"report": str(write_report(entries, out))}
    answer(payload, as_json, figures("report", payload))
