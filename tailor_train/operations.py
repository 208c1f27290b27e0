"""The arithmetic of a network as a short list: what is summed exactly, and where it is requantized.

One `Operation` is ``exact sum -> optional ReLU -> optional requantization``: a convolution takes in
its batch norm and ReLU, an add its ReLU. Which of them requantize is a property of the network
alone (docs/numerics): a convolution without ReLU that an add reads hands on its exact accumulator, and
so does one with ReLU that nothing but adds read.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from tailor_train.errors import TrainError
from tailor_train.surgery import Deployed
from tailor_train.tracing import BATCH_NORMS, SHAPE, called_module, is_dropout, is_relu, layer_names


class Kind(StrEnum):
    """What an operation sums."""

    INPUT = "input"
    CONV = "conv"
    LINEAR = "linear"
    ADD = "add"
    MEAN = "mean"
    RELU = "relu"
    FLATTEN = "flatten"


@dataclass(slots=True, kw_only=True)
class Operation:
    """One node of the arithmetic.

    Attributes:
        name: the layer's module path; `<skip>.add` for the sum of a skip connection.
        inputs: indices of the operands in the list; an add's main operand first.
        nodes: the fx nodes it stands for, in order; the last one holds its value.
        result_keys: entries of the formats table that may hold its result format, best first.
        exact: True where no requantization follows, whatever the table says.
    """

    kind: Kind
    name: str
    inputs: tuple[int, ...]
    nodes: list[fx.Node]
    module: nn.Module | None = None
    norm: nn.Module | None = None
    relu: bool = False
    result_keys: tuple[str, ...] = ()
    exact: bool = False
    readers: list[Kind] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its value, without the batch."""
        return _shape(self.nodes[-1])

    @property
    def read_shape(self) -> tuple[int, ...]:
        """Of its first operand, without the batch."""
        return _shape(self.nodes[0].all_input_nodes[0])


_TARGETS: dict[Any, Kind] = {
    operator.add: Kind.ADD,
    torch.add: Kind.ADD,
    "add": Kind.ADD,
    F.adaptive_avg_pool2d: Kind.MEAN,
    F.avg_pool2d: Kind.MEAN,
    torch.mean: Kind.MEAN,
    "mean": Kind.MEAN,
    torch.flatten: Kind.FLATTEN,
    "flatten": Kind.FLATTEN,
    "view": Kind.FLATTEN,
    "reshape": Kind.FLATTEN,
}
_MODULES: dict[type[nn.Module], Kind] = {
    nn.Conv2d: Kind.CONV,
    nn.Linear: Kind.LINEAR,
    nn.AdaptiveAvgPool2d: Kind.MEAN,
    nn.AvgPool2d: Kind.MEAN,
    nn.Flatten: Kind.FLATTEN,
}
_SUMS = (Kind.CONV, Kind.LINEAR, Kind.ADD)


def list_operations(deployed: Deployed) -> tuple[Operation, ...]:
    """Express a deployed network as operations in execution order; the last one is the output.

    Raises:
        TrainError: a layer that cannot be executed in fixed point, a batch norm that follows no
            conv, or more than one input or output; names the layer.
    """
    return _Lister(deployed).run()


