"""The loss of Algorithm 1: the labels' and the teacher's, weighted by beta."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tailor_train.errors import TrainError
from tailor_train.factories import load_factory

Loss = Callable[[Tensor, Tensor], Tensor]

TASK_LOSSES: dict[str, Loss] = {"cross_entropy": F.cross_entropy}
DISTILL_LOSSES: dict[str, Loss] = {"mse": F.mse_loss}


def find_loss(name: str, known: Mapping[str, Loss]) -> Loss:
    """A loss by its name, or a user's own by `package.module:callable`.

    Raises:
        TrainError: no such loss.
    """
    return known[name] if name in known else load_factory(name, "loss")


class DistillationLoss(nn.Module):
    """(1 - beta) * task(student, labels) + beta * distill(student, teacher).

    The teacher is frozen, stays in eval mode and runs without gradients. (The authors' code leaves its batch
    norm in train mode; the paper does not.)

    Args:
        teacher: network with the student's inputs and outputs, e.g. logits before softmax.
        task_loss: of (outputs, labels).
        beta: weight of the distillation term, 0 to 1; at 0 the teacher does not run.
        distill_loss: of (student outputs, teacher outputs).

    Raises:
        TrainError: beta outside 0 to 1.
    """

    def __init__(
        self, teacher: nn.Module, task_loss: Loss = F.cross_entropy, beta: float = 0.35, distill_loss: Loss = F.mse_loss
    ) -> None:
        super().__init__()
        if not 0.0 <= beta <= 1.0:
            raise TrainError(f"beta is {beta}, expected a weight from 0 to 1")
        self.teacher = teacher.requires_grad_(False).eval()
        self.task_loss = task_loss
        self.distill_loss = distill_loss
        self.beta = beta

    def train(self, mode: bool = True) -> DistillationLoss:
        """As for any module; the teacher stays in eval mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, outputs: Tensor, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The weighted `loss` to minimise, and its parts `task` and `distill` without gradients.

        Args:
            outputs: (N, classes) the student's.
            inputs: (N, ...) that the student was given.
            labels: (N,) int64.
        """
        task = self.task_loss(outputs, labels)
        if self.beta == 0.0:
            return {"loss": task, "task": task.detach(), "distill": torch.zeros_like(task.detach())}
        with torch.no_grad():
            wanted = self.teacher(inputs)
        distill = self.distill_loss(outputs, wanted)
        loss = (1.0 - self.beta) * task + self.beta * distill
        return {"loss": loss, "task": task.detach(), "distill": distill.detach()}
