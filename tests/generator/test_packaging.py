"""The wheel holds what it must and nothing else; the tested versions are pinned; no file names this machine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_wheel_installs_only_its_two_packages(wheel_names: list[str]) -> None:
    tops = {name.split("/")[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"generator", "tailor_train"}


def test_wheel_carries_the_data_folders(wheel_names: list[str]) -> None:
    present = set(wheel_names)
    for folder in ("templates", "tb", "vivado_tcl", "configs"):
        for path in tracked_files():
            if path.is_relative_to(ROOT / folder):
                assert f"generator/{path.relative_to(ROOT).as_posix()}" in present


def test_wheel_carries_the_license_and_the_command(wheel_names: list[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel_names)
    assert any(name.endswith(".dist-info/entry_points.txt") for name in wheel_names)


def test_every_dependency_is_pinned_in_constraints() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=!~\[ ]", text)[0].lower().replace("_", "-") for text in wanted}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    assert names <= pins
    assert not [line for line in lines if "+" in line or "@" in line or "/" in line]


def test_no_tracked_file_names_this_machine() -> None:
    needles = (str(ROOT).encode(), str(Path.home()).encode() + b"/")
    for path in tracked_files():
        data = path.read_bytes()
        assert not any(needle in data for needle in needles), f"{path} names a folder of this machine"
