"""Skip placement: decides how each skip connection is built, before any stage exists."""

from __future__ import annotations

from dataclasses import dataclass

from generator.config import HardwareConfig, SkipConfig
from generator.design import Implementation, Storage
from generator.errors import PlacementError
from generator.graph import Graph, SkipEdge

AUTO = {True: Implementation.SHIFT_REGISTER, False: Implementation.CLONE_FIFO}
"""What `auto` takes, by whether the skip is short."""

IN_STAGE = (Implementation.SHIFT_REGISTER, Implementation.FOLD)
"""Built inside the conv stage that the skip spans: no clone, no add stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedSkip:
    """A skip connection and the choices made for it; `edge` is None for a removed one."""

    name: str
    edge: SkipEdge | None
    implementation: Implementation
    storage: Storage
    depth_pixels: int | None


def place_skips(graph: Graph, config: HardwareConfig) -> tuple[tuple[PlacedSkip, ...], tuple[str, ...]]:
    """Choose an implementation and a storage for every skip of the original network.

    Returns:
        The placed skips in execution order (removed ones last), and warnings where Skip.Default does
        not fit and auto was taken.

    Raises:
        PlacementError: a named entry does not exist or does not fit; all problems at once.
    """
    known = {name for edge in graph.skips for name in (edge.name, edge.parent)} | set(graph.removed_skips)
    problems = [
        f"Skip.{name}: the network has no such skip connection; it has {', '.join(sorted(known)) or 'none'}"
        for name in config.skips
        if name not in known
    ]
    placed: list[PlacedSkip] = []
    warnings: list[str] = []
    for edge in graph.skips:
        named = config.skips.get(edge.name) or config.skips.get(edge.parent)
        chosen = named or config.skip_default
        reason = _misfit(graph, edge, chosen)
        if reason and named:
            problems.append(f"Skip.{edge.name}: {reason}")
            continue
        if reason:
            warnings.append(f"skip {edge.name}: Skip.Default does not fit ({reason}); auto is taken")
            chosen = SkipConfig()
        placed.append(_place(edge, chosen))
    for name in graph.removed_skips:
        named = config.skips.get(name)
        if named and named.implementation not in (None, Implementation.NONE):
            problems.append(
                f"Skip.{name}: {named.implementation} does not fit, this skip was removed; use auto or none"
            )
        placed.append(
            PlacedSkip(name=name, edge=None, implementation=Implementation.NONE, storage=Storage.AUTO, depth_pixels=0)
        )
    if problems:
        raise PlacementError("\n".join(problems))
    return tuple(placed), tuple(warnings)


def _place(edge: SkipEdge, chosen: SkipConfig) -> PlacedSkip:
    implementation = chosen.implementation or AUTO[edge.short and len(edge.main) == 1]
    return PlacedSkip(
        name=edge.name,
        edge=edge,
        implementation=implementation,
        storage=chosen.storage,
        depth_pixels=chosen.depth_pixels,
    )


def _misfit(graph: Graph, edge: SkipEdge, chosen: SkipConfig) -> str:
    """Why a choice cannot be realised for this skip; empty if it can."""
    implementation = chosen.implementation or AUTO[edge.short and len(edge.main) == 1]
    if implementation is Implementation.NONE:
        return "none is for removed skips and this one is part of the network; remove it in training"
    if implementation in IN_STAGE:
        return _misfit_in_stage(graph, edge, implementation, chosen)
    if chosen.storage is Storage.URAM:
        return "storage uram is not available for skip FIFOs; use auto, bram, lutram or srl"
    return ""


def _misfit_in_stage(graph: Graph, edge: SkipEdge, implementation: Implementation, chosen: SkipConfig) -> str:
    if len(edge.main) != 1:
        return f"{implementation} needs a skip over one conv, this one spans {len(edge.main)}; use clone_fifo"
    conv = graph.node(edge.main[0])
    if conv.result is not None or conv.relu:
        return f"the conv {conv.name} is rectified or requantized before the add; use clone_fifo"
    if implementation is Implementation.FOLD:
        if chosen.storage is not Storage.AUTO or chosen.depth_pixels is not None:
            return "fold stores nothing; use Storage: auto and Depth: auto"
        return ""
    if chosen.storage not in (Storage.AUTO, Storage.SRL):
        return f"shift_register is built of SRLs, Storage {chosen.storage} is not possible; use auto or srl"
    if chosen.depth_pixels is not None:
        return "the depth of a shift_register follows from the line buffer; use Depth: auto"
    return ""
