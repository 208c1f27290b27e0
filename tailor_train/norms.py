"""Batch norm folded into the layer in front of it, in the order of operations that every executor shares."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tailor_train.errors import TrainError


def fold_batch_norm(layer: nn.Module, norm: nn.Module | None, name: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution or linear layer with its batch norm folded in, float64.

    In this order, so that every executor computes the same bits: ``scale = gamma / sqrt(var + eps)``,
    ``w' = w * scale``, ``b' = (b - mean) * scale + beta``, with b = 0 where there is no bias.

    Args:
        layer: with weight (Cout, ...) and bias (Cout,) or None.
        norm: the batch norm behind it, if any.
        name: of the layer, for messages.

    Returns:
        weight (Cout, ...) and bias (Cout,).

    Raises:
        TrainError: the batch norm keeps no running statistics.
    """
    given: Any = layer
    weight: Tensor = given.weight.detach().double()
    bias = weight.new_zeros(weight.shape[0]) if given.bias is None else given.bias.detach().double()
    if norm is None:
        return weight, bias
    behind: Any = norm
    if behind.running_mean is None:
        raise TrainError(f"layer {name!r}: its batch norm keeps no running statistics and cannot be folded")
    mean, variance = behind.running_mean.double(), behind.running_var.double()
    gamma = torch.ones_like(mean) if behind.weight is None else behind.weight.detach().double()
    beta = torch.zeros_like(mean) if behind.bias is None else behind.bias.detach().double()
    scale = gamma / torch.sqrt(variance + behind.eps)
    return weight * scale.reshape(-1, *[1] * (weight.dim() - 1)), (bias - mean) * scale + beta
