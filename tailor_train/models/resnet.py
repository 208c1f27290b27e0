"""Residual networks for small images: three stages of basic blocks (He et al. 2016, Section 4.2).

Module names follow the common ImageNet networks: conv1, bn1, layer1.0.conv1, layer2.0.downsample.0, fc.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ZeroPadShortcut(nn.Module):
    """Shortcut of option A: every second pixel, new channels filled with zeros; no parameters."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.padding = out_channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C + padding, ceil(H / stride), ceil(W / stride))."""
        before = self.padding // 2
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.padding - before))


def _shortcut(in_channels: int, channels: int, stride: int, option: str) -> nn.Module | None:
    if stride == 1 and in_channels == channels:
        return None
    if option == "A":
        return ZeroPadShortcut(in_channels, channels, stride)
    return nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm; the skip is added before the last activation."""

    def __init__(self, in_channels: int, channels: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(in_channels, channels, stride, shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, channels, ceil(H / stride), ceil(W / stride))."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        identity = x if self.downsample is None else self.downsample(x)
        result: Tensor = self.relu(out + identity)
        return result


class ResNet(nn.Module):
    """A residual network of 6 * `blocks_per_stage` + 2 layers.

    Args:
        blocks_per_stage: basic blocks in each of the three stages.
        width: channels of the first stage; the next two have twice and four times as many.
        image_size: height and width of the input in pixels; the weights do not depend on it.
        in_channels: channels of the input.
        classes: number of outputs.
        shortcut: "B" joins stages by 1x1 convolutions, "A" by subsampling and zero channels.
    """

    def __init__(
        self,
        blocks_per_stage: int,
        width: int = 16,
        image_size: int = 32,
        in_channels: int = 3,
        classes: int = 10,
        shortcut: str = "B",
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.layer1 = self._stage(width, width, 1, blocks_per_stage, shortcut)
        self.layer2 = self._stage(width, 2 * width, 2, blocks_per_stage, shortcut)
        self.layer3 = self._stage(2 * width, 4 * width, 2, blocks_per_stage, shortcut)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(4 * width, classes)

    @staticmethod
    def _stage(in_channels: int, channels: int, stride: int, blocks: int, shortcut: str) -> nn.Sequential:
        first = BasicBlock(in_channels, channels, stride, shortcut)
        return nn.Sequential(first, *(BasicBlock(channels, channels, 1, shortcut) for _ in range(blocks - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, in_channels, image_size, image_size) to logits (N, classes)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.fc(self.flatten(self.avgpool(x)))
        return logits
