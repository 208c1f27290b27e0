"""Surgery against networks written by hand in the altered form."""

from __future__ import annotations

import operator
import re

import pytest
import torch
from torch import Tensor, nn

from tailor_train.errors import TrainError
from tailor_train.models import build_model
from tailor_train.models.resnet import BasicBlock
from tailor_train.plan import SkipChoice, SkipState, SkipStyle
from tailor_train.surgery import apply_plan
from tailor_train.tracing import layer_aliases, layer_names
from tests.tailor_train.small_nets import JOINS, SHAPE, Block, Net, images, warmed_up

REMOVED = SkipChoice(state=SkipState.REMOVED)
SHORTENED = SkipChoice(state=SkipState.SHORTENED)
TINY = {"width": 4, "in_channels": 1, "image_size": 8}


def by_hand(block: nn.Module, x: Tensor, state: SkipState) -> Tensor:
    """The block's equations (pre-activation joins) in plain calls."""
    downsample = getattr(block, "downsample", None)
    skip = x if downsample is None else downsample(x)
    first, second = (lambda v: block.bn1(block.conv1(v))), (lambda v: block.bn2(block.conv2(v)))
    if state is SkipState.KEPT:
        return torch.relu(second(torch.relu(first(x))) + skip)
    if state is SkipState.REMOVED:
        return torch.relu(second(torch.relu(first(x))))
    hidden = torch.relu(first(x) + skip)
    return torch.relu(second(hidden) + hidden)


def resnet_by_hand(model: nn.Module, x: Tensor, state: SkipState) -> Tensor:
    x = torch.relu(model.bn1(model.conv1(x)))
    for block in (module for module in model.modules() if isinstance(module, BasicBlock)):
        x = by_hand(block, x, state)
    return model.fc(x.mean((2, 3)))


@pytest.mark.parametrize("state", SkipState)
@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_resnet20_equals_its_equations(state: SkipState, shortcut: str) -> None:
    model = build_model("resnet20", {**TINY, "shortcut": shortcut}, 0)
    names = [f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(3)]
    deployed = apply_plan(model, {name: SkipChoice(state=state) for name in names}, (1, 8, 8))
    x = images(shape=(1, 8, 8))
    torch.testing.assert_close(deployed.module(x), resnet_by_hand(model, x, state), rtol=1e-5, atol=1e-6)
    assert len(deployed.skips) == (18 if state is SkipState.SHORTENED else 9)


@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("state", SkipState)
def test_every_way_to_write_a_sum(join: str, state: SkipState) -> None:
    net = warmed_up(Net(Block(JOINS[join])))
    deployed = apply_plan(net, {"block": SkipChoice(state=state)}, SHAPE)
    x = images()
    expected = net.fc(by_hand(net.block, torch.relu(net.stem(x)), state).mean((2, 3)))
    torch.testing.assert_close(deployed.module(x), expected)


def test_records_of_a_downsample_block() -> None:
    model = build_model("resnet8", TINY, 0)
    deployed = apply_plan(model, {"layer1.0": REMOVED, "layer2.0": SHORTENED}, (1, 8, 8))
    removed, first, second, kept = deployed.skips
    assert (removed.name, removed.fork, removed.join, removed.main_operand) == ("layer1.0", None, None, None)
    assert (first.name, first.parent, first.projection) == ("layer2.0.0", "layer2.0", "layer2.0.downsample.0")
    assert (second.name, second.parent, second.projection) == ("layer2.0.1", "layer2.0", None)
    assert (first.main_convs, second.main_convs) == (("layer2.0.conv1",), ("layer2.0.conv2",))
    assert (kept.name, kept.state, kept.projection) == ("layer3.0", SkipState.KEPT, "layer3.0.downsample.0")
    nodes = {node.name: node for node in deployed.module.graph.nodes}
    for record in (first, second, kept):
        assert record.join is not None
        assert {str(arg) for arg in nodes[record.join].args} == {record.main_operand, record.skip_operand}
    assert nodes[first.fork].name == second.fork or first.fork != second.fork
    assert second.skip_operand == second.fork
    assert deployed.module.graph.find_nodes(op="call_function", target=operator.add) != []


