"""Stream widths: the narrowest words that never throttle a stage.

A conv stage sends the sums of an output group while it computes the next: the group's words must not be
more than the beats of the shortest group. It takes stride^2 pixels of its input for one of its output.
Clone and add stages pass words on unchanged: all their streams share one width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from generator.design import AddStage, CloneStage, ConvStage, Stage
from generator.graph import Shape
from generator.passes.mac_layer import divisors


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """A stream without a width yet, and the stages at its ends (None: the top's ports)."""

    name: str
    shape: Shape
    source: Stage | None
    sink: Stage | None


def set_lanes(streams: Sequence[StreamEnd], limit: int | None) -> dict[str, int]:
    """Channels a word for every stream.

    Args:
        streams: all streams of a design.
        limit: None: the narrowest that never throttles; 0: whole pixels; n: the largest divisor of
            a stream's channels that is at most n, or the narrowest possible if that is wider.
    """
    groups = _groups(streams)
    lanes: dict[str, int] = {}
    for group in groups:
        channels = group[0].shape.channels
        possible = [width for width in divisors(channels) if all(_is_possible(end, width) for end in group)]
        if limit is None:
            enough = [width for width in possible if all(not _throttles(end, width) for end in group)]
            chosen = (enough or possible[-1:])[0]
        else:
            below = [width for width in possible if limit == 0 or width <= limit]
            chosen = (below[-1:] or possible)[0]
        lanes.update({end.name: chosen for end in group})
    return lanes


def _throttles(end: StreamEnd, lanes: int) -> bool:
    words = end.shape.channels // lanes
    return isinstance(end.sink, ConvStage) and end.shape.pixels * words > end.sink.cycles


def _is_possible(end: StreamEnd, lanes: int) -> bool:
    """Whether words and the stages' vectors pack without remainder (whole pixels always do)."""
    sizes: list[int] = []
    in_time = True
    if isinstance(end.source, ConvStage):
        tapped = end.source.tap == end.name
        sizes.append(end.source.ring_word_channels if tapped else end.source.pe)
        in_time = tapped or _keeps_up(end.source, lanes)
    if isinstance(end.sink, ConvStage):
        joined = end.sink.input != end.name
        sizes.append(end.sink.pe if joined else end.sink.ring_word_channels)
        in_time &= not joined or _keeps_up(end.sink, lanes)
    return in_time and all(size % lanes == 0 or lanes % size == 0 for size in sizes)


def _keeps_up(stage: ConvStage, lanes: int) -> bool:
    """Whether a group's channels pass in words of `lanes` during the beats of the shortest group."""
    return stage.pe <= lanes * stage.fewest_group_beats


def _groups(streams: Sequence[StreamEnd]) -> list[list[StreamEnd]]:
    """Streams that must be equally wide, in order of their first member."""
    group_of = {end.name: [end] for end in streams}
    by_name = {end.name: end for end in streams}
    stages = {stage.name: stage for end in streams for stage in (end.source, end.sink) if stage is not None}
    for stage in stages.values():
        if isinstance(stage, CloneStage):
            members = [stage.input, *stage.outputs]
        elif isinstance(stage, AddStage):
            members = [stage.main, stage.skip, stage.output]
        else:
            continue
        merged = {end.name: end for name in members for end in group_of[name]}
        for name in merged:
            group_of[name] = list(merged.values())
    seen: set[str] = set()
    groups: list[list[StreamEnd]] = []
    for name in by_name:
        if name not in seen:
            seen.update(end.name for end in group_of[name])
            groups.append(group_of[name])
    return groups
