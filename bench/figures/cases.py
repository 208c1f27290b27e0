"""The rows of figures.yaml as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from generator.assets import asset_folder

FILE = Path(__file__).parent.parent / "figures.yaml"

RESOURCES = ("lut", "ff", "dsp", "bram36")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One design of the bench.

    Attributes:
        section: blocks, small, pixel_wide or networks; decides what is measured.
        source, args: what `tailor generate` would be given.
        hardware: the configuration, in hls4ml's form.
        limits: most that each resource may be: a number, or `row + number`.
        paper: the paper's figures, where it has such a design.
        group: what T, S and R of one network have in common.
    """

    name: str
    section: str
    title: str
    source: str
    args: Mapping[str, Any]
    hardware: Mapping[str, Any]
    limits: Mapping[str, float | str] = field(default_factory=dict)
    paper: Mapping[str, float] = field(default_factory=dict)
    group: str = ""


def read_figures() -> Mapping[str, Any]:
    """The whole file, plain."""
    content: Mapping[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return content


def read_cases(figures: Mapping[str, Any]) -> tuple[Case, ...]:
    """Every row, in the order of the file."""
    base = figures["defaults"]["hardware"]
    cases = [
        Case(
            name=name,
            section=section,
            title=row["title"],
            source="skip_block",
            args=row["args"],
            hardware=overlay(base, row.get("hardware", {})),
            limits=row.get("limits", {}),
            paper=row.get("paper", {}),
        )
        for section in ("blocks", "small")
        for name, row in figures[section].items()
    ]
    wide = figures["pixel_wide"]
    for name, args in wide["rows"].items():
        title = f"{args['filters']} filters, {args['skips']}"
        hardware = overlay(base, wide["hardware"])
        cases.append(
            Case(name=name, section="pixel_wide", title=title, source="skip_block", args=args, hardware=hardware)
        )
    return (*cases, *(_network(name, row) for name, row in figures["networks"]["rows"].items()))


def _network(name: str, row: Mapping[str, Any]) -> Case:
    hardware = yaml.safe_load((asset_folder("configs") / row["config"]).read_text(encoding="utf-8"))
    if row.get("fold"):
        hardware = overlay(hardware, {"HLSConfig": {"Skip": {"Default": {"Implementation": "fold"}}}})
    args = {"skips": row["skips"]}
    return Case(
        name=name,
        section="networks",
        title=row["title"],
        source="resnet20",
        args=args,
        hardware=hardware,
        group=row["config"],
    )


def overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the entries of `over`; mappings are merged, all else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        merged[key] = overlay(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return merged


def limit_of(case: Case, key: str, rows: Mapping[str, Mapping[str, Any]]) -> float | None:
    """The most that a figure may be; None without a limit, or where its row was not measured."""
    limit = case.limits.get(key)
    if not isinstance(limit, str):
        return limit
    row, _, more = limit.partition(" + ")
    measured = rows.get(row, {}).get("yosys", {}).get(key)
    return None if measured is None else float(measured) + float(more)
