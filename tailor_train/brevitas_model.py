"""A deployed network rebuilt from Brevitas layers: 8-bit power-of-two scales, ready for PTQ and QAT.

Batch norm is folded first. Sums stay at full precision and are requantized once, after the ReLU, so
that every value has an exact fixed-point twin: torch.round is AP_RND_CONV, clamping is AP_SAT, and
the narrow range of the weights is AP_SAT_SYM.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from tailor_train.errors import TrainError, TrainFailed
from tailor_train.fixed_point import Format, Overflow, Rounding
from tailor_train.norms import fold_batch_norm
from tailor_train.operations import Kind, Operation, list_operations
from tailor_train.surgery import Deployed

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import brevitas.nn as qnn
    from brevitas.graph.calibrate import calibration_mode
    from brevitas.quant import (
        Int8ActPerTensorFixedPoint,
        Int8WeightPerTensorFixedPoint,
        Int32Bias,
        Uint8ActPerTensorFixedPoint,
    )

BIAS_BITS = 32
"""Width of a bias, on the point of the products it is added to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a Brevitas model is in fixed point.

    Attributes:
        formats: format by layer name and role, as the executors read it.
        integers: `<layer>.weight`, `<layer>.bias` as int64 in LSBs of their formats.
    """

    formats: dict[str, dict[str, str]]
    integers: dict[str, Tensor]


class BrevitasModel(nn.Module):
    """The deployed network with Brevitas quantizers where the fixed-point arithmetic requantizes.

    Args:
        deployed: the network; its parameters are copied, not shared.
        bits: width of weights and activations.
    """

    def __init__(self, deployed: Deployed, bits: int = 8) -> None:
        super().__init__()
        self.operations = list_operations(deployed)
        self.bits = bits
        last = len(self.operations) - 1
        _check_sources(self.operations)
        signed: list[bool] = []
        layers = []
        for index, operation in enumerate(self.operations):
            signed.append(_is_signed(operation, signed))
            quantized = not operation.exact and (index != last or operation.relu or not _is_sum(operation))
            layers.append(_Layer(operation, signed[index], quantized, bits))
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, C, H, W) to the network's outputs, on their fixed-point grid."""
        return _plain(self.values(x)[-1])

    def values(self, x: Tensor) -> list[Any]:
        """The value of every operation, in execution order; quantized ones as Brevitas quant tensors."""
        values: list[Any] = []
        for operation, layer in zip(self.operations, self.layers, strict=True):
            values.append(layer([values[index] for index in operation.inputs] or [x]))
        return values

    def plain_values(self, x: Tensor) -> list[Tensor]:
        """The real value of every operation, in execution order."""
        return [_plain(value) for value in self.values(x)]

    def calibrate(self, batches: Iterable[Tensor]) -> None:
        """Choose the activations' points by what runs through the unquantized network."""
        with torch.no_grad(), calibration_mode(self):
            for batch in batches:
                self(batch)

    def export(self) -> Export:
        """Formats and integers of the model as it stands.

        Raises:
            TrainFailed: a scale is no power of two.
        """
        self.eval()
        formats: dict[str, dict[str, str]] = {}
        integers: dict[str, Tensor] = {}
        points: list[int | None] = []
        for operation, layer in zip(self.operations, self.layers, strict=True):
            assert isinstance(layer, _Layer)
            source = points[operation.inputs[0]] if operation.inputs else None
            if isinstance(layer.compute, qnn.QuantConv2d | qnn.QuantLinear):
                assert source is not None
                _export_weights(operation, layer.compute, source, self.bits, formats, integers)
            point = source if operation.kind is Kind.FLATTEN else None
            if layer.quantizer is not None:
                point = _binary_places(layer.quantizer.act_quant.scale(), operation.name)
                fmt = _format(self.bits, point, signed=layer.signed, overflow=Overflow.SAT)
                formats.setdefault(operation.result_keys[0], {})["result"] = str(fmt)
            points.append(point)
        return Export(formats=formats, integers=integers)


class _Layer(nn.Module):
    """One operation: exact sum, ReLU, quantizer."""

    def __init__(self, operation: Operation, signed: bool, quantized: bool, bits: int) -> None:
        super().__init__()
        self.signed = signed
        self.relu = operation.relu or operation.kind is Kind.RELU
        self.compute = _compute(operation, bits)
        self.quantizer: Any = None
        if quantized and operation.kind is not Kind.FLATTEN:
            quantizer = Int8ActPerTensorFixedPoint if signed else Uint8ActPerTensorFixedPoint
            kind = qnn.QuantReLU if self.relu else qnn.QuantIdentity
            self.quantizer = kind(act_quant=quantizer, bit_width=bits, return_quant_tensor=True)

    def forward(self, inputs: Sequence[Any]) -> Any:
        value = self.compute(*inputs)
        if self.quantizer is not None:
            return self.quantizer(value)
        return torch.relu(value) if self.relu else value


