"""Quantization: every exported integer is Brevitas', a single wrong one is noticed, and the RUN folder holds it all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from tailor_train.brevitas_model import BrevitasModel
from tailor_train.checkpoint import Run, deploy_run, load_run
from tailor_train.config import QuantizeConfig, TrainingConfig, load_config, parse_config
from tailor_train.data import ArrayDataset, Batch, DataSplit
from tailor_train.errors import TrainError, TrainFailed
from tailor_train.fixed_module import FixedPointModule
from tailor_train.fixed_point import parse_format
from tailor_train.models import build_model, split_builtin_args
from tailor_train.plan import SkipChoice, SkipState
from tailor_train.quantize import (
    calibrate_formats,
    calibrated_model,
    check_equal,
    export_checked,
    quantize_run,
    train_quantized,
)
from tailor_train.skips import find_skips
from tailor_train.surgery import Deployed, apply_plan
from tailor_train.tracing import trace

SKIPS = ("traditional", "shortened", "removed", "traditional post", "shortened post")
ARGS = {"width": 4, "in_channels": 1, "image_size": 8}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def deploy(skips: str, **args: Any) -> Deployed:
    state, _, style = skips.partition(" ")
    rest, plan = split_builtin_args("resnet8", ARGS | args | {"skips": state, "style": style or "pre"})
    size = int(rest["image_size"])
    return apply_plan(build_model("resnet8", rest, 3), plan, (1, size, size))


def samples(count: int = 96, size: int = 8) -> ArrayDataset:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(10, (count,), generator=generator)
    inputs = torch.randn(count, 1, size, size, generator=generator) + labels[:, None, None, None] / 5
    return ArrayDataset(inputs, labels)


def config(**quantize: Any) -> TrainingConfig:
    base = parse_config({"model": {"factory": "resnet8"}, "batch_size": 32, "device": "cpu"})
    return replace(base, quantize=QuantizeConfig(**quantize))


def exact_after(model: BrevitasModel, deployed: Deployed, data: ArrayDataset) -> FixedPointModule:
    """Export, and compare all nodes here once more, independent of `check_equal`."""
    fixed = export_checked(model, deployed, data)
    dtype = next(model.parameters()).dtype
    for mine, theirs in zip(fixed.values(data.inputs), model.plain_values(data.inputs.to(dtype)), strict=True):
        assert torch.equal(mine, theirs.detach().double())
    return fixed


@pytest.mark.parametrize("skips", SKIPS)
@pytest.mark.parametrize("bits", [8, 5])
def test_calibrated_integers_equal_brevitas_in_every_node(skips: str, bits: int) -> None:
    deployed, data = deploy(skips), samples()
    model = calibrated_model(deployed, [data.inputs], bits)
    fixed = exact_after(model, deployed, data)
    assert parse_format(fixed.formats["conv1.relu"]["result"]).width == bits
    assert parse_format(fixed.formats["fc"]["weight"]).width == bits
    assert "result" not in fixed.formats["fc"]
    post = skips.endswith("post")  # then the sum has no ReLU and goes by the name of the conv in front of it
    assert ("result" in fixed.formats["layer1.0.conv2"]) == post
    assert ("layer1.0.conv2.relu" in fixed.formats) != post


def test_a_post_sum_is_signed_where_its_skip_can_be_negative() -> None:
    deployed, data = deploy("shortened post"), samples()
    formats = calibrated_model(deployed, [data.inputs], 8).export().formats
    signs = [parse_format(formats[f"layer{stage}.0.conv1"]["result"]).signed for stage in (1, 2, 3)]
    assert signs == [False, True, True], "only the projections of stages 2 and 3 can be negative"


def test_sixteen_bits_are_checked_in_float64() -> None:
    deployed, data = deploy("traditional"), samples()
    model = calibrated_model(deployed, [data.inputs], 16)
    fixed = exact_after(model, deployed, data)
    assert fixed.largest_sum >= 2**24
    assert next(model.parameters()).dtype == torch.float64


@pytest.mark.parametrize("skips", SKIPS)
def test_trained_integers_equal_brevitas_in_every_node(skips: str) -> None:
    deployed, data = deploy(skips), samples()
    model = calibrated_model(deployed, [data.inputs], 8)
    before = model.export().integers
    losses = []
    train_quantized(
        model, deployed.module, data, config(epochs=2, lr=0.02), lambda done, of, figures: losses.append(figures)
    )
    exact_after(model, deployed, data)
    assert len(losses) == 2
    assert losses[1]["loss"] < losses[0]["loss"]
    assert any(not torch.equal(before[key], value) for key, value in model.export().integers.items())


def test_a_mean_over_nine_pixels_equals_brevitas() -> None:
    deployed, data = deploy("traditional", image_size=12), samples(size=12)
    fixed = exact_after(calibrated_model(deployed, [data.inputs], 8), deployed, data)
    assert fixed.operations[-3].read_shape == (16, 3, 3)


def test_signed_means_and_outputs_without_activation_are_quantized_signed() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
    deployed, data = apply_plan(net, {}, (1, 8, 8)), samples()
    fixed = exact_after(calibrated_model(deployed, [data.inputs], 8), deployed, data)
    assert fixed.formats["0"]["result"].startswith("ap_fixed<8,")
    assert fixed.formats["1"]["result"].startswith("ap_fixed<8,")


@pytest.mark.parametrize("key", ["conv1.weight", "layer2.0.conv2.bias", "fc.weight"])
def test_one_wrong_integer_is_noticed_and_its_layer_named(key: str) -> None:
    deployed, data = deploy("traditional"), samples()
    model = calibrated_model(deployed, [data.inputs], 8)
    export = model.export()
    wrong = export.integers[key].clone().flatten()
    place = int(wrong.abs().argmin())
    wrong[place] += 1 << 12 if key.endswith("bias") else 1
    fixed = FixedPointModule(
        deployed, export.formats, export.integers | {key: wrong.reshape(export.integers[key].shape)}
    )
    with pytest.raises(TrainFailed) as error:
        check_equal(fixed, model, data)
    layer = {"conv1.weight": "conv1", "layer2.0.conv2.bias": "layer2.0.conv2", "fc.weight": "fc"}[key]
    assert str(error.value).startswith(f"layer {layer!r}: the exported integers differ from Brevitas in ")
    assert str(error.value).endswith("; the checkpoint was not written")
    check_equal(FixedPointModule(deployed, export.formats, export.integers), model, data)


def test_one_wrong_lsb_of_a_bias_is_noticed() -> None:
    deployed, data = deploy("removed"), samples()
    model = calibrated_model(deployed, [data.inputs], 8)
    export = model.export()
    export.integers["fc.bias"][3] += 1
    with pytest.raises(
        TrainFailed, match=r"^layer 'fc': the exported integers differ from Brevitas in 96 of 960 values; "
    ):
        check_equal(FixedPointModule(deployed, export.formats, export.integers), model, data)


def float_run(skips: str) -> Run:
    state, _, style = skips.partition(" ")
    rest, plan = split_builtin_args("resnet8", ARGS | {"skips": state, "style": style or "pre"})
    deployed = deploy(skips)
    return Run(
        factory="resnet8",
        args=rest,
        input_shape=(1, 8, 8),
        plan=plan,
        quantization=None,
        tensors={name: tensor.clone() for name, tensor in deployed.module.state_dict().items()},
        provenance={"method": "baseline", "seed": 3},
    )


@pytest.mark.parametrize("mode", ["ptq", "qat"])
def test_a_run_is_quantized_saved_and_read_back(tmp_path: Path, mode: str) -> None:
    data = DataSplit(name="mine:data", args={"n": 1}, train=samples(), test=samples(64))
    epochs = []
    result = quantize_run(
        float_run("shortened"),
        config(mode=mode, epochs=1),
        tmp_path / "fixed",
        data=data,
        progress=lambda done, of, figures: epochs.append((done, of)),
    )
    assert epochs == ([(1, 1)] if mode == "qat" else [])
    assert result.checkpoint == tmp_path / "fixed" / "model.safetensors"
    run = load_run(tmp_path / "fixed")
    assert run.data == {"name": "mine:data", "args": {"n": 1}}
    assert run.provenance["metrics"] == {
        "accuracy_float": result.accuracy_float,
        "accuracy_fixed": result.accuracy_fixed,
    }
    assert run.provenance["quantize"]["mode"] == mode
    assert load_config(tmp_path / "fixed" / "config.yaml") == config(mode=mode, epochs=1)
    assert run.tensors["conv1.weight"].dtype == torch.int8
    assert run.tensors["conv1.bias"].dtype == torch.int32
    assert sorted({key.rpartition(".")[2] for key in run.tensors}) == ["bias", "weight"]
    assert run.quantization is not None
    module = FixedPointModule(deploy_run(run), run.quantization, run.tensors)
    test = samples(64)
    right = int((module(test.inputs).argmax(1) == test.labels).sum())
    assert result.accuracy_fixed == 100.0 * right / 64


@pytest.mark.parametrize("mode", ["ptq", "qat"])
def test_short_skips_are_folded_before_quantization(tmp_path: Path, mode: str) -> None:
    data = DataSplit(name="mine:data", args={}, train=samples(), test=samples(64))
    result = quantize_run(
        float_run("shortened"), config(mode=mode, epochs=1, fold_skips="trained"), tmp_path / "fixed", data=data
    )
    run = load_run(result.checkpoint)
    assert all(choice == SkipChoice(state=SkipState.SHORTENED, folded=True) for choice in run.plan.values())
    assert run.provenance["quantize"]["fold_skips"] == "trained"
    assert not [name for name in run.tensors if "downsample" in name]
    formats = dict(run.quantization or {})
    plain = calibrated_model(deploy("shortened"), [data.train.inputs], 8).export().formats  # type: ignore[attr-defined]
    for layer in ("layer1.0.conv1", "layer2.0.conv1", "layer3.0.conv2"):
        own, before = parse_format(formats[layer]["weight"]), parse_format(plain[layer]["weight"])
        assert own.width == before.width == 8
        assert own.fraction_bits <= before.fraction_bits
    eye = run.tensors["layer1.0.conv1.weight"][:, :, 1, 1].double().diagonal()
    unit = 2.0 ** parse_format(formats["layer1.0.conv1"]["weight"]).fraction_bits
    assert float(eye.mean()) > 0.4 * unit, "the identity is part of the weights"
    module = FixedPointModule(deploy_run(run), formats, run.tensors)
    assert not [name for name in module.names if name.endswith(".add")]
    right = int((module(samples(64).inputs).argmax(1) == samples(64).labels).sum())
    assert result.accuracy_fixed == 100.0 * right / 64


@pytest.mark.parametrize("skips", ["traditional", "removed"])
def test_without_short_skips_there_is_nothing_to_fold(tmp_path: Path, skips: str) -> None:
    data = DataSplit(name="mine:data", args={}, train=samples(), test=samples(64))
    runs = [
        load_run(
            quantize_run(float_run(skips), config(mode="ptq", fold_skips=fold), tmp_path / fold, data=data).checkpoint
        )
        for fold in ("exact", "trained")
    ]
    assert runs[0].plan == runs[1].plan
    assert all(torch.equal(tensor, runs[1].tensors[name]) for name, tensor in runs[0].tensors.items())


def test_what_cannot_be_folded_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    data = DataSplit(name="mine:data", args={}, train=samples(), test=samples(64))
    with pytest.raises(TrainError) as error:
        quantize_run(float_run("shortened post"), config(fold_skips="trained"), tmp_path / "fixed", data=data)
    assert str(error.value) == (
        "skip 'layer1.0.0' cannot be folded into 'layer1.0.conv1' before quantization: style 'post' adds behind the "
        "activation; use fold_skips: exact"
    )
    assert not (tmp_path / "fixed").exists()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    data = DataSplit(name="mine:data", args={}, train=samples(), test=samples(64))
    files = []
    for name in ("a", "b"):
        torch.manual_seed(len(files))
        files.append(quantize_run(float_run("removed"), config(epochs=1), tmp_path / name, data=data).checkpoint)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_quantized_run_is_refused(tmp_path: Path) -> None:
    run = replace(float_run("removed"), quantization={})
    with pytest.raises(TrainError) as error:
        quantize_run(run, config(), tmp_path / "fixed")
    assert str(error.value) == ("model 'resnet8' is quantized already; quantize the floating-point run it came from")
    assert not (tmp_path / "fixed").exists()


def test_a_folder_that_cannot_be_made_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainError) as error:
        quantize_run(float_run("removed"), config(), tmp_path / "file" / "fixed")
    assert str(error.value) == (
        f"folder '{tmp_path / 'file' / 'fixed'}' cannot be created: Not a directory; choose another --out"
    )


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    data = DataSplit(name="mine:data", args={}, train=samples(), test=samples(64))
    with pytest.raises(TrainError) as error:
        quantize_run(float_run("removed"), replace(config(), device="abacus"), tmp_path / "fixed", data=data)
    assert str(error.value) == "'device' is 'abacus', which torch cannot use here; use auto or cpu"


def test_a_loss_of_nan_stops_and_writes_nothing(tmp_path: Path) -> None:
    data = DataSplit(name="mine:data", args={}, train=samples(), test=samples(64))
    with pytest.raises(TrainFailed) as error:
        quantize_run(float_run("removed"), config(epochs=2, lr=1e30), tmp_path / "fixed", data=data)
    assert str(error.value).startswith("quantization-aware training: the loss is ")
    assert str(error.value).endswith("; lower quantize.lr (now 1e+30)")
    assert not (tmp_path / "fixed").exists()


def test_formats_are_calibrated_for_a_float_network() -> None:
    deployed, data = deploy("traditional"), samples()
    formats = calibrate_formats(deployed, data.inputs.double())
    fixed = FixedPointModule(deployed, formats)
    exact = FixedPointModule(deployed, formats, calibrated_model(deployed, [data.inputs], 8).export().integers)
    assert formats["input"]["result"].startswith("ap_fixed<8,")
    assert formats["avgpool"]["result"].startswith("ap_ufixed<8,")
    pairs = [(value, exact.integers()[key]) for key, value in fixed.integers().items() if key.endswith("weight")]
    assert all(int((mine - theirs).abs().max()) <= 1 for mine, theirs in pairs)


def test_nothing_to_calibrate_on_is_refused() -> None:
    with pytest.raises(TrainError) as error:
        calibrated_model(deploy("removed"), [], 8)
    assert str(error.value) == "quantization needs images to calibrate on, got none"


class OwnNet(nn.Module):
    """A user's network: functional ReLUs, a bias beside batch norm, an unused head, pooling by mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.conv3 = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4, 10)
        self.unused = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm1(self.conv1(x)))
        h = F.relu(self.conv2(x))
        x = (self.conv3(h) + x).relu()
        result: Tensor = self.head(x.mean(dim=(2, 3)))
        return result


