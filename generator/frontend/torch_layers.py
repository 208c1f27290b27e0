"""What single PyTorch layers mean: options checked, weights in float64, batch norm folded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from generator.fixed_point import FloatArray
from generator.float_graph import (
    FloatAdd,
    FloatConv2d,
    FloatFlatten,
    FloatGlobalAveragePool,
    FloatLayer,
    FloatLinear,
    conv_layout,
    fold_batch_norm,
    linear_layout,
)
from generator.graph import Shape

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


class UnsupportedError(Exception):
    """Why one node cannot be imported; the importer adds the node's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvOptions:
    """(height, width) of kernel and stride, (top, left) of padding."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Weights as PyTorch stores them, in float64: weight (Cout, ...), bias (Cout,) or None.

    Attributes:
        options: None for a linear layer.
    """

    weight: FloatArray
    bias: FloatArray | None
    options: ConvOptions | None


@dataclass(slots=True, kw_only=True, eq=False)
class Draft:
    """A float node while batch norm and ReLU behind it are still being collected.

    Attributes:
        parameters: of a convolution or linear layer.
        fixed: the layer, where it has no parameters; with neither it is the network's input.
        flattened: shape of the map that a flatten, or the one in front of a linear layer, reads.
        normalized: whether a batch norm has been folded in.
        known: False after a problem, so that the nodes behind report none of their own.
    """

    name: str
    shape: Shape
    inputs: tuple[str, ...] = ()
    parameters: Parameters | None = None
    fixed: FloatAdd | FloatGlobalAveragePool | FloatFlatten | None = None
    flattened: Shape | None = None
    relu: str | None = None
    normalized: bool = field(default=False)
    known: bool = field(default=True)

    @property
    def layer(self) -> FloatLayer | None:
        """The finished layer, None for the network's input."""
        if self.parameters is None:
            return self.fixed
        weight, options = self.parameters.weight, self.parameters.options
        bias = np.zeros(len(weight)) if self.parameters.bias is None else self.parameters.bias
        if options is None:
            flattened = self.flattened or Shape(height=1, width=1, channels=weight.shape[1])
            return FloatLinear(flattened=flattened, weight=linear_layout(weight, flattened), bias=bias)
        return FloatConv2d(
            kernel=options.kernel,
            stride=options.stride,
            padding=options.padding,
            weight=conv_layout(weight),
            bias=bias,
        )

    def fold(self, module: BatchNorm) -> None:
        """Absorb a batch norm in eval mode.

        Raises:
            UnsupportedError: it keeps no running statistics.
        """
        assert self.parameters is not None
        if module.running_mean is None or module.running_var is None:
            raise UnsupportedError("batch norm without running statistics is not supported")
        weight, bias = fold_batch_norm(
            self.parameters.weight,
            self.parameters.bias,
            mean=to_float64(module.running_mean),
            variance=to_float64(module.running_var),
            gamma=None if module.weight is None else to_float64(module.weight),
            beta=None if module.bias is None else to_float64(module.bias),
            epsilon=module.eps,
        )
        self.parameters = Parameters(weight=weight, bias=bias, options=self.parameters.options)
        self.normalized = True


def to_float64(tensor: Tensor) -> FloatArray:
    """A tensor's values on the CPU."""
    return np.asarray(tensor.detach().to("cpu", torch.float64).numpy(), dtype=np.float64)


def convolution(module: nn.Conv2d) -> Parameters:
    """Options and weights of a convolution.

    Raises:
        UnsupportedError: every option that the stages cannot realise.
    """
    kernel, stride = (_pair(module.kernel_size), _pair(module.stride))
    same = (kernel[0] // 2, kernel[1] // 2)
    padding = same if module.padding == "same" else (0, 0) if module.padding == "valid" else _pair(module.padding)
    wanted = {
        f"groups={module.groups} (expected 1)": module.groups == 1,
        f"dilation={_pair(module.dilation)} (expected 1)": _pair(module.dilation) == (1, 1),
        f"kernel {kernel} (expected square and odd)": kernel[0] == kernel[1] and kernel[0] % 2 == 1,
        f"stride {stride} (expected 1 or 2, both ways the same)": stride in ((1, 1), (2, 2)),
        f"padding {padding} (expected half the kernel, {same})": padding == same,
        f"padding_mode {module.padding_mode!r} (expected 'zeros')": module.padding_mode == "zeros",
    }
    problems = [problem for problem, fine in wanted.items() if not fine]
    if problems:
        raise UnsupportedError(f"convolution with {', '.join(problems)} is not supported")
    options = ConvOptions(kernel=kernel, stride=stride, padding=padding)
    return _parameters(module, options)


def linear(module: nn.Linear) -> Parameters:
    """Weights of a linear layer."""
    return _parameters(module, None)


def _parameters(module: nn.Conv2d | nn.Linear, options: ConvOptions | None) -> Parameters:
    bias = None if module.bias is None else to_float64(module.bias)
    return Parameters(weight=to_float64(module.weight), bias=bias, options=options)


def is_average(node: fx.Node, module: nn.Module | None) -> bool:
    """Whether a node averages: a pooling layer, its function, or a mean."""
    functions: tuple[Any, ...] = (F.adaptive_avg_pool2d, F.avg_pool2d, torch.mean)
    return (
        isinstance(module, nn.AdaptiveAvgPool2d | nn.AvgPool2d)
        or (node.op == "call_function" and node.target in functions)
        or (node.op == "call_method" and node.target == "mean")
    )


def check_global(node: fx.Node, module: nn.Module | None, before: tuple[int, ...]) -> None:
    """Check that an averaging node takes the mean of the whole map and nothing else.

    Args:
        before: shape of its input without the batch.

    Raises:
        UnsupportedError: any other kind of pooling.
    """
    if len(before) != 3:
        raise UnsupportedError(f"averaging values of shape {before} is not supported; only maps (C,H,W) are pooled")
    if node.target is torch.mean or node.target == "mean":
        dims = _argument(node, 1, "dim")
        axes = {axis % 4 for axis in dims} if isinstance(dims, tuple | list) else set()
        if axes != {2, 3}:
            raise UnsupportedError(f"mean over {dims} is not supported; only over height and width, mean([2, 3])")
        return
    adaptive = isinstance(module, nn.AdaptiveAvgPool2d) or node.target is F.adaptive_avg_pool2d
    if adaptive:
        size = module.output_size if isinstance(module, nn.AdaptiveAvgPool2d) else _argument(node, 1, "output_size")
        if size not in (1, (1, 1), [1, 1]):
            raise UnsupportedError(f"average pooling to {size} is not supported; only global average pooling, to 1")
        return
    if isinstance(module, nn.AvgPool2d):
        kernel, padding, divisor = module.kernel_size, module.padding, module.divisor_override
    else:
        kernel, padding = _argument(node, 1, "kernel_size"), _argument(node, 3, "padding", 0)
        divisor = _argument(node, 6, "divisor_override")
    if _pair(kernel) != before[1:] or _pair(padding) != (0, 0) or divisor is not None:
        raise UnsupportedError(
            f"average pooling with kernel {_pair(kernel)} of a {before[1]}x{before[2]} map is not supported; "
            "only global average pooling, over the whole map"
        )


def _argument(node: fx.Node, position: int, name: str, default: Any = None) -> Any:
    return node.args[position] if len(node.args) > position else node.kwargs.get(name, default)


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    first, second = value
    return int(first), int(second)
