"""Random residual blocks: size, kernels, number of convs, stride, projection, lanes and foldings all drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from generator import flow
from generator.design import ConvStage, Design, Implementation, SkipSizing
from generator.device import find_device
from generator.hardware_yaml import parse_hardware
from generator.passes import build_design
from generator.source import network_of_module


class Block(nn.Module):
    """`len(kernels)` convs and a skip over them."""

    def __init__(self, cin: int, cout: int, kernels: list[int], stride: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(cout if place else cin, cout, kernel, 1 if place else stride, kernel // 2)
            for place, kernel in enumerate(kernels)
        )
        self.projection = nn.Conv2d(cin, cout, 1, stride) if (cin, stride) != (cout, 1) else None

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for place, conv in enumerate(self.convs):
            y = conv(y if place == 0 else torch.relu(y))
        return torch.relu(y + (x if self.projection is None else self.projection(x)))


class Named(nn.Module):
    """A block below a name of its own, so that many designs fit into one simulation; perhaps behind a stem."""

    def __init__(self, name: str, stem: nn.Module | None, block: nn.Module) -> None:
        super().__init__()
        self._path = [f"{name}stem", name] if stem is not None else [name]
        if stem is not None:
            self.add_module(f"{name}stem", stem)
        self.add_module(name, block)

    def forward(self, x: Tensor) -> Tensor:
        for place, name in enumerate(self._path):
            x = getattr(self, name)(x)
            x = torch.relu(x) if place + 1 < len(self._path) else x
        return x


def random_block(seed: int, implementation: Implementation) -> Design:
    """A design of one random block; its skip is built as asked where that fits, else as `auto` does."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    height, width = int(rng.integers(5, 10)), int(rng.integers(5, 10))
    count, stride = int(rng.integers(2, 4)), int(rng.choice([1, 1, 2]))
    kernels = [int(rng.choice([1, 3, 3, 3, 5])) for _ in range(count)]
    cin = int(rng.choice([2, 4, 6]))
    cout = cin if stride == 1 and rng.random() < 0.7 else int(rng.choice([2, 4]))
    channels = int(rng.choice([1, 2, 3])) if rng.random() < 0.6 else cin
    name = f"b{seed}"
    stem = nn.Conv2d(channels, cin, 3, padding=1) if channels != cin or rng.random() < 0.5 else None
    model = Named(name, stem, Block(cin, cout, kernels, stride)).eval()
    config = parse_hardware(
        {
            "ProjectName": f"n{seed}",
            "HLSConfig": {
                "Model": {"Precision": "ap_fixed<8,3>", "ReuseFactor": 100_000},
                "LayerName": _foldings(model, rng),
                "Skip": {"Default": {"Implementation": str(implementation)}},
                "Stream": {"Lanes": ["auto", "C", 2][int(rng.integers(3))]},
                "Multiplier": ["auto", "lut"][int(rng.integers(2))],
            },
        },
        "random",
    )
    network = network_of_module(model, (channels, height, width), {}, seed)
    graph = flow.quantize_network(network, config).graph
    return build_design(graph, config, find_device(config.part, config.clock_ns)).design


def _foldings(model: nn.Module, rng: np.random.Generator) -> dict[str, object]:
    layers: dict[str, object] = {}
    for name, module in model.named_modules():
        if not isinstance(module, nn.Conv2d) or name.endswith("projection"):
            continue
        simd = pe = 1
        if rng.random() < 0.5:
            simd = int(rng.choice([d for d in range(1, module.in_channels + 1) if module.in_channels % d == 0]))
            pe = int(rng.choice([d for d in range(1, module.out_channels + 1) if module.out_channels % d == 0]))
        taps = module.kernel_size[0] * module.kernel_size[1]
        layers[name] = {"ReuseFactor": taps * (module.in_channels // simd) * (module.out_channels // pe)}
    return layers


def with_depth(design: Design, sizing: SkipSizing, depth: int, name: str) -> Design:
    """The design with another depth of the memory that was sized: words of a FIFO, or pixels of a ring."""
    if sizing.ring is None:
        streams = tuple(replace(s, depth_words=depth) if s.name == sizing.stream else s for s in design.streams)
        return replace(design, name=name, streams=streams)
    stages = tuple(
        replace(stage, ring_pixels=depth) if isinstance(stage, ConvStage) and stage.name == sizing.ring else stage
        for stage in design.stages
    )
    return replace(design, name=name, stages=stages)
