"""A key that is given twice in a configuration is named with its lines instead of losing its first value."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tailor_train.config import load_config
from tailor_train.errors import TrainError
from tailor_train.yaml_text import RepeatedKeyError, read_yaml


def test_every_repeated_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.yaml"
    path.write_text("model: {factory: resnet8}\nalpha: 1\noptimizer:\n  lr: 0.1\n  lr: 0.2\nalpha: 2\nalpha: 3\n")
    with pytest.raises(TrainError) as error:
        load_config(path)
    assert str(error.value) == (
        f"configuration '{path}': key 'lr' stands in line 4 and again in line 5; keep one; key 'alpha' stands in "
        "line 2 and again in line 6; keep one; key 'alpha' stands in line 2 and again in line 7; keep one"
    )


def test_keys_in_lists_and_in_one_line_are_found() -> None:
    with pytest.raises(RepeatedKeyError, match=r"^key 'b' stands in line 2 and again in line 2; keep one$"):
        read_yaml("a:\n- [{b: 1, b: 1}]\n- {b: 2}\n")


@pytest.mark.parametrize("text", ["", "3", "a: &x {b: 1}\nc: *x\nd: {<<: *x, b: 2}\n", "a: {b: 1}\nb: {a: 1}\n"])
def test_other_text_reads_as_ever(text: str) -> None:
    assert read_yaml(text) == yaml.safe_load(text)
