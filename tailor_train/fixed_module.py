"""The network in fixed point with torch operators: the PyTorch side of every bit-exact comparison.

Values are floating-point tensors of whole numbers, in LSBs of a statically known point (see
`fixed_steps`). Rebuilt from the user's network, the skip plan and the formats alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tailor_train.fixed_point import to_reals
from tailor_train.fixed_steps import FormatTable, Grid, WeightedStep, make_step
from tailor_train.operations import Kind, Operation, list_operations
from tailor_train.surgery import Deployed


class FixedPointModule(nn.Module):
    """A deployed network in fixed point.

    Convolutions (batch norm folded), adds and means are exact and requantized once, in one step, to
    the formats of the table (docs/numerics). Put into evaluation form once and for all.

    Args:
        deployed: the network in deployment form; its module is not changed.
        formats: format by layer name and role; see `FormatTable`.
        integers: `<layer>.weight` and `<layer>.bias` as whole numbers in LSBs of their formats; None
            folds and quantizes the float parameters of `deployed`.

    Attributes:
        formats: the table given, as a plain dict.
        names: name of every operation, in execution order.
        largest_sum: bound of the largest sum that any layer forms, in its LSBs.

    Raises:
        TrainError: a layer is not supported, has no format, or can exceed what float64 holds exactly.
    """

    def __init__(self, deployed: Deployed, formats: FormatTable, integers: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        self.formats = {layer: dict(roles) for layer, roles in formats.items()}
        self.operations = list_operations(deployed)
        self.names = tuple(operation.name for operation in self.operations)
        self.largest_sum = 0
        self.steps = nn.ModuleList()
        grids: list[Grid] = []
        for operation in self.operations:
            step = make_step(operation, [grids[index] for index in operation.inputs], self.formats, integers)
            self.largest_sum = max(self.largest_sum, step.bound)
            grids.append(step.grid)
            self.steps.append(step)
        self.grids = tuple(grids)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Map real images (N, C, H, W), quantized already or not, to real outputs on the output's grid.

        Returns:
            What the float network returns, e.g. (N, classes), as float64.
        """
        return to_reals(self._run(x)[-1], self.grids[-1].fraction_bits)

    def values(self, x: Tensor) -> list[Tensor]:
        """The real value of every operation, float64, in the float network's layout and in execution order."""
        return [to_reals(value, grid.fraction_bits) for value, grid in zip(self._run(x), self.grids, strict=True)]

    def observe(self, x: Tensor) -> dict[str, Tensor]:
        """The integers of every node.

        Args:
            x: as for `forward`.

        Returns:
            By name (module path, `<skip>.add`, `input`): (N, H, W, C) int64, in LSBs of the node's
            own format, after its ReLU and requantization.
        """
        pairs = zip(self.operations, self._run(x), strict=True)
        return {operation.name: _channels_last(operation, value) for operation, value in pairs}

    def input_integers(self, x: Tensor) -> Tensor:
        """The network's quantized input: (N, H, W, C) int64, in LSBs of the input format."""
        return _channels_last(self.operations[0], self.steps[0]([x]))

    def output_integers(self, y: Tensor) -> Tensor:
        """What `forward` returned, as (N, H, W, C) int64 in LSBs of the output's grid."""
        return _channels_last(self.operations[-1], to_reals(y, -self.grids[-1].fraction_bits))

    def integers(self) -> dict[str, Tensor]:
        """`<layer>.weight` and `<layer>.bias` as int64, in LSBs of their formats."""
        tensors: dict[str, Tensor] = {}
        for operation, step in zip(self.operations, self.steps, strict=True):
            if isinstance(step, WeightedStep):
                tensors[f"{operation.name}.weight"] = step.weight_integers.clone()
                tensors[f"{operation.name}.bias"] = step.bias_integers.clone()
        return tensors

    def _run(self, x: Tensor) -> list[Tensor]:
        values: list[Tensor] = []
        with torch.no_grad():
            for operation, step in zip(self.operations, self.steps, strict=True):
                values.append(step([values[index] for index in operation.inputs] or [x]))
        return values


def _channels_last(operation: Operation, value: Tensor) -> Tensor:
    integers = value.to(torch.int64)
    if operation.kind is Kind.FLATTEN:  # the other executors flatten in the order H, W, C
        channels, *pixels = operation.read_shape
        integers = integers.reshape(-1, channels, math.prod(pixels)).transpose(1, 2).flatten(1)
    if integers.dim() == 2:
        return integers[:, None, None, :]
    return integers.permute(0, 2, 3, 1).contiguous()
