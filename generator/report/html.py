"""One self-contained HTML page that lays designs side by side: no network, no script, light and dark."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from generator.errors import OutputError, SourceError
from generator.report import tables
from generator.report.curves import Chart, draw_curves
from generator.report.dataflow import draw_dataflow
from generator.report.entries import DesignEntry
from generator.report.picture import Picture
from generator.templating import render

COLOURS = 8
"""Colours of the page's palette; a report with more designs begins again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A design's figures at a glance; `figures` are (name, value) pairs."""

    label: str
    form: str
    colour: int
    headline: str
    headline_note: str
    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A design's dataflow picture and its tables, `tables` as (title, table) pairs."""

    label: str
    form: str
    colour: int
    summary: str
    picture: Picture
    tables: tuple[tuple[str, tables.Table], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All that the template shows."""

    title: str
    deck: str
    facts: tuple[tuple[str, str], ...]
    cards: tuple[Card, ...]
    verdict: str
    verdict_class: str
    checks: tables.Table
    accuracy: tables.Table | None
    charts: tuple[Chart, ...]
    bars: tuple[tables.BarGroup, ...]
    compositions: tuple[tables.Composition, ...]
    part_names: tuple[tuple[str, str], ...]
    panels: tuple[Panel, ...]
    notes: tuple[tuple[str, str], ...]

    @property
    def shows_accuracy(self) -> bool:
        """Whether anything is known of training and accuracy."""
        return self.accuracy is not None or bool(self.charts)


def write_report(entries: Sequence[DesignEntry], out: Path, title: str | None = None) -> Path:
    """Write the page.

    Args:
        entries: in the order in which they stand side by side; the first is what the others are compared with.
        out: the file.
        title: None names the network.

    Returns:
        The file's absolute path.

    Raises:
        SourceError: no design, or two with the same label.
        OutputError: the file cannot be written; nothing is left half-written.
    """
    out = out.absolute()
    text = render("report/report.html.j2", build_page(entries, title))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            os.chmod(name, 0o644)
            os.replace(name, out)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)
    except OSError as error:
        raise OutputError(f"report {out}: cannot be written ({error.strerror or error})") from error
    return out


def build_page(entries: Sequence[DesignEntry], title: str | None = None) -> Page:
    """Everything the page shows, as texts and drawings.

    Raises:
        SourceError: no design, or two with the same label.
    """
    labels = [entry.label for entry in entries]
    if not labels:
        raise SourceError("report: expected at least one design, got none")
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise SourceError(f"report: two designs are called {', '.join(twice)}; name folders that differ")
    wrong = tables.mismatches(entries)
    names = list(dict.fromkeys(entry.design["name"] for entry in entries))
    return Page(
        title=title or (names[0] if len(names) == 1 else ", ".join(labels)),
        deck=_deck(entries),
        facts=_facts(entries),
        cards=tuple(_card(index, entry) for index, entry in enumerate(entries)),
        verdict=_verdict(wrong),
        verdict_class="good" if wrong == 0 else "bad" if wrong else "open",
        checks=tables.check_table(entries),
        accuracy=tables.accuracy_table(entries),
        charts=draw_curves(entries),
        bars=tables.resource_bars(entries),
        compositions=tables.compositions(entries),
        part_names=tuple(tables.PART_NAMES.items()),
        panels=tuple(_panel(index, entry) for index, entry in enumerate(entries)),
        notes=_notes(entries),
    )


def _form(entry: DesignEntry) -> str:
    return tables.FORMS.get(entry.label, "")


def _deck(entries: Sequence[DesignEntry]) -> str:
    """What the designs gain over the first one, in one sentence each."""
    first, *others = entries
    sentences = []
    for entry in others:
        parts = [
            f"{tables.signed(100 * (mine - base) / base, 0)}% {name}"
            for name, key in (("LUT", "lut"), ("FF", "ff"), ("BRAM", "bram36"))
            if (mine := entry.result("yosys", key)) is not None and (base := first.result("yosys", key))
        ]
        if entry.accuracy_fixed is not None and first.accuracy_fixed is not None:
            parts.append(f"{tables.signed(entry.accuracy_fixed - first.accuracy_fixed, 2)} points of accuracy")
        if parts:
            sentences.append(f"{entry.label} against {first.label}: {', '.join(parts)}.")
    return " ".join(sentences) or "Dataflow hardware, stage by stage."


def _facts(entries: Sequence[DesignEntry]) -> tuple[tuple[str, str], ...]:
    design = entries[0].design
    synthesis = next((entry.results["yosys"] for entry in entries if "yosys" in entry.results), {})
    facts = [
        ("Part", str(design.get("part", tables.DASH))),
        ("Clock", f"{design['clock_ns']:g} ns" if "clock_ns" in design else tables.DASH),
        ("Multipliers", " / ".join(tables.number(entry.design.get("multipliers")) for entry in entries)),
        ("Synthesis", f"{synthesis['stage']}, family {synthesis['family']}" if synthesis else "not run"),
    ]
    if synthesis.get("tool_version"):
        facts.append(("Tool", str(synthesis["tool_version"]).split(" (")[0]))
    return tuple(facts)


def _card(index: int, entry: DesignEntry) -> Card:
    interval, measured = tables.cycles(entry, "interval_cycles")
    latency, _ = tables.cycles(entry, "latency_cycles")
    clock = entry.design.get("clock_ns")
    rate = None if not interval or not clock else 1e9 / (interval * clock)
    figures = (
        ("interval, cycles" + ("" if measured else " (predicted)"), tables.number(interval)),
        ("latency, cycles" + ("" if measured else " (predicted)"), tables.number(latency)),
        ("frames a second at this clock", tables.number(rate)),
        *(
            (name + ("" if synthesised else " (predicted)"), tables.number(value, 1))
            for name, key in (("LUT", "lut"), ("FF", "ff"), ("DSP", "dsp"), ("BRAM36", "bram36"))
            for value, synthesised in (tables.resource(entry, key),)
            if value is not None
        ),
        ("skip memory, px", tables.number(tables.skip_pixels(entry))),
    )
    headline, note = tables.number(interval), "cycles a frame" + ("" if measured else ", predicted")
    if entry.accuracy_fixed is not None:
        known = entry.accuracy_float is not None
        headline = tables.percent(entry.accuracy_fixed)
        note = "% in fixed point" + (f", {tables.percent(entry.accuracy_float)} in float" if known else "")
    return Card(
        label=entry.label,
        form=_form(entry) or entry.design["name"],
        colour=index % COLOURS,
        headline=headline,
        headline_note=note,
        figures=figures,
    )


def _panel(index: int, entry: DesignEntry) -> Panel:
    stages, streams = len(entry.design["stages"]), len(entry.design["streams"])
    pixels = tables.skip_pixels(entry)
    return Panel(
        label=entry.label,
        form=_form(entry),
        colour=index % COLOURS,
        summary=f"{stages} stages, {streams} streams, {pixels:,} px in skip memories",
        picture=draw_dataflow(entry.design),
        tables=(
            ("Stages", tables.stage_table(entry)),
            ("Streams", tables.stream_table(entry)),
            ("Skip connections", tables.skip_table(entry)),
        ),
    )


def _verdict(wrong: int | None) -> str:
    if wrong is None:
        return "No comparison with PyTorch has been run."
    if wrong == 0:
        return "Every integer that was compared equals PyTorch's."
    return f"{wrong:,} integers differ from PyTorch's."


def _notes(entries: Sequence[DesignEntry]) -> tuple[tuple[str, str], ...]:
    """What each figure is, and what it is not."""
    notes = [
        (
            "Accuracy",
            "Share of test images whose largest output is the label. Fixed point is the integer network itself.",
        ),
        (
            "Mismatches",
            "Output integers that differ from the PyTorch fixed-point module's, over whole frames. The C++ runs as "
            "compiled by g++, the SystemVerilog as simulated by Verilator.",
        ),
        (
            "Latency, interval",
            "Clock edges between handshakes at the top's ports: from the first input beat to the last output beat from "
            "idle, and the largest distance of the last beats of successive frames from the second on.",
        ),
        (
            "Depths",
            "Words that a FIFO can hold, output register included. Live: fewest without deadlock. Full rate: fewest "
            "with the interval of unlimited FIFOs. A skip's px are pixels of all channels that wait for the add.",
        ),
    ]
    if any("yosys" in entry.results for entry in entries):
        notes.insert(
            2,
            (
                "LUT, FF, DSP, BRAM",
                "Yosys synthesis. This is not Vivado's place-and-route: no packing, no timing, no optimisation across "
                "stages. Where the figure is a sum of stages, each distinct stage is synthesised once and ROM contents "
                "are replaced by one fixed pseudo-random file per shape. LUT counts LUT1-6, inverters, shift registers "
                "and LUT memory.",
            ),
        )
    return tuple(notes)
