"""Golden vectors as text: one frame a line, channels last, decimals that read back to the same number."""

from __future__ import annotations

from decimal import Decimal

from generator.build_plan import BuildPlan
from generator.fixed_point import FloatArray

INPUTS = "tb_data/tb_input_features.dat"
OUTPUTS = "tb_data/tb_output_predictions.dat"


def plan_vectors(inputs: FloatArray, outputs: FloatArray) -> BuildPlan:
    """The two files of test data.

    Args:
        inputs: (N, H, W, C) quantized inputs as real numbers.
        outputs: (N, H, W, C) what PyTorch answers to them.
    """
    return BuildPlan.of({INPUTS: _lines(inputs), OUTPUTS: _lines(outputs)})


def _lines(frames: FloatArray) -> str:
    """Binary fractions end, so `Decimal` writes each of them exactly."""
    flat = frames.reshape(len(frames), -1).tolist()
    return "".join(" ".join(_decimal(value) for value in frame) + "\n" for frame in flat)


def _decimal(value: float) -> str:
    return str(int(value)) if value.is_integer() else format(Decimal(value), "f")
