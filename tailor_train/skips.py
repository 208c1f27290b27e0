"""Finds the skip connections of a traced network.

A sum of two tensors joins two branches that part at a *fork*: the latest value both depend on, such that
nothing else reaches either. The simpler branch is the skip, the other one is its *span*.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from torch import fx, nn

from tailor_train.errors import TrainError
from tailor_train.tracing import SHAPE, called_module, is_activation, is_batch_norm, is_convolution

_ADD_FUNCTIONS = (operator.add, torch.add)
_JOIN_FUNCTIONS = (torch.cat, torch.concat, torch.stack)
_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveAvgPool2d)


class SkipKind(StrEnum):
    """What the skip branch does to its input."""

    IDENTITY = "identity"
    PROJECTION = "projection"
    SHAPE_ONLY = "shape_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipConnection:
    """A skip connection of the original network.

    Attributes:
        name: path of the block that holds the sum.
        kind: identity, one convolution, or slices and padding without parameters.
        fork: node whose value both branches start from.
        join: node of the sum.
        main_operand: operand of the sum at the end of the span.
        skip_operand: the other operand; the fork itself for an identity.
        span: nodes of the main branch in execution order.
        branch: nodes of the skip branch in execution order, none for an identity.
        main_convs: module paths of the span's convolutions in execution order.
        projection: module path of the skip branch's convolution.
        shape: of the sum, without the batch.
    """

    name: str
    kind: SkipKind
    fork: str
    join: str
    main_operand: str
    skip_operand: str
    span: tuple[str, ...]
    branch: tuple[str, ...]
    main_convs: tuple[str, ...]
    projection: str | None
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Branch:
    """The nodes from a fork to one operand of a sum."""

    end: fx.Node
    nodes: tuple[fx.Node, ...]
    convolutions: tuple[fx.Node, ...]
    activations: int

    @property
    def weight(self) -> tuple[int, int, int]:
        return self.activations, len(self.convolutions), len(self.nodes)


def find_skips(gm: fx.GraphModule) -> tuple[SkipConnection, ...]:
    """All skip connections, in execution order, inner before outer.

    Args:
        gm: a graph from `tailor_train.tracing.trace`.

    Raises:
        TrainError: a join that cannot be understood (concatenation, scaled or three-way sum, two equal
            branches, no convolution in the span); every problem of the network is listed.
    """
    dominators = _dominators(gm)
    order = {node: position for position, node in enumerate(gm.graph.nodes)}
    problems: list[str] = []
    found: list[SkipConnection] = []
    for node in gm.graph.nodes:
        if node.op == "call_function" and node.target in _JOIN_FUNCTIONS:
            problems.append(f"'{node.name}': branches joined by concatenation are no skip connections; use a sum")
        if not _is_sum(node, dominators):
            continue
        try:
            found.append(_examine(gm, node, dominators, order))
        except TrainError as error:
            problems.append(f"'{node.name}': {error}")
    if problems:
        raise TrainError("skip connections of the network are not understood: " + "; ".join(problems))
    by_name = {node.name: position for node, position in order.items()}
    found.sort(key=lambda skip: by_name[skip.join])
    return _with_unique_names(found)


def _is_sum(node: fx.Node, dominators: dict[fx.Node, fx.Node | None]) -> bool:
    adds = (node.op == "call_function" and node.target in _ADD_FUNCTIONS) or (
        node.op == "call_method" and node.target == "add"
    )
    operands = node.args[:2]
    return adds and len(operands) == 2 and all(isinstance(o, fx.Node) and o in dominators for o in operands)


def _dominators(gm: fx.GraphModule) -> dict[fx.Node, fx.Node | None]:
    """Nearest node through which every path from the input leads, for every tensor that depends on the input."""
    nearest: dict[fx.Node, fx.Node | None] = {}
    for node in gm.graph.nodes:
        parents = [parent for parent in node.all_input_nodes if parent in nearest]
        if node.op == "placeholder":
            nearest[node] = None
        elif parents and node.op != "output" and node.meta.get(SHAPE) is not None:
            common: fx.Node | None = parents[0]
            for parent in parents[1:]:
                common = _common_dominator(common, parent, nearest)
            nearest[node] = common
    return nearest


def _common_dominator(a: fx.Node | None, b: fx.Node | None, nearest: dict[fx.Node, fx.Node | None]) -> fx.Node | None:
    above: set[fx.Node] = set()
    while a is not None:
        above.add(a)
        a = nearest[a]
    while b is not None and b not in above:
        b = nearest[b]
    return b


def _examine(
    gm: fx.GraphModule, join: fx.Node, dominators: dict[fx.Node, fx.Node | None], order: dict[fx.Node, int]
) -> SkipConnection:
    first, second = join.args[0], join.args[1]
    assert isinstance(first, fx.Node)
    assert isinstance(second, fx.Node)
    if join.kwargs.get("alpha", 1) != 1:
        raise TrainError(f"a sum scaled by alpha={join.kwargs['alpha']} cannot be altered; add without a factor")
    for operand in (first, second):
        if _is_sum(operand, dominators) and len(operand.users) == 1:
            raise TrainError(
                f"a sum of more than two tensors ('{operand.name}' is a sum itself); only two-way sums are supported"
            )
    if first.meta[SHAPE] != second.meta[SHAPE]:
        raise TrainError(f"operands of shapes {first.meta[SHAPE]} and {second.meta[SHAPE]} are broadcast")
    fork = _common_dominator(first, second, dominators)
    if fork is None:
        raise TrainError("the operands do not start from one tensor")
    branches = [_branch(gm, fork, operand, order) for operand in (first, second)]
    main, skip = _tell_apart(gm, branches[0], branches[1])
    if not main.convolutions:
        raise TrainError("no convolution between the fork and the sum, nothing is skipped")
    return SkipConnection(
        name=_block_path(join, main),
        kind=_kind(gm, skip),
        fork=fork.name,
        join=join.name,
        main_operand=main.end.name,
        skip_operand=skip.end.name,
        span=tuple(node.name for node in main.nodes),
        branch=tuple(node.name for node in skip.nodes),
        main_convs=tuple(str(node.target) for node in main.convolutions),
        projection=str(skip.convolutions[0].target) if skip.convolutions else None,
        shape=join.meta[SHAPE],
    )


def _branch(gm: fx.GraphModule, fork: fx.Node, end: fx.Node, order: dict[fx.Node, int]) -> _Branch:
    members: set[fx.Node] = set()
    pending = [end]
    while pending:
        node = pending.pop()
        if node is not fork and node not in members and order[node] > order[fork]:
            members.add(node)
            pending.extend(node.all_input_nodes)
    nodes = tuple(sorted(members, key=order.__getitem__))
    return _Branch(
        end=end,
        nodes=nodes,
        convolutions=tuple(node for node in nodes if is_convolution(gm, node)),
        activations=sum(is_activation(gm, node) for node in nodes),
    )


def _tell_apart(gm: fx.GraphModule, a: _Branch, b: _Branch) -> tuple[_Branch, _Branch]:
    """Main branch and skip branch. Raises TrainError if nothing tells which is which."""
    if a.weight == b.weight:
        if _is_projection(gm, a) == _is_projection(gm, b):
            raise TrainError("both branches are alike, so neither is the skip")
        skip, main = (a, b) if _is_projection(gm, a) else (b, a)
    else:
        skip, main = (a, b) if a.weight < b.weight else (b, a)
    shared = set(a.nodes) & set(b.nodes)
    if shared:
        names = ", ".join(sorted(node.name for node in shared))
        raise TrainError(f"the branches share nodes ({names}), so neither is a skip")
    return main, skip


def _is_projection(gm: fx.GraphModule, branch: _Branch) -> bool:
    sizes = [getattr(called_module(gm, conv), "kernel_size", ()) for conv in branch.convolutions]
    return len(sizes) == 1 and set(sizes[0]) == {1}


def _kind(gm: fx.GraphModule, skip: _Branch) -> SkipKind:
    if not skip.nodes:
        return SkipKind.IDENTITY
    if skip.activations or len(skip.convolutions) > 1:
        raise TrainError(
            f"the skip branch has {skip.activations} activations and {len(skip.convolutions)} convolutions; "
            "an identity, one convolution, or slices and padding are supported"
        )
    if not skip.convolutions:
        return SkipKind.SHAPE_ONLY
    for node in skip.nodes:
        plain = is_convolution(gm, node) or is_batch_norm(gm, node) or isinstance(called_module(gm, node), _POOLS)
        if not plain:
            raise TrainError(
                f"the projection holds '{node.name}'; one convolution with batch norm or pooling is supported"
            )
    return SkipKind.PROJECTION


def _block_path(join: fx.Node, main: _Branch) -> str:
    """Path of the module whose forward holds the sum; at the top level what the span's modules share."""
    stack = list(join.meta.get("nn_module_stack", {}).values())
    if stack and stack[-1][0]:
        return str(stack[-1][0])
    paths = [str(node.target).split(".")[:-1] for node in main.convolutions]
    shared = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return ".".join(shared) or "skip"


def _with_unique_names(skips: list[SkipConnection]) -> tuple[SkipConnection, ...]:
    """Number the second and later skips of one block: `block`, `block_2`, ..."""
    seen: Counter[str] = Counter()
    result = []
    for skip in skips:
        seen[skip.name] += 1
        number = seen[skip.name]
        result.append(replace(skip, name=f"{skip.name}_{number}") if number > 1 else skip)
    return tuple(result)
