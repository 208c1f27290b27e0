"""Splits the span of a skip connection into the units over which short skips lead."""

from __future__ import annotations

from dataclasses import dataclass

from torch import fx

from tailor_train.errors import TrainError
from tailor_train.plan import SkipStyle
from tailor_train.skips import SkipConnection
from tailor_train.tracing import SHAPE, is_activation, is_batch_norm, is_convolution, is_dropout


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortUnit:
    """A convolution of a span with its batch norm, and in style `post` its activation: one short skip leads over it.

    Attributes:
        state: node of the value the unit starts from; in style `post` the sum behind that node where there is one.
        sum_input: last node of the unit before the short skip is added.
        convs: module paths of the unit's convolutions, one unless no activation parts them.
        projected: whether the original skip's own branch leads over this unit (else the identity does).
    """

    state: str
    sum_input: str
    convs: tuple[str, ...]
    projected: bool


def short_units(module: fx.GraphModule, skip: SkipConnection, style: SkipStyle) -> tuple[ShortUnit, ...]:
    """Split a span into the units over which its short skips lead.

    Args:
        style: for `post` the span ends in its activation (`tailor_train.styles.apply_styles`).

    Raises:
        TrainError: the span is no chain of convolution, batch norm and activation, or a short skip would
            join tensors of different shapes.
    """
    nodes = {node.name: node for node in module.graph.nodes}
    chain = [nodes[name] for name in skip.span]
    _check_chain(module, skip, nodes[skip.fork], chain)
    groups = _conv_groups(module, chain)
    post = style is SkipStyle.POST
    if not post and any(is_activation(module, node) for node in groups[-1]):
        raise TrainError(
            f"skip '{skip.name}': an activation stands between the last convolution and the sum, so there is no "
            "place for short skips before it; use style 'post', or remove this skip"
        )
    ends = [group[-1] if post else _before_activation(module, group) for group in groups]
    states = [nodes[skip.fork], *(group[-1] for group in groups[:-1])]
    target = _projected_unit(skip, states, ends)
    for index, (state, end) in enumerate(zip(states, ends, strict=True)):
        shape = nodes[skip.skip_operand].meta[SHAPE] if index == target else state.meta[SHAPE]
        wrong_input = index == target and state.meta[SHAPE] != nodes[skip.fork].meta[SHAPE]
        if shape != end.meta[SHAPE] or wrong_input:
            raise TrainError(
                f"skip '{skip.name}': a short skip over '{groups[index][0].target}' would join shapes {shape} and "
                f"{end.meta[SHAPE]} and need new parameters; remove this skip instead (skip_remover), or keep it"
            )
    return tuple(
        ShortUnit(
            state=state.name,
            sum_input=end.name,
            convs=tuple(str(node.target) for node in group if is_convolution(module, node)),
            projected=index == target,
        )
        for index, (state, end, group) in enumerate(zip(states, ends, groups, strict=True))
    )


def _check_chain(module: fx.GraphModule, skip: SkipConnection, fork: fx.Node, chain: list[fx.Node]) -> None:
    if not is_convolution(module, chain[0]):
        raise TrainError(
            f"skip '{skip.name}': its span starts with '{chain[0].name}', not with a convolution (pre-activation "
            "order); such spans cannot be shortened, remove this skip instead"
        )
    for previous, node in zip([fork, *chain], chain, strict=False):
        inner = previous is not fork and len(previous.users) != 1
        if inner or node.all_input_nodes != [previous]:
            raise TrainError(
                f"skip '{skip.name}': its span is no single chain at '{node.name}' (a nested skip or a second "
                "branch); only chains of convolution, batch norm and activation can be shortened"
            )


def _conv_groups(module: fx.GraphModule, chain: list[fx.Node]) -> list[list[fx.Node]]:
    """One group from each convolution to the next; groups without activation join the one behind them."""
    groups: list[list[fx.Node]] = []
    for node in chain:
        fresh = is_convolution(module, node) and (not groups or any(is_activation(module, n) for n in groups[-1]))
        if fresh:
            groups.append([])
        groups[-1].append(node)
    return groups


def _before_activation(module: fx.GraphModule, group: list[fx.Node]) -> fx.Node:
    end = group[0]
    for node in group:
        if is_activation(module, node):
            break
        plain = is_convolution(module, node) or is_batch_norm(module, node) or is_dropout(module, node)
        end = node if plain else end
    return end


def _projected_unit(skip: SkipConnection, states: list[fx.Node], ends: list[fx.Node]) -> int | None:
    """The unit that the skip's own branch leads over: the first that changes the shape, else the first."""
    if not skip.branch:
        return None
    changes = (index for index, pair in enumerate(zip(states, ends, strict=True)) if _changes_shape(*pair))
    return next(changes, 0)


def _changes_shape(state: fx.Node, end: fx.Node) -> bool:
    return bool(state.meta[SHAPE] != end.meta[SHAPE])
