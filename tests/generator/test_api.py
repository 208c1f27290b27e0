"""The Python API: a module in, fixed-point answers and verified hardware out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import generator
from generator.errors import SourceError
from generator.hardware_yaml import parse_hardware
from tailor_train.plan import SkipChoice, SkipState

CONFIG = {"HLSConfig": {"Model": {"Precision": "ap_fixed<18,8,AP_RND,AP_SAT>", "ReuseFactor": 36}}}


class Small(nn.Module):
    def __init__(self, classes: int | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 2, 3, padding=1)
        self.conv2 = nn.Conv2d(2, 2, 3, padding=1)
        self.head = nn.Linear(2, classes) if classes else None

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.conv2(torch.relu(self.conv1(x))) + x)
        return self.head(x.mean((2, 3))) if self.head else x


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 2, 5, 4))


def small(classes: int | None) -> Small:
    torch.manual_seed(0)
    return Small(classes).eval()


@pytest.mark.parametrize("classes", [3, None])
def test_predict_is_near_the_float_module(classes: int | None, images: np.ndarray) -> None:
    module = small(classes)
    model = generator.convert(module, CONFIG, (2, 5, 4))
    with torch.no_grad():
        expected = module(torch.from_numpy(images).float()).numpy()
    answers = model.predict(images)
    assert answers.shape == expected.shape
    assert np.allclose(answers, expected, atol=0.02)


def test_wrong_inputs_are_refused(images: np.ndarray) -> None:
    with pytest.raises(SourceError) as caught:
        generator.convert(small(3), CONFIG)
    assert str(caught.value) == ("convert: a module does not tell the shape of its inputs; give input_shape=(C, H, W)")
    model = generator.convert(small(3), CONFIG, (2, 5, 4))
    with pytest.raises(SourceError) as caught:
        model.predict(images[:, :1])
    assert str(caught.value) == "predict: expected inputs of (N, 2, 5, 4), got (3, 1, 5, 4)"


def test_sources_and_config_files_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "hw.yaml"
    path.write_text("HLSConfig: {Model: {Precision: 'ap_fixed<16,6>', ReuseFactor: 36}}", encoding="utf-8")
    network = generator.load_source("skip_block", args={"filters": 2, "image_size": 4})
    assert generator.convert(network, path).config.reuse_factor == 36
    assert generator.convert(network, parse_hardware(CONFIG, "test")).predict(np.zeros((1, 2, 4, 4))).shape == (
        1,
        2,
        4,
        4,
    )


def test_unknown_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match=r"^module 'generator' has no attribute 'konvert'$"):
        generator.konvert  # noqa: B018


@pytest.mark.slow
def test_hardware_of_a_module(images: np.ndarray, tmp_path: Path) -> None:
    plan = {"skip": SkipChoice(state=SkipState.SHORTENED)}
    model = generator.convert(small(3), CONFIG, (2, 5, 4), plan=plan, output_dir=tmp_path / "prj")
    described = model.write(images).description
    assert [skip["implementation"] for skip in described["skips"]] == ["fold", "fold"]
    assert model.csim()["mismatches"] == 0
    assert model.cosim()["mismatches"] == 0
    assert model.report(tmp_path / "report.html").is_file()


def test_temporary_projects_vanish_with_their_model() -> None:
    model = generator.convert(small(3), CONFIG, (2, 5, 4))
    folder = model.write().path
    assert (folder / "firmware" / "Small.cpp").is_file()
    del model
    assert not folder.exists()
