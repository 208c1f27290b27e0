"""YAML in which a key stands twice: refused with the key and both lines, wherever it is nested."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from generator.errors import ConfigError
from generator.hardware_yaml import read_hardware
from generator.unique_yaml import load_yaml


@pytest.mark.parametrize(
    ("text", "key", "first", "second"),
    [
        ("a: 1\nb: 2\na: 3\n", "a", 1, 3),
        ("top:\n  x: {y: 1}\n  x: {y: 1}\n", "x", 2, 3),
        ("items:\n- {p: 1}\n- {p: 1, q: 2, p: 1}\n", "p", 3, 3),
    ],
)
def test_a_repeated_key_is_named(text: str, key: str, first: int, second: int) -> None:
    with pytest.raises(yaml.MarkedYAMLError) as error:
        load_yaml(text)
    assert error.value.problem == f"key '{key}' stands twice, first in line {first}; keep one"
    assert error.value.problem_mark.line == second - 1


def test_other_text_reads_as_ever() -> None:
    text = "a: &one {x: 1, y: [2, 3]}\nb: {<<: *one, x: 4}\nc: {<<: *one, <<: {z: 5}}\n1: no\n'1': yes\n? [k]\n: v\n"
    assert load_yaml(text.replace("? [k]\n: v\n", "")) == yaml.safe_load(text.replace("? [k]\n: v\n", ""))
    assert load_yaml("") is None
    with pytest.raises(yaml.YAMLError):
        load_yaml("a: [1,\n }")
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)


def test_a_hardware_file_says_where(tmp_path: Path) -> None:
    path = tmp_path / "hw.yaml"
    path.write_text("HLSConfig:\n  Model: {ReuseFactor: 4}\n  Stream: {Lanes: C}\n  Model: {ReuseFactor: 8}\n")
    with pytest.raises(ConfigError) as error:
        read_hardware(path)
    assert str(error.value) == (
        f"hardware config {path}, line 4: is not plain YAML (key 'Model' stands twice, first in line 2; keep one)"
    )
