"""Data sets: the digits as documented, random inputs, and a user's own."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch.utils.data import Dataset, TensorDataset

from tailor_train import TrainError, evaluate_accuracy
from tailor_train.data import ArrayDataset, eval_batches, first_samples, load_data, size_of, train_batches
from tailor_train.models import build_model

OWN = """
import torch
from torch.utils.data import Dataset, TensorDataset

class Lazy(Dataset):
    def __init__(self, count):
        self.count = count
    def __len__(self):
        return self.count
    def __getitem__(self, index):
        return torch.full((1, 4, 4), float(index)), index % 3

def make(count=8):
    return Lazy(count), TensorDataset(torch.zeros(3, 1, 4, 4), torch.zeros(3, dtype=torch.int64))

def single():
    return Lazy(3)

def broken():
    raise OSError("disk on fire")

def empty():
    return Lazy(0), Lazy(3)

class Shapeless(Lazy):
    def __getitem__(self, index):
        return index

def shapeless():
    return Shapeless(3), Shapeless(3)
"""


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_data_file.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_data_file", raising=False)
    return tmp_path


def test_digits_are_split_and_normalised() -> None:
    data = load_data("digits", input_shape=(1, 8, 8))
    assert isinstance(data.train, ArrayDataset)
    assert isinstance(data.test, ArrayDataset)
    assert (len(data.train), len(data.test)) == (1000, 797)
    raw = load_digits()
    known = raw.images[:1000] / 16
    assert data.test.labels.tolist() == raw.target[1000:].tolist()
    expected = (raw.images[1000:] / 16 - known.mean()) / known.std()
    torch.testing.assert_close(data.test.inputs[:, 0].double(), torch.from_numpy(expected), rtol=0, atol=1e-6)


def test_training_batches_move_by_one_pixel() -> None:
    train = load_data("digits").train
    assert isinstance(train, ArrayDataset)
    generator = torch.Generator().manual_seed(0)
    index = torch.full((400,), 5)
    batch, _ = train.batch(index, generator)
    image, lowest = train.inputs[5, 0], float(train.inputs.min())
    framed = torch.full((10, 10), lowest)
    framed[1:9, 1:9] = image
    wanted = {framed[y : y + 8, x : x + 8].numpy().tobytes() for y in range(3) for x in range(3)}
    assert {moved[0].numpy().tobytes() for moved in batch} == wanted
    assert torch.equal(train[5][0][0], image)


def test_epochs_are_shuffled_by_seed_and_drop_the_rest() -> None:
    data = ArrayDataset(torch.arange(10.0).view(10, 1, 1, 1), torch.arange(10))
    epochs = [
        [labels.tolist() for _, labels in train_batches(data, 4, torch.Generator().manual_seed(seed))]
        for seed in (1, 1, 2)
    ]
    assert epochs[0] == epochs[1] != epochs[2]
    assert [len(batch) for batch in epochs[0]] == [4, 4]
    assert [len(labels) for _, labels in eval_batches(data, 4)] == [4, 4, 2]
    assert first_samples(data, 3)[1].tolist() == [0, 1, 2]


def test_random_is_labelled_by_the_model() -> None:
    model = build_model("resnet8", {"width": 4, "in_channels": 1, "image_size": 8}, 0)
    data, again = (load_data("random", {"samples": 70}, input_shape=(1, 8, 8), model=model, seed=3) for _ in range(2))
    assert evaluate_accuracy(model, data.test) == 100.0
    assert torch.equal(first_samples(data.train, 70)[0], first_samples(again.train, 70)[0])
    assert not torch.equal(first_samples(data.train, 70)[0], first_samples(data.test, 70)[0])
    assert first_samples(load_data("random", input_shape=(2, 3)).test, 300)[0].shape == (256, 2, 3)


def test_own_datasets(own_folder: Path) -> None:
    data = load_data("own_data_file:make", {"count": 7}, input_shape=(1, 4, 4))
    assert (size_of(data.train), size_of(data.test)) == (7, 3)
    batches = list(train_batches(data.train, 3, torch.Generator().manual_seed(0)))
    assert [tuple(inputs.shape) for inputs, _ in batches] == [(3, 1, 4, 4)] * 2
    inputs, labels = first_samples(data.train, 4)
    assert inputs[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert labels.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        (
            "digit",
            {},
            "data 'digit' is unknown, did you mean 'digits'?; built-in are digits, random; your own is given as "
            "package.module:factory",
        ),
        ("digits", {"size": 3}, "data 'digits' has no argument 'size'; it takes none"),
        ("random", {"size": 3}, "data 'random' has no argument 'size'; it takes samples"),
        ("random", {"samples": 0}, "data 'random': samples=0, expected a positive integer"),
        ("random", {}, "data 'random' needs the model's input shape; give --input-shape"),
        (
            "own_data_file:single",
            {},
            "data factory 'own_data_file:single' returned Lazy, expected (train, test), two map-style Datasets",
        ),
        ("own_data_file:broken", {}, "data factory 'own_data_file:broken' failed with OSError: disk on fire"),
        ("own_data_file:empty", {}, "data 'own_data_file:empty': the train set is empty"),
        (
            "own_data_file:shapeless",
            {},
            "data 'own_data_file:shapeless': a train sample is no pair (input tensor, label)",
        ),
    ],
)
def test_wrong_data(own_folder: Path, name: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        load_data(name, args)


def test_samples_of_another_shape() -> None:
    message = (
        "data 'digits': train samples have shape (1, 8, 8), the model takes (3, 32, 32); change the model's arguments, "
        "--input-shape or the data"
    )
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        load_data("digits", input_shape=(3, 32, 32))


class Endless(Dataset[Any]):
    def __getitem__(self, index: int) -> Any:
        return index


def test_accuracy() -> None:
    data = TensorDataset(torch.eye(4), torch.tensor([0, 1, 2, 0]))
    model = torch.nn.Identity().train()
    assert evaluate_accuracy(model, data) == 75.0
    assert evaluate_accuracy(model, data, limit=3, batch_size=2) == 100.0
    assert model.training
    with pytest.raises(TrainError, match=r"^accuracy cannot be measured on an empty data set$"):
        evaluate_accuracy(model, data, limit=0)
    with pytest.raises(TrainError, match=r"^data set Endless has no __len__; a map-style Dataset is needed$"):
        size_of(Endless())
