"""`tailor skips`: the skip connections of a network."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from generator.cli.common import JSON_OPTION, answer, listing, source_options
from generator.cli.sources import load
from generator.skip_table import list_skips


@click.command("skips", short_help="List the skip connections of a network.")
@source_options
@JSON_OPTION
def command(
    source: str, arguments: tuple[str, ...], weights: Path | None, input_shape: str | None, seed: int, as_json: bool
) -> None:
    """List the skip connections of SOURCE: a RUN folder, a checkpoint, a built-in name or package.module:factory."""
    rows = [asdict(row) for row in list_skips(load(source, arguments, weights, input_shape, seed))]
    columns = ("name", "kind", "state", "span", "projection", "shape", "lifetime_pixels")
    answer({"skips": rows}, as_json, listing(f"Skip connections of {source}", columns, rows))
