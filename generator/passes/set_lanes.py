"""Stream widths: the narrowest words that never throttle a stage.

A conv stage takes stride^2 pixels of its input and gives one of its output in RF cycles, so a
stream of C channels needs at least stride^2 * C / RF (or C / RF) channels a word. Clone and add
stages pass words on unchanged: all their streams share one width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from generator.design import AddStage, CloneStage, ConvStage, Stage
from generator.graph import Shape
from generator.passes.set_folding import divisors


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
            a stream's channels that is at most n.
    """
    groups = _groups(streams)
    lanes: dict[str, int] = {}
    for group in groups:
        channels = group[0].shape.channels
        fitting = [width for width in divisors(channels) if all(_matches_folding(end, width) for end in group)]
        if limit is None:
            enough = [width for width in fitting if all(not _throttles(end, width) for end in group)]
            chosen = (enough or fitting[-1:])[0]
        else:
            below = [width for width in fitting if limit == 0 or width <= limit]
            chosen = below[-1]
        lanes.update({end.name: chosen for end in group})
    return lanes


def _throttles(end: StreamEnd, lanes: int) -> bool:
    words = end.shape.channels // lanes
    if isinstance(end.source, ConvStage) and words > end.source.reuse_factor:
        return True
    if isinstance(end.sink, ConvStage):
        sink = end.sink
        return end.shape.pixels * words > sink.out_shape.pixels * sink.reuse_factor
    return False


def _matches_folding(end: StreamEnd, lanes: int) -> bool:
    """Whether words and the stages' vectors pack without remainder (1 always does)."""
    sizes = []
    if isinstance(end.source, ConvStage):
        sizes.append(end.source.pe)
    if isinstance(end.sink, ConvStage):
        sizes.append(end.sink.simd)
    return all(size % lanes == 0 or lanes % size == 0 for size in sizes)


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
