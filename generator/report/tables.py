"""The report's tables and bars as frozen views; every number becomes a text here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.names import identifier
from generator.report.entries import DesignEntry, input_shape, output_shape

DASH = "–"

FORMS = {"T": "traditional", "S": "shortened", "R": "removed"}
"""What the demo's labels stand for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Header and rows of texts; the first `texts` columns are words, the others numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One design's bar.

    Attributes:
        share: of the longest bar of its group, 0 to 100.
        change: against the first design, e.g. `−12%`; empty for the first.
    """

    label: str
    colour: int
    value: str
    share: float
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarGroup:
    """One resource across all designs."""

    title: str
    note: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A kind of hardware within a design's LUTs; `share` in percent of the largest design's."""

    name: str
    kind: str
    value: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """Where one design's LUTs go."""

    label: str
    total: str
    parts: tuple[Part, ...]


def number(value: Any, digits: int = 0) -> str:
    """A figure with thousands' spaces, or a dash for None."""
    if value is None:
        return DASH
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits and "." in text else text


def percent(value: float | None) -> str:
    """A percentage with two decimals, or a dash."""
    return DASH if value is None else f"{value:.2f}"


def skip_pixels(entry: DesignEntry) -> int:
    """Pixels that wait in skip memories."""
    return sum(skip["depth_pixels"] for skip in entry.design["skips"])


def cycles(entry: DesignEntry, key: str) -> tuple[int | None, bool]:
    """A cycle count and whether it was measured: from cosim, else as predicted."""
    measured = entry.result("cosim", key)
    return (measured, True) if measured is not None else (entry.design.get("predicted", {}).get(key), False)


def resource(entry: DesignEntry, key: str) -> tuple[float | None, bool]:
    """A resource and whether synthesis found it; else as predicted."""
    found = entry.result("yosys", key)
    return (found, True) if found is not None else (entry.design.get("predicted", {}).get(key), False)


def accuracy_table(entries: Sequence[DesignEntry]) -> Table | None:
    """Float and fixed-point accuracy, side by side; None where nothing is known."""
    if all(entry.accuracy_float is None and entry.accuracy_fixed is None for entry in entries):
        return None
    rows = [("float network", *(percent(entry.accuracy_float) for entry in entries))]
    rows.append(("fixed-point network", *(percent(entry.accuracy_fixed) for entry in entries)))
    losses = [
        entry.accuracy_fixed - entry.accuracy_float
        if entry.accuracy_fixed is not None and entry.accuracy_float is not None
        else None
        for entry in entries
    ]
    rows.append(("difference, points", *(DASH if loss is None else signed(loss, 2) for loss in losses)))
    return Table(head=("test accuracy, %", *(entry.label for entry in entries)), rows=tuple(rows))


def check_table(entries: Sequence[DesignEntry]) -> Table:
    """What was compared with PyTorch, integer by integer."""
    checks: tuple[tuple[str, str, str], ...] = (
        ("reference against PyTorch", "evaluate", "mismatches_vs_torch"),
        ("HLS C++ against PyTorch", "csim", "mismatches"),
        ("SystemVerilog against PyTorch", "cosim", "mismatches"),
    )
    rows = []
    for title, tool, key in checks:
        cells = []
        for entry in entries:
            wrong = entry.result(tool, key)
            frames = entry.result(tool, "images" if tool == "evaluate" else "frames")
            counted = "" if frames is None else f" in {frames:,} frames"
            cells.append("not run" if wrong is None else f"{wrong:,} mismatches{counted}")
        rows.append((title, *cells))
    return Table(head=("comparison", *(entry.label for entry in entries)), rows=tuple(rows))


def mismatches(entries: Sequence[DesignEntry]) -> int | None:
    """All mismatches of all comparisons that ran; None if none ran."""
    keys = (("evaluate", "mismatches_vs_torch"), ("csim", "mismatches"), ("cosim", "mismatches"))
    found = [entry.result(tool, key) for entry in entries for tool, key in keys]
    known = [value for value in found if value is not None]
    return sum(known) if known else None


def resource_bars(entries: Sequence[DesignEntry]) -> tuple[BarGroup, ...]:
    """LUT, FF, DSP, BRAM, skip memory and interval of all designs."""
    measured = all(cycles(entry, "interval_cycles")[1] for entry in entries)
    synthesised = [resource(entry, "dsp")[1] for entry in entries]
    predicted = "" if all(synthesised) else ", predicted" + (" where not synthesised" if any(synthesised) else "")
    wanted: tuple[tuple[str, str, int, Callable[[DesignEntry], Any]], ...] = (
        ("LUT", "logic, shift registers and LUT memory", 0, lambda e: resource(e, "lut")[0]),
        ("FF", "flip-flops", 0, lambda e: resource(e, "ff")[0]),
        ("DSP", "DSP48 slices" + predicted, 0, lambda e: resource(e, "dsp")[0]),
        ("BRAM36", "RAMB36 + RAMB18 / 2" + predicted, 1, lambda e: resource(e, "bram36")[0]),
        ("Skip memory", "pixels that wait for an add", 0, skip_pixels),
        (
            "Interval",
            "cycles a frame, " + ("measured in cosim" if measured else "predicted"),
            0,
            lambda e: cycles(e, "interval_cycles")[0],
        ),
    )
    groups = (_bars(entries, title, note, digits, get) for title, note, digits, get in wanted)
    return tuple(group for group in groups if group is not None)