class PlainDataset(Dataset[Batch]):
    """Samples one by one, as a user's data set gives them."""

    def __init__(self, count: int) -> None:
        self.samples = samples(count)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Batch:
        return self.samples[index]


@pytest.mark.parametrize("state", list(SkipState))
def test_a_users_own_network_and_data_are_quantized(state: SkipState) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = OwnNet()
    (skip,) = find_skips(trace(net, (1, 8, 8)))
    deployed, data = apply_plan(net, {skip.name: SkipChoice(state=state)}, (1, 8, 8)), PlainDataset(64)
    model = calibrated_model(deployed, [data.samples.inputs], 8)
    train_quantized(model, deployed.module, data, config(epochs=1))
    exact_after(model, deployed, data.samples)


class LinearFork(nn.Module):
    """A convolution without activation that feeds a skip and a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3, padding=1)
        self.conv = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return torch.relu(self.conv(x) + x)


def test_a_convolution_on_exact_sums_cannot_be_trained_on() -> None:
    with pytest.raises(TrainError) as error:
        BrevitasModel(apply_plan(LinearFork(), {}, (1, 8, 8)))
    assert str(error.value) == (
        "layer 'conv' reads the exact sums of 'stem', which also feed a skip connection; training in fixed point "
        "needs an activation between them: put a ReLU behind 'stem'"
    )