def test_parameters_are_shared_and_names_survive() -> None:
    model = build_model("resnet8", TINY, 0)
    deployed = apply_plan(model, {"layer1.0": SHORTENED, "layer2.0": REMOVED}, (1, 8, 8))
    own = dict(model.named_parameters())
    mine = dict(deployed.module.named_parameters())
    assert all(mine[name] is own[name] for name in mine)
    assert set(own) - set(mine) == {f"layer2.0.downsample.{name}" for name in ("0.weight", "1.weight", "1.bias")}
    again = apply_plan(model, {}, (1, 8, 8))
    assert set(again.module.state_dict()) == set(model.state_dict())


def test_layer_names() -> None:
    model = build_model("resnet8", TINY, 0)
    deployed = apply_plan(model, {"layer1.0": SHORTENED}, (1, 8, 8))
    names = set(layer_names(deployed).values())
    assert {
        "input", "conv1", "conv1.relu", "layer1.0.conv1.relu", "layer1.0.conv2.relu", "layer1.0.0.add",
        "layer1.0.1.add", "layer2.0.add", "layer2.0.conv2.relu", "layer2.0.downsample.0", "avgpool", "fc",
    } <= names  # fmt: skip
    assert layer_aliases(deployed) == {"relu": "conv1.relu"}
    own = apply_plan(Net(Block(torch.add)), {}, SHAPE)
    assert {"stem.relu", "block.conv1.relu", "block.conv2.relu", "mean", "fc"} <= set(layer_names(own).values())
    assert layer_aliases(own) == {}


class Bottleneck(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv2(torch.relu(self.conv1(x))) + x)


class PreActivation(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bn, self.conv = nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(torch.relu(self.bn(x))) + x


class LateActivation(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x)) + x


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.a(x))
        return torch.relu(self.b(torch.relu(self.a(inner) + inner)) + x)


@pytest.mark.parametrize(
    ("block", "plan", "message"),
    [
        (
            Bottleneck(),
            {"block": SHORTENED},
            "skip 'block': a short skip over 'block.conv1' would join shapes (4, 8, 8) and (2, 8, 8) and need new "
            "parameters; remove this skip instead (skip_remover), or keep it",
        ),
        (
            PreActivation(),
            {"block": SHORTENED},
            "skip 'block': its span starts with 'block_bn', not with a convolution (pre-activation order); such spans "
            "cannot be shortened, remove this skip instead",
        ),
        (
            LateActivation(),
            {"block": SHORTENED},
            "skip 'block': an activation stands between the last convolution and the sum, so there is no place for "
            "short skips before it; use style 'post', or remove this skip",
        ),
        (
            Nested(),
            {"block_2": SHORTENED},
            "skip 'block_2': its span is no single chain at 'block_a_1' (a nested skip or a second branch); only "
            "chains of convolution, batch norm and activation can be shortened",
        ),
        (
            PreActivation(),
            {"block": SkipChoice(state=SkipState.SHORTENED, style=SkipStyle.POST)},
            "skip 'block': style 'post' adds behind the activation, but 'add' is not read by one activation alone; "
            "use style 'pre', or keep or remove this skip",
        ),
        (
            Block(torch.add),
            {"blok": REMOVED},
            "no skip connection 'blok', did you mean 'block'?; the network has: block",
        ),
    ],
)
def test_refusals(block: nn.Module, plan: dict[str, SkipChoice], message: str) -> None:
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        apply_plan(Net(block), plan, SHAPE)


@pytest.mark.parametrize("block", [Bottleneck(), PreActivation(), LateActivation()])
def test_what_cannot_be_shortened_can_be_removed(block: nn.Module) -> None:
    net = Net(block).eval()
    deployed = apply_plan(net, {"block": REMOVED}, SHAPE)
    assert deployed.module.graph.find_nodes(op="call_function", target=operator.add) == []
    assert deployed.module(images()).shape == (4, 5)


def test_nested_skips_removed_in_any_combination() -> None:
    net = Net(Nested()).eval()
    block, stem = net.block, net.stem
    x = images()
    start = torch.relu(stem(x))
    inner = torch.relu(block.a(start))
    for plan, hidden, added in (
        ({"block": REMOVED}, torch.relu(block.a(inner)), start),
        ({"block_2": REMOVED}, torch.relu(block.a(inner) + inner), torch.zeros(())),
        ({"block": REMOVED, "block_2": REMOVED}, torch.relu(block.a(inner)), torch.zeros(())),
    ):
        expected = net.fc(torch.relu(block.b(hidden) + added).mean((2, 3)))
        torch.testing.assert_close(apply_plan(net, plan, SHAPE).module(x), expected)
