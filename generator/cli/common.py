"""What several commands share: the options that name a network, and the two ways to answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import click
import yaml
from rich.console import Console
from rich.table import Table

from generator.config import HardwareConfig
from generator.errors import SourceError
from generator.hardware_yaml import read_hardware

_Function = TypeVar("_Function", bound=Callable[..., object])

STDERR = Console(stderr=True)
"""For warnings and progress; stdout belongs to the answer."""

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, all else on stderr.")


def source_options(function: _Function) -> _Function:
    """SOURCE and the options that say how to build it."""
    for decorate in reversed(
        (
            click.argument("source"),
            click.option("--arg", "arguments", multiple=True, metavar="KEY=VALUE", help="Argument of the factory."),
            click.option("--weights", type=click.Path(path_type=Path), help="A .safetensors or .pth state dict."),
            click.option("--input-shape", metavar="C,H,W", help="Shape of one input, e.g. 3,32,32."),
            click.option("--seed", type=int, default=0, show_default=True, help="Seed of untrained weights."),
        )
    ):
        function = decorate(function)
    return function


def data_options(default: str) -> Callable[[_Function], _Function]:
    """--data and its arguments; `default` says in words what is taken without."""

    def decorate_all(function: _Function) -> _Function:
        text = f"digits, random, or package.module:factory; default: {default}."
        argument = click.option(
            "--data-arg", "data_arguments", multiple=True, metavar="KEY=VALUE", help="Argument of --data."
        )
        return click.option("--data", help=text)(argument(function))

    return decorate_all


def parse_assignments(assignments: Sequence[str], option: str) -> dict[str, object]:
    """`key=value` texts as a mapping; values are read as YAML scalars.

    Raises:
        SourceError: a text without `=`.
    """
    values: dict[str, object] = {}
    for text in assignments:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise SourceError(f"{option} {text!r}: expected KEY=VALUE")
        try:
            values[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise SourceError(f"{option} {text!r}: the value cannot be read") from error
    return values


def parse_shape(text: str | None) -> tuple[int, ...] | None:
    """`3,32,32` as a shape (C, H, W).

    Raises:
        SourceError: not whole numbers above 0.
    """
    if text is None:
        return None
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if len(shape) != 3 or min(shape, default=0) < 1:
        raise SourceError(f"--input-shape {text!r}: expected three whole numbers C,H,W above 0, e.g. 3,32,32")
    return shape


def hardware(path: Path | None) -> HardwareConfig | None:
    """The hardware configuration of a file, if one is named."""
    return None if path is None else read_hardware(path)


def answer(payload: Mapping[str, object], as_json: bool, *tables: Table) -> None:
    """Print one JSON object, or the tables that a person reads."""
    if as_json:
        click.echo(json.dumps(payload, indent=2, allow_nan=False))
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    for table in tables:  # a table's own title would be folded to the table's width
        title, table.title = table.title, None
        console.print(title, style="bold", markup=False, highlight=False, soft_wrap=True)
        console.print(table)


def figures(title: str, rows: Mapping[str, object]) -> Table:
    """A table of names and values; values of None are shown as a dash."""
    table = Table(title=title, show_header=False)
    for name, value in rows.items():
        table.add_row(name.replace("_", " "), cell(value))
    return table


def listing(title: str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Table:
    """A table of records, one a row, showing the columns named."""
    table = Table(title=title)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(cell(row.get(column)) for column in columns))
    return table


def cell(value: object) -> str:
    """How a value is shown in a table."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return " ".join(str(entry) for entry in value)
    return str(value)


def warn(warnings: Iterable[str]) -> None:
    """Print warnings on stderr, one a line."""
    for text in warnings:
        STDERR.print(f"[yellow]Warning:[/yellow] {text}", highlight=False, soft_wrap=True)
