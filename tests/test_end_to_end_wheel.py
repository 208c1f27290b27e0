"""A user's own network, weights and data, in a folder of their own, with the wheel: documented commands only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

OWN_NET = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + x)


class Own(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.block = Block(channels)
        self.head = nn.Linear(channels, 3)

    def forward(self, x):
        x = self.block(torch.relu(self.stem(x)))
        return self.head(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))


def make(channels=4):
    return Own(channels)
"""
OWN_DATA = '''
import torch
from torch.utils.data import TensorDataset


def stripes(size):
    """Images of 6x8 pixels with horizontal, vertical or no stripes."""
    generator = torch.Generator().manual_seed(size)
    labels = torch.arange(size) % 3
    images = 0.3 * torch.randn(size, 1, 6, 8, generator=generator)
    images[labels == 0, :, ::2] += 1.0
    images[labels == 1, :, :, ::2] += 1.0
    return TensorDataset(images, labels)


def make():
    return stripes(192), stripes(48)
'''
TRAINING = """
model: {factory: "own_net:make", args: {channels: 4}, weights: own.pth, input_shape: [1, 6, 8]}
data: {name: "own_data:make"}
method: skip_remover
alpha: 1
beta: 0.2
tail_epochs: 2
batch_size: 16
optimizer: {lr: 0.02}
"""
QUANTIZE = TRAINING + "quantize: {bits: 8, mode: qat, epochs: 1, lr: 1.0e-3}\n"
HARDWARE = """
Backend: Vitis
Part: xcu200-fsgd2104-2-e
ClockPeriod: 5
HLSConfig:
  Model: {ReuseFactor: 36}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked wheel, as pip would install it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, capture_output=True, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "packages")
    return folder / "packages"


class User:
    """Types commands in a folder."""

    def __init__(self, folder: Path, site: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(site), "HOME": str(folder), "OMP_NUM_THREADS": "1"}

    def python(self, code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tailor(self, *arguments: str) -> dict[str, object]:
        code = f"import sys; from generator.cli.main import run; sys.exit(run({[*arguments, '--json']!r}))"
        return json.loads(self.python(code))


@pytest.mark.slow
def test_own_network_from_weights_to_verified_hardware(site: Path, tmp_path: Path) -> None:
    user = User(tmp_path, site)
    for name, text in (
        ("own_net.py", OWN_NET),
        ("own_data.py", OWN_DATA),
        ("train.yaml", TRAINING),
        ("quantize.yaml", QUANTIZE),
        ("hw.yaml", HARDWARE),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert Path(user.python("import generator; print(generator.__file__)").strip()).is_relative_to(site)
    user.python("import torch, own_net; torch.manual_seed(1); torch.save(own_net.make().state_dict(), 'own.pth')")

    skips = user.tailor("skips", "own_net:make", "--weights", "own.pth", "--input-shape", "1,6,8")["skips"]
    assert [(skip["name"], skip["kind"], skip["lifetime_pixels"]) for skip in skips] == [("block", "identity", 21)]

    trained = user.tailor("train", "train.yaml", "--out", "run")
    assert trained["epochs"] == 3
    assert trained["accuracy"] > 50.0

    quantized = user.tailor("quantize", "run", "quantize.yaml", "--out", "fixed")
    assert abs(quantized["accuracy_float"] - trained["accuracy"]) < 1e-9

    evaluated = user.tailor("evaluate", "fixed")
    assert evaluated["mismatches_vs_torch"] == 0
    assert evaluated["images"] == 48
    assert evaluated["accuracy_fixed"] == quantized["accuracy_fixed"]

    generated = user.tailor("generate", "fixed", "--hardware", "hw.yaml", "--out", "prj", "--data", "own_data:make",
                            "--frames", "5")  # fmt: skip
    assert [skip["implementation"] for skip in generated["skips"]] == ["none"]
    assert (tmp_path / "prj" / "firmware" / "own_net_make.cpp").is_file()

    assert user.tailor("csim", "prj", "--frames", "5")["mismatches"] == 0
    cosim = user.tailor("cosim", "prj", "--frames", "5")
    assert cosim["mismatches"] == 0
    assert cosim["interval_cycles"] is not None
    assert user.tailor("report", "prj", "--out", "report.html")["report"].endswith("report.html")
    assert (tmp_path / "report.html").stat().st_size > 10_000
