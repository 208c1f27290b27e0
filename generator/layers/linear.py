"""Fully connected layer over integers: a 1x1 convolution on one pixel."""

from __future__ import annotations

from dataclasses import dataclass

from generator.errors import GraphError
from generator.fixed_point import FixedPoint, IntArray
from generator.graph import Shape
from generator.layers.accumulation import lock
from generator.layers.conv2d import Conv2d


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """``sum[o] = (x @ weight)[o] << product_shift + bias[o]`` on a 1 x 1 x Cin map.

    Attributes:
        weight: (Cin, Cout) int64, in LSBs of weight_format, read-only; Cin in the order of the stream.
        bias: (Cout,) int64, in LSBs of the accumulator, read-only.
        product_shift: left shift of each product onto the accumulator's point (0 unless the bias is finer).
    """

    weight: IntArray
    weight_format: FixedPoint
    bias: IntArray
    product_shift: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", lock(self.weight))
        object.__setattr__(self, "bias", lock(self.bias))

    def as_conv(self) -> Conv2d:
        """The same layer as a 1x1 convolution."""
        return Conv2d(
            kernel=(1, 1),
            stride=(1, 1),
            padding=(0, 0),
            weight=self.weight.reshape(1, 1, *self.weight.shape),
            weight_format=self.weight_format,
            bias=self.bias,
            product_shift=self.product_shift,
        )

    def output_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """Shape of the result.

        Raises:
            GraphError: the input is not one pixel of Cin channels.
        """
        (shape,) = inputs
        cin, cout = self.weight.shape
        if shape != Shape(height=1, width=1, channels=cin):
            raise GraphError(f"the linear layer expects (1,1,{cin}), its input is {shape}; flatten or pool it before")
        return Shape(height=1, width=1, channels=cout)

    def accumulator(self, inputs: tuple[FixedPoint, ...], shapes: tuple[Shape, ...]) -> FixedPoint:
        """The exact format of products and bias together, wide enough for the largest output channel."""
        return self.as_conv().accumulator(inputs, shapes)

    def divisor(self, shapes: tuple[Shape, ...]) -> int:  # noqa: ARG002
        """Sums are not divided."""
        return 1

    def execute(self, inputs: tuple[IntArray, ...], formats: tuple[FixedPoint, ...]) -> IntArray:
        """The exact sums, (N, 1, 1, Cin) int64 -> (N, 1, 1, Cout) int64."""
        return self.as_conv().execute(inputs, formats)
