"""Skips inside skips: each is sized, together they stop nowhere and cost nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from generator import flow
from generator.certificate_check import check_certificate
from generator.design_json import describe
from generator.device import find_device
from generator.hardware_yaml import parse_hardware
from generator.passes import build_design
from generator.passes.certificate import certify
from generator.passes.token_model import run_model
from generator.source import network_of_module
from tests.generator.passes.random_blocks import Block


class Nested(nn.Module):
    """A skip over a block with a skip of its own; with a leading conv the two fork at different tensors."""

    def __init__(self, leading: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 3, padding=1) if leading else None
        self.inner = Block(3, 3, [3, 3], 1)
        self.last = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.first is None else torch.relu(self.first(x))
        return torch.relu(self.last(self.inner(y)) + x)


class Top(nn.Module):
    """A name for the block."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


@pytest.mark.parametrize("lanes", ["auto", "C"])
@pytest.mark.parametrize("kind", ["clone_fifo", "line_buffer_tap", "ring_extend"])
@pytest.mark.parametrize("leading", [True, False])
def test_nested_skips_live_and_run_at_the_full_rate(leading, kind, lanes):
    torch.manual_seed(0)
    section = {
        "Model": {"Precision": "ap_fixed<8,3>", "ReuseFactor": 81},
        "Skip": {"Default": {"Implementation": kind}},
        "Stream": {"Lanes": lanes},
    }
    config = parse_hardware({"ProjectName": "nested", "HLSConfig": section}, "nested")
    network = network_of_module(Top(Nested(leading)).eval(), (3, 6, 7), {}, 0)
    graph = flow.quantize_network(network, config).graph
    design = build_design(graph, config, find_device(config.part, config.clock_ns)).design
    assert len(design.sizings) == 2
    unlimited = {sizing.stream: None for sizing in design.sizings if sizing.ring is None}
    sized = run_model(design.stages, design.streams, 5)
    assert sized.interval_cycles is not None
    assert sized.interval_cycles == run_model(design.stages, design.streams, 5, unlimited).interval_cycles
    assert check_certificate(describe(design, {}), certify(design)) == ()
