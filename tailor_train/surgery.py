"""Removes and shortens skip connections: from a network and a plan to the network that is deployed."""

from __future__ import annotations

import operator
from collections.abc import Collection
from dataclasses import dataclass

from torch import fx, nn

from tailor_train.errors import TrainError
from tailor_train.folding import fold_short_skips
from tailor_train.naming import nearest
from tailor_train.plan import SkipChoice, SkipPlan, SkipState, SkipStyle
from tailor_train.skips import SkipConnection, find_skips
from tailor_train.spans import ShortUnit, short_units
from tailor_train.styles import apply_styles
from tailor_train.tracing import record_shapes, trace

__all__ = [
    "Deployed", "SkipChoice", "SkipPlan", "SkipRecord", "SkipState", "SkipStyle", "apply_plan", "check_plan",
    "fold_deployed",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipRecord:
    """A skip connection of the deployed network; discovery would be ambiguous after shortening.

    Attributes:
        name: `<skip>`, or `<skip>.0`, `<skip>.1`, ... for the short skips that replaced it.
        parent: the original skip's name.
        state: what was done to the original skip.
        style: whether the skip joins before or behind the activation.
        fork: node whose value is added later, None if removed or folded; likewise the next three.
        join: node of the sum.
        main_operand: operand of the sum that comes from the span.
        skip_operand: the other operand.
        main_convs: module paths of the span's convolutions.
        projection: module path of the convolution on the skip.
        folded: True where the convolution's weights hold the skip; there are no nodes then, as if removed.
    """

    name: str
    parent: str
    state: SkipState
    style: SkipStyle
    fork: str | None
    join: str | None
    main_operand: str | None
    skip_operand: str | None
    main_convs: tuple[str, ...]
    projection: str | None
    folded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A network in the form that is deployed.

    Attributes:
        module: graph without removed sums and dead branches; parameters are the original model's objects, but
            for convolutions that hold a folded skip.
        skips: in execution order; a removed skip keeps a record without nodes.
    """

    module: fx.GraphModule
    skips: tuple[SkipRecord, ...]


def apply_plan(model: nn.Module, plan: SkipPlan, input_shape: tuple[int, ...]) -> Deployed:
    """Build the deployment form of a network.

    Args:
        model: the original (traditional) network; put into eval mode, otherwise left alone.
        plan: choice by skip name; skips that are not named are kept.
        input_shape: shape of one input without the batch.

    Raises:
        TrainError: unknown skip name, a network that is not understood, or a skip that cannot be shortened or folded.
    """
    module = trace(model, input_shape)
    skips = find_skips(module)
    check_plan(skips, plan)
    skips = apply_styles(module, skips, plan)
    units = {
        skip.name: short_units(module, skip, plan[skip.name].style)
        for skip in skips
        if skip.name in plan and plan[skip.name].state is SkipState.SHORTENED
    }
    surgeon = _Surgeon(module)
    for skip in skips:
        state = plan.get(skip.name, SkipChoice()).state
        if state is SkipState.SHORTENED:
            surgeon.shorten(skip, units[skip.name])
        elif state is SkipState.REMOVED:
            surgeon.remove(skip)
    records = [record for skip in skips for record in surgeon.records(skip, plan.get(skip.name, SkipChoice()))]
    surgeon.finish()
    record_shapes(module, input_shape, type(model).__name__)
    deployed = Deployed(module=module, skips=tuple(records))
    folded = [name for name, choice in plan.items() if choice.folded and choice.state is SkipState.SHORTENED]
    return fold_deployed(deployed, folded) if folded else deployed


def fold_deployed(deployed: Deployed, names: Collection[str]) -> Deployed:
    """A copy of a deployed network whose short skips are part of their convolutions' weights.

    Args:
        deployed: left as it is; the copy shares the parameters that do not change.
        names: of the original skips, all of them shortened in style `pre`.

    Raises:
        TrainError: a short skip cannot be folded.
    """
    graph = fx.Graph()
    graph.output(graph.graph_copy(deployed.module.graph, {}))
    module = fx.GraphModule(deployed.module, graph)
    return Deployed(module=module.eval(), skips=fold_short_skips(module, deployed.skips, names))


def check_plan(skips: tuple[SkipConnection, ...], plan: SkipPlan) -> None:
    """Raise TrainError if the plan names a skip that the network does not have."""
    known = [skip.name for skip in skips]
    unknown = [name for name in plan if name not in known]
    if unknown:
        hints = "; ".join(f"no skip connection '{name}'{nearest(name, known)}" for name in unknown)
        raise TrainError(f"{hints}; the network has: {', '.join(known) or 'none'}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Join:
    """A sum in the altered graph; its operands are read when the surgery is complete."""

    node: fx.Node
    main: int
    fork: str
    convs: tuple[str, ...]
    projection: str | None


class _Surgeon:
    """Alters one graph in place. Sums that are gone stand for the operand that took their place."""

    def __init__(self, module: fx.GraphModule) -> None:
        self.module = module
        self.nodes: dict[str, fx.Node] = {node.name: node for node in module.graph.nodes}
        self.joins: dict[str, list[_Join]] = {}

    def remove(self, skip: SkipConnection) -> None:
        """Drop a sum; its branch is left without users."""
        join = self.nodes[skip.join]
        main = join.args[self._main_index(skip)]
        assert isinstance(main, fx.Node)
        join.replace_all_uses_with(main)
        self.module.graph.erase_node(join)
        self.nodes[skip.join] = main
        self.joins[skip.name] = []

    def shorten(self, skip: SkipConnection, units: tuple[ShortUnit, ...]) -> None:
        """Add every unit's input to its output instead of the fork to the end of the span."""
        join, operand = self.nodes[skip.join], self.nodes[skip.skip_operand]
        main = self._main_index(skip)
        self.joins[skip.name] = []
        for unit in units:
            added = operand if unit.projected else self.nodes[unit.state]
            if unit is units[-1]:
                node, main_index = join, main
                join.update_arg(1 - main, added)
            else:
                node, main_index = self._insert_sum(self.nodes[unit.sum_input], added, join), 0
                self.nodes[unit.sum_input] = node  # in style post the next unit starts from the sum
            if unit.projected:
                self._move_branch(skip, unit, node)
            self.joins[skip.name].append(
                _Join(
                    node=node,
                    main=main_index,
                    fork=unit.state,
                    convs=unit.convs,
                    projection=skip.projection if unit.projected else None,
                )
            )

    def _main_index(self, skip: SkipConnection) -> int:
        return 0 if self.nodes[skip.join].args[0] is self.nodes[skip.main_operand] else 1

    def _insert_sum(self, main: fx.Node, added: fx.Node, like: fx.Node) -> fx.Node:
        with self.module.graph.inserting_after(main):
            node = self.module.graph.call_function(operator.add, (main, added))
        node.meta = dict(like.meta)
        main.replace_all_uses_with(node, delete_user_cb=lambda user: user is not node)
        return node

    def _move_branch(self, skip: SkipConnection, unit: ShortUnit, before: fx.Node) -> None:
        for name in skip.branch:
            before.prepend(self.nodes[name])
            self.nodes[name].replace_input_with(self.nodes[skip.fork], self.nodes[unit.state])

    def records(self, skip: SkipConnection, choice: SkipChoice) -> list[SkipRecord]:
        """What became of one skip, by the names of the altered graph."""
        joins = self.joins.get(skip.name)
        if joins is None:
            joins = [
                _Join(
                    node=self.nodes[skip.join],
                    main=self._main_index(skip),
                    fork=skip.fork,
                    convs=skip.main_convs,
                    projection=skip.projection,
                )
            ]
        if not joins:
            return [
                SkipRecord(
                    name=skip.name,
                    parent=skip.name,
                    state=choice.state,
                    style=choice.style,
                    fork=None,
                    join=None,
                    main_operand=None,
                    skip_operand=None,
                    main_convs=skip.main_convs,
                    projection=None,
                )
            ]
        shortened = choice.state is SkipState.SHORTENED
        return [
            SkipRecord(
                name=f"{skip.name}.{index}" if shortened else skip.name,
                parent=skip.name,
                state=choice.state,
                style=choice.style,
                fork=self.nodes[join.fork].name,
                join=join.node.name,
                main_operand=str(join.node.args[join.main]),
                skip_operand=str(join.node.args[1 - join.main]),
                main_convs=join.convs,
                projection=join.projection,
            )
            for index, join in enumerate(joins)
        ]

    def finish(self) -> None:
        """Erase what nothing uses and forget its submodules."""
        graph = self.module.graph
        graph.eliminate_dead_code()
        graph.lint()
        self.module.delete_all_unused_submodules()
        self.module.recompile()
