"""The shipped recipes reach the accuracies that the demo asserts, for more than one seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailor_train import train
from tailor_train.config import load_config

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_resnet20_on_digits(tmp_path: Path, seed: int) -> None:
    teacher = train(
        load_config(CONFIGS / "train_digits_resnet20_baseline.yaml", [f"seed={seed}"]), tmp_path / "T", progress=False
    )
    assert teacher.accuracy >= 94.0
    for method in ("remover", "shortener"):
        settings = [f"seed={seed}", f"teacher.weights={tmp_path / 'T'}", "teacher.epochs=null"]
        config = load_config(CONFIGS / f"train_digits_resnet20_{method}.yaml", settings)
        assert train(config, tmp_path / method, progress=False).accuracy >= 93.0


@pytest.mark.slow
def test_quick_recipe(tmp_path: Path) -> None:
    config = load_config(CONFIGS / "train_digits_resnet8_remover.yaml")
    result = train(config, tmp_path, progress=False)
    assert result.teacher_accuracy is not None
    assert result.teacher_accuracy >= 92.0
    assert result.accuracy >= 92.0
