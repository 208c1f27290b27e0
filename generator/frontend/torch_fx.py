"""Import of PyTorch networks: a deployed torch.fx graph becomes a float graph, or one complete list of reasons."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import fx, nn

from generator.errors import GraphError
from generator.float_graph import FloatAdd, FloatFlatten, FloatGlobalAveragePool, FloatGraph, FloatNode
from generator.frontend import torch_layers
from generator.frontend.torch_layers import Draft, Parameters, UnsupportedError
from generator.frontend.torch_skips import skip_edges
from generator.graph import Shape
from generator.names import identifier
from tailor_train.surgery import Deployed, SkipState
from tailor_train.tracing import SHAPE, called_module, is_batch_norm, is_dropout, is_relu, layer_aliases, layer_names

SUPPORTED = (
    "Conv2d, BatchNorm after a convolution or linear layer, ReLU after a convolution, linear layer or sum, two-way "
    "sums, global average pooling, flatten, Linear, Identity, Dropout"
)

NO_SHAPE = Shape(height=1, width=1, channels=1)
"""Stands in for the shape of what could not be imported."""

_IN_WORDS = {"getitem": "slicing (as in option A shortcuts)", "pad": "padding (as in option A shortcuts)"}
_FLATTEN_METHODS = ("flatten", "view", "reshape")
_FLATTEN_FUNCTIONS = (torch.flatten, torch.reshape)


def import_model(deployed: Deployed, name: str, input_shape: tuple[int, ...]) -> FloatGraph:
    """Read a deployed network.

    Args:
        deployed: from `tailor_train.surgery.apply_plan`, traced with `input_shape`.
        name: of the network; made a safe identifier.
        input_shape: (C, H, W) of one input.

    Returns:
        The network with batch norm folded in float64 and every ReLU attached to its layer.

    Raises:
        GraphError: operations or options that are not supported; every problem in one message.
    """
    if len(input_shape) != 3:
        raise GraphError(f"network {name!r}: the input shape must be channels,height,width, got {input_shape}")
    return _Importer(deployed, name).run()


class _Importer:
    """One pass over the fx graph; `drafts` maps every value to the layer whose result it is."""

    def __init__(self, deployed: Deployed, name: str) -> None:
        self._deployed = deployed
        self._module = deployed.module
        self._name = name
        self._names = layer_names(deployed)
        self._joins = {record.join: record for record in deployed.skips if record.join is not None}
        self._drafts: dict[fx.Node, Draft] = {}
        self._vanished: set[fx.Node] = set()
        self._problems: list[str] = []

    def run(self) -> FloatGraph:
        output: Draft | None = None
        for node in self._module.graph.nodes:
            if node.op == "output":
                output = self._output(node)
            elif node.meta.get(SHAPE) is not None:
                try:
                    self._drafts[node] = self._import(node)
                except UnsupportedError as reason:
                    self._problems.append(f"'{self._label(node)}': {reason}")
                    self._drafts[node] = Draft(name=node.name, shape=NO_SHAPE, known=False)
        if self._problems or output is None:
            reasons = "; ".join(self._problems)
            raise GraphError(f"network {self._name!r} cannot be imported: {reasons} (supported: {SUPPORTED})")
        return self._graph(output)

    def _graph(self, output: Draft) -> FloatGraph:
        drafts = list(dict.fromkeys(self._drafts.values()))
        values = {node.name: draft.name for node, draft in self._drafts.items()}
        nodes = tuple(
            FloatNode(name=draft.name, layer=layer, inputs=draft.inputs, shape=draft.shape, relu=draft.relu)
            for draft in drafts
            if (layer := draft.layer) is not None
        )
        records = self._deployed.skips
        return FloatGraph(
            name=identifier(self._name),
            input_name=drafts[0].name,
            input_shape=drafts[0].shape,
            nodes=nodes,
            output=output.name,
            skips=skip_edges(records, nodes, values),
            removed_skips=tuple(record.name for record in records if record.state is SkipState.REMOVED),
            folded_skips=tuple(record.name for record in records if record.folded),
            aliases=tuple(sorted(layer_aliases(self._deployed).items())),
            vanished=tuple(str(node.target) for node in self._module.graph.nodes if node in self._vanished),
        )

    def _output(self, node: fx.Node) -> Draft | None:
        value = node.args[0]
        if not isinstance(value, fx.Node) or value not in self._drafts:
            self._problems.append("the network must return one tensor")
            return None
        draft = self._drafts[value]
        if draft.known and not draft.inputs:
            self._problems.append("the network has no layers between its input and its output")
        return draft

    def _import(self, node: fx.Node) -> Draft:
        """The draft whose result `node` is: a new one, or that of the layer it melts into."""
        if node.op == "placeholder":
            return Draft(name=self._names[node.name], shape=_shape(node))
        if node.op == "get_attr":
            raise UnsupportedError(
                f"the constant or parameter '{node.target}' is used directly; only layers may hold numbers"
            )
        if node.name in self._joins:
            return self._sum(node)
        source = node.args[0] if node.args else None
        if not isinstance(source, fx.Node) or source not in self._drafts:
            raise UnsupportedError(f"{self._describe(node)} is not supported")
        if is_dropout(self._module, node) or isinstance(called_module(self._module, node), nn.Identity):
            return self._pass(node, source)
        for matches, build in self._rules():
            if matches(node):
                return build(node, source)
        raise UnsupportedError(f"{self._describe(node)} is not supported")

    def _rules(self) -> tuple[tuple[Callable[[fx.Node], bool], Callable[[fx.Node, fx.Node], Draft]], ...]:
        return (
            (lambda node: isinstance(called_module(self._module, node), nn.Conv2d), self._convolution),
            (lambda node: isinstance(called_module(self._module, node), nn.Linear), self._linear),
            (lambda node: is_batch_norm(self._module, node), self._batch_norm),
            (lambda node: is_relu(self._module, node), self._relu),
            (self._is_flatten, self._flatten),
            (self._is_average, self._average),
        )

    def _convolution(self, node: fx.Node, source: fx.Node) -> Draft:
        module = called_module(self._module, node)
        assert isinstance(module, nn.Conv2d)
        if self._drafts[source].known and len(source.meta[SHAPE]) != 3:
            raise UnsupportedError(f"its input {tuple(source.meta[SHAPE])} is no map (C,H,W)")
        return self._draft(node, source, torch_layers.convolution(module))

    def _linear(self, node: fx.Node, source: fx.Node) -> Draft:
        module = called_module(self._module, node)
        assert isinstance(module, nn.Linear)
        if self._drafts[source].known and len(source.meta[SHAPE]) != 1:
            raise UnsupportedError(f"its input {tuple(source.meta[SHAPE])} is no vector; flatten or pool it before")
        return self._draft(node, source, torch_layers.linear(module))

    def _draft(self, node: fx.Node, source: fx.Node, parameters: Parameters) -> Draft:
        before = self._drafts[source]
        return Draft(
            name=self._names[node.name],
            shape=_shape(node),
            inputs=(before.name,),
            parameters=parameters,
            flattened=before.flattened if isinstance(before.fixed, FloatFlatten) else None,
        )

    def _batch_norm(self, node: fx.Node, source: fx.Node) -> Draft:
        draft = self._drafts[source]
        module = called_module(self._module, node)
        assert isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d)
        if draft.known and (draft.parameters is None or draft.relu is not None or draft.normalized):
            raise UnsupportedError("batch norm can only be folded directly behind a convolution or linear layer")
        self._require_alone(source, "batch norm cannot be folded")
        if draft.known:
            draft.fold(module)
        self._vanished.add(node)
        return draft

    def _relu(self, node: fx.Node, source: fx.Node) -> Draft:
        draft = self._drafts[source]
        if draft.relu is not None:
            return self._pass(node, source)
        if draft.known and draft.parameters is None and not isinstance(draft.fixed, FloatAdd):
            raise UnsupportedError("a ReLU must follow a convolution, a linear layer or a sum")
        self._require_alone(source, "the ReLU cannot be fused")
        draft.relu = self._names[node.name]
        return draft

    def _sum(self, node: fx.Node) -> Draft:
        record = self._joins[node.name]
        operands = {operand.name: operand for operand in node.all_input_nodes}
        main, skip = (self._drafts[operands[str(name)]] for name in (record.main_operand, record.skip_operand))
        if main.known and skip.known and main.shape != skip.shape:
            raise UnsupportedError(f"the operands' shapes differ, {main.shape} and {skip.shape}")
        return Draft(name=f"{record.name}.add", shape=_shape(node), inputs=(main.name, skip.name), fixed=FloatAdd())

    def _is_flatten(self, node: fx.Node) -> bool:
        return (
            isinstance(called_module(self._module, node), nn.Flatten)
            or (node.op == "call_function" and node.target in _FLATTEN_FUNCTIONS)
            or (node.op == "call_method" and node.target in (*_FLATTEN_METHODS, "squeeze", "contiguous"))
        )

    def _flatten(self, node: fx.Node, source: fx.Node) -> Draft:
        before, after = tuple(source.meta[SHAPE]), tuple(node.meta[SHAPE])
        draft = self._drafts[source]
        if before == after or not draft.known:
            return self._pass(node, source)
        if len(after) != 1 or after[0] != draft.shape.elements:
            raise UnsupportedError(
                f"{self._describe(node)} from {before} to {after} is not supported; flatten to (N, -1)"
            )
        if draft.shape.pixels == 1:
            return self._pass(node, source)
        return Draft(
            name=self._names[node.name],
            shape=_shape(node),
            inputs=(draft.name,),
            fixed=FloatFlatten(),
            flattened=draft.shape,
        )

    def _is_average(self, node: fx.Node) -> bool:
        return torch_layers.is_average(node, called_module(self._module, node))

    def _average(self, node: fx.Node, source: fx.Node) -> Draft:
        draft = self._drafts[source]
        if draft.known:
            torch_layers.check_global(node, called_module(self._module, node), tuple(source.meta[SHAPE]))
        return Draft(
            name=self._names[node.name], shape=_shape(node), inputs=(draft.name,), fixed=FloatGlobalAveragePool()
        )

    def _pass(self, node: fx.Node, source: fx.Node) -> Draft:
        """A node that changes nothing here."""
        self._vanished.add(node)
        return self._drafts[source]

    def _require_alone(self, source: fx.Node, consequence: str) -> None:
        """Raise if anything but the one operation in hand reads the value of `source`."""
        current = source
        while True:
            readers = [user for user in current.users if user.op == "output" or user.meta.get(SHAPE) is not None]
            if len(readers) > 1:
                others = ", ".join(f"'{self._names.get(reader.name, reader.name)}'" for reader in readers)
                raise UnsupportedError(
                    f"{consequence}: '{self._names[current.name]}' is also read elsewhere ({others})"
                )
            if current not in self._vanished or is_batch_norm(self._module, current):
                return
            current = current.all_input_nodes[0]

    def _label(self, node: fx.Node) -> str:
        """The name by which a user finds a node: its module's path, or what its layer is called."""
        return str(node.target) if node.op == "call_module" else self._names[node.name]

    def _describe(self, node: fx.Node) -> str:
        module = called_module(self._module, node)
        if module is not None:
            return f"a {type(module).__name__} layer"
        target = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        return _IN_WORDS.get(target, f"the operation {target}")


def _shape(node: fx.Node) -> Shape:
    """A node's shape, channels last; a vector is one pixel.

    Raises:
        UnsupportedError: neither a map nor a vector.
    """
    sizes = tuple(int(size) for size in node.meta[SHAPE])
    if len(sizes) == 3:
        return Shape(height=sizes[1], width=sizes[2], channels=sizes[0])
    if len(sizes) == 1:
        return Shape(height=1, width=1, channels=sizes[0])
    raise UnsupportedError(f"values of shape {sizes} (without batch) are neither maps (C,H,W) nor vectors (C)")
