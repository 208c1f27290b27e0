"""Skip placement: decides how each skip connection is built, before any stage exists."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from generator.config import HardwareConfig, SkipConfig
from generator.design import Implementation, Storage
from generator.errors import PlacementError
from generator.graph import Graph, SkipEdge
from generator.layers.conv2d import Conv2d
from generator.passes.fit_skip import TAPPED, look_ahead, misfit
from generator.passes.mac_layer import Folding
from generator.passes.skip_cost import SkipCost, skip_cost

OVER_ONE_CONV = (Implementation.FOLD, Implementation.CENTRE_TAP, Implementation.SHIFT_REGISTER)
OVER_SEVERAL = (Implementation.LINE_BUFFER_TAP, Implementation.RING_EXTEND)
"""What `auto` may take beside clone_fifo; of equal cost the first."""

STORES_NO_PIXEL = (Implementation.FOLD, Implementation.CENTRE_TAP)
"""They go before all that stores pixels, unless products could no longer share DSP slices."""

_STORES_NOTHING = {
    Implementation.FOLD: "fold stores nothing",
    Implementation.CENTRE_TAP: "centre_tap stores nothing",
    Implementation.RING_EXTEND: "ring_extend stores the skip in the line buffer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedSkip:
    """A skip connection and the choices made for it; `edge` is None for one that left no node in the graph."""

    name: str
    edge: SkipEdge | None
    implementation: Implementation
    storage: Storage
    depth_pixels: int | None


def place_skips(
    graph: Graph, config: HardwareConfig, foldings: Mapping[str, Folding], untappable: Collection[str] = ()
) -> tuple[tuple[PlacedSkip, ...], tuple[str, ...]]:
    """Choose an implementation and a storage for every skip of the original network.

    Args:
        untappable: skips whose tap has turned out to fit no stream.

    Returns:
        The placed skips in execution order (removed ones last), and warnings where Skip.Default does
        not fit and auto was taken.

    Raises:
        PlacementError: a named entry does not exist or does not fit; all problems at once.
    """
    known = {name for edge in graph.skips for name in (edge.name, edge.parent)}
    known |= {name for skip in _absent_skips(graph) for name in (skip.name, skip.parent)}
    problems = [
        f"Skip.{name}: the network has no such skip connection; it has {', '.join(sorted(known)) or 'none'}"
        for name in config.skips
        if name not in known
    ]
    placed: list[PlacedSkip] = []
    warnings: list[str] = []
    for edge in graph.skips:
        site = _Site(graph=graph, edge=edge, foldings=foldings, config=config, untappable=untappable)
        named = config.skips.get(edge.name) or config.skips.get(edge.parent)
        chosen = named or config.skip_default
        reason = site.misfit(chosen)
        if reason and named:
            problems.append(f"Skip.{edge.name}: {reason}")
            continue
        if reason:
            warnings.append(f"skip {edge.name}: Skip.Default does not fit ({reason}); auto is taken")
            chosen = SkipConfig()
        placed.append(site.place(chosen))
    for skip in _absent_skips(graph):
        named = config.skips.get(skip.name) or config.skips.get(skip.parent)
        if named and named.implementation not in (None, skip.implementation):
            problems.append(
                f"Skip.{skip.name}: {named.implementation} does not fit, this skip {skip.reason}; "
                f"use auto or {skip.implementation}"
            )
        placed.append(
            PlacedSkip(
                name=skip.name,
                edge=None,
                implementation=skip.implementation,
                storage=Storage.AUTO,
                depth_pixels=0,
            )
        )
    if problems:
        raise PlacementError("\n".join(problems))
    return tuple(placed), tuple(warnings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _AbsentSkip:
    """A skip connection of the original network that left no node in the graph."""

    name: str
    parent: str
    implementation: Implementation
    reason: str


def _absent_skips(graph: Graph) -> tuple[_AbsentSkip, ...]:
    removed = tuple(
        _AbsentSkip(name=name, parent=name, implementation=Implementation.NONE, reason="was removed")
        for name in graph.removed_skips
    )
    folded = tuple(
        _AbsentSkip(
            name=name,
            parent=name.rpartition(".")[0],
            implementation=Implementation.FOLD,
            reason="has been part of the conv's weights since its training",
        )
        for name in graph.folded_skips
    )
    return removed + folded


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """A skip connection in its surroundings."""

    graph: Graph
    edge: SkipEdge
    foldings: Mapping[str, Folding]
    config: HardwareConfig
    untappable: Collection[str]

    def place(self, chosen: SkipConfig) -> PlacedSkip:
        """The skip with a choice that fits."""
        return PlacedSkip(
            name=self.edge.name,
            edge=self.edge,
            implementation=chosen.implementation or self._auto(chosen),
            storage=chosen.storage,
            depth_pixels=chosen.depth_pixels,
        )

    def misfit(self, chosen: SkipConfig) -> str:
        """Why a choice cannot be realised for this skip; empty if it can."""
        return self._misfit(chosen.implementation or self._auto(chosen), chosen)

    def _auto(self, chosen: SkipConfig) -> Implementation:
        """The cheapest of the candidates that fit with the storage and the depth asked for.

        Slices first, then pixels stored at all, then block RAM, then stored bits.
        """
        fitting = [way for way in self._candidates() if not self._misfit(way, chosen)]
        if not self.config.lean or not fitting:
            return (*fitting, Implementation.CLONE_FIFO)[0]

        def cost(way: Implementation) -> tuple[int, bool, SkipCost]:
            cost = skip_cost(self.graph, self.edge, way, self.foldings, self.config)
            return cost.dsp, way not in STORES_NO_PIXEL, cost

        return min((*fitting, Implementation.CLONE_FIFO), key=cost)

    def _candidates(self) -> tuple[Implementation, ...]:
        """What `auto` may take beside clone_fifo."""
        if not self.config.lean:
            short = self.edge.short and len(self.edge.main) == 1
            return (Implementation.SHIFT_REGISTER,) if short else ()
        if len(self.edge.main) == 1:
            return OVER_ONE_CONV
        if not self._first_looks_ahead():
            return ()
        # a projection behind a ring that keeps the skip would stall on a FIFO of one pixel
        return OVER_SEVERAL if self.edge.projection is None else (Implementation.LINE_BUFFER_TAP,)

    def _first_looks_ahead(self) -> bool:
        """Whether the first conv's ring keeps pixels behind its centre: without any a tap saves nothing."""
        layer = self.graph.node(self.edge.main[0]).layer
        return isinstance(layer, Conv2d) and look_ahead(layer, self.graph.shape_of(self.edge.fork).width) > 0

    def _misfit(self, implementation: Implementation, chosen: SkipConfig) -> str:
        if implementation in TAPPED and self.edge.name in self.untappable:
            return (
                f"words of the ring of {self.edge.main[0]}, which {implementation} would send, do not fit the words "
                "that the join takes; use clone_fifo, or another reuse factor"
            )
        reason = misfit(self.graph, self.edge, implementation, self.foldings, lean=self.config.lean)
        return reason or _wrong_memory(implementation, chosen)


def _wrong_memory(implementation: Implementation, chosen: SkipConfig) -> str:
    """Why the storage or the depth asked for does not go with an implementation; empty if they do."""
    if implementation in _STORES_NOTHING:
        if chosen.storage is not Storage.AUTO or chosen.depth_pixels is not None:
            return f"{_STORES_NOTHING[implementation]}; use Storage: auto and Depth: auto"
    elif implementation is Implementation.SHIFT_REGISTER:
        if chosen.storage not in (Storage.AUTO, Storage.SRL):
            return f"shift_register is built of SRLs, Storage {chosen.storage} is not possible; use auto or srl"
        if chosen.depth_pixels is not None:
            return "the depth of a shift_register follows from the line buffer; use Depth: auto"
    elif chosen.storage is Storage.URAM:
        return "storage uram is not available for skip FIFOs; use auto, bram, lutram or srl"
    return ""
