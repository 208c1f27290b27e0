"""The central test: random small networks through PyTorch, reference, C++ and SystemVerilog, integer for integer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from generator import flow, project
from generator.hardware_yaml import parse_hardware
from generator.source import Network, network_of_module
from tailor_train.plan import SkipChoice, SkipState

FRAMES = 4
PRECISIONS = (
    "ap_fixed<16,6>",
    "ap_fixed<6,2>",
    "ap_fixed<9,2,AP_RND>",
    "ap_fixed<8,3,AP_RND_CONV,AP_SAT>",
    "ap_fixed<10,4,AP_TRN_ZERO,AP_SAT_SYM>",
    "ap_fixed<12,5,AP_RND,AP_WRAP>",
    "ap_fixed<7,2,AP_RND,AP_SAT>",
)


class Block(nn.Module):
    """Two convs and a skip, with a 1x1 projection where shapes differ."""

    def __init__(self, cin: int, cout: int, stride: int, batch_norm: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=not batch_norm)
        self.bn1 = nn.BatchNorm2d(cout) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=not batch_norm)
        self.bn2 = nn.BatchNorm2d(cout) if batch_norm else nn.Identity()
        self.projection = nn.Conv2d(cin, cout, 1, stride) if (cin, stride) != (cout, 1) else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.projection is None else self.projection(x)))


class RandomNet(nn.Module):
    """A stem, one or two blocks, and either a classifier or the feature map itself."""

    def __init__(self, rng: np.random.Generator, channels: int) -> None:
        super().__init__()
        width = int(rng.integers(1, 5))
        kernel = int(rng.choice([1, 3]))
        self.stem = nn.Conv2d(channels, width, kernel, padding=kernel // 2)
        blocks = []
        for _ in range(int(rng.integers(1, 3))):
            stride = int(rng.choice([1, 1, 2]))
            cout = width if stride == 1 and rng.random() < 0.6 else int(rng.integers(1, 7))
            blocks.append(Block(width, cout, stride, bool(rng.random() < 0.7)))
            width = cout
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, int(rng.integers(2, 6))) if rng.random() < 0.6 else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(torch.relu(self.stem(x)))
        return x if self.head is None else self.head(x.mean((2, 3)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A network and how it is to be built."""

    network: Network
    hardware: dict[str, object]
    images: np.ndarray
    stall_seed: int | None


def make_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    shape = (int(rng.integers(1, 4)), int(rng.integers(3, 8)), int(rng.integers(3, 8)))
    model = RandomNet(rng, shape[0]).eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):  # large enough for sums to leave the narrower formats
            module.weight.data *= 2.0
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
            nn.init.uniform_(module.running_var, 0.3, 1.5)
    states = [SkipState(str(rng.choice(list(SkipState)))) for _ in model.blocks]
    plan = {f"blocks.{index}": SkipChoice(state=state) for index, state in enumerate(states)}
    return Case(
        network=network_of_module(model, shape, plan, seed),
        hardware=_hardware(rng, model),
        images=rng.normal(0.0, 2.0, (FRAMES, *shape)),
        stall_seed=int(rng.integers(1, 1000)) if rng.random() < 0.5 else None,
    )


def _hardware(rng: np.random.Generator, model: RandomNet) -> dict[str, object]:
    layers: dict[str, object] = {}
    for name, module in model.named_modules():
        if not isinstance(module, nn.Conv2d) or name.endswith("projection"):
            continue
        simd = rng.choice([d for d in range(1, module.in_channels + 1) if module.in_channels % d == 0])
        pe = rng.choice([d for d in range(1, module.out_channels + 1) if module.out_channels % d == 0])
        taps = module.kernel_size[0] * module.kernel_size[1]
        factor = taps * (module.in_channels // simd) * (module.out_channels // pe)
        layers[name] = {"ReuseFactor": int(factor)}
        if rng.random() < 0.3:
            layers[name]["Precision"] = {"weight": str(rng.choice(PRECISIONS)), "result": str(rng.choice(PRECISIONS))}
    if rng.random() < 0.3:
        layers["stem.relu"] = {"Precision": {"result": "ap_ufixed<8,3,AP_RND_CONV,AP_SAT>"}}
    return {
        "ProjectName": "net",
        "HLSConfig": {
            "Model": {"Precision": str(rng.choice(PRECISIONS)), "ReuseFactor": 100_000},
            "LayerName": layers,
            "Stream": {"Lanes": ["auto", "C", 2][int(rng.integers(3))]},
        },
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16))
def test_random_networks_agree_in_every_integer(seed: int, tmp_path: Path) -> None:
    case = make_case(seed)
    config = parse_hardware(case.hardware, "random")
    quantized = flow.quantize_network(case.network, config)
    evaluation = flow.evaluate(quantized, case.images, None)
    assert evaluation.mismatches_vs_torch == 0
    described = flow.generate(quantized, config, case.images, tmp_path / "net").description
    assert project.csim(tmp_path / "net", FRAMES)["mismatches"] == 0
    result = project.cosim(tmp_path / "net", FRAMES, case.stall_seed)
    assert result["mismatches"] == 0
    if case.stall_seed is None:
        for cycles in ("interval_cycles", "latency_cycles"):
            assert result[cycles] == described["predicted"][cycles]


def test_random_networks_cover_what_they_should() -> None:
    """Fails if the seeds no longer reach every kind of skip, lane width and overflow."""
    cases = [make_case(seed) for seed in range(16)]
    states = {choice.state for case in cases for choice in case.network.plan.values()}
    assert states == set(SkipState)
    projected = [record.projection is not None for case in cases for record in case.network.deployed.skips]
    assert {True, False} <= set(projected)
    sections = [case.hardware["HLSConfig"] for case in cases]
    assert {section["Stream"]["Lanes"] for section in sections} == {"auto", "C", 2}
    assert any(case.network.input_shape[1] != case.network.input_shape[2] for case in cases)
    assert {case.stall_seed is None for case in cases} == {True, False}
    wrapping = 0
    for case in cases:
        quantized = flow.quantize_network(case.network, parse_hardware(case.hardware, "random"))
        wrapping += bool(flow.evaluate(quantized, case.images, None).wrapped)
    assert wrapping >= 3
