"""The order of the stages, and streams from wires: how wide each is, and which need no FIFO."""

from __future__ import annotations

from collections.abc import Sequence

from generator.design import CloneStage, ConvStage, Stage, Storage, Stream, StreamRole
from generator.passes.set_lanes import StreamEnd, set_lanes
from generator.passes.wire_tensors import Wire, Wiring

_DRAIN_CYCLES = 6
"""From a pixel's last beat to its first word in the reader's ring, at most."""


def finish_streams(stages: Sequence[Stage], wires: Sequence[Wire], lanes_limit: int | None) -> tuple[Stream, ...]:
    """Streams with lanes, x first and y last; FIFOs hold one pixel, direct links nothing."""
    by_name = {stage.name: stage for stage in stages}
    ends = [
        StreamEnd(wire.name, wire.shape, by_name.get(wire.source or ""), by_name.get(wire.sink or "")) for wire in wires
    ]
    lanes = set_lanes(ends, lanes_limit)
    streams = []
    for wire, end in zip(wires, ends, strict=True):
        width = lanes[wire.name]
        direct = lanes_limit != 0 and wire.role is StreamRole.DATA and _is_direct(end, width)
        depth = 0 if direct else wire.shape.channels // width
        streams.append(
            Stream(
                name=wire.name,
                source=wire.source,
                sink=wire.sink,
                shape=wire.shape,
                format=wire.format,
                lanes=width,
                depth_words=depth,
                depth_live=depth,
                depth_full_rate=depth,
                storage=Storage.NONE if direct else Storage.AUTO,
                role=wire.role,
            )
        )
    return tuple(sorted(streams, key=lambda stream: (stream.name != "x", stream.name == "y")))


def _is_direct(end: StreamEnd, lanes: int) -> bool:
    """Whether the writer can fill the reader's ring itself.

    The ring must take a word a cycle, and a pixel of the stream must be one of the ring's. A clone stage
    holds nothing: what comes to it goes on to its readers. A stage so fast that several of its pixels
    are under way at once would overrun a ring that has room for two.
    """
    if not isinstance(end.source, ConvStage | CloneStage | None):
        return False
    if isinstance(end.source, ConvStage) and _pixel_beats(end.source) < _DRAIN_CYCLES + end.source.pe // lanes:
        return False
    if isinstance(end.sink, CloneStage):
        return True
    if not isinstance(end.sink, ConvStage):
        return False
    return lanes <= end.sink.ring_word_channels and end.sink.in_shape == end.shape


def _pixel_beats(stage: ConvStage) -> int:
    """Cycles of the shortest pixel."""
    return stage.out_shape.channels // stage.pe * stage.fewest_group_beats


def order_stages(stages: Sequence[Stage], wiring: Wiring) -> tuple[Stage, ...]:
    """All stages so that a stream's writer stands before its reader, clones right behind their source."""
    by_name = {stage.name: stage for stage in (*stages, *wiring.clones)}
    sources: dict[str, list[str]] = {name: [] for name in by_name}
    clones: dict[str | None, list[str]] = {}
    for wire in wiring.wires:
        if wire.sink is not None and wire.source is not None:
            sources[wire.sink].append(wire.source)
    inlets = {wire.name: wire.source for wire in wiring.wires}
    for clone in wiring.clones:
        clones.setdefault(inlets[clone.input], []).append(clone.name)
    ordered: dict[str, Stage] = {}

    def take(name: str) -> None:
        if name in ordered:
            return
        for source in sources[name]:
            take(source)
        ordered[name] = by_name[name]
        for clone in clones.get(name, ()):
            take(clone)

    for name in (*clones.get(None, ()), *(stage.name for stage in stages)):
        take(name)
    return tuple(ordered.values())
