"""Wires: every tensor's way from the stage that computes it to those that read it.

A tensor with several readers passes through clone stages. A skip that is tapped leaves the ring of the
conv that reads its fork instead, and several such skips share one tap, cloned behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from generator.design import CloneStage, StreamRole
from generator.fixed_point import FixedPoint
from generator.graph import Graph, Shape
from generator.layers.add import Add
from generator.layers.flatten import Flatten
from generator.names import identifier
from generator.passes.fit_skip import IN_STAGE, TAPPED, joining_conv
from generator.passes.place_skips import PlacedSkip


class Port(StrEnum):
    """Where a stream enters a stage."""

    INPUT = "input"
    MAIN = "main"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A stream before its width and depth are known; its ends are None at the top's ports."""

    name: str
    source: str | None
    sink: str | None
    shape: Shape
    format: FixedPoint
    role: StreamRole


@dataclass(frozen=True, slots=True)
class JoinSites:
    """Where the adds of skip connections happen.

    Attributes:
        by_conv: conv node -> the skip that its stage adds.
        absorbed: add and projection nodes that have no stage of their own.
    """

    by_conv: Mapping[str, PlacedSkip]
    absorbed: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Reader:
    """A stage's port that reads a tensor.

    Attributes:
        node: the graph's node that reads: the stage, or the add that the stage has absorbed.
        skip: the skip connection whose branch begins here, or None on the main path.
    """

    stage: str
    port: Port
    node: str
    skip: str | None


def join_sites(graph: Graph, skips: Sequence[PlacedSkip], *, lean: bool) -> JoinSites:
    """Decide which adds move into a conv stage: those built inside it, and with narrow streams all that can."""
    by_conv: dict[str, PlacedSkip] = {}
    absorbed: set[str] = set()
    for skip in skips:
        if skip.edge is None:
            continue
        if skip.implementation in IN_STAGE:
            by_conv[skip.edge.main[0]] = skip
            absorbed |= {name for name in (skip.edge.join, skip.edge.projection) if name is not None}
        elif lean and (conv := joining_conv(graph, skip.edge)) is not None:
            by_conv[conv.name] = skip
            absorbed.add(skip.edge.join)
    return JoinSites(by_conv, frozenset(absorbed))


