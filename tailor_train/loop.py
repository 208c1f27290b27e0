"""Trains one network for some epochs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from tailor_train.config import OptimizerConfig, TrainingConfig
from tailor_train.data import Batch, DataSplit, size_of, train_batches
from tailor_train.distill import DistillationLoss
from tailor_train.errors import TrainError, TrainFailed
from tailor_train.evaluation import evaluate_accuracy
from tailor_train.metrics import EpochRow
from tailor_train.rates import rate_schedule
from tailor_train.schedule import AlterationSchedule


@dataclass(slots=True, kw_only=True)
class Phase:
    """One network on its way, and where it stands.

    Attributes:
        name: teacher, student or baseline.
        network: that is trained.
        loss: to minimise.
        alterations: None for a network whose skips stay.
        optimizer: with all of the network's parameters.
        generator: of the order and the augmentation of samples.
        epochs: in all.
        epoch: the next one, counted from 0.
        best: highest validation accuracy so far and its weights; None unless the best epoch is selected.
    """

    name: str
    network: nn.Module
    loss: DistillationLoss
    alterations: AlterationSchedule | None
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    epochs: int
    epoch: int = 0
    best: tuple[float, dict[str, Tensor]] | None = None

    @property
    def last_alteration(self) -> int:
        """Epoch of the last alteration, 0 without any."""
        return 0 if self.alterations is None else self.alterations.last_alteration_epoch


def make_optimizer(network: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """The configured optimizer over all parameters."""
    parameters = list(network.parameters())
    if config.name == "SGD":
        return torch.optim.SGD(
            parameters,
            lr=config.lr,
            momentum=config.momentum,
            nesterov=config.nesterov,
            weight_decay=config.weight_decay,
        )
    kind = torch.optim.Adam if config.name == "Adam" else torch.optim.AdamW
    return kind(parameters, lr=config.lr, weight_decay=config.weight_decay)


def split_validation(data: DataSplit, amount: float, seed: int) -> tuple[Dataset[Batch], Dataset[Batch] | None]:
    """Training and validation samples; the latter from the end of the training set.

    Args:
        data: whose training set is split; the test set is not touched.
        amount: number of samples, or below 1 their share; 0 for no split.
        seed: unused by data sets in memory, orders the split of any other.

    Raises:
        TrainError: nothing would be left to train on.
    """
    total = size_of(data.train)
    count = round(amount * total) if amount < 1 else int(amount)
    if count == 0:
        return data.train, None
    if count >= total:
        raise TrainError(f"data.validation takes {count} of {total} training samples; leave some to train on")
    split = getattr(data.train, "split", None)
    if split is not None:
        train, validation = split(count)
        return train, validation
    order = torch.randperm(total, generator=torch.Generator().manual_seed(seed)).tolist()
    subset = torch.utils.data.Subset
    return subset(data.train, order[count:]), subset(data.train, order[:count])


class Loop:
    """Runs phases on one data set.

    Args:
        config: batch size, rates, clipping, selection.
        data: training and test samples.
        device: where the networks are.

    Raises:
        TrainError: fewer training samples than one batch.
    """

    def __init__(self, config: TrainingConfig, data: DataSplit, device: str) -> None:
        self.config = config
        self.device = device
        self.train_set, self.validation_set = split_validation(data, config.data.validation, config.seed)
        self.test_set = data.test
        self.rate = rate_schedule(config.schedule)
        self.batches = size_of(self.train_set) // config.batch_size
        if self.batches == 0:
            samples = size_of(self.train_set)
            raise TrainError(f"batch_size is {config.batch_size}, but there are only {samples} training samples")

    def run(self, phase: Phase, after_epoch: Callable[[EpochRow], None]) -> None:
        """Train until the phase's last epoch, or from where it stood to there.

        Args:
            phase: changed in place; if the best epoch is selected its weights are loaded at the end.
            after_epoch: called with every epoch's figures, when `phase.epoch` is already the next one.

        Raises:
            TrainFailed: the loss is no longer finite.
        """
        while phase.epoch < phase.epochs:
            row = self._epoch(phase)
            if self.config.select == "best" and phase.epoch >= phase.last_alteration:
                accuracy = row.validation_accuracy
                if accuracy is not None and (phase.best is None or accuracy > phase.best[0]):
                    phase.best = accuracy, {k: v.clone() for k, v in phase.network.state_dict().items()}
            phase.epoch += 1
            after_epoch(row)
        if phase.best is not None:
            phase.network.load_state_dict(phase.best[1])

    def _epoch(self, phase: Phase) -> EpochRow:
        altered = phase.alterations.step(phase.epoch) if phase.alterations else None
        phase.network.train()
        sums = {"loss": 0.0, "task": 0.0, "distill": 0.0}
        right = 0
        rates = []
        for index, (inputs, labels) in enumerate(
            train_batches(self.train_set, self.config.batch_size, phase.generator)
        ):
            rates.append(self._set_rate(phase, phase.epoch + index / self.batches))
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            outputs = phase.network(inputs)
            terms = phase.loss(outputs, inputs, labels)
            value = float(terms["loss"].detach())
            if not math.isfinite(value):
                raise TrainFailed(
                    f"{phase.name}, epoch {phase.epoch}: the loss is {value} in batch {index}; "
                    f"lower optimizer.lr (now {self.config.optimizer.lr:g}) or clip_grad_norm"
                )
            self._update(phase, terms["loss"])
            for key in sums:
                sums[key] += float(terms[key].detach())
            right += int((outputs.detach().flatten(1).argmax(dim=1) == labels).sum())
        samples = self.batches * self.config.batch_size
        return EpochRow(
            phase=phase.name,
            epoch=phase.epoch,
            learning_rate=rates[0],
            loss=sums["loss"] / self.batches,
            task_loss=sums["task"] / self.batches,
            distill_loss=sums["distill"] / self.batches,
            train_accuracy=100.0 * right / samples,
            validation_accuracy=self._accuracy(phase.network, self.validation_set),
            test_accuracy=evaluate_accuracy(phase.network, self.test_set, device=self.device),
            altered=altered or "",
        )

    def _set_rate(self, phase: Phase, epoch: float) -> float:
        rate = self.config.optimizer.lr * self.rate(epoch, phase.epochs, phase.last_alteration)
        for group in phase.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def _update(self, phase: Phase, loss: Tensor) -> None:
        phase.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.config.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(phase.network.parameters(), self.config.clip_grad_norm)
        phase.optimizer.step()

    def _accuracy(self, network: nn.Module, dataset: Dataset[Batch] | None) -> float | None:
        return None if dataset is None else evaluate_accuracy(network, dataset, device=self.device)
