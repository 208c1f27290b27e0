"""Stream widths: the narrowest words that never throttle a stage.

A conv stage sends the sums of an output group while it computes the next: the group's words must not be
more than the beats of the shortest group. It takes stride^2 pixels of its input for one of its output.
Clone and add stages pass words on as they come, a pool gives one for each of a pixel: their streams share a width.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from generator.design import AddStage, CloneStage, ConvStage, PoolStage, Stage, Stream
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
    lanes: dict[str, int] = {}
    for group in _behind_joins(_groups(streams)):
        channels = group[0].shape.channels
        possible = [width for width in divisors(channels) if all(_is_possible(end, width, lanes) for end in group)]
        possible = possible or [channels]
        if limit is None:
            enough = [width for width in possible if all(not _throttles(end, width) for end in group)]
            chosen = (enough or possible[-1:])[0]
        else:
            below = [width for width in possible if limit == 0 or width <= limit]
            chosen = (below[-1:] or possible)[0]
        lanes.update({end.name: chosen for end in group})
    return lanes


def mismatched_taps(stages: Iterable[Stage], streams: Iterable[Stream]) -> tuple[str, ...]:
    """Tap streams whose words are not those of the ring, or not what the joins behind them can take."""
    by_name = {stream.name: stream for stream in streams}
    convs = [stage for stage in stages if isinstance(stage, ConvStage)]
    behind = {name: _through_clones(name, stages) for stage in convs if (name := stage.tap) is not None}
    wrong = [stage.tap for stage in convs if stage.tap and by_name[stage.tap].lanes != stage.ring_word_channels]
    for stage in convs:
        if stage.join is None or stage.join.stream is None:
            continue
        step = min(by_name[stage.output].lanes, stage.pe)
        taps = [tap for tap, reached in behind.items() if stage.join.stream in reached]
        wrong += [tap for tap in taps if by_name[tap].lanes % step]
    return tuple(dict.fromkeys(wrong))


def _through_clones(name: str, stages: Iterable[Stage]) -> set[str]:
    """A stream and those that clone stages copy it to."""
    reached = {name}
    for stage in stages:  # in dataflow order
        if isinstance(stage, CloneStage) and stage.input in reached:
            reached.update(stage.outputs)
    return reached


def _throttles(end: StreamEnd, lanes: int) -> bool:
    words = end.shape.channels // lanes
    return isinstance(end.sink, ConvStage) and end.shape.pixels * words > end.sink.cycles


def _is_possible(end: StreamEnd, lanes: int, known: Mapping[str, int]) -> bool:
    """Whether words and the stages' vectors pack without remainder (whole pixels always do).

    Args:
        known: widths of other streams, those behind the joins that this one enters among them.
    """
    source, sink = end.source, end.sink
    sizes: list[int] = []
    if isinstance(source, ConvStage):
        if source.tap == end.name:
            if lanes != source.ring_word_channels:
                return False
        elif not _keeps_up(source, lanes):
            return False
        else:
            sizes.append(source.pe)
    if isinstance(sink, ConvStage) and sink.input == end.name:
        sizes.append(sink.ring_word_channels)
    elif isinstance(sink, ConvStage):
        step = min(known.get(sink.output, lanes), sink.pe)  # channels that the join sums at once
        if lanes % step or not _keeps_up(sink, lanes):
            return False
    return all(size % lanes == 0 or lanes % size == 0 for size in sizes)


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
        elif isinstance(stage, PoolStage):
            members = [stage.input, stage.output]
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


def _behind_joins(groups: list[list[StreamEnd]]) -> list[list[StreamEnd]]:
    """The groups so that what leaves a conv stage stands before the skip stream that it joins."""
    group_of = {end.name: place for place, group in enumerate(groups) for end in group}
    order: list[int] = []

    def take(place: int, under_way: frozenset[int]) -> None:
        if place in order or place in under_way:
            return
        for end in groups[place]:
            if isinstance(end.sink, ConvStage) and end.sink.input != end.name:
                take(group_of[end.sink.output], under_way | {place})
        order.append(place)

    for place in range(len(groups)):
        take(place, frozenset())
    return [groups[place] for place in order]
