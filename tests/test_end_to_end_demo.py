"""The demo: the quick one whole, the full one at night, and its bounds on invented figures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from generator import demo
from generator.cli.main import run
from generator.errors import CheckFailed


@pytest.mark.slow
def test_quick_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    assert run(["demo", "--quick", "--out", str(out), "--json"]) == 0
    payload = json.loads(capsys.readouterr().out)
    check_payload(payload, out)
    assert {figures["lut"] for figures in payload["designs"].values()} == {None}


@pytest.mark.nightly
def test_full_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    assert run(["demo", "--out", str(out), "--json"]) == 0
    payload = json.loads(capsys.readouterr().out)
    check_payload(payload, out)
    luts = {form: figures["lut"] for form, figures in payload["designs"].items()}
    assert luts["R"] < luts["T"]


def check_payload(payload: dict[str, object], out: Path) -> None:
    assert payload.keys() == {"accuracy", "designs", "mismatches", "report"}
    assert payload["mismatches"] == 0
    accuracy, designs = payload["accuracy"], payload["designs"]
    assert isinstance(accuracy, dict)
    assert isinstance(designs, dict)
    assert accuracy.keys() == designs.keys() == {"T", "S", "R"}
    assert all(50.0 < value <= 100.0 for figures in accuracy.values() for value in figures.values())
    # A shortened skip is folded into weights or read at the window's centre: it stores as little as a removed one.
    assert designs["T"]["skip_pixels"] > designs["S"]["skip_pixels"] == designs["R"]["skip_pixels"] == 0
    for form, figures in designs.items():
        assert figures.keys() == {
            "path", "latency_cycles", "interval_cycles", "skip_pixels", "lut", "ff", "dsp", "bram36",
        }  # fmt: skip
        assert 0 < figures["interval_cycles"] < figures["latency_cycles"]
        for kind in ("float", "fixed"):
            assert (out / "runs" / form / kind / "model.safetensors").is_file()
        assert (Path(figures["path"]) / "design.json").is_file()
    page = Path(str(payload["report"])).read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)\s*=\s*["'](https?:)?//""", page), "the report loads something from a network"
    assert page.count("<svg") >= 3


def figures(**changes: float) -> dict[str, dict[str, object]]:
    accuracy: dict[str, dict[str, object]] = {form: {"float": 96.0, "fixed": 95.5} for form in ("T", "S", "R")}
    for name, value in changes.items():
        form, kind = name.split("_")
        accuracy[form][kind] = value
    return accuracy


def test_bounds_that_hold_say_nothing() -> None:
    assert demo._broken_bounds(demo.FULL, figures()) == []
    assert demo._broken_bounds(demo.QUICK, figures(T_float=10.0, T_fixed=1.0)) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"T_float": 93.99, "T_fixed": 93.0}, "float accuracy of T is 93.99 %, expected at least 94.0 %"),
        ({"R_float": 92.9, "R_fixed": 92.9}, "float accuracy of R is 92.90 %, expected at least 93.0 %"),
        (
            {"S_fixed": 93.9},
            "8-bit accuracy of S is 93.90 %, expected at most 2.0 points below its float network's 96.00 %",
        ),
    ],
)
def test_broken_bounds_name_the_figure(changes: dict[str, float], sentence: str) -> None:
    assert demo._broken_bounds(demo.FULL, figures(**changes)) == [sentence]


def test_failed_demo_ends_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sentences = demo._wrong_integers({"csim T": 0, "build S": 3, "cosim R": 2})
    assert sentences == [
        "evaluate of S: 3 integers differ from PyTorch's",
        "cosim of R: 2 integers differ from PyTorch's",
    ]
    with pytest.raises(CheckFailed) as caught:
        demo.require_bounds({"failed": sentences})
    assert str(caught.value) == (
        "demo: evaluate of S: 3 integers differ from PyTorch's; cosim of R: 2 integers differ from PyTorch's"
    )
    assert caught.value.exit_code == 1


def test_students_learn_from_the_trained_form() -> None:
    out = Path("somewhere")
    assert demo._training(out, "T", demo.FULL).method == "baseline"
    student = demo._training(out, "S", demo.FULL)
    assert student.method == "skip_shortener"
    assert student.teacher is not None
    assert student.teacher.weights == str(out / "runs" / "T" / "float")
    assert (student.alpha, student.beta, student.tail_epochs, student.seed) == (1, 0.35, 15, 0)
    assert student.quantize is not None
    assert student.quantize.epochs == 5


def test_synthesis_waits_for_its_turn() -> None:
    tasks = demo._tasks(demo.FULL)
    assert tasks["synth S"].after == ("build S", "synth T")
    assert tasks["train R"].after == ("train T",)
    assert not any(name.startswith("synth") for name in demo._tasks(demo.QUICK))
