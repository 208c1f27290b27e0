"""How often a network is right."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import Dataset

from tailor_train.data import Batch, eval_batches
from tailor_train.errors import TrainError


def evaluate_accuracy(
    model: nn.Module, dataset: Dataset[Batch], *, batch_size: int = 256, limit: int | None = None, device: str = "cpu"
) -> float:
    """Share of samples whose largest output is the label's, in percent.

    The model is evaluated in eval mode and left in the mode it had.

    Args:
        model: maps (N, ...) inputs to outputs whose flattened argmax is the answer, e.g. logits (N, classes).
        dataset: (input, label) pairs.
        batch_size: samples in a batch.
        limit: only the first samples; None takes all.
        device: where the model is.

    Raises:
        TrainError: the data set is empty.
    """
    was_training = model.training
    model.eval()
    right = total = 0
    with torch.no_grad():
        for inputs, labels in eval_batches(dataset, batch_size, limit):
            answers = model(inputs.to(device)).flatten(1).argmax(dim=1).cpu()
            right += int((answers == labels).sum())
            total += len(labels)
    model.train(was_training)
    if total == 0:
        raise TrainError("accuracy cannot be measured on an empty data set")
    return 100.0 * right / total
