"""Data sets that live in memory as two tensors, and batches of any data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tailor_train.errors import TrainError

Batch = tuple[Tensor, Tensor]


class ArrayDataset(Dataset[Batch]):
    """Inputs and labels as tensors, with optional random shifts.

    Args:
        inputs: (N, C, H, W) float32.
        labels: (N,) int64.
        shift: training batches move each image by up to this many pixels along both axes; what enters is
            the data set's minimum. Indexing gives images unmoved.
    """

    def __init__(self, inputs: Tensor, labels: Tensor, shift: int = 0) -> None:
        self.inputs = inputs
        self.labels = labels
        self.shift = shift
        self._moved = _all_shifts(inputs, shift) if shift else inputs.unsqueeze(0)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Batch:
        return self.inputs[index], self.labels[index]

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        """A training batch: the samples at `indices`, each moved at random."""
        moves = torch.randint(len(self._moved), (len(indices),), generator=generator)
        return self._moved[moves, indices], self.labels[indices]

    def split(self, count: int) -> tuple[ArrayDataset, ArrayDataset]:
        """All but the last `count` samples, and those."""
        keep = len(self) - count
        return (
            ArrayDataset(self.inputs[:keep], self.labels[:keep], self.shift),
            ArrayDataset(self.inputs[keep:], self.labels[keep:]),
        )


def _all_shifts(inputs: Tensor, shift: int) -> Tensor:
    """(M, N, C, H, W): the images at every offset up to `shift` pixels; small images only."""
    height, width = inputs.shape[-2:]
    padded = torch.nn.functional.pad(inputs, (shift,) * 4, value=float(inputs.min()))
    offsets = range(2 * shift + 1)
    return torch.stack([padded[..., y : y + height, x : x + width] for y in offsets for x in offsets])


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSplit:
    """A data set as training and evaluation see it.

    Attributes:
        name: built-in name or factory.
        args: its arguments.
        train: samples to learn from.
        test: samples to report on.
    """

    name: str
    args: dict[str, Any]
    train: Dataset[Batch]
    test: Dataset[Batch]


def size_of(dataset: Dataset[Batch]) -> int:
    """Number of samples. Raises TrainError if the data set does not know."""
    length = getattr(dataset, "__len__", None)
    if length is None:
        raise TrainError(f"data set {type(dataset).__name__} has no __len__; a map-style Dataset is needed")
    return int(length())


def train_batches(dataset: Dataset[Batch], batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Shuffled batches of one epoch; the last incomplete one is dropped."""
    if isinstance(dataset, ArrayDataset):
        order = torch.randperm(len(dataset), generator=generator)
        for start in range(0, len(order) - batch_size + 1, batch_size):
            yield dataset.batch(order[start : start + batch_size], generator)
        return
    loader = DataLoader(dataset, batch_size, shuffle=True, drop_last=True, generator=generator)
    yield from loader


def eval_batches(dataset: Dataset[Batch], batch_size: int, limit: int | None = None) -> Iterator[Batch]:
    """Batches in the data set's order, the last one as short as it comes.

    Args:
        dataset: any map-style data set of (input, label).
        batch_size: samples in a batch.
        limit: stop after this many samples; None takes all.
    """
    count = size_of(dataset) if limit is None else min(limit, size_of(dataset))
    if isinstance(dataset, ArrayDataset):
        for start in range(0, count, batch_size):
            stop = min(start + batch_size, count)
            yield dataset.inputs[start:stop], dataset.labels[start:stop]
        return
    loader = DataLoader(torch.utils.data.Subset(dataset, range(count)), batch_size)
    yield from loader


def first_samples(dataset: Dataset[Batch], count: int) -> Batch:
    """The first `count` samples as (N, ...) inputs and (N,) labels; fewer if the data set is smaller."""
    batches = list(eval_batches(dataset, max(1, count), count))
    return batches[0]
