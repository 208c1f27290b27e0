"""Style `post` against its equations, in the deployed form and in training."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from tailor_train.gates import Method, deploy, finalize, prepare
from tailor_train.models import build_model, split_builtin_args
from tailor_train.models.resnet import BasicBlock
from tailor_train.plan import SkipChoice, SkipState, SkipStyle
from tailor_train.surgery import apply_plan
from tailor_train.tracing import layer_names
from tests.tailor_train.small_nets import JOINS, SHAPE, Block, Net, images, warmed_up

TINY = {"width": 4, "in_channels": 1, "image_size": 8}
STATES = {"traditional": SkipState.KEPT, "removed": SkipState.REMOVED, "shortened": SkipState.SHORTENED}


def post(state: SkipState) -> SkipChoice:
    return SkipChoice(state=state, style=SkipStyle.POST)


def by_hand(block: nn.Module, x: Tensor, state: SkipState, short: float | None = None) -> Tensor:
    """The block's equations in plain calls; `short` is the weight of short skips, 1 - gate, on the way."""
    downsample = getattr(block, "downsample", None)
    skip = x if downsample is None else downsample(x)
    weight = {SkipState.KEPT: 0.0, SkipState.SHORTENED: 1.0, SkipState.REMOVED: 0.0}[state] if short is None else short
    gate = 0.0 if state is SkipState.REMOVED else 1.0 - weight
    hidden = torch.relu(block.bn1(block.conv1(x))) + weight * skip
    return torch.relu(block.bn2(block.conv2(hidden))) + weight * hidden + gate * skip


@pytest.mark.parametrize("skips", STATES)
def test_resnet8_equals_its_equations(skips: str) -> None:
    args, plan = split_builtin_args("resnet8", {**TINY, "skips": skips, "style": "post"})
    model = build_model("resnet8", args, 0, plan)
    deployed = apply_plan(model, plan, (1, 8, 8))
    x = images(shape=(1, 8, 8))
    hidden = torch.relu(model.bn1(model.conv1(x)))
    for block in (module for module in model.modules() if isinstance(module, BasicBlock)):
        hidden = by_hand(block, hidden, STATES[skips])
    torch.testing.assert_close(deployed.module(x), model.fc(hidden.mean((2, 3))), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("state", SkipState)
def test_every_way_to_write_a_sum(join: str, state: SkipState) -> None:
    net = warmed_up(Net(Block(JOINS[join])))
    deployed = apply_plan(net, {"block": post(state)}, SHAPE)
    x = images()
    expected = net.fc(by_hand(net.block, torch.relu(net.stem(x)), state).mean((2, 3)))
    torch.testing.assert_close(deployed.module(x), expected)


class LateBlock(nn.Module):
    """A block written in style post, with dropout behind its activation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.3)

    def forward(self, x: Tensor) -> Tensor:
        out = self.dropout(torch.relu(self.bn1(self.conv1(x))))
        return self.dropout(torch.relu(self.bn2(self.conv2(out)))) + x


@pytest.mark.parametrize("state", SkipState)
def test_a_network_written_that_way_stays_as_it_is(state: SkipState) -> None:
    net = warmed_up(Net(LateBlock()))
    deployed = apply_plan(net, {"block": post(state)}, SHAPE)
    x = images()
    expected = net.fc(by_hand(net.block, torch.relu(net.stem(x)), state).mean((2, 3)))
    torch.testing.assert_close(deployed.module(x), expected)
    if state is SkipState.KEPT:
        torch.testing.assert_close(deployed.module(x), net(x))


def test_records_and_names() -> None:
    model = build_model("resnet8", TINY, 0)
    plan = {"layer1.0": post(SkipState.KEPT), "layer2.0": post(SkipState.SHORTENED)}
    deployed = apply_plan(model, plan, (1, 8, 8))
    names = layer_names(deployed)
    kept, first, second, other = deployed.skips
    assert [record.style for record in deployed.skips] == ["post", "post", "post", "pre"]
    assert (names[str(kept.main_operand)], names[str(kept.fork)]) == ("layer1.0.conv2.relu", "conv1.relu")
    assert (first.name, names[str(first.main_operand)]) == ("layer2.0.0", "layer2.0.conv1.relu")
    assert (first.fork, first.projection) == (kept.join, "layer2.0.downsample.0")
    assert (second.fork, second.skip_operand) == (first.join, first.join)
    assert names[str(second.main_operand)] == "layer2.0.conv2.relu"
    assert (other.fork, names[str(other.main_operand)]) == (second.join, "layer3.0.bn2")
    again = apply_plan(deployed.module, {}, (1, 8, 8))
    assert torch.equal(again.module(images(shape=(1, 8, 8))), deployed.module(images(shape=(1, 8, 8))))


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("altered", [(), ("layer2.0",), ("layer1.0", "layer2.0", "layer3.0")])
def test_closed_gates_are_the_deployed_network(method: str, altered: tuple[str, ...], mode: bool) -> None:
    model = build_model("resnet8", TINY, 0)
    student = prepare(model, method=method, example_inputs=images(shape=(1, 8, 8)), style="post")
    for name in altered:
        student.alter(name)
    deployed = finalize(student)
    assert {record.style for record in deploy(student).skips} == {SkipStyle.POST}
    x = images(8, (1, 8, 8))
    found = []
    for network in (student, deployed, copy.deepcopy(student)):
        network.train(mode)
        network.zero_grad()
        outputs = network(x)
        outputs.square().mean().backward()
        found.append((outputs, {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}))
    (mine, gradients), (theirs, expected), (copied, _) = found
    assert torch.equal(mine, theirs)
    assert torch.equal(mine, copied)
    assert set(expected) <= set(gradients)
    assert all(torch.equal(gradients[name], expected[name]) for name in expected)


def test_gates_half_open_follow_the_equation() -> None:
    net = Net(Block(torch.add)).eval()
    student = prepare(net, method="skip_shortener", example_inputs=images(), style="post")
    student.get_submodule("tailor_gates.0").set(0.25)  # type: ignore[operator]
    hidden = by_hand(net.block, torch.relu(net.stem(images())), SkipState.SHORTENED, short=0.75)
    torch.testing.assert_close(student(images()), net.fc(hidden.mean((2, 3))))
