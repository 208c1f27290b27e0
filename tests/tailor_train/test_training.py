"""Whole runs on few epochs: files, Algorithm 1, resuming, determinism, and what stops a run."""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tailor_train import TrainError, TrainFailed, evaluate_accuracy, train
from tailor_train.checkpoint import deploy_run, load_run
from tailor_train.config import TrainingConfig, parse_config
from tailor_train.data import load_data
from tailor_train.loop import Loop
from tailor_train.metrics import EpochRow
from tailor_train.plan import SkipChoice, SkipState
from tailor_train.rates import rate_schedule
from tailor_train.resume import load_position

BASE: dict[str, Any] = {
    "model": {"factory": "resnet8", "args": {"width": 4, "in_channels": 1, "image_size": 8}},
    "data": {"name": "digits"},
    "device": "cpu",
    "batch_size": 100,
}
STUDENT = BASE | {"method": "skip_remover", "teacher": {"epochs": 2}, "alpha": 1, "tail_epochs": 2}


def config(**changes: Any) -> TrainingConfig:
    return parse_config(STUDENT | changes)


def rows_of(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def weights_of(run: Path) -> dict[str, Tensor]:
    return dict(load_run(run).tensors)


def same_weights(a: Path, b: Path) -> bool:
    first, second = weights_of(a), weights_of(b)
    return set(first) == set(second) and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def remover(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "remover"
    train(config(), out, progress=False)
    return out


def test_run_folder(remover: Path) -> None:
    assert sorted(path.name for path in remover.iterdir()) == [
        "README.md", "config.yaml", "curves.png", "metrics.csv", "model.safetensors", "resume.safetensors", "teacher",
    ]  # fmt: skip
    rows = rows_of(remover)
    assert [row["phase"] for row in rows] == ["teacher"] * 2 + ["student"] * 5
    assert [row["altered"] for row in rows[2:]] == ["", "layer1.0", "layer2.0", "layer3.0", ""]
    assert float(rows[0]["distill_loss"]) == 0.0 < float(rows[3]["distill_loss"])
    assert (remover / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_checkpoint_is_the_altered_network(remover: Path) -> None:
    run = load_run(remover)
    assert {choice.state for choice in run.plan.values()} == {SkipState.REMOVED}
    assert not [name for name in run.tensors if "downsample" in name]
    assert run.provenance["method"] == "skip_remover"
    assert run.data == {"name": "digits", "args": {}}
    accuracy = evaluate_accuracy(deploy_run(run).module, load_data("digits").test)
    assert (
        accuracy
        == run.provenance["metrics"]["accuracy"]
        == pytest.approx(float(rows_of(remover)[-1]["test_accuracy"]), abs=1e-3)
    )
    assert accuracy > 20.0


def test_same_seed_same_result(remover: Path, tmp_path: Path) -> None:
    train(config(), tmp_path, progress=False)
    assert same_weights(remover, tmp_path)
    for name in ("metrics.csv", "model.safetensors", "README.md", "curves.png"):
        assert (tmp_path / name).read_bytes() == (remover / name).read_bytes()
    train(config(seed=1, teacher={"weights": str(remover / "teacher")}), tmp_path / "other", progress=False)
    assert not same_weights(remover, tmp_path / "other")


class PowerCutError(Exception):
    """The run ends between two epochs."""


@pytest.mark.parametrize("after", [1, 2, 4, 7])
def test_resume_gives_the_same_result(
    remover: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    original = Loop._epoch
    done = 0

    def interrupted(self: Loop, phase: Any) -> EpochRow:
        nonlocal done
        if done == after:
            raise PowerCutError
        done += 1
        return original(self, phase)

    monkeypatch.setattr(Loop, "_epoch", interrupted)
    if after < 7:
        with pytest.raises(PowerCutError):
            train(config(), tmp_path, progress=False)
        assert not (tmp_path / "model.safetensors").exists()
    else:
        train(config(), tmp_path, progress=False)
    assert len(load_position(tmp_path).rows) == after
    monkeypatch.setattr(Loop, "_epoch", original)
    train(config(), tmp_path, resume=True, progress=False)
    assert same_weights(remover, tmp_path)
    assert (tmp_path / "metrics.csv").read_bytes() == (remover / "metrics.csv").read_bytes()


def test_resume_refuses_what_does_not_belong(remover: Path, tmp_path: Path) -> None:
    message = (
        f"'{remover}' was trained with another configuration (alpha, seed); resume with the same one, or train into "
        "another folder"
    )
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        train(config(seed=4, alpha=2), remover, resume=True, progress=False)
    message = f"'{tmp_path}' holds no resume.safetensors, so there is nothing to resume; train without --resume"
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        train(config(), tmp_path, resume=True, progress=False)


def test_shortener_with_a_teacher_from_a_file(remover: Path, tmp_path: Path) -> None:
    result = train(
        config(method="skip_shortener", teacher={"weights": str(remover / "teacher" / "model.safetensors")}, epochs=4),
        tmp_path,
        progress=False,
    )
    run = load_run(result.checkpoint)
    assert {choice.state for choice in run.plan.values()} == {SkipState.SHORTENED}
    assert result.epochs == 4
    teacher = load_run(remover / "teacher").provenance["metrics"]["accuracy"]
    assert result.teacher_accuracy == pytest.approx(teacher)
    assert "layer2.0.downsample.0.weight" in run.tensors


@pytest.mark.parametrize("method", ["skip_shortener", "skip_remover"])
def test_style_post_has_a_teacher_of_its_own_form(tmp_path: Path, method: str) -> None:
    changes: dict[str, Any] = {"method": method, "skips": {"style": "post"}, "teacher": {"epochs": 1}, "tail_epochs": 1}
    result = train(config(**changes), tmp_path, progress=False)
    run, teacher = load_run(result.checkpoint), load_run(tmp_path / "teacher")
    assert {str(choice.style) for choice in run.plan.values()} == {"post"}
    assert {(str(choice.state), str(choice.style)) for choice in teacher.plan.values()} == {("kept", "post")}
    test = load_data("digits").test
    assert evaluate_accuracy(deploy_run(run).module, test) == result.accuracy
    assert evaluate_accuracy(deploy_run(teacher).module, test) == result.teacher_accuracy
    as_pre = replace(teacher, plan={name: SkipChoice() for name in teacher.plan})
    x = load_data("digits").test[0][0][None]
    assert not torch.equal(deploy_run(as_pre).module(x), deploy_run(teacher).module(x))


def test_a_teacher_of_the_other_style_is_refused(remover: Path, tmp_path: Path) -> None:
    file = remover / "teacher" / "model.safetensors"
    message = (
        f"weights '{file}' are of a network whose sums stand in front of their activations, 'skips.style' is 'post'; "
        "train a teacher with teacher.epochs, or set skips.style to 'pre'"
    )
    changes: dict[str, Any] = {"method": "skip_shortener", "skips": {"style": "post"}}
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        train(config(**changes, teacher={"weights": str(file.parent)}), tmp_path / "run", progress=False)
    model = BASE["model"] | {"weights": str(file)}
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        train(config(**changes, teacher=None, model=model), tmp_path / "run", progress=False)
    train(config(**changes, teacher={"epochs": 1}, model=model, tail_epochs=1), tmp_path / "run", progress=False)


def test_baseline_and_its_weights_as_a_start(tmp_path: Path) -> None:
    baseline = parse_config(BASE | {"epochs": 1, "schedule": "cosine"})
    first = train(baseline, tmp_path / "first", progress=False)
    assert {choice.state for choice in load_run(first.checkpoint).plan.values()} == {SkipState.KEPT}
    assert first.teacher_accuracy is None
    model = BASE["model"] | {"weights": str(first.checkpoint)}
    frozen = {"name": "SGD", "lr": 0.0, "weight_decay": 0.0}
    second = train(
        parse_config(
            STUDENT | {"model": model, "teacher": None, "optimizer": frozen, "skips": {"plan": {"layer1.0": "keep"}}}
        ),
        tmp_path / "second",
        progress=False,
    )
    plan = {name: choice.state.value for name, choice in load_run(second.checkpoint).plan.items()}
    assert plan == {"layer1.0": "kept", "layer2.0": "removed", "layer3.0": "removed"}
    assert torch.equal(weights_of(tmp_path / "first")["fc.weight"], weights_of(tmp_path / "second")["fc.weight"])
    assert second.teacher_accuracy == first.accuracy


def test_pre_altered_baseline(tmp_path: Path) -> None:
    model = {"factory": "resnet8", "args": BASE["model"]["args"] | {"skips": "removed"}}
    result = train(parse_config(BASE | {"model": model, "epochs": 1}), tmp_path, progress=False)
    assert {choice.state for choice in load_run(result.checkpoint).plan.values()} == {SkipState.REMOVED}


def test_best_epoch_by_validation_after_the_last_alteration(remover: Path, tmp_path: Path) -> None:
    data = {"name": "digits", "validation": 0.1}
    teacher = {"weights": str(remover / "teacher")}
    train(config(select="best", data=data, teacher=teacher, tail_epochs=4), tmp_path, progress=False)
    rows = rows_of(tmp_path)
    best = max(rows[3:], key=lambda row: float(row["validation_accuracy"]))
    accuracy = load_run(tmp_path).provenance["metrics"]["accuracy"]
    assert accuracy == pytest.approx(float(best["test_accuracy"]), abs=1e-3)


OWN = """
import torch
from torch import nn
from torch.utils.data import TensorDataset

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.fc = nn.Linear(2, 2)
    def forward(self, x):
        y = torch.relu(self.b(torch.relu(self.a(x))) + x)
        return self.fc(y.mean([2, 3]))

def net():
    return Net()

def data():
    x = torch.randn(40, 2, 5, 6)
    y = (x.mean((1, 2, 3)) > 0).long()
    return TensorDataset(x[:30], y[:30]), TensorDataset(x[30:], y[30:])

def loss(outputs, labels):
    return nn.functional.cross_entropy(outputs, labels, label_smoothing=0.1)

def rate(epoch, epochs, last):
    return 0.5

def infinite(outputs, labels):
    return outputs.sum() * float("nan")
"""


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_training_file.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_training_file", raising=False)
    return tmp_path


def own_config(**changes: Any) -> TrainingConfig:
    content = {
        "model": {"factory": "own_training_file:net"},
        "data": {"name": "own_training_file:data", "validation": 6},
        "teacher": {"epochs": 1},
        "method": "skip_shortener",
        "loss": {"task": "own_training_file:loss"},
        "schedule": "own_training_file:rate",
        "optimizer": {"name": "AdamW", "lr": 0.01},
        "batch_size": 8,
        "alpha": 1,
        "tail_epochs": 1,
    }
    return parse_config(content | changes)


def test_everything_ones_own(own_folder: Path) -> None:
    result = train(own_config(), own_folder / "run", progress=True)
    run = load_run(result.checkpoint)
    assert run.input_shape == (2, 5, 6)
    assert {name: choice.state.value for name, choice in run.plan.items()} == {"skip": "shortened"}
    rows = rows_of(own_folder / "run")
    assert {row["learning_rate"] for row in rows} == {"0.005"}
    assert rows[0]["validation_accuracy"] != ""
    train(own_config(), own_folder / "run", resume=True, progress=False)


def test_nan_stops(own_folder: Path) -> None:
    message = "teacher, epoch 0: the loss is nan in batch 0; lower optimizer.lr (now 0.01) or clip_grad_norm"
    with pytest.raises(TrainFailed, match=f"^{re.escape(message)}$"):
        train(own_config(loss={"task": "own_training_file:infinite"}), own_folder / "run", progress=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"epochs": 3},
            "'epochs' is 3, but altering 3 skip connections every 1 epochs needs epochs of at least 4; more are "
            "better, since the last alteration has to be trained out",
        ),
        (
            {"tail_epochs": 0},
            "'tail_epochs' is 0, but altering 3 skip connections every 1 epochs needs epochs of at least 4; more are "
            "better, since the last alteration has to be trained out",
        ),
        ({"batch_size": 2000}, "batch_size is 2000, but there are only 1000 training samples"),
        (
            {"data": {"name": "digits", "validation": 1000}},
            "data.validation takes 1000 of 1000 training samples; leave some to train on",
        ),
        (
            {"skips": {"plan": {"layer1": "keep"}}},
            "'skips.plan' names 'layer1', did you mean 'layer1.0'?; the network's skip connections are: layer1.0, "
            "layer2.0, layer3.0",
        ),
        ({"device": "abacus"}, "'device' is 'abacus', which torch cannot use here; use auto or cpu"),
        (
            {"skips": {"style": "post"}, "method": "skip_shortener", "quantize": {"fold_skips": "trained"}},
            "skip 'layer1.0.0' cannot be folded into 'layer1.0.conv1' before quantization: style 'post' adds behind "
            "the activation; use fold_skips: exact",
        ),
        ({"teacher": {"weights": "none.pth"}}, "weights 'none.pth' do not exist"),
    ],
)
def test_bad_runs_leave_nothing_behind(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        train(config(**changes), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_rate_schedules() -> None:
    hold, cosine, step = (rate_schedule(name) for name in ("hold_cosine", "cosine", "step"))
    assert [hold(epoch, 8, 4) for epoch in (0, 3.9, 4, 6, 8)] == pytest.approx([1, 1, 1, 0.5, 0])
    assert [cosine(epoch, 8, 4) for epoch in (0, 4, 8)] == pytest.approx([1, 0.5, 0])
    assert [step(epoch, 90, 0) for epoch in (0, 29.9, 30, 60)] == pytest.approx([1, 1, 0.1, 0.01])
