"""Small networks for the tests, and the way from a module to a graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from generator.config import HardwareConfig
from generator.fixed_point import FixedPoint, Overflow, Rounding, parse_format
from generator.float_graph import FloatAdd, FloatConv2d, FloatGraph, FloatLinear
from generator.frontend.torch_fx import import_model
from tailor_train.plan import SkipChoice, SkipState, SkipStyle
from tailor_train.surgery import Deployed, apply_plan

torch.set_num_threads(1)


class Block(nn.Module):
    """Conv, batch norm and ReLU, conv and batch norm, skip, ReLU; a projection where shapes change.

    `post` adds the skip behind the last ReLU instead of before it.
    """

    def __init__(self, cin: int, cout: int, stride: int, kernel: int, *, post: bool) -> None:
        super().__init__()
        self.post = post
        self.conv1 = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1)
        self.bn2 = nn.BatchNorm2d(cout, affine=False)
        plain = stride == 1 and cin == cout
        self.downsample = None if plain else nn.Sequential(nn.Conv2d(cin, cout, 1, stride), nn.BatchNorm2d(cout))

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        identity = x if self.downsample is None else self.downsample(x)
        return out.relu() + identity if self.post else (out + identity).relu()


class Net(nn.Module):
    """Stem, residual blocks, and a head: `pool` and linear, `flatten` and linear, or none."""

    def __init__(
        self,
        cin: int,
        widths: tuple[int, ...],
        strides: tuple[int, ...],
        head: str,
        *,
        pixels: int = 1,
        kernel: int = 3,
        post: bool = False,
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(cin, widths[0], 3, 1, 1, bias=False)
        self.stem_bn = nn.BatchNorm2d(widths[0])
        pairs = zip(widths, widths[1:], strides, strict=False)
        self.blocks = nn.Sequential(*(Block(a, b, stride, kernel, post=post) for a, b, stride in pairs))
        self.head = head
        self.fc = nn.Linear(widths[-1] * (pixels if head == "flatten" else 1), 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(nn.functional.relu(self.stem_bn(self.stem(x))))
        if self.head == "none":
            return x
        x = x.mean([2, 3]) if self.head == "pool" else x.flatten(1)
        return self.fc(x)


def seeded(model: nn.Module, seed: int) -> nn.Module:
    """The model with seeded weights and batch-norm statistics, in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                fan_in = module.weight[0].numel()
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * (2 / fan_in) ** 0.5)
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.copy_(torch.randn(module.num_features, generator=generator) * 0.2)
                module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
                if module.affine:
                    module.weight.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
                    module.bias.copy_(torch.randn(module.num_features, generator=generator) * 0.2)
    return model.eval()


def deploy(
    model: nn.Module, shape: tuple[int, int, int], plan: Mapping[str, tuple[str, str]] | None = None
) -> Deployed:
    """The deployment form; `plan` maps a skip to (state, style)."""
    choices = {
        name: SkipChoice(state=SkipState(state), style=SkipStyle(style))
        for name, (state, style) in (plan or {}).items()
    }
    return apply_plan(model, choices, shape)


def float_graph(
    model: nn.Module, shape: tuple[int, int, int], plan: Mapping[str, tuple[str, str]] | None = None
) -> FloatGraph:
    """The model imported."""
    return import_model(deploy(model, shape, plan), "net", shape)


def config(precision: str | None = "ap_fixed<16,6>", **options: object) -> HardwareConfig:
    """A hardware configuration with one precision for all."""
    fmt = None if precision is None else parse_format(precision)
    return HardwareConfig(
        backend="RTL", part="xcu200-fsgd2104-2-e", clock_ns=5.0, reuse_factor=1, precision=fmt, **options
    )


def random_formats(graph: FloatGraph, rng: np.random.Generator) -> dict[str, dict[str, str]]:
    """A table with other widths and modes on every tensor."""

    def draw(low: int, high: int, integer_bits: int, *, signed: bool = True) -> str:
        rounding, overflow = rng.choice(list(Rounding)), rng.choice(list(Overflow))
        width = int(rng.integers(low, high + 1))
        fmt = FixedPoint(width=width, integer_bits=integer_bits, signed=signed)
        return str(fmt.with_modes(Rounding(rounding), Overflow(overflow)))

    table = {graph.input_name: {"result": draw(5, 10, int(rng.integers(1, 4)))}}
    for node in graph.nodes:
        if isinstance(node.layer, FloatConv2d | FloatLinear):
            table.setdefault(node.name, {})["weight"] = draw(4, 10, int(rng.integers(0, 3)))
            table[node.name]["bias"] = draw(6, 18, int(rng.integers(0, 4)))
        keys = graph.result_keys(node)
        last = isinstance(node.layer, FloatLinear)
        if keys and not (last and rng.random() < 0.5):
            signed = bool(rng.random() < 0.5) or node.relu is None or isinstance(node.layer, FloatAdd)
            table.setdefault(keys[0], {})["result"] = draw(5, 12, int(rng.integers(1, 5)), signed=signed)
    return table
