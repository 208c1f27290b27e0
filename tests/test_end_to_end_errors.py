"""Bad input, as a user meets it: one clear message, exit 2, nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.cli.main import run

HARDWARE = """
HLSConfig:
  Model: {Precision: "ap_fixed<16,6>", ReuseFactor: 36}
"""
OWN_NET = """
from torch import nn

def make():
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Sigmoid(), nn.Conv2d(4, 4, 5, padding=2))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a hardware configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hw.yaml").write_text(HARDWARE, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "hw.yaml").write_text(HARDWARE, encoding="utf-8")
    arguments = [*BLOCK, "--hardware", str(folder / "hw.yaml"), "--out", str(folder / "prj"), "--frames", "2"]
    assert run(["generate", *arguments]) == 0
    return folder / "prj"


BLOCK = ("skip_block", "--arg", "filters=2", "--arg", "image_size=4")


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The message of a command that must end with 2 and write nothing."""
    before = sorted(Path.cwd().rglob("*"))
    capsys.readouterr()
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert "Traceback" not in captured.err
    assert sorted(path for path in Path.cwd().rglob("*") if "__pycache__" not in path.parts) == before
    return captured.err.removeprefix("Error: ").rstrip("\n")


def generate(*more: str) -> list[str]:
    return ["generate", *BLOCK, "--hardware", "hw.yaml", "--out", "prj", *more]


def test_unknown_config_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "hw.yaml").write_text("HLSConfig: {Model: {ReuseFactr: 36}}", encoding="utf-8")
    assert refused(generate(), capsys) == (
        "hardware config hw.yaml: 2 problems"
        "\n  - unknown key 'ReuseFactr' in HLSConfig.Model; the nearest known one is 'ReuseFactor'"
        "\n  - HLSConfig.Model.ReuseFactor is missing; give the most cycles a pixel may take, e.g. 72"
    )


def test_impossible_reuse_factor(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = HARDWARE + "  LayerName: {block.conv1: {ReuseFactor: 10}}\n"
    (folder / "hw.yaml").write_text(text, encoding="utf-8")
    assert refused(generate(), capsys) == (
        "LayerName.block.conv1.ReuseFactor: 10 is not legal for this layer; the nearest legal values are 9 and 18"
    )


def test_unsupported_layers_are_all_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad_net_of_mine.py").write_text(OWN_NET, encoding="utf-8")
    arguments = ["generate", "bad_net_of_mine:make", "--input-shape", "2,4,4", "--hardware", "hw.yaml", "--out", "prj"]
    message = refused(arguments, capsys)
    assert message.startswith("network 'bad_net_of_mine:make' cannot be imported: '")
    assert "Sigmoid" in message


def test_wrong_input_shape(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "shape_net_of_mine.py").write_text(OWN_NET, encoding="utf-8")
    message = refused(["skips", "shape_net_of_mine:make", "--input-shape", "3,4,4"], capsys)
    assert message.startswith("model 'Sequential' does not take an input of shape (3, 4, 4): ")
    assert refused(["skips", "shape_net_of_mine:make"], capsys) == (
        "source shape_net_of_mine:make: the shape of one input is not known; give --input-shape C,H,W"
    )
    assert refused(["skips", "resnet8", "--input-shape", "3,8,8"], capsys) == (
        "source resnet8: takes inputs of (3, 32, 32), --input-shape says (3, 8, 8); leave it out"
    )


def test_unwritable_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").write_text("", encoding="utf-8")
    target = folder / "file" / "prj"
    message = refused([*generate()[:-2], "--out", str(target)], capsys)
    assert message.startswith(f"output {target}: cannot be written (")
    assert refused(["demo", "--quick", "--out", str(folder / "file")], capsys).startswith(f"output {folder / 'file'}: ")


def test_output_that_holds_other_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "prj").mkdir()
    (folder / "prj" / "thesis.tex").write_text("precious", encoding="utf-8")
    assert refused(generate(), capsys) == (
        f"output {folder / 'prj'}: holds files that Tailor did not write; name an empty or new folder"
    )
    assert refused(["demo", "--out", "prj"], capsys) == (
        "output prj: holds files that the demo did not write; name an empty or new folder"
    )


def test_damaged_and_missing_checkpoints(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "model.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{broken}")
    assert "model.safetensors" in refused(["skips", "model.safetensors"], capsys)
    assert "no_run.safetensors" in refused(["skips", "no_run.safetensors"], capsys)
    (folder / "RUN").mkdir()
    assert "RUN" in refused(["evaluate", "RUN"], capsys)


def test_checkpoint_with_model_arguments(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "RUN").mkdir()
    assert refused(["skips", "RUN", "--arg", "width=8"], capsys) == (
        "source RUN: a checkpoint knows its model; --arg, --weights and --input-shape are for a built-in name or "
        "package.module:factory"
    )


def test_more_frames_than_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["generate", "resnet8", "--arg", "in_channels=1", "--arg", "image_size=8", "--hardware", "hw.yaml"]
    assert refused([*arguments, "--out", "prj", "--data", "digits", "--frames", "1000"], capsys) == (
        "--frames 1000: the data holds 797 test images; ask for at most that many"
    )


def test_open_formats_need_calibration(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "hw.yaml").write_text("HLSConfig: {Model: {ReuseFactor: 36, Precision: auto}}", encoding="utf-8")
    assert refused(generate(), capsys) == (
        "skip_block: HLSConfig.Model.Precision is open and the network is not quantized; "
        "give a Precision, or --calibrate DATA to choose formats by it"
    )


def test_data_of_its_own_is_needed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(["evaluate", *BLOCK, "--hardware", "hw.yaml"], capsys) == (
        "source skip_block: names no data of its own; give --data"
    )


@pytest.mark.parametrize(("command", "tool"), [("csim", "g++"), ("cosim", "c++")])
def test_missing_compiler(
    command: str, tool: str, written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(written.parent)
    monkeypatch.setenv("PATH", str(written / "no_tools_here"))
    message = refused([command, str(written), "--frames", "2"], capsys)
    assert message.startswith(f"tool '{tool}': expected an executable on PATH, found none; ")


@pytest.mark.parametrize("command", ["csim", "cosim"])
def test_more_frames_than_stored(command: str, written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, str(written), "--frames", "3"]) == 2
    message = capsys.readouterr().err
    assert "2" in message
    assert "3" in message
    assert message.count("\n") == 1


def test_damaged_project(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "prj").mkdir()
    (folder / "prj" / "design.json").write_text("[1", encoding="utf-8")
    for command in (["csim", "prj"], ["cosim", "prj"], ["synth", "prj"], ["report", "prj", "--out", "r.html"]):
        assert refused(command, capsys) == "project prj: design.json is damaged; generate the project again"
