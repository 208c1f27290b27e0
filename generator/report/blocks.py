"""Which stages of a design belong together: the blocks that its skip connections come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from generator.report.entries import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Consecutive main-path stages, by position, both ends included."""

    name: str
    first: int
    last: int


def side_stages(design: Json) -> dict[str, str]:
    """Stages on skip branches (projections), and the main-path stage at which their branch joins."""
    sources = {stream["name"]: stream["source"] for stream in design["streams"]}
    kinds = {stage["name"]: stage["kind"] for stage in design["stages"]}
    inputs: dict[str, list[str]] = {}
    for stream in design["streams"]:
        inputs.setdefault(stream["sink"] or "", []).append(stream["name"])
    side: dict[str, str] = {}
    for stream in design["streams"]:
        name = stream["source"] if stream["role"] == "skip" else None
        while name is not None and kinds[name] not in ("clone", "add"):
            side[name] = stream["sink"]
            name = sources[inputs[name][0]]
    return side


def block_spans(design: Json, main: Sequence[str]) -> tuple[Span, ...]:
    """Cut the main path into blocks and single stages.

    A block reaches from fork to join of its skip FIFO, and over all stages below its module path.

    Args:
        main: names of the main-path stages in dataflow order.
    """
    position = {name: place for place, name in enumerate(main)}
    spans = [_over_paths(block, main) for block in _block_names(design)]
    spans += [_over_stream(stream, design, position) for stream in design["streams"] if stream["role"] == "skip"]
    merged: list[Span] = []
    for span in sorted((span for span in spans if span is not None), key=lambda span: (span.first, -span.last)):
        if merged and span.first <= merged[-1].last:
            before = merged.pop()
            name = before.name or span.name
            span = Span(name=name, first=before.first, last=max(before.last, span.last))
        merged.append(span)
    result: list[Span] = []
    place = 0
    for span in [*merged, Span(name="", first=len(main), last=len(main))]:
        result += [Span(name=main[index], first=index, last=index) for index in range(place, span.first)]
        if span.first < len(main):
            result.append(Span(name=span.name or main[span.first], first=span.first, last=span.last))
        place = span.last + 1
    return tuple(result)


def _block_names(design: Json) -> list[str]:
    """Paths of the original blocks; a short skip `<block>.0` belongs to `<block>`."""
    names = []
    for skip in design["skips"]:
        stem, _, last = skip["name"].rpartition(".")
        short = skip["implementation"] in ("shift_register", "fold") and last.isdigit() and stem
        names.append(stem if short else skip["name"])
    return list(dict.fromkeys(names))


def _over_paths(block: str, main: Sequence[str]) -> Span | None:
    inside = [place for place, name in enumerate(main) if name.startswith(f"{block}.")]
    if not inside:
        return None
    return Span(name=block, first=inside[0], last=inside[-1])


def _over_stream(stream: Json, design: Json, position: Mapping[str, int]) -> Span | None:
    """From the clone stage that feeds a skip FIFO to the add stage that reads it."""
    sources = {entry["name"]: entry["source"] for entry in design["streams"]}
    name = stream["source"]
    while name is not None and name not in position:
        feeds = next(entry["name"] for entry in design["streams"] if entry["sink"] == name)
        name = sources[feeds]
    if name is None or stream["sink"] not in position:
        return None
    first, last = sorted((position[name], position[stream["sink"]]))
    return Span(name="", first=first, last=last)
