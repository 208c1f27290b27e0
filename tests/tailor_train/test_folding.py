"""Folding short skips into weights before quantization: the same network in floating point, or a clear refusal."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

from tailor_train.errors import TrainError
from tailor_train.models import build_model, split_builtin_args
from tailor_train.plan import SkipChoice, SkipState, SkipStyle
from tailor_train.surgery import Deployed, apply_plan, fold_deployed
from tailor_train.tracing import layer_names
from tests.tailor_train.small_nets import SHAPE, Block, Net, images, warmed_up

TINY = {"width": 4, "in_channels": 1, "image_size": 8}
SHORTENED = SkipChoice(state=SkipState.SHORTENED)
FOLDED = SkipChoice(state=SkipState.SHORTENED, folded=True)


def shortened(factory: str = "resnet8", **args: object) -> tuple[nn.Module, Deployed]:
    rest, plan = split_builtin_args(factory, {**args, "skips": "shortened"})
    model = build_model(factory, rest, 0, plan).double()
    size = int(str(args["image_size"]))
    return model, apply_plan(model, plan, (int(str(args.get("filters", 1))), size, size))


@pytest.mark.parametrize(
    ("factory", "args"), [("resnet8", TINY), ("skip_block", {"filters": 3, "image_size": 5, "stem": 1})]
)
def test_the_folded_network_computes_the_same(factory: str, args: dict[str, int]) -> None:
    model, deployed = shortened(factory, **args)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    code = deployed.module.code
    folded = fold_deployed(deployed, {record.parent for record in deployed.skips})
    x = torch.randn(4, args.get("filters", 1), 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    x = x[..., : args["image_size"], : args["image_size"]]
    torch.testing.assert_close(folded.module(x), deployed.module(x), rtol=1e-12, atol=1e-12)
    assert not [node for node in folded.module.graph.nodes if "add" in str(node.target)]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert deployed.module.code == code
    unchanged = "fc" if factory == "resnet8" else "stem"
    assert folded.module.get_parameter(f"{unchanged}.weight") is model.get_parameter(f"{unchanged}.weight")


def test_records_and_names_of_folded_skips() -> None:
    _, deployed = shortened(**TINY)
    folded = fold_deployed(deployed, {"layer2.0"})
    states = [(record.name, record.folded, record.join is None) for record in folded.skips]
    assert states == [
        ("layer1.0.0", False, False), ("layer1.0.1", False, False), ("layer2.0.0", True, True),
        ("layer2.0.1", True, True), ("layer3.0.0", False, False), ("layer3.0.1", False, False),
    ]  # fmt: skip
    names = set(layer_names(folded).values())
    assert {"layer2.0.conv1", "layer2.0.conv1.relu", "layer2.0.conv2.relu", "layer3.0.0.add"} <= names
    assert not {"layer2.0.0.add", "layer2.0.bn1", "layer2.0.downsample.0"} & names


def test_a_plan_says_folded() -> None:
    net = warmed_up(Net(Block(torch.add)))
    plain, folded = (apply_plan(net, {"block": choice}, SHAPE) for choice in (SHORTENED, FOLDED))
    torch.testing.assert_close(folded.module(images()), plain.module(images()))
    assert "block.bn1.weight" in net.state_dict()
    assert "block.bn1.weight" not in folded.module.state_dict()


class LinearTwins(nn.Module):
    """Two sums without activation, one behind the other: the first is the second's fork."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x) + x
        return self.b(x) + x


@pytest.mark.parametrize("plan", [{"block": FOLDED}, {"block_2": FOLDED}, {"block": FOLDED, "block_2": FOLDED}])
def test_sums_that_are_forks_of_others(plan: dict[str, SkipChoice]) -> None:
    net = Net(LinearTwins()).eval()
    deployed = apply_plan(net, plan, SHAPE)
    torch.testing.assert_close(deployed.module(images()), net(images()))
    nodes = {node.name for node in deployed.module.graph.nodes}
    for record in deployed.skips:
        assert record.folded == (record.parent in plan)
        assert {record.fork, record.join, record.main_operand, record.skip_operand} <= nodes | {None}


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.a(torch.relu(self.a(x))) + x)


class Grouped(Block):
    def __init__(self) -> None:
        super().__init__(torch.add)
        self.conv1 = nn.Conv2d(4, 4, 3, padding=1, groups=2)


class WidePadding(Block):
    def __init__(self) -> None:
        super().__init__(torch.add)
        self.conv1 = nn.Conv2d(4, 4, 3, padding=2, dilation=2)
        self.conv2 = nn.Conv2d(4, 4, (1, 3), padding=(0, 1), padding_mode="reflect")


class NoActivation(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.b(self.a(x)) + x)


POST = SkipChoice(state=SkipState.SHORTENED, style=SkipStyle.POST, folded=True)


@pytest.mark.parametrize(
    ("block", "choice", "where", "reason"),
    [
        (Block(torch.add), POST, ".0' cannot be folded into 'block.conv1'", "style 'post' adds behind the activation"),
        (Shared(), FOLDED, ".0' cannot be folded into 'block.a'", "'block.a' is called more than once and its weights "
         "are shared"),
        (Grouped(), FOLDED, ".0' cannot be folded into 'block.conv1'", "'block.conv1' has 2 groups"),
        (WidePadding(), FOLDED, ".1' cannot be folded into 'block.conv2'", "'block.conv2' pads with 'reflect'"),
        (NoActivation(), FOLDED, ".0' cannot be folded into 'block.a, block.b'", "the short skip leads over 2 "
         "convolutions"),
    ],
)  # fmt: skip
def test_what_cannot_be_folded_is_refused(block: nn.Module, choice: SkipChoice, where: str, reason: str) -> None:
    message = f"skip 'block{where} before quantization: {reason}; use fold_skips: exact"
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        apply_plan(Net(block), {"block": choice}, SHAPE)


def test_a_subsampling_shortcut_is_refused() -> None:
    _, deployed = shortened(**TINY, shortcut="A")
    message = (
        "skip 'layer2.0.0' cannot be folded into 'layer2.0.conv1' before quantization: 'pad' is not one Conv2d with or "
        "without batch norm that the sum alone reads; use fold_skips: exact"
    )
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        fold_deployed(deployed, {"layer2.0"})


def test_dilated_convolutions_fold_at_their_centre() -> None:
    block = Block(torch.add)
    block.conv2 = nn.Conv2d(4, 4, 3, padding=2, dilation=2)
    net = warmed_up(Net(block))
    torch.testing.assert_close(
        apply_plan(net, {"block": FOLDED}, SHAPE).module(images()),
        apply_plan(net, {"block": SHORTENED}, SHAPE).module(images()),
    )
