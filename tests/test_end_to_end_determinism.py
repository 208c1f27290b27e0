"""Emitting twice, in two processes with different hash seeds and folders, gives the same bytes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ("resnet8", "--arg", "width=2", "--arg", "image_size=8", "--arg", "in_channels=1")


def emit(folder: Path, hash_seed: str, form: str) -> tuple[str, dict[str, bytes]]:
    """Digest and files of a project that a fresh process writes from within `folder`."""
    folder.mkdir()
    arguments = [*SOURCE, "--arg", f"skips={form}", "--hardware", str(ROOT / "configs" / "skip_block.yaml")]
    code = "import sys; from generator.cli.main import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "generate", *arguments, "--out", "prj", "--frames", "3", "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT), "USER": "somebody_special"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    project = folder / "prj"
    files = {path.relative_to(project).as_posix(): path.read_bytes() for path in project.rglob("*") if path.is_file()}
    return json.loads(done.stdout)["digest"], files


@pytest.mark.parametrize("form", ["traditional", "shortened"])
def test_two_processes_write_the_same_bytes(form: str, tmp_path: Path) -> None:
    first_digest, first = emit(tmp_path / "here", "1", form)
    second_digest, second = emit(tmp_path / "there_in_another_folder", "2", form)
    assert first_digest == second_digest
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    for name, data in first.items():
        text = data.decode()
        assert str(tmp_path) not in text, f"{name} names its folder"
        assert str(ROOT) not in text, f"{name} names the checkout"
        assert "somebody_special" not in text, f"{name} names the user"
        assert not re.search(r"\b20[2-9]\d-\d\d-\d\d\b|\b\d\d:\d\d:\d\d\b", text), f"{name} holds a time"
