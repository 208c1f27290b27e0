"""What can be known before any training: whether a teacher's file and the fold asked for fit the network."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from tailor_train.checkpoint import checkpoint_file, saved_plan
from tailor_train.config import TrainingConfig
from tailor_train.errors import TrainError
from tailor_train.plan import SkipPlan, SkipState, with_folds
from tailor_train.surgery import Deployed, apply_plan


def check_teacher(config: TrainingConfig, model: nn.Module, teacher: Deployed, input_shape: tuple[int, ...]) -> None:
    """Raise TrainError if a teacher's weights come from a network with its sums in the other place.

    Args:
        model: the original network.
        teacher: as `skips.style` makes it.
        input_shape: of one input without the batch.
    """
    path = config.model.weights if config.teacher is None else config.teacher.weights
    if path is None or not config.alters:
        return
    file = checkpoint_file(path)
    plan = saved_plan(file)
    written = {name: replace(choice, state=SkipState.KEPT, folded=False) for name, choice in plan.items()}
    if plan and apply_plan(model, written, input_shape).module.code != teacher.module.code:
        places = {"pre": "in front of", "post": "behind"}
        style = config.skips.style
        other = "pre" if style == "post" else "post"
        raise TrainError(
            f"weights '{file}' are of a network whose sums stand {places[other]} their activations, 'skips.style' is "
            f"'{style}'; train a teacher with teacher.epochs, or set skips.style to '{other}'"
        )


def check_fold(config: TrainingConfig, model: nn.Module, plan: SkipPlan, input_shape: tuple[int, ...]) -> None:
    """Raise TrainError if `quantize.fold_skips` is `trained` and a skip cannot be folded.

    Args:
        model: the original network.
        plan: its skips when training ends.
        input_shape: of one input without the batch.
    """
    if config.quantize is not None and config.quantize.fold_skips == "trained":
        apply_plan(model, with_folds(plan), input_shape)