class _Sum(nn.Module):
    def forward(self, main: Any, skip: Any) -> Tensor:
        return _plain(main) + _plain(skip)


class _Mean(nn.Module):
    """Sum first, one division: the only rounding before the quantizer's."""

    def __init__(self, vector: bool) -> None:
        super().__init__()
        self.vector = vector

    def forward(self, x: Any) -> Tensor:
        plain = _plain(x)
        return plain.sum((2, 3), keepdim=not self.vector) / (plain.shape[2] * plain.shape[3])


class _Flatten(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.flatten(1)


class _Same(nn.Module):
    def forward(self, x: Any) -> Tensor:
        return _plain(x)


def _compute(operation: Operation, bits: int) -> nn.Module:
    if operation.kind in (Kind.CONV, Kind.LINEAR):
        return _weighted(operation, bits)
    if operation.kind is Kind.ADD:
        return _Sum()
    if operation.kind is Kind.MEAN:
        return _Mean(vector=len(operation.shape) == 1)
    return _Flatten() if operation.kind is Kind.FLATTEN else _Same()


def _weighted(operation: Operation, bits: int) -> nn.Module:
    layer = cast(Any, operation.module)
    weight, bias = fold_batch_norm(layer, operation.norm, operation.name)
    quantizers = {
        "bias": True,
        "weight_quant": Int8WeightPerTensorFixedPoint,
        "weight_bit_width": bits,
        "bias_quant": Int32Bias,
        "return_quant_tensor": False,
    }
    if operation.kind is Kind.CONV:
        twin = qnn.QuantConv2d(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            groups=layer.groups,
            **quantizers,
        )
    else:
        twin = qnn.QuantLinear(layer.in_features, layer.out_features, **quantizers)
    with torch.no_grad():
        twin.weight.copy_(weight)
        twin.bias.copy_(bias)
    return cast(nn.Module, twin)


def _export_weights(
    operation: Operation,
    layer: Any,
    source: int,
    bits: int,
    formats: dict[str, dict[str, str]],
    integers: dict[str, Tensor],
) -> None:
    with torch.no_grad():
        weight = layer.quant_weight()
        point = _binary_places(weight.scale, operation.name)
        integers[f"{operation.name}.weight"] = torch.round(weight.value.double() * 2.0**point).to(torch.int64)
        bias = torch.round(layer.bias.double() * 2.0 ** (source + point)).to(torch.int64)
        fmt = _format(BIAS_BITS, source + point, signed=True, overflow=Overflow.SAT)
        integers[f"{operation.name}.bias"] = bias.clamp(fmt.min_int, fmt.max_int)
    formats[operation.name] = {
        "weight": str(_format(bits, point, signed=True, overflow=Overflow.SAT_SYM)),
        "bias": str(fmt),
    }


def _binary_places(scale: Tensor, name: str) -> int:
    places = -torch.log2(scale.detach().double())
    if not bool((places == places.round()).all()):
        raise TrainFailed(f"layer {name!r}: Brevitas chose the scale {float(scale)}, which is no power of two")
    return int(places)


def _format(bits: int, point: int, *, signed: bool, overflow: Overflow) -> Format:
    return Format(width=bits, integer_bits=bits - point, signed=signed, rounding=Rounding.RND_CONV, overflow=overflow)


def _check_sources(operations: Sequence[Operation]) -> None:
    for operation in operations:
        source = operations[operation.inputs[0]] if operation.inputs else operation
        if operation.kind in (Kind.CONV, Kind.LINEAR) and source.exact:
            raise TrainError(
                f"layer {operation.name!r} reads the exact sums of {source.name!r}, which also feed a skip connection; "
                f"training in fixed point needs an activation between them: put a ReLU behind {source.name!r}"
            )


def _is_sum(operation: Operation) -> bool:
    return operation.kind in (Kind.CONV, Kind.LINEAR, Kind.ADD)


def _is_signed(operation: Operation, signed: Sequence[bool]) -> bool:
    if operation.relu or operation.kind is Kind.RELU:
        return False
    if operation.kind in (Kind.ADD, Kind.MEAN, Kind.FLATTEN):
        return any(signed[index] for index in operation.inputs)
    return True


def _plain(value: Any) -> Tensor:
    return cast(Tensor, getattr(value, "value", value))
