"""From a module to a graph whose nodes know their shapes, and the names that people use for its layers."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from tailor_train.errors import TrainError

if TYPE_CHECKING:
    from tailor_train.surgery import Deployed

SHAPE = "tailor_shape"
"""Key of a node's meta: the shape of its value without the batch, None if it is no tensor."""

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.Hardswish, nn.ELU, nn.Sigmoid, nn.Tanh)
_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
_RELU_FUNCTIONS = (F.relu, torch.relu)
_ACTIVATION_FUNCTIONS: tuple[Any, ...] = (
    *_RELU_FUNCTIONS, F.relu6, F.leaky_relu, F.silu, F.gelu, F.hardswish, F.elu, torch.sigmoid, torch.tanh
)  # fmt: skip
_OUT_OF_PLACE: dict[Any, Callable[..., Any]] = {operator.iadd: operator.add, torch.relu_: torch.relu}
_OUT_OF_PLACE_METHODS = {"add_": "add", "relu_": "relu", "mul_": "mul"}


class _ShapeRecorder(fx.Interpreter):
    """Runs a graph and leaves the shape of every value in its node."""

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        n.meta[SHAPE] = tuple(value.shape[1:]) if isinstance(value, Tensor) else None
        return value


def trace(model: nn.Module, input_shape: tuple[int, ...]) -> fx.GraphModule:
    """Record the model's forward pass as a graph over the same submodules and parameters.

    The model is put into eval mode and its activations stop working in place, which changes no result.
    Identities are dropped from the graph.

    Args:
        model: any module that torch.fx can trace with one tensor as input.
        input_shape: shape of one input without the batch, e.g. (3, 32, 32).

    Raises:
        TrainError: the model cannot be traced, or does not take an input of this shape.
    """
    model.eval()
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    name = type(model).__name__
    try:
        traced = model if isinstance(model, fx.GraphModule) else fx.symbolic_trace(model)
        module = fx.GraphModule(traced, _copy_graph(traced.graph))
    except Exception as error:
        raise TrainError(
            f"model '{name}' cannot be traced by torch.fx: {error}; "
            "write its forward without branches and loops that depend on tensor values"
        ) from error
    _normalise(module)
    module.eval()
    record_shapes(module, input_shape, name)
    return module


def record_shapes(module: fx.GraphModule, input_shape: tuple[int, ...], name: str) -> None:
    """Fill in `meta["tailor_shape"]` of every node by one run on zeros.

    Raises:
        TrainError: the forward pass fails on this shape.
    """
    parameter = next(module.parameters(), torch.zeros(()))
    zeros = torch.zeros(1, *input_shape, dtype=parameter.dtype, device=parameter.device)
    try:
        with torch.no_grad():
            _ShapeRecorder(module, garbage_collect_values=True).run(zeros)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TrainError(f"model '{name}' does not take an input of shape {tuple(input_shape)}: {reason}") from error


def _copy_graph(graph: fx.Graph) -> fx.Graph:
    copy = fx.Graph()
    values: dict[fx.Node, fx.Node] = {}
    result = copy.graph_copy(graph, values)
    copy.output(result)
    return copy


def _normalise(module: fx.GraphModule) -> None:
    """Rewrite in-place operations, bind functional dropout to the training flag, drop identities."""
    graph = module.graph
    for node in list(graph.nodes):
        if node.op == "call_function":
            node.target = _OUT_OF_PLACE.get(node.target, node.target)
        elif node.op == "call_method":
            node.target = _OUT_OF_PLACE_METHODS.get(str(node.target), node.target)
        if node.kwargs.get("inplace"):
            node.kwargs = {key: value for key, value in node.kwargs.items() if key != "inplace"}
        if node.op == "call_function" and node.target is F.dropout:
            _bind_dropout(module, node)
        elif isinstance(called_module(module, node), nn.Identity):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
    graph.lint()
    module.recompile()


