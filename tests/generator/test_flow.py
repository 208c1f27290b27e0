"""The flow: a fault of one LSB planted in any executor is caught; formats come from where they should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from generator import flow, project
from generator.cli.main import run
from generator.config import HardwareConfig
from generator.errors import CheckFailed, ConfigError, SourceError
from generator.fixed_point import parse_format
from generator.float_graph import FloatConv2d
from generator.hardware_yaml import parse_hardware
from generator.source import Executor, Network, load_images, load_source

FRAMES = 3


def hardware(**model: object) -> HardwareConfig:
    return parse_hardware({"HLSConfig": {"Model": {"ReuseFactor": 36, **model}}}, "test")


CONFIG = hardware(Precision="ap_fixed<12,5>")


@pytest.fixture(scope="module")
def network() -> Network:
    return load_source("skip_block", args={"filters": 2, "image_size": 4, "skips": "shortened"})


@pytest.fixture(scope="module")
def quantized(network: Network) -> flow.Quantized:
    return flow.quantize_network(network, CONFIG)


@pytest.fixture(scope="module")
def images(network: Network) -> np.ndarray:
    return load_images(network, "random", {}, FRAMES).inputs


@pytest.fixture
def written(quantized: flow.Quantized, images: np.ndarray, tmp_path: Path) -> Path:
    flow.generate(quantized, CONFIG, images, tmp_path / "prj")
    return tmp_path / "prj"


def test_evaluate_finds_no_difference(quantized: flow.Quantized, images: np.ndarray) -> None:
    result = flow.evaluate(quantized, images, None)
    assert (result.mismatches_vs_torch, result.images, result.accuracy_fixed) == (0, FRAMES, None)
    assert result.images_per_second > 0


def test_fault_in_pytorch_is_caught(
    quantized: flow.Quantized, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Executor.output_integers

    def faulty(self: Executor, batch: np.ndarray) -> np.ndarray:
        outputs = honest(self, batch).copy()
        outputs.flat[5] += 1
        return outputs

    monkeypatch.setattr(Executor, "output_integers", faulty)
    assert flow.evaluate(quantized, images, None).mismatches_vs_torch == 1


def test_fault_in_an_inner_layer_of_the_reference_is_caught(
    quantized: flow.Quantized, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = flow.run_reference

    def faulty(*arguments: object, **options: object) -> object:
        result = honest(*arguments, **options)
        for array in result.observed.values():
            array.flat[0] += 1
            break
        return result

    monkeypatch.setattr(flow, "run_reference", faulty)
    assert flow.evaluate(quantized, images, None).mismatches_vs_torch == 1


@pytest.mark.slow
def test_fault_in_the_cpp_is_caught(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = written / "firmware" / "weights" / "block_conv2_bias.txt"
    assert project.csim(written, FRAMES)["mismatches"] == 0
    weights.write_text(_first_number_plus_one_lsb(weights.read_text(encoding="utf-8")), encoding="utf-8")
    assert run(["csim", str(written), "--frames", str(FRAMES), "--json"]) == 1
    captured = capsys.readouterr()
    assert '"mismatches": 0' not in captured.out
    assert captured.err.startswith(f"Error: csim {written}: ")
    assert " integers differ from PyTorch's, expected 0; the first that differs is layer 'block.1.add'" in captured.err


@pytest.mark.slow
def test_fault_in_the_systemverilog_is_caught(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory = written / "rtl" / "mem" / "block_conv2_bias.mem"
    lines = memory.read_text(encoding="utf-8").splitlines()
    place = next(index for index, line in enumerate(lines) if line and not line.startswith("/"))
    lines[place] = f"{int(lines[place], 16) ^ 0x80:0{len(lines[place])}x}"
    memory.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert run(["cosim", str(written), "--frames", str(FRAMES), "--json"]) == 1
    captured = capsys.readouterr()
    assert '"mismatches": 0' not in captured.out
    assert captured.err.startswith(f"Error: cosim {written}: ")


def _first_number_plus_one_lsb(text: str) -> str:
    head, separator, rest = text.partition(",")
    return f"{float(head) + 2.0**-7}{separator}{rest}"


def test_checkpoint_and_config_must_not_both_give_formats(network: Network) -> None:
    table = flow.quantize_network(network, CONFIG).formats
    tensors = network.fixed_module(table).integers()
    stored = replace(network, quantization=table, integers={name: tensor.numpy() for name, tensor in tensors.items()})
    assert flow.quantize_network(stored, hardware(Precision="from_checkpoint")).formats == table
    assert flow.quantize_network(stored, None).formats == table
    with pytest.raises(ConfigError) as caught:
        flow.quantize_network(stored, CONFIG)
    assert str(caught.value) == (
        "HLSConfig.Model.Precision: the checkpoint skip_block is quantized and fixes every format; "
        "leave Precision out or write from_checkpoint"
    )


def test_calibration_chooses_open_formats(network: Network, images: np.ndarray) -> None:
    quantized = flow.quantize_network(network, hardware(Precision="auto"), images)
    assert parse_format(quantized.formats["block.conv1"]["weight"]).width == 8
    assert flow.evaluate(quantized, images, None).mismatches_vs_torch == 0


def test_folded_layers_and_config_notes_become_warnings(network: Network, images: np.ndarray, tmp_path: Path) -> None:
    data = {
        "OutputDir": "x",
        "HLSConfig": {
            "Model": {"ReuseFactor": 36, "Precision": "ap_fixed<12,5>"},
            "LayerName": {"block.bn1": {"Precision": "ap_fixed<8,3>"}},
        },
    }
    config = parse_hardware(data, "test")
    written = flow.generate(flow.quantize_network(network, config), config, images, tmp_path / "prj")
    assert written.warnings[:2] == (
        "OutputDir has no effect here and is ignored",
        "HLSConfig.LayerName.block.bn1: is folded into its convolution and ignored",
    )


def test_weights_that_wrap_are_told_of(network: Network) -> None:
    narrow = hardware(Precision="ap_fixed<8,1>")
    layer = network.float_graph("net").node("block.conv2").layer
    assert isinstance(layer, FloatConv2d)
    values = np.floor(np.concatenate([layer.weight.reshape(-1), layer.bias]) * 128)
    count = int(((values < -128) | (values > 127)).sum())
    assert count > 0
    assert flow.quantize_network(network, narrow).warnings == (
        f"layer block.conv2: {count} weights and biases overflow their format and wrap; "
        "give it more integer bits, or AP_SAT",
    )
    assert flow.quantize_network(network, CONFIG).warnings == ()


def test_a_format_that_decides_nothing_is_told_of() -> None:
    post = load_source("skip_block", args={"filters": 2, "image_size": 4, "skips": "shortened", "style": "post"})
    layers = {"block.conv1.relu": {"Precision": {"result": "ap_fixed<8,3>"}}}
    data = {"HLSConfig": {"Model": {"ReuseFactor": 36, "Precision": "ap_fixed<12,5>"}, "LayerName": layers}}
    assert flow.quantize_network(post, parse_hardware(data, "test")).warnings == (
        "HLSConfig.LayerName.block.conv1.relu: a sum takes its exact value, so its result format is ignored; "
        "give the sum's to block.conv1",
    )


def test_empty_data_is_refused(quantized: flow.Quantized, images: np.ndarray) -> None:
    with pytest.raises(SourceError, match=r"^evaluate: the data set is empty$"):
        flow.evaluate(quantized, images[:0], None)


def test_differences_are_counted() -> None:
    ones = np.ones((2, 3), dtype=np.int64)
    assert flow.count_differences(ones, ones) == 0
    assert flow.count_differences(ones, ones * np.array([1, 2, 1])) == 2
    assert flow.count_differences(ones, ones[:1]) == 6


def test_mismatches_fail_the_check() -> None:
    project.require_equal("csim", Path("prj"), {"mismatches": 0})
    with pytest.raises(CheckFailed, match=r"^csim prj: 2 integers differ from PyTorch's, expected 0$"):
        project.require_equal("csim", Path("prj"), {"mismatches": 2, "first_difference": None})
