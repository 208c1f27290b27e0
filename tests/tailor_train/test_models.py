"""Built-in networks: names, shapes, seeds, and activations that fixed-point formats can hold."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tailor_train.errors import TrainError
from tailor_train.models import BUILTIN, build_model, initialise, input_shape_of, split_builtin_args
from tailor_train.plan import SkipState
from tailor_train.surgery import apply_plan

TINY = {"width": 4, "in_channels": 1, "image_size": 8}


def test_builtin_names() -> None:
    assert BUILTIN == ("skip_block", "resnet8", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110")


@pytest.mark.parametrize(("factory", "blocks"), [("resnet8", 3), ("resnet20", 9), ("resnet32", 15)])
def test_resnet_depth_and_names(factory: str, blocks: int) -> None:
    model = build_model(factory, TINY, 0)
    convolutions = [m for n, m in model.named_modules() if isinstance(m, nn.Conv2d) and "downsample" not in n]
    assert len(convolutions) + 1 == int(factory.removeprefix("resnet"))
    _, plan = split_builtin_args(factory, {**TINY, "skips": "removed"})
    assert len(plan) == blocks
    keys = set(model.state_dict())
    assert {"conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight", "fc.bias"} <= keys


def test_option_a_has_no_downsample_parameters() -> None:
    model = build_model("resnet8", {**TINY, "shortcut": "A"}, 0)
    assert not [name for name in model.state_dict() if "downsample" in name]
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_skip_block_with_stem() -> None:
    model = build_model("skip_block", {"filters": 4, "image_size": 6, "stem": 1}, 0)
    assert model(torch.zeros(2, 4, 6, 6)).shape == (2, 4, 6, 6)
    assert "stem.weight" in model.state_dict()
    assert "stem.weight" not in build_model("skip_block", {"filters": 4}, 0).state_dict()


def test_input_shapes() -> None:
    assert input_shape_of("resnet20", {}) == (3, 32, 32)
    assert input_shape_of("resnet20", {**TINY, "skips": "shortened"}) == (1, 8, 8)
    assert input_shape_of("skip_block", {}) == (16, 32, 32)
    assert input_shape_of("own:net", {}) is None


def test_same_seed_same_weights_and_random_state_untouched() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, second, third = (build_model("resnet8", TINY, seed).state_dict() for seed in (5, 5, 6))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], third["conv1.weight"])


@pytest.mark.parametrize("skips", ["traditional", "removed", "shortened"])
@pytest.mark.parametrize("factory", ["resnet8", "resnet20", "skip_block"])
def test_activations_keep_a_sane_range(factory: str, skips: str) -> None:
    args, plan = split_builtin_args(factory, {"skips": skips})
    shape = input_shape_of(factory, args)
    assert shape is not None
    module = apply_plan(build_model(factory, args, 0, plan), plan, shape).module
    spreads: list[float] = []
    for child in module.modules():
        if isinstance(child, nn.ReLU):
            child.register_forward_hook(lambda _m, _i, out: spreads.append(float(out.std())))
    largest: list[float] = []
    for child in module.modules():
        if isinstance(child, nn.ReLU | nn.BatchNorm2d):
            child.register_forward_hook(lambda _m, _i, out: largest.append(float(out.abs().max())))
    with torch.no_grad():
        module(torch.randn(2, *shape, generator=torch.Generator().manual_seed(1)))
    assert min(spreads) > 0.2
    assert max(largest) < 31.0


def test_initialise_gives_neutral_batch_norm() -> None:
    model = build_model("resnet8", TINY, 0)
    initialise(model, "resnet8", 0)
    norm = model.get_submodule("layer1.0.bn1")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert torch.equal(norm.running_mean, torch.zeros(4))
    assert torch.equal(norm.weight, torch.ones(4))


def test_split_builtin_args() -> None:
    args, plan = split_builtin_args("skip_block", {"filters": 4, "skips": "shortened"})
    assert args == {"filters": 4}
    assert [(name, choice.state, choice.style.value) for name, choice in plan.items()] == [
        ("block", SkipState.SHORTENED, "pre")
    ]
    assert split_builtin_args("resnet8", {"width": 4}) == ({"width": 4}, {})
    assert split_builtin_args("own:net", {"skips": 3}) == ({"skips": 3}, {})


@pytest.mark.parametrize(
    ("factory", "args", "message"),
    [
        (
            "resnt20",
            {},
            "model 'resnt20' is unknown, did you mean 'resnet20'?; built-in are skip_block, resnet8, resnet20, "
            "resnet32, resnet44, resnet56, resnet110; your own is given as package.module:factory",
        ),
        (
            "resnet8",
            {"widht": 4},
            "model 'resnet8' has no argument 'widht', did you mean 'width'?; it takes width, image_size, in_channels, "
            "classes, shortcut, skips, style",
        ),
        ("resnet8", {"width": "wide"}, "model 'resnet8': width='wide', expected a positive integer"),
        ("resnet8", {"shortcut": "C"}, "model 'resnet8': shortcut='C' is unknown; use A or B"),
    ],
)
def test_wrong_names_and_arguments(factory: str, args: dict[str, object], message: str) -> None:
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        build_model(factory, args, 0)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"skips": "gone"}, "model 'resnet8': skips='gone' is unknown; use traditional, removed, shortened"),
        ({"style": "mid"}, "model 'resnet8': style='mid' is unknown; use pre or post"),
    ],
)
def test_wrong_skip_arguments(args: dict[str, object], message: str) -> None:
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        split_builtin_args("resnet8", args)


def test_own_factory_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_model_file.py").write_text(
        "from torch import nn\n"
        "def make(channels=2):\n    return nn.Conv2d(channels, 2, 1)\n"
        "def wrong():\n    return 3\n"
        "def broken():\n    raise ValueError('no luck')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    first, second = (build_model("own_model_file:make", {"channels": 3}, 9) for _ in range(2))
    assert torch.equal(first.weight, second.weight)  # type: ignore[arg-type]
    cases = {
        "own_model_file:wrong": "model factory 'own_model_file:wrong' returned int, expected torch.nn.Module",
        "own_model_file:broken": "model factory 'own_model_file:broken' failed with ValueError: no luck",
        "own_model_file:mak": "model 'own_model_file:mak': module 'own_model_file' has no function 'mak', did you mean "
        "'make'?",
        "own_model_file:": "model 'own_model_file:' is no factory; expected package.module:factory",
        "not_there_at_all:make": "model 'not_there_at_all:make': module 'not_there_at_all' cannot be imported "
        "(ModuleNotFoundError: No module named 'not_there_at_all'); modules are looked for in the current folder and "
        "on the Python path",
    }
    for factory, message in cases.items():
        with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
            build_model(factory, {}, 0)
