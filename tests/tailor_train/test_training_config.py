"""Training configurations: defaults, overrides, and every problem named at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tailor_train.config import apply_overrides, config_text, load_config, parse_config
from tailor_train.errors import TrainError

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("train_*.yaml"))
MODEL = {"factory": "resnet8"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations(path: Path) -> None:
    config = load_config(path)
    assert config.clip_grad_norm == 1.0
    assert config.data.name == "digits"
    assert parse_config(yaml.safe_load(config_text(config))) == config


def test_defaults() -> None:
    config = parse_config({"model": MODEL})
    assert (config.method, config.alpha, config.beta, config.epochs) == ("baseline", 3, 0.35, None)
    assert config.optimizer.weight_decay == 1e-4
    assert config.quantize is None
    assert parse_config({"model": MODEL, "quantize": {}}).quantize is not None


def test_overrides() -> None:
    content = {"model": MODEL, "optimizer": {"lr": 0.1}}
    changed = apply_overrides(content, ["optimizer.lr=1e-3", "epochs=7", "model.args.width=4", "teacher.epochs=2"])
    config = parse_config(changed)
    assert (config.optimizer.lr, config.epochs, config.model.args) == (1e-3, 7, {"width": 4})
    assert content == {"model": {"factory": "resnet8"}, "optimizer": {"lr": 0.1}}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "key 'model' is missing"),
        ({"model": {}}, "key 'model.factory' is missing"),
        ({"model": MODEL, "epoch": 3}, "unknown key 'epoch', did you mean 'epochs'?"),
        ({"model": MODEL, "optimizer": {"rl": 3}}, "unknown key 'optimizer.rl', did you mean 'lr'?"),
        (
            {"model": MODEL, "loss": {"zzz": 3}},
            "unknown key 'loss.zzz', known are task, distill",
        ),
        ({"model": "resnet8"}, "'model' is 'resnet8', expected a mapping"),
        ({"model": MODEL, "alpha": 0}, "'alpha' is 0, expected an integer of at least 1"),
        ({"model": MODEL, "alpha": True}, "'alpha' is True, expected an integer of at least 1"),
        ({"model": MODEL, "beta": 2}, "'beta' is 2, expected a number from 0 to 1"),
        ({"model": MODEL, "beta": "much"}, "'beta' is 'much', expected a number from 0 to 1"),
        ({"model": MODEL, "epochs": "many"}, "'epochs' is 'many', expected auto or an integer of at least 1"),
        (
            {"model": MODEL, "method": "skip_removr"},
            "'method' is 'skip_removr', expected baseline, skip_remover, skip_shortener, did you mean 'skip_remover'?",
        ),
        (
            {"model": MODEL, "method": "kd_only"},
            "'method' is 'kd_only', expected baseline, skip_remover, skip_shortener ('kd_only' is not available in "
            "this version)",
        ),
        ({"model": MODEL, "clip_grad_norm": -1}, "'clip_grad_norm' is -1, expected null or a number of at least 0"),
        ({"model": MODEL, "optimizer": {"nesterov": 1}}, "'optimizer.nesterov' is 1, expected true or false"),
        (
            {"model": {"factory": "a:b", "input_shape": 3}},
            "'model.input_shape' is 3, expected null or a list, each an integer of at least 1",
        ),
        ({"model": {"factory": ""}}, "'model.factory' is '', expected a text"),
        ({"model": {"factory": "resnet8", "args": 3}}, "'model.args' is 3, expected a mapping"),
        ({"model": MODEL, "skips": {"plan": {"a": "drop"}}}, "'skips.plan' is {'a': 'drop'}, expected keep"),
        ({"model": MODEL, "teacher": {}}, "'teacher' needs either epochs or weights"),
        (
            {"model": MODEL, "method": "skip_remover"},
            "method 'skip_remover' needs a trained network: give model.weights, or teacher.epochs",
        ),
        (
            {"model": MODEL, "select": "best"},
            "'select' is 'best', which needs data.validation above 0; the test set selects nothing",
        ),
        (
            {"model": MODEL, "data": {"name": "digit"}},
            "'data.name' is 'digit', did you mean 'digits'?, expected digits, random or package.module:factory",
        ),
        (
            {"model": MODEL, "optimizer": {"momentum": 0}},
            "'optimizer.nesterov' needs optimizer.momentum above 0",
        ),
        (
            {
                "model": {"factory": "resnet8", "args": {"skips": "removed"}},
                "method": "skip_remover",
                "teacher": {"epochs": 1},
            },
            "'model.args' sets skips, which method 'skip_remover' alters itself; leave skips and style out",
        ),
    ],
)
def test_problems(content: dict[str, Any], problem: str) -> None:
    with pytest.raises(TrainError, match=f"^config 'x': {re.escape(problem)}$"):
        parse_config(content, "config 'x'")


def test_all_problems_in_one_message() -> None:
    with pytest.raises(TrainError) as caught:
        parse_config({"model": MODEL, "alpha": 0, "optimizer": {"lr": -1}, "tail": 3})
    assert str(caught.value).count(";") == 2


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- 1")
    (tmp_path / "bad.yaml").write_text("a: [1")
    (tmp_path / "code.yaml").write_text("a: !!python/object/apply:os.system [ls]")
    cases = {
        "list.yaml": "configuration '{}' is list, expected a mapping with the key 'model'",
        "none.yaml": "configuration '{}' cannot be read: No such file or directory",
    }
    for name, message in cases.items():
        with pytest.raises(TrainError, match=f"^{re.escape(message.format(tmp_path / name))}$"):
            load_config(tmp_path / name)
    for name in ("bad.yaml", "code.yaml"):
        with pytest.raises(TrainError, match=rf"^configuration '.*{name}' is no YAML: .*$"):
            load_config(tmp_path / name)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lr", "--set 'lr': expected key=value, e.g. optimizer.lr=0.05"),
        ("lr=[1", "--set 'lr=[1': the value is no YAML"),
    ],
)
def test_wrong_overrides(override: str, message: str) -> None:
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        apply_overrides({}, [override])
