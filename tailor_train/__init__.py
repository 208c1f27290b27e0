"""Trains networks whose skip connections are gradually removed or shortened (Algorithm 1), with a teacher.

Bring your own loop::

    student = prepare(model, method="skip_remover", example_inputs=inputs)
    schedule = AlterationSchedule(student, alpha=3)
    loss_of = DistillationLoss(teacher, task_loss, beta=0.35)
    for epoch in range(epochs):
        schedule.step(epoch)
        ...  # loss_of(student(inputs), inputs, labels)["loss"].backward()
    model = finalize(student)

or leave it to `train`.
"""

from __future__ import annotations

from tailor_train.distill import DistillationLoss
from tailor_train.errors import TrainError, TrainFailed
from tailor_train.evaluation import evaluate_accuracy
from tailor_train.gates import Method, Student, deploy, finalize, prepare
from tailor_train.plan import SkipChoice, SkipPlan, SkipState, SkipStyle
from tailor_train.schedule import AlterationSchedule
from tailor_train.surgery import Deployed, apply_plan, fold_deployed
from tailor_train.training import TrainResult, train

__all__ = [
    "AlterationSchedule",
    "Deployed",
    "DistillationLoss",
    "Method",
    "SkipChoice",
    "SkipPlan",
    "SkipState",
    "SkipStyle",
    "Student",
    "TrainError",
    "TrainFailed",
    "TrainResult",
    "apply_plan",
    "deploy",
    "evaluate_accuracy",
    "finalize",
    "fold_deployed",
    "prepare",
    "train",
]
