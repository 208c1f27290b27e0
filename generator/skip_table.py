"""What `tailor skips` tells of each skip connection: kind, span, and how long its pixels live."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from torch import fx, nn

from generator.source import Network
from tailor_train.plan import SkipChoice
from tailor_train.skips import SkipConnection, find_skips
from tailor_train.tracing import SHAPE, called_module, trace


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipRow:
    """One skip connection of the original network.

    Attributes:
        span: module paths of the convolutions that it leads over.
        shape: (C, H, W) of the sum.
        lifetime_pixels: pixels of the sum's map that wait while the span computes (docs/streams_and_skips).
        state: what the plan makes of it: kept, removed or shortened.
        style: whether it joins before (pre) or behind (post) the activation.
        folded: whether short skips are part of the convs' weights since training.
    """

    name: str
    kind: str
    span: tuple[str, ...]
    projection: str | None
    shape: tuple[int, ...]
    lifetime_pixels: int | None
    state: str
    style: str
    folded: bool


def list_skips(network: Network) -> tuple[SkipRow, ...]:
    """The skip connections of a network before any was altered, in order of their forks."""
    module = trace(network.original, network.input_shape)
    rows = []
    for skip in find_skips(module):
        choice = network.plan.get(skip.name, SkipChoice())
        rows.append(
            SkipRow(
                name=skip.name,
                kind=str(skip.kind),
                span=skip.main_convs,
                projection=skip.projection,
                shape=tuple(skip.shape),
                lifetime_pixels=_lifetime_pixels(module, skip),
                state=str(choice.state),
                style=str(choice.style),
                folded=choice.folded,
            )
        )
    return tuple(rows)


def _lifetime_pixels(module: fx.GraphModule, skip: SkipConnection) -> int | None:
    """Sum of the convs' look-aheads in pixels of the sum, one pixel each in work, and the one that is added.

    A conv looks ahead by L = (kh-1-pad) * W + (kw-1-pad) pixels of its own input (DESIGN section 5); a stride
    of s makes s*s of those one pixel of its output.
    """
    convs = [node for node in module.graph.nodes if node.op == "call_module" and str(node.target) in skip.main_convs]
    ahead, scale = 0.0, 1
    for node in reversed(convs):
        layer = called_module(module, node)
        if not isinstance(layer, nn.Conv2d) or isinstance(layer.padding, str):
            return None
        rows = (layer.kernel_size[0] - 1) * layer.dilation[0] - layer.padding[0]
        columns = (layer.kernel_size[1] - 1) * layer.dilation[1] - layer.padding[1]
        scale *= layer.stride[0] * layer.stride[1]
        width = node.all_input_nodes[0].meta[SHAPE][-1]
        ahead += (rows * width + columns) / scale
    return ceil(ahead) + len(convs) + 1
