"""Which ways to build a skip connection fit it, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping

from generator.design import Implementation, ReadForm
from generator.graph import Graph, Node, SkipEdge
from generator.layers.conv2d import Conv2d
from generator.passes.mac_layer import Folding

IN_STAGE = (Implementation.SHIFT_REGISTER, Implementation.CENTRE_TAP, Implementation.FOLD)
"""Built inside the conv stage that the skip spans: no clone, no add stage, no skip stream."""

TAPPED = (Implementation.LINE_BUFFER_TAP, Implementation.RING_EXTEND)
"""Fed by a second reader of the first conv's ring."""


def misfit(
    graph: Graph, edge: SkipEdge, implementation: Implementation, foldings: Mapping[str, Folding], *, lean: bool
) -> str:
    """Why a skip cannot be built in a way; empty if it can.

    Args:
        lean: whether streams are narrow; pixel-wide ones allow the paper's ways only.
    """
    if implementation is Implementation.NONE:
        return "none is for removed skips and this one is part of the network; remove it in training"
    if implementation in IN_STAGE:
        reason = _misfit_in_stage(graph, edge, implementation, lean=lean)
        return reason or _misfit_centre(graph, edge, implementation, foldings)
    if implementation in TAPPED:
        return _misfit_tapped(graph, edge, implementation, foldings, lean=lean)
    return ""


def joining_conv(graph: Graph, edge: SkipEdge) -> Node | None:
    """The conv whose stage can add the skip: its exact sums, perhaps rectified, go to this add alone."""
    add = graph.node(edge.join)
    if not edge.main or add.inputs[0] != edge.main[-1]:
        return None
    conv = graph.node(edge.main[-1])
    rectified_twice = conv.relu and add.relu
    if conv.result is not None or len(graph.consumers(conv.name)) != 1 or rectified_twice:
        return None
    return conv


def look_ahead(conv: Conv2d, width: int) -> int:
    """Pixels from a window's centre to its last in raster order, on rows of `width` pixels."""
    rows, columns = (size - 1 - pad for size, pad in zip(conv.kernel, conv.padding, strict=True))
    return rows * width + columns


def _misfit_in_stage(graph: Graph, edge: SkipEdge, implementation: Implementation, *, lean: bool) -> str:
    if len(edge.main) != 1:
        return f"{implementation} needs a skip over one conv, this one spans {len(edge.main)}; use clone_fifo"
    if implementation is Implementation.CENTRE_TAP and not lean:
        return "centre_tap needs narrow streams and Stream.Lanes is C; use shift_register, or Lanes: auto"
    conv = graph.node(edge.main[0])
    layer = conv.layer
    assert isinstance(layer, Conv2d)
    if conv.result is not None or (conv.relu and not lean):
        return f"the conv {conv.name} is rectified or requantized before the add; use clone_fifo"
    if joining_conv(graph, edge) is None:
        return f"the sums of the conv {conv.name} do not go straight and only into the add; use clone_fifo"
    if conv.relu and implementation is Implementation.FOLD:
        return f"the conv {conv.name} is rectified before the add (style post), a weight cannot be; use centre_tap"
    if any(pad != size // 2 for pad, size in zip(layer.padding, layer.kernel, strict=True)):
        return f"the conv {conv.name} is not same-padded, its window's centre is not the skip's pixel; use clone_fifo"
    return ""


def _misfit_centre(
    graph: Graph, edge: SkipEdge, implementation: Implementation, foldings: Mapping[str, Folding]
) -> str:
    """Why an identity cannot be read at the centre tap; empty if it can, or is not to be."""
    if implementation is not Implementation.CENTRE_TAP or edge.projection is not None:
        return ""
    conv = graph.node(edge.main[0])
    layer, folding = conv.layer, foldings[conv.name]
    assert isinstance(layer, Conv2d)
    if layer.weight_format.fraction_bits < 0 and not conv.relu:
        return f"the weights of {conv.name} are whole multiples of more than 1, which cannot hold 1.0; use fold"
    channels = folding.simd // folding.form.taps(layer.kernel)
    if folding.pe % channels:
        return (
            f"the conv {conv.name} reads {channels} channels a beat, which do not divide the {folding.pe} output "
            "channels that it sums at once; use fold, or another reuse factor"
        )
    return ""


def _misfit_tapped(
    graph: Graph, edge: SkipEdge, implementation: Implementation, foldings: Mapping[str, Folding], *, lean: bool
) -> str:
    if not lean:
        return f"{implementation} needs narrow streams and Stream.Lanes is C; use clone_fifo, or Lanes: auto"
    if len(edge.main) < 2:
        return f"{implementation} needs a skip over two convs or more, this one spans 1; use centre_tap"
    first = edge.main[0]
    if graph.node(first).inputs[0] != edge.fork:
        return f"the conv {first} does not read the fork {edge.fork} itself; use clone_fifo"
    form = foldings[first].form
    if form is not ReadForm.SERIAL:
        return (
            f"the conv {first} reads its ring by {form}, a tap needs the serial form; use clone_fifo, or another "
            f"reuse factor for {first}"
        )
    if implementation is Implementation.RING_EXTEND and _shares_tap(graph, edge):
        return (
            f"another skip forks at {edge.fork} too and would leave through the same tap, where each needs a FIFO "
            "of its own; use line_buffer_tap"
        )
    return ""


def _shares_tap(graph: Graph, edge: SkipEdge) -> bool:
    """Whether another skip could leave the same ring."""
    return any(
        other.name != edge.name and other.fork == edge.fork and len(other.main) > 1 and other.main[0] == edge.main[0]
        for other in graph.skips
    )
