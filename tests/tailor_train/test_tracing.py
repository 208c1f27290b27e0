"""Tracing: shapes, in-place operations, dropout, and errors a user can act on."""

from __future__ import annotations

import re

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tailor_train.errors import TrainError
from tailor_train.threads import fitting_threads
from tailor_train.tracing import SHAPE as KEY
from tailor_train.tracing import trace
from tests.tailor_train.small_nets import SHAPE, Block, Net, images


def test_shapes_and_values() -> None:
    net = Net(Block(torch.add)).eval()
    traced = trace(net, SHAPE)
    shapes = {node.name: node.meta[KEY] for node in traced.graph.nodes if node.op != "output"}
    assert shapes["x"] == (3, 8, 8)
    assert shapes["block_conv1"] == (4, 8, 8)
    assert shapes["fc"] == (5,)
    torch.testing.assert_close(traced(images()), net(images()))
    assert not any(getattr(module, "inplace", False) for module in net.modules())
    assert not any(node.kwargs.get("inplace") for node in traced.graph.nodes)


class Odd(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.none = nn.Identity()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "branch" and x.sum() > 0:
            return x
        if self.kind == "dropout":
            return F.dropout(self.conv(x), 0.5, self.training)
        return self.none(self.conv(x))


def test_identities_vanish() -> None:
    traced = trace(Odd("identity"), SHAPE)
    assert [node.op for node in traced.graph.nodes] == ["placeholder", "call_module", "output"]


def test_functional_dropout_follows_the_mode() -> None:
    traced = trace(Odd("dropout"), SHAPE)
    assert torch.equal(traced(images()), traced(images()))
    traced.train()
    assert (traced(images()) == 0).float().mean() > 0.2


def test_untraceable_model() -> None:
    with pytest.raises(TrainError, match=r"^model 'Odd' cannot be traced by torch\.fx: .*; write its forward without "):
        trace(Odd("branch"), SHAPE)


def test_wrong_input_shape() -> None:
    message = r"model 'Net' does not take an input of shape \(2, 8, 8\): .*expected input\[1, 2, 8, 8\].*"
    with pytest.raises(TrainError, match=f"^{message}$"):
        trace(Net(Block(torch.add)), (2, 8, 8))


def test_small_networks_run_on_one_thread() -> None:
    traced = trace(Net(Block(torch.add)), SHAPE)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with fitting_threads(traced, 1023):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with fitting_threads(traced, 1024):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_traced_module_can_be_traced_again() -> None:
    net = Net(Block(torch.add)).eval()
    twice = trace(trace(net, SHAPE), SHAPE)
    torch.testing.assert_close(twice(images()), net(images()))
    assert re.search("block", twice.code)