def _bind_dropout(module: fx.GraphModule, node: fx.Node) -> None:
    """Replace a call whose training flag was frozen by tracing with a module that knows its mode."""
    chance = node.args[1] if len(node.args) > 1 else node.kwargs.get("p", 0.5)
    path = f"functional_{node.name}"
    module.add_submodule(path, nn.Dropout(float(chance)))  # type: ignore[arg-type]
    node.op, node.target, node.args, node.kwargs = "call_module", path, node.args[:1], {}


def called_module(module: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """The module that a node calls, None if it calls none."""
    return module.get_submodule(str(node.target)) if node.op == "call_module" else None


def is_convolution(module: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a node calls a convolution module."""
    return isinstance(called_module(module, node), CONVOLUTIONS)


def is_batch_norm(module: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a node calls a batch-norm module."""
    return isinstance(called_module(module, node), BATCH_NORMS)


def is_dropout(module: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a node is an identity in eval mode only."""
    return isinstance(called_module(module, node), _DROPOUTS)


def is_relu(module: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a node is a ReLU, as a module, a function or a method."""
    return (
        isinstance(called_module(module, node), nn.ReLU)
        or (node.op == "call_function" and node.target in _RELU_FUNCTIONS)
        or (node.op == "call_method" and node.target == "relu")
    )


def is_activation(module: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a node is a nonlinearity."""
    return (
        is_relu(module, node)
        or isinstance(called_module(module, node), ACTIVATIONS)
        or (node.op == "call_function" and node.target in _ACTIVATION_FUNCTIONS)
        or (node.op == "call_method" and node.target in ("sigmoid", "tanh"))
    )


def layer_names(deployed: Deployed) -> dict[str, str]:
    """The name of every node as people write it: `input`, module paths, `<conv>.relu`, `<skip>.add`.

    A ReLU belongs to the convolution or linear layer it follows; after a sum to the last convolution of the
    sum's main operand. Nodes that call no module keep the name torch.fx gave them. A module called again
    gets `_2`, `_3`, ... behind its path, the first number that makes it no other layer's name.
    """
    module = deployed.module
    joins = {record.join: f"{record.name}.add" for record in deployed.skips if record.join is not None}
    mains = {record.join: str(record.main_operand) for record in deployed.skips if record.join is not None}
    names: dict[str, str] = {}
    taken: set[str] = set()
    paths = {str(node.target) for node in module.graph.nodes if node.op == "call_module"}
    for node in module.graph.nodes:
        if node.op == "placeholder":
            name = "input"
        elif node.name in joins:
            name = joins[node.name]
        elif is_relu(module, node):
            owner = _layer_before(module, node, mains)
            name = node.name if owner is None else f"{names[owner]}.relu"
        else:
            name = str(node.target) if node.op == "call_module" else node.name
        if name in taken:
            name = next(other for n in count(2) if (other := f"{name}_{n}") not in taken | paths)
        taken.add(name)
        names[node.name] = name
    return names


def layer_aliases(deployed: Deployed) -> dict[str, str]:
    """Other accepted names: the path of a ReLU module that is called once -> the canonical name."""
    module, names = deployed.module, layer_names(deployed)
    relus = [node for node in module.graph.nodes if node.op == "call_module" and is_relu(module, node)]
    calls = Counter(str(node.target) for node in relus)
    return {
        str(node.target): names[node.name]
        for node in relus
        if calls[str(node.target)] == 1 and str(node.target) != names[node.name]
    }


def _layer_before(module: fx.GraphModule, node: fx.Node, mains: Mapping[str, str]) -> str | None:
    """Name of the convolution or linear node whose result reaches `node` through batch norm and sums only."""
    nodes = {other.name: other for other in module.graph.nodes}
    current = node.all_input_nodes[0]
    while True:
        if isinstance(called_module(module, current), (*CONVOLUTIONS, nn.Linear)):
            return current.name
        if current.name in mains:
            current = nodes[mains[current.name]]
        elif is_batch_norm(module, current) or is_dropout(module, current):
            current = current.all_input_nodes[0]
        else:
            return None
