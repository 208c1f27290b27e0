"""The sum of a skip connection."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import GraphError
from generator.fixed_point import FixedPoint, dequantize
from generator.graph import Shape
from generator.layers.add import Add

formats = st.builds(FixedPoint, width=st.integers(1, 20), integer_bits=st.integers(-3, 12), signed=st.booleans())
SHAPE = Shape(height=1, width=1, channels=1)


@given(main=formats, skip=formats)
def test_sum_is_exact_at_the_finer_point(main: FixedPoint, skip: FixedPoint) -> None:
    accumulator = Add().accumulator((main, skip), (SHAPE, SHAPE))
    assert accumulator.fraction_bits == max(main.fraction_bits, skip.fraction_bits)
    for ends in ((main.min_int, skip.min_int), (main.max_int, skip.max_int), (main.max_int, skip.min_int)):
        operands = tuple(np.array(end).reshape(1, 1, 1, 1) for end in ends)
        total = Add().execute(operands, (main, skip))
        assert accumulator.min_int <= total.item() <= accumulator.max_int
        expected = dequantize(operands[0], main) + dequantize(operands[1], skip)
        assert dequantize(total, accumulator).item() == expected.item()


def test_shapes_must_agree() -> None:
    shapes = (Shape(height=16, width=16, channels=32), Shape(height=32, width=32, channels=16))
    message = "operand shapes differ, (16,16,32) and (32,32,16); does the skip need a projection?"
    with pytest.raises(GraphError, match=f"^{re.escape(message)}$"):
        Add().output_shape(shapes)
