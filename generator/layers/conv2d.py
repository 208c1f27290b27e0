"""2-D convolution over integers, symmetric zero padding, bias included."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from generator.errors import GraphError
from generator.fixed_point import FixedPoint, IntArray
from generator.graph import Shape
from generator.layers.accumulation import dot_bound, dot_bounds, float_type, lock, sum_format


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conv2d:
    """``sum[o] = (sum over taps and channels of x * weight[..., o]) << product_shift + bias[o]``.

    Attributes:
        kernel: (height, width), odd.
        stride: (down, right).
        padding: (top, left) zeros, the same at the bottom and the right.
        weight: (kh, kw, Cin, Cout) int64, in LSBs of weight_format, read-only.
        bias: (Cout,) int64, in LSBs of the accumulator, read-only.
        product_shift: left shift of each product onto the accumulator's point (0 unless the bias is finer).
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    weight: IntArray
    weight_format: FixedPoint
    bias: IntArray
    product_shift: int
    _bounds: tuple[tuple[int, int], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", lock(self.weight))
        object.__setattr__(self, "bias", lock(self.bias))
        object.__setattr__(self, "_bounds", dot_bounds(self.weight, self.bias))

    def output_shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """Shape of the result.

        Raises:
            GraphError: the channels differ from the weights', or the kernel does not fit the map.
        """
        (shape,) = inputs
        cin, cout = self.weight.shape[2:]
        if shape.channels != cin:
            raise GraphError(
                f"the convolution's weights expect {cin} input channels, its input {shape} has {shape.channels}"
            )
        height, width = (
            (size + 2 * pad - k) // step + 1
            for size, pad, k, step in zip(
                (shape.height, shape.width), self.padding, self.kernel, self.stride, strict=True
            )
        )
        if height < 1 or width < 1:
            raise GraphError(f"a {self.kernel[0]}x{self.kernel[1]} kernel does not fit the input {shape}")
        return Shape(height=height, width=width, channels=cout)

    def accumulator(self, inputs: tuple[FixedPoint, ...], shapes: tuple[Shape, ...]) -> FixedPoint:  # noqa: ARG002
        """The exact format of products and bias together, wide enough for the largest output channel."""
        bound = dot_bound(self._bounds, self.product_shift, inputs[0])
        return sum_format(
            -bound, bound, inputs[0].fraction_bits + self.weight_format.fraction_bits + self.product_shift
        )

    def divisor(self, shapes: tuple[Shape, ...]) -> int:  # noqa: ARG002
        """Sums are not divided."""
        return 1

    def execute(self, inputs: tuple[IntArray, ...], formats: tuple[FixedPoint, ...]) -> IntArray:
        """The exact sums, (N, H, W, Cin) int64 -> (N, Ho, Wo, Cout) int64.

        Runs in float32 or float64 where the accumulator's bound proves that every partial sum is exact,
        else in int64.
        """
        (values,) = inputs
        bound = dot_bound(self._bounds, self.product_shift, formats[0])
        dtype = float_type(bound) or np.int64
        columns = _columns(values, self.kernel, self.stride, self.padding, dtype)
        matrix = (self.weight << self.product_shift).reshape(-1, self.weight.shape[-1])
        sums = columns.reshape(-1, columns.shape[-1]) @ matrix.astype(dtype)
        sums += self.bias.astype(dtype)
        return np.asarray(sums, dtype=np.int64).reshape(*columns.shape[:3], matrix.shape[1])


def _columns(
    values: IntArray,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dtype: type[np.float32] | type[np.float64] | type[np.int64],
) -> npt.NDArray[np.float32] | npt.NDArray[np.float64] | IntArray:
    """The window of every output pixel: (N, H, W, C) -> (N, Ho, Wo, kh*kw*C), tap rows outermost."""
    (kh, kw), (down, right), (top, left) = kernel, stride, padding
    frames, height, width, channels = values.shape
    padded = np.zeros((frames, height + 2 * top, width + 2 * left, channels), dtype)
    padded[:, top : top + height, left : left + width] = values
    shape = (frames, (height + 2 * top - kh) // down + 1, (width + 2 * left - kw) // right + 1)
    image, row, pixel, channel = padded.strides
    # kw pixels of one row lie side by side in memory, so a tap row is one run of kw*C values
    windows = np.lib.stride_tricks.as_strided(
        padded, (*shape, kh, kw * channels), (image, row * down, pixel * right, row, channel), writeable=False
    )
    return windows.reshape(*shape, kh * kw * channels)
