"""Networks a user might bring: the same blocks, written in different ways."""

from __future__ import annotations

import operator
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SHAPE = (3, 8, 8)


class Block(nn.Module):
    """A basic block that joins by a given operation, with one ReLU module for everything."""

    def __init__(self, join: Callable[[Tensor, Tensor], Tensor], inside: int = 4, outside: int = 4, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(outside if stride == 1 else inside, inside, 3, stride=stride, padding=1)
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv2 = nn.Conv2d(inside, inside, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(inside)
        self.relu = nn.ReLU(inplace=True)
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(self.join(out, x))


class Net(nn.Module):
    """A stem, one block given from outside, mean over the pixels and a classifier."""

    def __init__(self, block: nn.Module, channels: int = 4):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.block = block
        self.fc = nn.Linear(channels, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x), inplace=True)
        return self.fc(torch.mean(self.block(x), [2, 3]))


def in_place(out: Tensor, identity: Tensor) -> Tensor:
    """How most public ResNets write it."""
    out += identity
    return out


JOINS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "operator": operator.add,
    "reversed": lambda out, x: x + out,
    "in_place": in_place,
    "torch.add": torch.add,
    "method": lambda out, x: out.add(x),
    "method_": lambda out, x: out.add_(x),
}


def warmed_up(net: nn.Module, shape: tuple[int, ...] = SHAPE) -> nn.Module:
    """The net with batch statistics that are not neutral, in eval mode."""
    generator = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.normal_(0.0, 0.3, generator=generator)
    net.train()
    net(torch.randn(16, *shape, generator=generator))
    return net.eval()


def images(count: int = 4, shape: tuple[int, ...] = SHAPE) -> Tensor:
    """Seeded inputs."""
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(7))
