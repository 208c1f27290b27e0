"""One residual block alone, the network of the paper's hardware study (Section V)."""

from __future__ import annotations

from torch import Tensor, nn


class PlainBlock(nn.Module):
    """Two 3x3 convolutions with batch norm and an identity skip over both."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, filters, H, W) to the same shape."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        result: Tensor = self.relu(out + x)
        return result


class SkipBlock(nn.Module):
    """`block`, behind an optional 3x3 convolution `stem` with ReLU.

    Args:
        filters: channels of the input and of every convolution.
        image_size: height and width of the input in pixels; the weights do not depend on it.
        stem: 1 adds the convolution in front of the fork (the paper's third), 0 leaves it out.
    """

    def __init__(self, filters: int = 16, image_size: int = 32, stem: int = 0) -> None:
        super().__init__()
        self.image_size = image_size
        self.stem = nn.Conv2d(filters, filters, 3, padding=1) if stem else None
        self.stem_relu = nn.ReLU() if stem else None
        self.block = PlainBlock(filters)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, filters, image_size, image_size) to the same shape."""
        if self.stem is not None and self.stem_relu is not None:
            x = self.stem_relu(self.stem(x))
        out: Tensor = self.block(x)
        return out