class _Lister:
    def __init__(self, deployed: Deployed) -> None:
        self.module = deployed.module
        self.names = layer_names(deployed)
        self.joins = {record.join: record for record in deployed.skips if record.join is not None}
        self.operations: list[Operation] = []
        self.made: dict[fx.Node, int] = {}

    def run(self) -> tuple[Operation, ...]:
        output: int | None = None
        for node in self.module.graph.nodes:
            if node.op == "output":
                output = self._output(node)
            elif node.users and node.meta[SHAPE] is not None:
                self._visit(node)
        if output != len(self.operations) - 1:
            raise TrainError("the network's output is not its last layer; nothing may follow it")
        self._mark_exact()
        return tuple(self.operations)

    def _visit(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            if self.operations:
                raise TrainError(f"input {node.name!r}: expected a network with one input tensor")
            self._append(node, Kind.INPUT, (), "input", ("input",))
            return
        source = self._operand(node, node.all_input_nodes[0]) if node.all_input_nodes else None
        if source is None:
            raise TrainError(
                f"node {node.name!r} ({node.target}) reads no activation; it cannot be executed in fixed point"
            )
        module = called_module(self.module, node)
        if is_dropout(self.module, node) or isinstance(module, nn.Identity):
            self._extend(source, node)
        elif isinstance(module, BATCH_NORMS):
            self._fold_norm(node, module, source)
        else:
            self._compute(node, self._kind(node, module), module, source)

    def _kind(self, node: fx.Node, module: nn.Module | None) -> Kind:
        if is_relu(self.module, node):
            return Kind.RELU
        kind = _MODULES.get(type(module)) if module is not None else _TARGETS.get(node.target)
        if kind is None:
            what = type(module).__name__ if module is not None else getattr(node.target, "__name__", str(node.target))
            raise TrainError(
                f"layer {self.names[node.name]!r}: {what} cannot be executed in fixed point; supported are Conv2d, "
                "BatchNorm2d, ReLU, Linear, add, global average pooling and flatten"
            )
        return kind

    def _compute(self, node: fx.Node, kind: Kind, module: nn.Module | None, source: int) -> None:
        name = self.names[node.name]
        if kind is Kind.RELU and self._fusable(source):
            self.operations[source].relu = True
            self.operations[source].result_keys = (name, *self.operations[source].result_keys)
            self._extend(source, node)
        elif kind is Kind.ADD:
            self._add(node)
        elif kind is Kind.MEAN:
            self._check_mean(node, module)
            self._append(node, kind, (source,), name, (name,), module)
        elif kind is Kind.FLATTEN:
            self._check_flatten(node)
            self._append(node, kind, (source,), name, (), module)
        elif isinstance(module, nn.Conv2d) and module.padding_mode != "zeros":
            raise TrainError(f"layer {name!r}: padding mode {module.padding_mode!r} is not supported; use zeros")
        else:
            self._append(node, kind, (source,), name, (name,), module)

    def _add(self, node: fx.Node) -> None:
        if len(node.all_input_nodes) != 2 or node.kwargs:
            raise TrainError(f"add {node.name!r}: expected the plain sum of two activations")
        record = self.joins.get(node.name)
        operands = list(node.all_input_nodes)
        if record is not None and operands[1].name == record.main_operand:
            operands.reverse()
        main, skip = (self._operand(node, operand) for operand in operands)
        source: int | None = main  # the last conv on the main operand owns the result format
        while source is not None and self.operations[source].kind not in (Kind.CONV, Kind.LINEAR):
            source = self.operations[source].inputs[0] if self.operations[source].inputs else None
        keys = () if source is None else (self.operations[source].name,)
        self._append(node, Kind.ADD, (main, skip), self.names[node.name], keys)

    def _fold_norm(self, node: fx.Node, module: nn.Module, source: int) -> None:
        operation = self.operations[source]
        conv = operation.kind in (Kind.CONV, Kind.LINEAR) and operation.norm is None and not operation.relu
        if not conv or len(operation.nodes[-1].users) != 1:
            raise TrainError(
                f"batch norm {str(node.target)!r} cannot be folded: it must directly follow a Conv2d or Linear "
                f"that nothing else reads, but it reads {operation.name!r}"
            )
        operation.norm = module
        self._extend(source, node)

    def _fusable(self, source: int) -> bool:
        operation = self.operations[source]
        return operation.kind in _SUMS and not operation.relu and len(operation.nodes[-1].users) == 1

    def _check_mean(self, node: fx.Node, module: nn.Module | None) -> None:
        before, after = _shape(node.all_input_nodes[0]), _shape(node)
        window: tuple[int, ...] = before[1:]
        padding: tuple[int, ...] = (0, 0)
        if isinstance(module, nn.AvgPool2d) or node.target is F.avg_pool2d:
            given = dict(zip(("kernel_size", "stride", "padding"), node.args[1:], strict=False)) | dict(node.kwargs)
            window = _pair(getattr(module, "kernel_size", given.get("kernel_size")))
            padding = _pair(getattr(module, "padding", given.get("padding", 0)))
        if len(before) != 3 or after not in ((before[0],), (before[0], 1, 1)) or window != before[1:] or any(padding):
            raise TrainError(
                f"pooling {self.names[node.name]!r}: only global average pooling over height and width is supported, "
                f"got {before} -> {after} by windows of {window}"
            )

    def _check_flatten(self, node: fx.Node) -> None:
        if len(_shape(node)) != 1:
            raise TrainError(
                f"reshape {node.name!r}: only flattening to one vector a frame is supported, got {_shape(node)}"
            )

    def _mark_exact(self) -> None:
        for operation in self.operations:
            for index in operation.inputs:
                self.operations[index].readers.append(operation.kind)
        for operation in self.operations:
            if operation.kind in (Kind.CONV, Kind.LINEAR):
                adds = [reader is Kind.ADD for reader in operation.readers]
                operation.exact = bool(adds) and all(adds) if operation.relu else any(adds)

    def _append(
        self,
        node: fx.Node,
        kind: Kind,
        inputs: Iterable[int],
        name: str,
        keys: tuple[str, ...],
        module: nn.Module | None = None,
    ) -> None:
        self.made[node] = len(self.operations)
        operation = Operation(kind=kind, name=name, inputs=tuple(inputs), nodes=[node], module=module, result_keys=keys)
        self.operations.append(operation)

    def _extend(self, source: int, node: fx.Node) -> None:
        self.made[node] = source
        if len(self.operations[source].nodes[-1].users) == 1:
            self.operations[source].nodes.append(node)

    def _operand(self, node: fx.Node, operand: fx.Node) -> int:
        if operand not in self.made:
            raise TrainError(f"node {node.name!r} reads {operand.name!r}, which is no activation")
        return self.made[operand]

    def _output(self, node: fx.Node) -> int:
        if len(node.all_input_nodes) != 1 or not isinstance(node.args[0], fx.Node):
            raise TrainError("the network must return one tensor; wrap a model that returns more")
        return self._operand(node, node.args[0])


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta[SHAPE])


def _pair(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value, value)
