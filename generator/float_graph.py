"""The float graph: what an imported network computes, batch norm folded, before any format is chosen.

Frontends build it, `passes.quantize` turns it into a `Graph`. Its nodes are those of the graph: one
for each convolution, linear layer, sum, pooling and flatten, with the ReLU that follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from generator.errors import GraphError
from generator.fixed_point import FloatArray, IntArray
from generator.graph import Shape, SkipEdge

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FloatConv2d:
    """A convolution without dilation or groups, symmetric zero padding.

    Attributes:
        weight: (kh, kw, Cin, Cout) float64, batch norm folded.
        bias: (Cout,) float64, batch norm folded.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FloatLinear:
    """A fully connected layer.

    Attributes:
        flattened: shape of the map whose flattening is the input; (1, 1, Cin) without one.
        weight: (Cin, Cout) float64, Cin in the order height, width, channel of `flattened`.
        bias: (Cout,) float64.
    """

    flattened: Shape
    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatAdd:
    """main + skip, inputs in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatGlobalAveragePool:
    """The mean of all pixels, per channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatFlatten:
    """H x W x C values as one pixel, channels last."""


FloatLayer = FloatConv2d | FloatLinear | FloatAdd | FloatGlobalAveragePool | FloatFlatten


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatNode:
    """One step of the network: a layer and the ReLU behind it.

    Attributes:
        name: the layer's module path; `<skip>.add` for the sum of a skip connection.
        inputs: names of the producing nodes, or `FloatGraph.input_name`.
        shape: of the result.
        relu: name of the ReLU (`<conv>.relu`), None without one.
    """

    name: str
    layer: FloatLayer
    inputs: tuple[str, ...]
    shape: Shape
    relu: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatGraph:
    """A network in topological order, with one input and one output.

    Attributes:
        name: a safe identifier, used for files and top modules.
        skips, removed_skips, folded_skips: as in `Graph`.
        aliases: other names that a configuration may use -> the canonical one.
        vanished: names of layers that folding left nothing of: batch norm, identities, dropout.
    """

    name: str
    input_name: str
    input_shape: Shape
    nodes: tuple[FloatNode, ...]
    output: str
    skips: tuple[SkipEdge, ...]
    removed_skips: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...]
    vanished: tuple[str, ...]
    folded_skips: tuple[str, ...] = ()

    def node(self, name: str) -> FloatNode:
        """The node of that name."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise GraphError(f"graph {self.name!r}: there is no node {name!r}")

    def shape_of(self, name: str) -> Shape:
        """Shape of a node's result or of the input."""
        return self.input_shape if name == self.input_name else self.node(name).shape

    def consumers(self, name: str) -> tuple[FloatNode, ...]:
        """The nodes that read a tensor, in order."""
        return tuple(node for node in self.nodes if name in node.inputs)

    def leaves_exact(self, node: FloatNode) -> bool:
        """Whether a node's result goes on without a requantization because a sum takes it.

        A convolution's or linear layer's sum that an add reads stays exact; behind a ReLU only if
        nothing but adds read it (otherwise the ReLU's quantizer stands before the fork).
        """
        if not isinstance(node.layer, FloatConv2d | FloatLinear):
            return False
        to_add = [isinstance(reader.layer, FloatAdd) for reader in self.consumers(node.name)]
        return any(to_add) if node.relu is None else bool(to_add) and all(to_add)

    def result_keys(self, node: FloatNode) -> tuple[str, ...]:
        """Names under which a node's result format may stand, the decisive one first.

        The ReLU; then the layer itself, for a sum the last convolution on its main operand. None where
        no requantization follows.
        """
        if isinstance(node.layer, FloatFlatten) or self.leaves_exact(node):
            return ()
        owner = self._main_layer(node) if isinstance(node.layer, FloatAdd) else node.name
        return tuple(name for name in (node.relu, owner) if name is not None)

    def _main_layer(self, add: FloatNode) -> str | None:
        current = add.inputs[0]
        while current != self.input_name:
            node = self.node(current)
            if isinstance(node.layer, FloatConv2d | FloatLinear):
                return node.name
            current = node.inputs[0]
        return None


def fold_batch_norm(
    weight: FloatArray,
    bias: FloatArray | None,
    *,
    mean: FloatArray,
    variance: FloatArray,
    gamma: FloatArray | None,
    beta: FloatArray | None,
    epsilon: float,
) -> tuple[FloatArray, FloatArray]:
    """Weights and bias of a layer with the batch norm behind it absorbed.

    Computed in float64 in this order, which every executor shares: ``scale = gamma / sqrt(variance +
    epsilon)``, ``weight * scale``, ``(bias - mean) * scale + beta``.

    Args:
        weight: (Cout, ...) float64.
        bias: (Cout,) float64 or None for 0; all other arrays (Cout,) float64.
        gamma, beta: None for 1 and 0 (a batch norm without affine parameters).
    """
    gamma = np.ones_like(mean) if gamma is None else gamma
    beta = np.zeros_like(mean) if beta is None else beta
    bias = np.zeros_like(mean) if bias is None else bias
    scale = gamma / np.sqrt(variance + epsilon)
    return weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), (bias - mean) * scale + beta


def conv_layout(weight: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """(Cout, Cin, kh, kw) as PyTorch stores it -> (kh, kw, Cin, Cout)."""
    return np.ascontiguousarray(weight.transpose(2, 3, 1, 0))


def linear_layout(weight: npt.NDArray[Scalar], flattened: Shape) -> npt.NDArray[Scalar]:
    """(Cout, C*H*W) as PyTorch stores it -> (H*W*C, Cout), the order of a stream."""
    maps = weight.reshape(-1, flattened.channels, flattened.height, flattened.width)
    return np.ascontiguousarray(maps.transpose(2, 3, 1, 0).reshape(flattened.elements, -1))


def integer_layout(weight: IntArray, layer: FloatConv2d | FloatLinear) -> IntArray:
    """A checkpoint's integer weights in the axes of `layer`."""
    return linear_layout(weight, layer.flattened) if isinstance(layer, FloatLinear) else conv_layout(weight)
