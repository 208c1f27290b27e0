"""The commands' answers: keys, tables, and what they hand on. Tools are replaced; they have their own tests."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from generator import project
from generator.cli.main import run

TRAINING = """
model: {factory: resnet8, args: {width: 2, in_channels: 1, image_size: 8}}
data: {name: digits}
teacher: {epochs: 1}
method: skip_remover
alpha: 1
tail_epochs: 1
batch_size: 64
quantize: {bits: 8, mode: ptq}
"""
HARDWARE = "HLSConfig: {Model: {Precision: from_checkpoint, ReuseFactor: 72}}"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with configurations, a run and a project."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "train.yaml").write_text(TRAINING, encoding="utf-8")
    (folder / "hw.yaml").write_text(HARDWARE, encoding="utf-8")
    assert run(["train", str(folder / "train.yaml"), "--out", str(folder / "run")]) == 0
    fixed = str(folder / "run" / "fixed")
    arguments = ["--hardware", str(folder / "hw.yaml"), "--data", "digits", "--frames", "4"]
    assert run(["generate", fixed, *arguments, "--out", str(folder / "prj")]) == 0
    return folder


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    payload = json.loads(captured.out)
    assert isinstance(payload, dict)
    return payload


def test_train_answers_with_both_networks(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    payload = answer(
        capsys, "train", str(trained / "train.yaml"), "--out", str(tmp_path / "run"), "--set", "tail_epochs=2"
    )
    assert payload["epochs"] == 5
    assert 0.0 <= payload["accuracy"] <= 100.0
    assert Path(payload["checkpoint"]) == tmp_path / "run" / "model.safetensors"
    assert Path(payload["checkpoint_fixed"]) == tmp_path / "run" / "fixed" / "model.safetensors"
    assert 0.0 <= payload["accuracy_fixed"] <= 100.0


def test_quantize_gives_what_training_gave(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    payload = answer(
        capsys, "quantize", str(trained / "run"), str(trained / "train.yaml"), "--out", str(tmp_path / "fixed")
    )
    assert payload.keys() == {"accuracy_float", "accuracy_fixed", "checkpoint"}
    again = (tmp_path / "fixed" / "model.safetensors").read_bytes()
    assert again == (trained / "run" / "fixed" / "model.safetensors").read_bytes()


def test_evaluate_compares_all_test_images(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    payload = answer(capsys, "evaluate", str(trained / "run" / "fixed"))
    assert payload["images"] == 797
    assert payload["mismatches_vs_torch"] == 0
    assert payload["wrapped"] == {}
    limited = answer(capsys, "evaluate", str(trained / "run" / "fixed"), "--limit", "10", "--data", "random")
    assert (limited["images"], limited["accuracy_fixed"]) == (10, 100.0)


def test_evaluate_warns_of_weights_that_wrap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "hw.yaml"
    config.write_text("HLSConfig: {Model: {Precision: 'ap_fixed<8,1>', ReuseFactor: 36}}\n", encoding="utf-8")
    small = ("--arg", "filters=2", "--arg", "image_size=4", "--data", "random", "--limit", "4")
    assert run(["evaluate", "skip_block", *small, "--hardware", str(config), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["mismatches_vs_torch"] == 0
    assert "Warning: layer block.conv2: " in captured.err
    assert " weights and biases overflow their format and wrap; give it more integer bits, or AP_SAT" in captured.err


def test_generate_describes_the_project(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, hardware = str(trained / "run" / "fixed"), str(trained / "hw.yaml")
    payload = answer(
        capsys, "generate", source, "--hardware", hardware, "--out", str(tmp_path / "prj"), "--frames", "2"
    )
    assert len(payload["digest"]) == 64
    assert {"name", "reuse_factor", "pe", "simd", "cycles"} <= payload["stages"][0].keys()
    streams = {"name", "width_bits", "lanes", "depth_words", "depth_live", "depth_full_rate", "storage"}
    assert streams <= payload["streams"][0].keys()
    assert {"name", "implementation", "storage", "depth_pixels"} <= payload["skips"][0].keys()
    assert payload["multipliers"] > 0
    predicted = {"lut", "ff", "dsp", "bram36", "latency_cycles", "interval_cycles"}
    assert payload["predicted"].keys() == predicted
    assert payload["predicted"]["lut"] is None


def test_generate_chooses_formats_by_calibration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: Path
) -> None:
    payload = answer(
        capsys, "generate", "resnet8", "--arg", "width=2", "--arg", "in_channels=1", "--arg", "image_size=8",
        "--hardware", str(trained / "hw.yaml"), "--calibrate", "digits", "--out", str(tmp_path / "prj"),
        "--frames", "2",
    )  # fmt: skip
    assert payload["x"]["element_width"] == 8


def test_csim_and_cosim_keep_their_figures(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []

    def csim(path: Path, frames: int) -> SimpleNamespace:
        seen.append((path, frames))
        return SimpleNamespace(
            frames=frames, mismatches=0, compile_seconds=1.5, seconds_per_frame=0.25, difference=None
        )

    def cosim(path: Path, frames: int, stall_seed: int | None) -> SimpleNamespace:
        seen.append((path, frames, stall_seed))
        cycles = None if stall_seed is not None else 100
        return SimpleNamespace(
            frames=frames, mismatches=0, latency_cycles=cycles, interval_cycles=cycles, cycles_per_second=1e5,
            max_occupancy={"x": 3}, difference=None,
        )  # fmt: skip

    monkeypatch.setattr(project, "run_csim", csim)
    monkeypatch.setattr(project, "run_cosim", cosim)
    prj = trained / "prj"
    assert answer(capsys, "csim", str(prj)) == {
        "frames": 3, "mismatches": 0, "compile_seconds": 1.5, "seconds_per_frame": 0.25, "first_difference": None,
    }  # fmt: skip
    unstalled = answer(capsys, "cosim", str(prj), "--frames", "4")
    assert unstalled == {
        "frames": 4, "mismatches": 0, "latency_cycles": 100, "interval_cycles": 100, "cycles_per_second": 1e5,
        "max_occupancy": {"x": 3}, "first_difference": None,
    }  # fmt: skip
    assert answer(capsys, "cosim", str(prj), "--stall", "7")["interval_cycles"] is None
    assert seen == [(prj, 3), (prj, 4, None), (prj, 3, 7)]
    assert json.loads((prj / "build" / "results" / "cosim.json").read_text(encoding="utf-8")) == unstalled
    assert run(["cosim", str(prj)]) == 0
    assert "Most words in each stream" in capsys.readouterr().out


def test_synth_takes_the_projects_family(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []

    def yosys(path: Path, family: str, flatten: bool, progress: object) -> SimpleNamespace:
        seen.append((path, family, flatten))
        return SimpleNamespace(
            as_dict=lambda: {"tool": "yosys", "stage": "test", "family": family, "lut": 10, "rows": []}
        )

    monkeypatch.setattr(project, "run_yosys", yosys)
    assert answer(capsys, "synth", str(trained / "prj"))["lut"] == 10
    answer(capsys, "synth", str(trained / "prj"), "--family", "xc7", "--flatten")
    assert seen == [(trained / "prj", "xcup", False), (trained / "prj", "xc7", True)]


def test_report_takes_folders_of_the_same_name(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.html"
    payload = answer(capsys, "report", str(trained / "prj"), "--out", str(out))
    assert payload == {"report": str(out)}
    assert out.read_text(encoding="utf-8").startswith("<!")


def test_results_that_cannot_be_kept(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "design.json").write_text("{}", encoding="utf-8")
    (tmp_path / "build").write_text("a file", encoding="utf-8")
    with pytest.raises(project.OutputError) as caught:
        project.store_result(tmp_path, "csim", {})
    target = tmp_path / "build" / "results" / "csim.json"
    assert str(caught.value) == f"output {target}: cannot be written (Not a directory)"
