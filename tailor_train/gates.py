"""The training form of a network: every skip connection behind a gate, so that altering changes two numbers.

Removal:    y = main + gate * skip.
Shortening: h = act(p1 + short * P(x)), y = act(p2 + short * h + gate * P(x)), with short = 1 - gate; in style
`post` the same terms are added behind the activations: h = act(p1) + short * P(x), and so on.

A gate at 0 gives the outputs and gradients of the removed skip, but the graph, the optimizer's state and a
compiled form stay. Gates are buffers outside the state dict: its names stay those of the user's model.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, fx, nn

from tailor_train.errors import TrainError
from tailor_train.plan import SkipChoice, SkipState, SkipStyle
from tailor_train.skips import SkipConnection, find_skips
from tailor_train.spans import short_units
from tailor_train.styles import apply_styles
from tailor_train.surgery import Deployed, apply_plan, check_plan
from tailor_train.tracing import BATCH_NORMS, trace

_GATES = "tailor_gates"


class Method(StrEnum):
    """How skip connections are altered."""

    SKIP_REMOVER = "skip_remover"
    SKIP_SHORTENER = "skip_shortener"

    @property
    def state(self) -> SkipState:
        """What a skip is after its alteration."""
        return SkipState.REMOVED if self is Method.SKIP_REMOVER else SkipState.SHORTENED


class SkipGate(nn.Module):
    """The weights of one skip connection and of the short skips in its place, both 0-d."""

    gate: Tensor
    short: Tensor

    def __init__(self, like: Tensor) -> None:
        super().__init__()
        self.register_buffer("gate", torch.ones((), dtype=like.dtype, device=like.device), persistent=False)
        self.register_buffer("short", torch.zeros((), dtype=like.dtype, device=like.device), persistent=False)

    def set(self, gate: float) -> None:
        """1 is the original skip, 0 the altered one."""
        self.gate.fill_(gate)
        self.short.fill_(1.0 - gate)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedSkip:
    """One skip connection of a student.

    Attributes:
        name: of the skip.
        index: of its gate.
        branch_modules: paths of the modules that only a removed skip leaves without use.
    """

    name: str
    index: int
    branch_modules: tuple[str, ...]


class Student(fx.GraphModule):
    """A network in training form. Parameters are the original model's objects.

    Attributes:
        plan: the present choice for every skip connection.
        gated: skips that can be altered, in execution order.
    """

    def __init__(self, model: nn.Module, traced: fx.GraphModule, method: Method, input_shape: tuple[int, ...]) -> None:
        super().__init__(traced, traced.graph, class_name=f"Student{type(model).__name__}")
        self.method = method
        self.input_shape = input_shape
        self.plan: dict[str, SkipChoice] = {}
        self.gated: tuple[GatedSkip, ...] = ()
        self._original = (model,)
        self._momenta: dict[str, float | None] = {}
        self._frozen: list[nn.Parameter] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> Student:
        """A student of a copy of the original model, altered as far as this one."""
        style = next((choice.style for choice in self.plan.values()), SkipStyle.PRE)
        copied = prepare(
            copy.deepcopy(self.original, memo),
            method=self.method,
            example_inputs=torch.zeros(1, *self.input_shape),
            style=style,
            keep=set(self.plan) - {skip.name for skip in self.gated},
        )
        for name in self.altered():
            copied.alter(name)
        return copied.train(self.training)

    @property
    def original(self) -> nn.Module:
        """The model that was prepared; it shares every parameter and statistic."""
        return self._original[0]

    def altered(self) -> tuple[str, ...]:
        """Names of the skips that have been altered, in execution order."""
        return tuple(skip.name for skip in self.gated if self.plan[skip.name].state is self.method.state)

    def alter(self, name: str) -> None:
        """Remove or shorten one skip.

        Raises:
            TrainError: no such skip can be altered.
        """
        skip = next((skip for skip in self.gated if skip.name == name), None)
        if skip is None:
            known = ", ".join(skip.name for skip in self.gated)
            raise TrainError(f"skip '{name}' cannot be altered; the student's skips are: {known or 'none'}")
        self.plan[name] = replace(self.plan[name], state=self.method.state)
        self._gate(skip).set(0.0)
        if self.method is Method.SKIP_REMOVER:
            self._freeze(skip)

    def thaw(self) -> None:
        """Give frozen projections their gradients and statistics back; removed branches stay without effect."""
        for parameter in self._frozen:
            parameter.requires_grad_(True)
        for path, momentum in self._momenta.items():
            self.get_submodule(path).momentum = momentum  # type: ignore[assignment]
        self._frozen.clear()
        self._momenta.clear()

    def _gate(self, skip: GatedSkip) -> SkipGate:
        gate = self.get_submodule(f"{_GATES}.{skip.index}")
        assert isinstance(gate, SkipGate)
        return gate

    def _freeze(self, skip: GatedSkip) -> None:
        """Neither weight decay, nor momentum, nor batch statistics may move a branch that has no effect."""
        for path in skip.branch_modules:
            module = self.get_submodule(path)
            for parameter in module.parameters():
                parameter.requires_grad_(False)
                parameter.grad = None
                self._frozen.append(parameter)
            if isinstance(module, BATCH_NORMS):
                self._momenta[path] = module.momentum
                module.momentum = 0.0


def prepare(
    model: nn.Module,
    *,
    method: Method | str,
    example_inputs: Tensor,
    style: SkipStyle | str = SkipStyle.PRE,
    keep: frozenset[str] | set[str] = frozenset(),
) -> Student:
    """Bring a model into training form; all skips are still as they were.

    Args:
        model: the original network; its parameters are shared, not copied.
        method: `skip_remover` or `skip_shortener`.
        example_inputs: (N, ...) one batch in the shape of the data.
        style: whether skips join before or behind the activation, the kept ones too; `post` moves the
            activation in front of the sum: the teacher is then `deploy(student)` before any alteration.
        keep: names of skips that are never altered.

    Raises:
        TrainError: unknown method or skip name, a network that is not understood, or a skip that the
            method cannot alter.
    """
    if method not in tuple(Method):
        raise TrainError(f"method '{method}' alters no skips; use {' or '.join(Method)}")
    method = Method(method)
    input_shape = tuple(example_inputs.shape[1:])
    was_training = model.training
    traced = trace(model, input_shape)
    skips = find_skips(traced)
    check_plan(skips, {name: SkipChoice() for name in keep})
    plan = {skip.name: SkipChoice(style=SkipStyle(style)) for skip in skips}
    skips = apply_styles(traced, skips, plan)
    like = next(model.parameters(), example_inputs)
    gates = nn.ModuleList(SkipGate(like) for skip in skips if skip.name not in keep)
    traced.add_module(_GATES, gates)
    gated: list[GatedSkip] = []
    for skip in (skip for skip in skips if skip.name not in keep):
        if method is Method.SKIP_REMOVER:
            _gate_removal(traced, skip, len(gated))
        else:
            _gate_shortening(traced, skip, len(gated), SkipStyle(style))
        gated.append(GatedSkip(name=skip.name, index=len(gated), branch_modules=_branch_modules(traced, skip)))
    student = Student(model, traced, method, input_shape)
    student.add_module(_GATES, gates)
    student.plan = plan
    student.gated = tuple(gated)
    model.train(was_training)
    return student.train(was_training)


def finalize(student: Student) -> fx.GraphModule:
    """The network as it is deployed: altered skips are gone, parameters are still the same objects.

    Raises:
        TrainError: the alterations cannot be carried out.
    """
    return deploy(student).module


def deploy(student: Student) -> Deployed:
    """As `finalize`, with the records of the skips."""
    return apply_plan(student.original, student.plan, student.input_shape)


def _branch_modules(traced: fx.GraphModule, skip: SkipConnection) -> tuple[str, ...]:
    """Modules that are called on the skip branch and nowhere else."""
    calls = [(str(node.target), node.name in skip.branch) for node in traced.graph.nodes if node.op == "call_module"]
    elsewhere = {path for path, inside in calls if not inside}
    return tuple(path for path, inside in calls if inside and path not in elsewhere)


def _gate_removal(traced: fx.GraphModule, skip: SkipConnection, index: int) -> None:
    """y = main + gate * skip."""
    nodes = {node.name: node for node in traced.graph.nodes}
    join, main, branch = nodes[skip.join], nodes[skip.main_operand], nodes[skip.skip_operand]
    with traced.graph.inserting_before(join):
        gate = traced.graph.get_attr(f"{_GATES}.{index}.gate")
    _become_weighted_sum(join, main, branch, gate)


def _gate_shortening(traced: fx.GraphModule, skip: SkipConnection, index: int, style: SkipStyle) -> None:
    """Both forms at once: the long skip times `gate`, every short skip times `short`."""
    units = short_units(traced, skip, style)
    if len(units) == 1:
        return
    graph = traced.graph
    nodes = {node.name: node for node in graph.nodes}
    join, main, branch = nodes[skip.join], nodes[skip.main_operand], nodes[skip.skip_operand]
    first = nodes[skip.span[0]]
    for name in skip.branch:
        first.prepend(nodes[name])
    with graph.inserting_before(first):
        gate = graph.get_attr(f"{_GATES}.{index}.gate")
        short = graph.get_attr(f"{_GATES}.{index}.short")
    for unit in units:
        added = branch if unit.projected else nodes[unit.state]
        end = nodes[unit.sum_input]
        with graph.inserting_after(end):
            total = graph.call_function(torch.addcmul, (end, added, short))
        end.replace_all_uses_with(total, delete_user_cb=lambda user, total=total: user is not total)
        nodes[unit.sum_input] = total  # in style post the next unit starts from the sum
        main = total if unit is units[-1] else main
    _become_weighted_sum(join, main, branch, gate)


def _become_weighted_sum(join: fx.Node, main: fx.Node, branch: fx.Node, gate: fx.Node) -> None:
    """Turn a sum into main + gate * branch; the node keeps its name and users."""
    join.op, join.target, join.args, join.kwargs = "call_function", torch.addcmul, (main, branch, gate), {}
