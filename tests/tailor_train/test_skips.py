"""Discovery of skip connections, and the joins it refuses."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

from tailor_train.errors import TrainError
from tailor_train.models import build_model
from tailor_train.skips import SkipKind, find_skips
from tailor_train.tracing import trace
from tests.tailor_train.small_nets import JOINS, SHAPE, Block, Net


@pytest.mark.parametrize("join", JOINS)
def test_every_way_to_write_a_sum(join: str) -> None:
    (skip,) = find_skips(trace(Net(Block(JOINS[join])), SHAPE))
    assert skip.name == "block"
    assert skip.kind is SkipKind.IDENTITY
    assert skip.main_convs == ("block.conv1", "block.conv2")
    assert skip.main_operand == "block_bn2"
    assert skip.fork == skip.skip_operand
    assert skip.projection is None
    assert skip.shape == (4, 8, 8)


def test_projections_of_a_resnet() -> None:
    model = build_model("resnet20", {"width": 4, "in_channels": 1, "image_size": 8}, 0)
    skips = find_skips(trace(model, (1, 8, 8)))
    assert [skip.name for skip in skips] == [f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(3)]
    projected = {skip.name: skip.projection for skip in skips if skip.kind is SkipKind.PROJECTION}
    assert projected == {"layer2.0": "layer2.0.downsample.0", "layer3.0": "layer3.0.downsample.0"}


def test_option_a_is_shape_only() -> None:
    model = build_model("resnet8", {"width": 4, "in_channels": 1, "image_size": 8, "shortcut": "A"}, 0)
    kinds = [skip.kind for skip in find_skips(trace(model, (1, 8, 8)))]
    assert kinds == [SkipKind.IDENTITY, SkipKind.SHAPE_ONLY, SkipKind.SHAPE_ONLY]


class Chain(nn.Module):
    """Joins written straight into the top level's forward."""

    def __init__(self, forward: str) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))
        self.one = nn.Conv2d(3, 3, 1)
        self.kind = forward

    def forward(self, x: Tensor) -> Tensor:
        return getattr(self, self.kind)(x)

    def nested(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.a(x))
        inner = torch.relu(self.b(inner) + inner)
        return self.c(inner) + x

    def twice(self, x: Tensor) -> Tensor:
        y = torch.relu(self.a(x) + x)
        return torch.relu(self.a(y) + y)

    def one_by_one(self, x: Tensor) -> Tensor:
        return self.a(x) + self.one(x)

    def three(self, x: Tensor) -> Tensor:
        return self.a(x) + self.b(x) + x

    def scaled(self, x: Tensor) -> Tensor:
        return torch.add(self.a(x), x, alpha=0.5)

    def cat(self, x: Tensor) -> Tensor:
        return torch.cat([self.a(x), x], 1)

    def no_conv(self, x: Tensor) -> Tensor:
        return torch.relu(x) + x

    def alike(self, x: Tensor) -> Tensor:
        return self.a(x) + self.b(x)

    def broadcast(self, x: Tensor) -> Tensor:
        return self.a(x) + x.mean(1, keepdim=True)

    def deep_skip(self, x: Tensor) -> Tensor:
        return torch.relu(self.b(torch.relu(self.a(x)))) + torch.relu(self.c(x))

    def shifted(self, x: Tensor) -> Tensor:
        return self.a(x) + 1.0

    def odd_projection(self, x: Tensor) -> Tensor:
        return torch.relu(self.a(x)) + self.one(x) * 2


def test_inner_before_outer() -> None:
    skips = find_skips(trace(Chain("nested"), (3, 8, 8)))
    assert [skip.main_convs for skip in skips] == [("b",), ("a", "b", "c")]
    assert [skip.name for skip in skips] == ["skip", "skip_2"]


def test_shared_weights_are_two_skips() -> None:
    skips = find_skips(trace(Chain("twice"), (3, 8, 8)))
    assert [skip.main_convs for skip in skips] == [("a",), ("a",)]
    assert skips[0].fork == "x"
    assert skips[1].fork != "x"


def test_the_1x1_of_two_equal_branches_is_the_skip() -> None:
    (skip,) = find_skips(trace(Chain("one_by_one"), (3, 8, 8)))
    assert skip.projection == "one"


def test_a_constant_is_no_skip() -> None:
    assert find_skips(trace(Chain("shifted"), (3, 8, 8))) == ()


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (
            "three",
            "'add_1': a sum of more than two tensors ('add' is a sum itself); only two-way sums are supported",
        ),
        ("scaled", "'add': a sum scaled by alpha=0.5 cannot be altered; add without a factor"),
        ("cat", "'cat': branches joined by concatenation are no skip connections; use a sum"),
        ("no_conv", "'add': no convolution between the fork and the sum, nothing is skipped"),
        ("alike", "'add': both branches are alike, so neither is the skip"),
        ("broadcast", "'add': operands of shapes (3, 8, 8) and (1, 8, 8) are broadcast"),
        (
            "deep_skip",
            "'add': the skip branch has 1 activations and 1 convolutions; an identity, one convolution, or slices and "
            "padding are supported",
        ),
        (
            "odd_projection",
            "'add': the projection holds 'mul'; one convolution with batch norm or pooling is supported",
        ),
    ],
)
def test_refused_joins(forward: str, message: str) -> None:
    traced = trace(Chain(forward), (3, 8, 8))
    problems = "skip connections of the network are not understood: "
    with pytest.raises(TrainError) as caught:
        find_skips(traced)
    assert re.fullmatch(f"{re.escape(problems)}(.*; )?{re.escape(message)}", str(caught.value))
