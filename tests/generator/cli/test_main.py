"""The command line's frame: exit codes, one message an error, JSON alone on stdout."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from generator.cli import main
from generator.cli.common import cell, parse_assignments, parse_shape
from generator.errors import CheckFailed, SourceError
from tailor_train.errors import TrainFailed

ROOT = Path(__file__).parents[3]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("demo", "skips", "train", "quantize", "evaluate", "generate", "csim", "cosim", "synth", "report"):
        assert f"  {name} " in shown


@pytest.mark.parametrize("name", list(main._COMMANDS))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"tailor {name}" in shown
    assert "--json" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "Error: No such command 'nothing'."),
        (["csim"], "Error: Missing argument 'DIR'."),
        (["csim", "DIR", "--frames", "0"], "Error: Invalid value for '--frames': 0 is not in the range x>=1."),
        (["csim", "no_such_folder"], "Error: project no_such_folder: has no design.json; name a folder that "),
        (["skips", "resnet21"], "Error: model 'resnet21' is unknown"),
        (["skips", "resnet8", "--arg", "width"], "Error: --arg 'width': expected KEY=VALUE"),
        (
            ["evaluate", "resnet8", "--data", "random"],
            "Error: resnet8: a float network has no formats; give --hardware",
        ),
    ],
)
def test_bad_input_is_one_message_and_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(message)
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (CheckFailed("csim: 3 integers differ"), 1, "Error: csim: 3 integers differ\n"),
        (SourceError("no such thing"), 2, "Error: no such thing\n"),
        (TrainFailed("the loss is NaN"), 1, "Error: the loss is NaN\n"),
        (KeyboardInterrupt(), 1, "Error: interrupted\n"),
        (OSError(28, "No space left on device", "file.txt"), 2, "Error: file.txt: No space left on device\n"),
    ],
)
def test_errors_become_exit_codes(
    error: BaseException, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(main.tailor, "main", fail)
    assert main.run(["csim"]) == code
    assert capsys.readouterr().err == message


def test_json_is_one_object_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["skips", "resnet8", "--json", "--arg", "skips=shortened"]) == 0
    captured = capsys.readouterr()
    skips = json.loads(captured.out)["skips"]
    assert captured.err == ""
    assert [skip["name"] for skip in skips] == ["layer1.0", "layer2.0", "layer3.0"]
    assert [skip["kind"] for skip in skips] == ["identity", "projection", "projection"]
    assert skips[1]["span"] == ["layer2.0.conv1", "layer2.0.conv2"]
    assert skips[1]["projection"] == "layer2.0.downsample.0"
    assert skips[1]["shape"] == [32, 16, 16]
    assert {skip["state"] for skip in skips} == {"shortened"}


def test_skips_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["skips", "skip_block"]) == 0
    shown = capsys.readouterr().out
    assert "Skip connections of skip_block" in shown
    assert " 69 " in shown


def test_tools_start_without_torch() -> None:
    code = "import sys; from generator.cli.main import run; run(['csim', 'x']); sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_assignments_are_read_as_yaml() -> None:
    values = parse_assignments(["width=8", "shortcut=A", "flag=true", "path=a=b"], "--arg")
    assert values == {"width": 8, "shortcut": "A", "flag": True, "path": "a=b"}


@pytest.mark.parametrize("text", ["3,32", "a,b,c", "3,0,4", ""])
def test_input_shape_must_be_three_numbers(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_shape(text)
    assert str(caught.value) == (f"--input-shape {text!r}: expected three whole numbers C,H,W above 0, e.g. 3,32,32")
    assert parse_shape("3,8,16") == (3, 8, 16)


def test_cells() -> None:
    assert [cell(value) for value in (None, 1.5, True, 1234567, ("a", "b"), "x")] == [
        "-", "1.50", "yes", "1,234,567", "a b", "x",
    ]  # fmt: skip


def test_run_returns_an_exit_code_for_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([]) == 2
    assert "Commands" in capsys.readouterr().err
    assert isinstance(main.tailor, click.Group)


def test_a_request_to_stop_is_an_interrupt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def command(**_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    monkeypatch.setattr(main, "tailor", lambda: None)
    monkeypatch.setattr(main.tailor, "main", command, raising=False)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as stop:
            main.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert stop.value.code == 1
    assert capsys.readouterr().err.strip() == "Error: interrupted"
