"""The exact arithmetic of single operations with torch operators, each with a bound of its sums.

A sum below 2**24 LSBs is computed in float32, below 2**53 in float64, beyond that it is refused; so
no order of summation can change a bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tailor_train.errors import TrainError
from tailor_train.fixed_point import (
    DOUBLE_LIMIT,
    SINGLE_LIMIT,
    Format,
    parse_format,
    requantize,
    requantize_quotient,
    to_integers,
)
from tailor_train.norms import fold_batch_norm
from tailor_train.operations import Kind, Operation

MAX_PIECES = 3
"""Float32 products that are still faster than one in float64 (measured: that is 10 to 20 times slower)."""

FormatTable = Mapping[str, Mapping[str, str]]
"""Formats by layer name, then by role (weight, bias, result); the input's under "input"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where a tensor's integers lie: its point and the range that its format allows."""

    fraction_bits: int
    low: int
    high: int

    @property
    def max_abs(self) -> int:
        """Largest magnitude, in LSBs."""
        return max(-self.low, self.high)


class Step(nn.Module):
    """An operation with its numbers: exact sum, ReLU, at most one requantization."""

    def __init__(self, operation: Operation, exact: Grid, result: Format | None) -> None:
        super().__init__()
        self.name, self.relu, self.exact, self.result = operation.name, operation.relu, exact, result
        self.bound = exact.max_abs
        if result is None:
            self.grid = Grid(fraction_bits=exact.fraction_bits, low=0 if self.relu else exact.low, high=exact.high)
        else:
            self.grid = Grid(fraction_bits=result.fraction_bits, low=result.min_int, high=result.max_int)
        if max(self.bound, self.grid.max_abs) >= DOUBLE_LIMIT:
            raise TrainError(
                f"layer {self.name!r}: its sums reach {self.bound} LSBs, but float64 is exact only below 2**53; "
                "use narrower formats"
            )
        self.dtype = torch.float32 if max(self.bound, self.grid.max_abs) < SINGLE_LIMIT else torch.float64

    def _working(self, device: torch.device) -> torch.dtype:
        # Off the CPU a float32 convolution may be computed in reduced precision or by Winograd transforms.
        return self.dtype if device.type == "cpu" else torch.float64

    def _finish(self, sums: Tensor) -> Tensor:
        if self.relu:
            sums = torch.relu(sums)
        return sums if self.result is None else requantize(sums, self.exact.fraction_bits, self.result)


class InputStep(Step):
    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        assert self.result is not None
        return to_integers(inputs[0], self.result)


class WeightedStep(Step):
    """Convolution or linear layer: its bias on the accumulator's point, products shifted where that is finer."""

    def __init__(self, operation: Operation, source: Grid, formats: FormatTable, integers: Mapping[str, Tensor] | None):
        weight_format, bias_format = (_format(formats, operation.name, role) for role in ("weight", "bias"))
        weight, bias = _parameters(operation, weight_format, bias_format, integers)
        product = source.fraction_bits + weight_format.fraction_bits
        fraction_bits = max(product, bias_format.fraction_bits)
        lift, lift_bias = 1 << (fraction_bits - product), 1 << (fraction_bits - bias_format.fraction_bits)
        taps = weight.abs().flatten(1).sum(1).tolist()
        pairs = zip(taps, bias.tolist(), strict=True)
        bound = max(source.max_abs * int(tap) * lift + abs(int(b)) * lift_bias for tap, b in pairs)
        exact = Grid(fraction_bits=fraction_bits, low=-bound, high=bound)
        super().__init__(operation, exact, _result(operation, formats))
        layer = cast(Any, operation.module)
        self.geometry: tuple[Any, ...] | None = None
        if operation.kind is Kind.CONV:
            self.geometry = (layer.stride, layer.padding, layer.dilation, layer.groups)
        self.register_buffer("weight_integers", weight.to(torch.int64))
        self.register_buffer("bias_integers", bias.to(torch.int64))
        self.register_buffer("weight", (weight.double() * float(lift)).to(self.dtype))
        self.register_buffer("bias", (bias.double() * float(lift_bias)).to(self.dtype))
        self.lift = float(lift)
        self.piece_bits, self.pieces = _pieces(source, max(int(tap) for tap in taps))

    weight_integers: Tensor
    bias_integers: Tensor
    weight: Tensor
    bias: Tensor

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        dtype = self._working(inputs[0].device)
        if dtype is torch.float64 and inputs[0].device.type == "cpu" and self.pieces <= MAX_PIECES:
            return self._finish(self._sum_pieces(inputs[0].double()))
        x, weight, bias = (tensor.to(dtype) for tensor in (inputs[0], self.weight, self.bias))
        return self._finish(self._multiply(x, weight, bias))

    def _sum_pieces(self, x: Tensor) -> Tensor:
        """The sums in float64 from products in float32: x goes in as digits of `piece_bits` bits each."""
        digit = math.ldexp(1.0, self.piece_bits)
        weight = self.weight_integers.float()
        total: Tensor | None = None
        for place in range(self.pieces):
            last = place == self.pieces - 1
            rest = x if last else torch.floor(x / digit)
            piece = x if last else x - rest * digit
            sums = self._multiply(piece.float(), weight, None).double() * (self.lift * digit**place)
            total = sums if total is None else total + sums
            x = rest
        assert total is not None
        return total + self.bias.reshape(-1, *[1] * (total.dim() - 2))

    def _multiply(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.geometry is None:
            return F.linear(x, weight, bias)
        return F.conv2d(x, weight, bias, *self.geometry)


def _pieces(source: Grid, taps: int) -> tuple[int, int]:
    """Bits of the digits into which inputs are cut so that float32 holds their products' sums; and how many.

    Args:
        taps: largest sum of an output channel's absolute weights, in LSBs.
    """
    bits = ((SINGLE_LIMIT - 1) // max(taps, 1)).bit_length() - 1  # 2**bits * taps < 2**24
    if bits < 1:
        return 1, MAX_PIECES + 1
    pieces = 1
    while max(-(source.low >> (bits * (pieces - 1))), source.high >> (bits * (pieces - 1))) > 1 << bits:
        pieces += 1
    return bits, pieces


class AddStep(Step):
    def __init__(self, operation: Operation, main: Grid, skip: Grid, result: Format | None) -> None:
        fraction_bits = max(main.fraction_bits, skip.fraction_bits)
        lifts = [1 << (fraction_bits - grid.fraction_bits) for grid in (main, skip)]
        low = main.low * lifts[0] + skip.low * lifts[1]
        high = main.high * lifts[0] + skip.high * lifts[1]
        super().__init__(operation, Grid(fraction_bits=fraction_bits, low=low, high=high), result)
        self.lifts = [float(lift) for lift in lifts]

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        dtype = self._working(inputs[0].device)
        main, skip = (value.to(dtype) * lift for value, lift in zip(inputs, self.lifts, strict=True))
        return self._finish(main + skip)


class MeanStep(Step):
    def __init__(self, operation: Operation, source: Grid, result: Format | None) -> None:
        self.pixels = math.prod(operation.read_shape[1:])
        self.power = self.pixels.bit_length() - 1 if self.pixels & (self.pixels - 1) == 0 else None
        if result is None and self.power is None:
            raise TrainError(
                f"layer {operation.name!r}: a mean over {self.pixels} pixels is no fixed-point number; "
                "give it a result format"
            )
        low, high = source.low * self.pixels, source.high * self.pixels
        point = source.fraction_bits + (self.power or 0)
        super().__init__(operation, Grid(fraction_bits=point, low=low, high=high), result)
        self.vector = len(operation.shape) == 1

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        dtype = self._working(inputs[0].device)
        sums = inputs[0].to(dtype).sum((2, 3), keepdim=not self.vector)
        if self.power is not None:
            return self._finish(sums)
        assert self.result is not None
        return requantize_quotient(sums.double(), self.pixels, self.exact.fraction_bits, self.result)


class ReluStep(Step):
    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        return self._finish(torch.relu(inputs[0].to(self._working(inputs[0].device))))


class FlattenStep(Step):
    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        return inputs[0].flatten(1)


def make_step(
    operation: Operation, sources: Sequence[Grid], formats: FormatTable, integers: Mapping[str, Tensor] | None
) -> Step:
    if operation.kind in (Kind.CONV, Kind.LINEAR):
        return WeightedStep(operation, sources[0], formats, integers)
    result = _result(operation, formats)
    if operation.kind is Kind.INPUT:
        fmt = _format(formats, operation.name, "result")
        return InputStep(operation, Grid(fraction_bits=fmt.fraction_bits, low=fmt.min_int, high=fmt.max_int), fmt)
    if operation.kind is Kind.ADD:
        return AddStep(operation, sources[0], sources[1], result)
    if operation.kind is Kind.MEAN:
        return MeanStep(operation, sources[0], result)
    if operation.kind is Kind.RELU:
        source = sources[0]
        return ReluStep(operation, Grid(fraction_bits=source.fraction_bits, low=0, high=source.high), result)
    return FlattenStep(operation, sources[0], None)


def _parameters(
    operation: Operation, weight_format: Format, bias_format: Format, integers: Mapping[str, Tensor] | None
) -> tuple[Tensor, Tensor]:
    """Weight and bias as float64 whole numbers in LSBs of their formats."""
    if integers is None:
        assert operation.module is not None
        weight, bias = fold_batch_norm(operation.module, operation.norm, operation.name)
        return to_integers(weight, weight_format), to_integers(bias, bias_format)
    shape = cast(Any, operation.module).weight.shape
    tensors = []
    for role, fmt, expected in (("weight", weight_format, shape), ("bias", bias_format, shape[:1])):
        key = f"{operation.name}.{role}"
        if key not in integers:
            raise TrainError(f"the quantized checkpoint has no tensor {key!r}; was it made for another model?")
        tensor = integers[key].detach().double()
        if tensor.shape != expected:
            raise TrainError(f"tensor {key!r}: expected shape {tuple(expected)}, got {tuple(tensor.shape)}")
        if tensor.numel() and not (fmt.min_int <= tensor.min() and tensor.max() <= fmt.max_int):
            raise TrainError(f"tensor {key!r} holds integers outside its format {fmt}; the checkpoint is damaged")
        tensors.append(tensor)
    return tensors[0], tensors[1]


def _format(formats: FormatTable, layer: str, role: str) -> Format:
    text = formats.get(layer, {}).get(role)
    if text is None:
        raise TrainError(f"layer {layer!r}: the formats table has no {role!r} format for it")
    return parse_format(text, f"{layer}.{role}")


def _result(operation: Operation, formats: FormatTable) -> Format | None:
    if operation.exact:
        return None
    for key in operation.result_keys:
        text = formats.get(key, {}).get("result")
        if text is not None:
            return parse_format(text, f"{key}.result")
    return None
