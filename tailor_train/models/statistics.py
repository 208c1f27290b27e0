"""Batch-norm parameters for untrained networks, such that fixed-point formats with few integer bits make sense."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tailor_train.plan import SkipPlan
from tailor_train.surgery import apply_plan

_Hook = Callable[[nn.BatchNorm2d, tuple[Tensor]], None]
_SAMPLES = 2048
_GRID = 1024.0


def set_statistics(model: nn.Module, plan: SkipPlan, input_shape: tuple[int, ...], seed: int) -> None:
    """Draw kaiming weights, batch-norm parameters, and running statistics near those of random inputs.

    Inputs are standard normal. Everything measured is rounded to 2^-10, so that the weights do not depend on
    the order in which a machine sums.

    Args:
        model: network to change, also in the branches that `plan` removes.
        plan: form of the network for which activations shall have unit scale.
        input_shape: of one input, without the batch.
        seed: of everything random.
    """
    generator = torch.Generator().manual_seed(seed)
    _draw_convolutions(model, generator)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.6, 1.1, generator=generator)
                module.bias.normal_(0.0, 0.1, generator=generator)
    probe = apply_plan(copy.deepcopy(model).double(), plan, input_shape).module
    batch = max(2, _SAMPLES // math.prod(input_shape[1:]))
    inputs = torch.randn(batch, *input_shape, generator=generator, dtype=torch.float64)
    measured: dict[str, tuple[Tensor, Tensor]] = {}

    for path, module in probe.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            noise = torch.rand(2, module.num_features, generator=generator, dtype=torch.float64)
            module.register_forward_pre_hook(_measure(path, noise, measured))
    with torch.no_grad():
        probe(inputs)
        for path, (mean, variance) in measured.items():
            target = model.get_submodule(path)
            assert isinstance(target, nn.BatchNorm2d)
            assert target.running_mean is not None
            assert target.running_var is not None
            target.running_mean.copy_(mean)
            target.running_var.copy_(variance)


def reset_for_training(model: nn.Module, seed: int) -> None:
    """Draw kaiming weights and make every batch norm neutral, as training from scratch starts."""
    _draw_convolutions(model, torch.Generator().manual_seed(seed))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()


def _draw_convolutions(model: nn.Module, generator: torch.Generator) -> None:
    """Normal weights of variance 2 / fan-out (He et al. 2015, equation 14)."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.out_channels * math.prod(module.kernel_size)
                module.weight.normal_(0.0, math.sqrt(2.0 / fan_out), generator=generator)


def _measure(path: str, noise: Tensor, measured: dict[str, tuple[Tensor, Tensor]]) -> _Hook:
    """A hook that sets a batch norm's statistics from its input, off by up to a fifth as in a trained network."""

    def hook(module: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
        values = inputs[0].transpose(0, 1).flatten(1)
        spread = values.std(dim=1)
        mean = values.mean(dim=1) + (noise[0] - 0.5) * 0.4 * spread
        variance = (spread * (0.8 + 0.4 * noise[1])).square() + 1.0 / _GRID
        mean, variance = (torch.round(value * _GRID) / _GRID for value in (mean, variance))
        assert module.running_mean is not None
        assert module.running_var is not None
        module.running_mean.copy_(mean)
        module.running_var.copy_(variance)
        measured[path] = (mean, variance)

    return hook