class Wiring:
    """Wires, clone stages and taps, growing tensor by tensor in the order of the data.

    Attributes:
        wires: in the order in which they were laid.
        clones: the clone stages on them.
        ports: (stage, port) -> the wire that ends there.
        taps: conv stage -> the skip wire that its ring's second reader feeds.
        tapped: tap wire -> the skips that it feeds.
    """

    def __init__(self, graph: Graph, skips: Sequence[PlacedSkip], sites: JoinSites) -> None:
        self.wires: list[Wire] = []
        self.clones: list[CloneStage] = []
        self.ports: dict[tuple[str, Port], Wire] = {}
        self.taps: dict[str, Wire] = {}
        self.tapped: dict[str, tuple[str, ...]] = {}
        self._graph = graph
        self._skips = {skip.name: skip for skip in skips if skip.edge is not None}
        self._side = {skip.edge.projection: skip.name for skip in self._skips.values() if skip.edge is not None}
        self._join = {skip.edge.join: skip.name for skip in self._skips.values() if skip.edge is not None}
        self._sites = sites
        self._stage_of_join = {
            skip.edge.join: conv for conv, skip in sites.by_conv.items() if skip.edge is not None
        }  # an absorbed add is the port of a conv stage

    def connect(self, tensor: str, source: str | None, shape: Shape, fmt: FixedPoint) -> None:
        """Lay the wires from a tensor's writer to its readers, through clone stages where there are several."""
        readers = self._readers(tensor)
        if not readers:
            self._lay(source, None, shape, fmt, StreamRole.DATA)
            return
        tapped = [reader for reader in readers if self._tapping_conv(reader) is not None]
        forks = [skip.name for skip in self._skips.values() if skip.edge is not None and skip.edge.fork == tensor]
        direct = [reader for reader in readers if reader not in tapped]
        away = {reader.skip for reader in tapped}
        self._branch(source, direct, shape, fmt, [name for name in forks if name not in away])
        for conv in dict.fromkeys(self._tapping_conv(reader) for reader in tapped):
            assert conv is not None
            own = [reader for reader in tapped if self._tapping_conv(reader) == conv]
            names = [reader.skip for reader in own if reader.skip is not None]
            self.taps[conv] = self._branch(conv, own, shape, fmt, names, tap=True)
            self.tapped[self.taps[conv].name] = tuple(names)

    def written_by(self, stage: str) -> str:
        """Name of the wire that carries a stage's result."""
        taps = {wire.name for wire in self.taps.values()}
        return next(wire.name for wire in self.wires if wire.source == stage and wire.name not in taps)

    def _readers(self, tensor: str) -> list[_Reader]:
        """All ports that read a tensor, main path first; a flatten is only a name."""
        readers = self._all_readers(tensor)
        return sorted(readers, key=lambda reader: reader.port is Port.SKIP or reader.skip is not None)

    def is_read(self, tensor: str) -> bool:
        """Whether any stage reads a tensor; else it leaves through the top."""
        return bool(self._all_readers(tensor))

    def _all_readers(self, tensor: str) -> list[_Reader]:
        readers: list[_Reader] = []
        for node in self._graph.consumers(tensor):
            if isinstance(node.layer, Flatten):
                readers += self._all_readers(node.name)
            elif isinstance(node.layer, Add):
                readers += self._add_ports(node.name, node.inputs, tensor)
            elif node.name not in self._sites.absorbed:  # else the conv of the same stage reads this tensor already
                readers.append(_Reader(node.name, Port.INPUT, node.name, self._side.get(node.name)))
        return readers

    def _add_ports(self, add: str, inputs: tuple[str, ...], tensor: str) -> list[_Reader]:
        if add not in self._sites.absorbed:
            ports = zip((Port.MAIN, Port.SKIP), inputs, strict=True)
            skips = {Port.MAIN: None, Port.SKIP: self._join.get(add)}
            return [_Reader(add, port, add, skips[port]) for port, name in ports if name == tensor]
        conv = self._stage_of_join[add]
        if self._sites.by_conv[conv].implementation in IN_STAGE or inputs[1] != tensor:
            return []
        return [_Reader(conv, Port.SKIP, add, self._join[add])]

    def _tapping_conv(self, reader: _Reader) -> str | None:
        """The conv whose ring feeds a skip's branch, if it begins here and is tapped."""
        if reader.skip is None:
            return None
        skip = self._skips[reader.skip]
        begins = skip.edge is not None and reader.node == (skip.edge.projection or skip.edge.join)
        return skip.edge.main[0] if begins and skip.edge is not None and skip.implementation in TAPPED else None

    def _branch(
        self,
        source: str | None,
        readers: list[_Reader],
        shape: Shape,
        fmt: FixedPoint,
        forks: list[str],
        *,
        tap: bool = False,
    ) -> Wire:
        """Wires and clones to some readers; the wire that leaves `source`. Every wire behind a tap is a skip's."""
        *rest, last = readers
        if not rest:
            skip = tap or last.port is Port.SKIP
            wire = self._lay(source, last, shape, fmt, StreamRole.SKIP if skip else StreamRole.DATA)
            self.ports[(last.stage, last.port)] = wire
            return wire
        owner = last.skip if last.skip in forks else forks[-1] if forks else last.stage
        clone = f"{owner}.clone"
        inlet = self._lay(source, clone, shape, fmt, StreamRole.SKIP if tap else StreamRole.DATA)
        side = self._branch(clone, [last], shape, fmt, [], tap=tap)
        through = self._branch(clone, rest, shape, fmt, [name for name in forks if name != owner], tap=tap)
        outputs = (through.name, side.name)
        self.clones.append(CloneStage(name=clone, input=inlet.name, outputs=outputs, shape=shape, format=fmt))
        return inlet

    def _lay(
        self, source: str | None, sink: _Reader | str | None, shape: Shape, fmt: FixedPoint, role: StreamRole
    ) -> Wire:
        stage, label = (sink.stage, sink.node) if isinstance(sink, _Reader) else (sink, sink)
        name = "x" if source is None else "y" if label is None else f"{identifier(source)}_to_{identifier(label)}"
        wire = Wire(name=name, source=source, sink=stage, shape=shape, format=fmt, role=role)
        self.wires.append(wire)
        return wire
