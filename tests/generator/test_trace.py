"""Where two executions part."""

from __future__ import annotations

import numpy as np
import pytest

from generator.trace import first_difference


def test_equal_tensors_have_no_difference() -> None:
    x = np.arange(12).reshape(1, 2, 3, 2)
    assert first_difference({"a": x, "only here": x}, {"a": x.copy(), "only there": x}) is None


def test_the_first_layer_and_place_are_named() -> None:
    x = np.zeros((2, 2, 3, 2), dtype=np.int64)
    y, z = x.copy(), x.copy()
    y[1, 0, 2, 1] = 7
    y[1, 1, 0, 0] = 5
    z[0, 0, 0, 0] = 1
    difference = first_difference({"a": x, "b": x, "c": x}, {"c": z, "b": y, "a": x})
    assert str(difference) == ("layer 'b' differs in 2 values, first in frame 1, pixel (0,2), channel 1: 0 and 7")


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"^layer 'a': shapes differ, \(1, 2\) and \(2, 1\)$"):
        first_difference({"a": np.zeros((1, 2), dtype=np.int64)}, {"a": np.zeros((2, 1), dtype=np.int64)})
