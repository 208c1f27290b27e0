"""Data sets by name, and a user's own by `package.module:factory`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from tailor_train.data.arrays import ArrayDataset, Batch, DataSplit, eval_batches, first_samples, size_of, train_batches
from tailor_train.data.digits import digits
from tailor_train.errors import TrainError
from tailor_train.factories import load_factory
from tailor_train.naming import nearest

__all__ = [
    "BUILTIN_DATA",
    "ArrayDataset",
    "Batch",
    "DataSplit",
    "eval_batches",
    "first_samples",
    "load_data",
    "size_of",
    "train_batches",
]  # fmt: skip

BUILTIN_DATA = ("digits", "random")
"""Names of the data sets that need no files."""

_RANDOM_SAMPLES = 256


def load_data(
    name: str,
    args: Mapping[str, Any] | None = None,
    *,
    input_shape: tuple[int, ...] | None = None,
    model: nn.Module | None = None,
    seed: int = 0,
) -> DataSplit:
    """Load a data set.

    Args:
        name: `digits`, `random` or `package.module:factory` returning (train, test) Datasets.
        args: keyword arguments of the factory; for `random` samples=256.
        input_shape: the model's, without the batch; needed by `random`, checked against the others.
        model: floating-point network that labels `random` inputs; without one labels are 0.
        seed: of `random`.

    Raises:
        TrainError: unknown name, wrong arguments, a factory that fails, or samples of another shape.
    """
    given = dict(args or {})
    if name == "digits":
        if given:
            raise TrainError(f"data 'digits' has no argument '{next(iter(given))}'; it takes none")
        train: Dataset[Batch]
        test: Dataset[Batch]
        train, test = digits()
    elif name == "random":
        train, test = _random(given, input_shape, model, seed)
    elif ":" in name:
        train, test = _from_factory(name, given)
    else:
        known = ", ".join(BUILTIN_DATA)
        raise TrainError(
            f"data '{name}' is unknown{nearest(name, BUILTIN_DATA)}; built-in are {known}; "
            "your own is given as package.module:factory"
        )
    split = DataSplit(name=name, args=given, train=train, test=test)
    _check_samples(split, input_shape)
    return split


def _random(
    args: dict[str, Any], input_shape: tuple[int, ...] | None, model: nn.Module | None, seed: int
) -> tuple[ArrayDataset, ArrayDataset]:
    samples = args.get("samples", _RANDOM_SAMPLES)
    unknown = [key for key in args if key != "samples"]
    if unknown:
        raise TrainError(f"data 'random' has no argument '{unknown[0]}'; it takes samples")
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise TrainError(f"data 'random': samples={samples!r}, expected a positive integer")
    if input_shape is None:
        raise TrainError("data 'random' needs the model's input shape; give --input-shape")
    generator = torch.Generator().manual_seed(seed)
    halves = []
    for _ in range(2):
        inputs = torch.randn(samples, *input_shape, generator=generator)
        halves.append(ArrayDataset(inputs, _labels(model, inputs)))
    return halves[0], halves[1]


def _labels(model: nn.Module | None, inputs: Tensor) -> Tensor:
    """The model's own answers; the largest element of outputs that are no vectors."""
    if model is None:
        return torch.zeros(len(inputs), dtype=torch.int64)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        answers = [model(chunk).flatten(1).argmax(dim=1) for chunk in torch.split(inputs, 64)]
    model.train(was_training)
    return torch.cat(answers)


def _from_factory(name: str, args: dict[str, Any]) -> tuple[Dataset[Batch], Dataset[Batch]]:
    function = load_factory(name, "data")
    try:
        result = function(**args)
    except Exception as error:
        raise TrainError(f"data factory '{name}' failed with {type(error).__name__}: {error}") from error
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(hasattr(r, "__getitem__") for r in result):
        kind = type(result).__name__
        raise TrainError(f"data factory '{name}' returned {kind}, expected (train, test), two map-style Datasets")
    return result[0], result[1]


def _check_samples(split: DataSplit, input_shape: tuple[int, ...] | None) -> None:
    for part, dataset in (("train", split.train), ("test", split.test)):
        if size_of(dataset) == 0:
            raise TrainError(f"data '{split.name}': the {part} set is empty")
        sample = dataset[0]
        if not isinstance(sample, tuple | list) or len(sample) != 2 or not isinstance(sample[0], Tensor):
            raise TrainError(f"data '{split.name}': a {part} sample is no pair (input tensor, label)")
        shape = tuple(sample[0].shape)
        if input_shape is not None and shape != tuple(input_shape):
            raise TrainError(
                f"data '{split.name}': {part} samples have shape {shape}, the model takes {tuple(input_shape)}; "
                "change the model's arguments, --input-shape or the data"
            )