def _bars(
    entries: Sequence[DesignEntry], title: str, note: str, digits: int, get: Callable[[DesignEntry], Any]
) -> BarGroup | None:
    values = [get(entry) for entry in entries]
    if all(value is None for value in values):
        return None
    most = max((value for value in values if value is not None), default=0) or 1
    first = values[0]
    bars = tuple(
        Bar(
            label=entry.label,
            colour=index,
            value=number(value, digits),
            share=round(100 * (value or 0) / most, 2),
            change=signed(100 * (value - first) / first, 0) + "%" if index and value is not None and first else "",
        )
        for index, (entry, value) in enumerate(zip(entries, values, strict=True))
    )
    return BarGroup(title=title, note=note, bars=bars)


def compositions(entries: Sequence[DesignEntry]) -> tuple[Composition, ...]:
    """LUTs by kind of stage and stream; empty where no design was synthesised by stages."""
    sums = [_lut_by_kind(entry) for entry in entries]
    most = max((sum(kinds.values()) for kinds in sums), default=0)
    if not most:
        return ()
    return tuple(
        Composition(
            label=entry.label,
            total=number(sum(kinds.values())),
            parts=tuple(
                Part(name=name, kind=kind, value=number(kinds[kind]), share=round(100 * kinds[kind] / most, 2))
                for kind, name in PART_NAMES.items()
                if kinds.get(kind)
            ),
        )
        for entry, kinds in zip(entries, sums, strict=True)
        if kinds
    )


PART_NAMES = {
    "conv": "conv stages",
    "clone": "clone stages",
    "add": "add stages",
    "pool": "pooling",
    "skip": "skip FIFOs",
    "data": "other FIFOs, ports",
}
"""Kinds of hardware, in the order in which they are shown."""


def _lut_by_kind(entry: DesignEntry) -> dict[str, int]:
    kinds = {identifier(stage["name"]): stage["kind"] for stage in entry.design["stages"]}
    kinds |= {identifier(stream["name"]): stream["role"] for stream in entry.design["streams"]}
    sums: dict[str, int] = {}
    for row in entry.result("yosys", "rows") or ():
        kind = "data" if row["kind"] == "port" else kinds.get(identifier(row["name"]))
        if kind is not None:
            sums[kind] = sums.get(kind, 0) + row["lut"]
    return sums


def stage_table(entry: DesignEntry) -> Table:
    """Every stage, with what synthesis found."""
    synthesised = entry.result("yosys", "rows") or ()
    found = {identifier(row["name"]): row for row in synthesised if row["kind"] == "stage"}
    rows = []
    for stage in entry.design["stages"]:
        row: Mapping[str, Any] = found.get(identifier(stage["name"]), {})
        rows.append(
            (
                stage["name"],
                stage["kind"],
                _shape(input_shape(stage)),
                _shape(output_shape(stage)),
                number(stage["reuse_factor"]),
                f"{stage['pe']} × {stage['simd']}" if stage["kind"] == "conv" else DASH,
                number(stage["cycles"]),
                *(number(row.get(key), 1 if key == "bram36" else 0) for key in ("lut", "ff", "dsp", "bram36")),
            )
        )
    head = ("stage", "kind", "input", "output", "RF", "pe × simd", "cycles", "LUT", "FF", "DSP", "BRAM36")
    return Table(head=head, rows=tuple(rows), texts=4)


def stream_table(entry: DesignEntry) -> Table:
    """Every stream: width, depth, storage, and the most words cosim saw in it."""
    most = entry.result("cosim", "max_occupancy") or {}
    rows = tuple(
        (
            stream["name"],
            "skip" if stream["role"] == "skip" else "main",
            str(stream["storage"]),
            _shape(stream["shape"]),
            str(stream["format"]),
            number(stream["width_bits"]),
            number(stream["lanes"]),
            number(stream["depth_words"]),
            number(stream["depth_live"]),
            number(stream["depth_full_rate"]),
            number(most.get(stream["name"])),
        )
        for stream in entry.design["streams"]
    )
    head = (
        "stream", "path", "storage", "frame", "channel format", "width, bits", "lanes", "depth, words", "live",
        "full rate", "most held",
    )  # fmt: skip
    return Table(head=head, rows=rows, texts=5)


def skip_table(entry: DesignEntry) -> Table:
    """Every skip connection of the original network."""
    rows = tuple(
        (
            skip["name"],
            skip["implementation"],
            skip["storage"] if skip["depth_pixels"] else DASH,
            number(skip["depth_pixels"]),
            number(skip.get("stored_bits")),
        )
        for skip in entry.design["skips"]
    )
    return Table(head=("skip", "implementation", "storage", "depth, px", "bits"), rows=rows, texts=3)


def signed(value: float, digits: int) -> str:
    """With a sign that is as wide as a plus."""
    text = f"{abs(value):.{digits}f}"
    return ("−" if value < 0 and float(text) else "+" if float(text) else "±") + text


def _shape(shape: Sequence[int]) -> str:
    return "×".join(str(size) for size in shape)
