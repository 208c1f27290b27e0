"""The arithmetic of a network: what is fused, what stays exact, and whose format a result takes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tailor_train.errors import TrainError
from tailor_train.models import build_model, split_builtin_args
from tailor_train.operations import Kind, Operation, list_operations
from tailor_train.surgery import apply_plan


def operations(skips: str) -> dict[str, Operation]:
    args, plan = split_builtin_args("resnet8", {"width": 4, "in_channels": 1, "image_size": 8, "skips": skips})
    listed = list_operations(apply_plan(build_model("resnet8", args, 0), plan, (1, 8, 8)))
    return {operation.name: operation for operation in listed}


def of(net: nn.Module, shape: tuple[int, ...] = (2, 4, 4)) -> dict[str, Operation]:
    return {operation.name: operation for operation in list_operations(apply_plan(net, {}, shape))}


def test_traditional_blocks_sum_exactly_and_requantize_once() -> None:
    listed = operations("traditional")
    exact = {name for name, operation in listed.items() if operation.exact}
    assert exact == {"layer1.0.conv2"} | {
        f"layer{stage}.0.{name}" for stage in (2, 3) for name in ("conv2", "downsample.0")
    }
    join = listed["layer2.0.add"]
    assert (join.kind, join.relu) == (Kind.ADD, True)
    assert join.result_keys == ("layer2.0.conv2.relu", "layer2.0.conv2")
    names = list(listed)
    assert [names[index] for index in join.inputs] == ["layer2.0.conv2", "layer2.0.downsample.0"]


def test_shortened_blocks_have_a_sum_behind_every_convolution() -> None:
    listed = operations("shortened")
    names = list(listed)
    first, second = listed["layer1.0.0.add"], listed["layer1.0.1.add"]
    assert [names[index] for index in first.inputs] == ["layer1.0.conv1", "conv1"]
    assert [names[index] for index in second.inputs] == ["layer1.0.conv2", "layer1.0.0.add"]
    assert first.result_keys == ("layer1.0.conv1.relu", "layer1.0.conv1")
    assert listed["layer1.0.conv1"].exact


def test_removed_blocks_fuse_every_relu() -> None:
    listed = operations("removed")
    convs = [operation for operation in listed.values() if operation.kind is Kind.CONV]
    assert len(convs) == 7
    assert all(operation.relu and operation.norm is not None and not operation.exact for operation in convs)
    assert listed["layer3.0.conv1"].result_keys == ("layer3.0.conv1.relu", "layer3.0.conv1")
    assert [operation.kind for operation in list(listed.values())[-3:]] == [Kind.MEAN, Kind.FLATTEN, Kind.LINEAR]


class Odd(nn.Module):
    """The skip stands first in the sum; functional operations; a sum without activation; flatten by view."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 2, 3, padding=1)
        self.norm = nn.BatchNorm2d(2, affine=False)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop(self.norm(self.conv1(x)))
        pooled = F.avg_pool2d(x, 4)
        result: Tensor = self.fc(pooled.view(pooled.size(0), -1))
        return result


def test_the_way_a_network_is_written_does_not_matter() -> None:
    listed = of(Odd())
    names = list(listed)
    join = next(operation for operation in listed.values() if operation.kind is Kind.ADD)
    assert [names[index] for index in join.inputs] == ["conv1", "input"]
    assert join.result_keys == ("conv1",)
    assert listed["conv1"].exact
    assert [operation.kind for operation in listed.values()] == [
        Kind.INPUT, Kind.CONV, Kind.ADD, Kind.MEAN, Kind.FLATTEN, Kind.LINEAR
    ]  # fmt: skip


class Fork(nn.Module):
    """`conv`, with or without ReLU, is read by a sum and by another convolution."""

    def __init__(self, relu: bool) -> None:
        super().__init__()
        self.relu = nn.ReLU() if relu else nn.Identity()
        self.conv = nn.Conv2d(2, 2, 1)
        self.next = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv(x))
        return x + self.next(x)


def test_a_fork_behind_an_activation_is_requantized_and_one_without_is_not() -> None:
    assert not of(Fork(relu=True))["conv"].exact
    assert of(Fork(relu=False))["conv"].exact


def refusal(net: nn.Module) -> str:
    with pytest.raises(TrainError) as error:
        of(net)
    return str(error.value)


class Lambda(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)
        self.norm = nn.BatchNorm2d(2)
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def test_what_cannot_be_expressed_is_named() -> None:
    assert refusal(Lambda(lambda net, x: net.conv(x).mean(2))) == (
        "pooling 'mean': only global average pooling over height and width is supported, got (2, 4, 4) -> (2, 4) by "
        "windows of (4, 4)"
    )
    assert refusal(Lambda(lambda net, x: net.conv(x).view(-1, 4, 8))) == (
        "reshape 'view': only flattening to one vector a frame is supported, got (4, 8)"
    )
    assert refusal(Lambda(lambda net, x: torch.sigmoid(net.conv(x)))) == (
        "layer 'sigmoid': sigmoid cannot be executed in fixed point; supported are Conv2d, BatchNorm2d, ReLU, Linear, "
        "add, global average pooling and flatten"
    )
    assert refusal(Lambda(lambda net, x: net.norm(torch.relu(net.conv(x))))) == (
        "batch norm 'norm' cannot be folded: it must directly follow a Conv2d or Linear that nothing else reads, but "
        "it reads 'conv'"
    )
