"""Golden vectors as text: one frame a line, channels last, decimals that read back to the same number."""

from __future__ import annotations

from decimal import Decimal

from generator.build_plan import BuildPlan
from generator.design import Design
from generator.fixed_point import FloatArray, IntArray
from generator.trace import carried_tensors, expected_streams

INPUTS = "tb_data/tb_input_features.dat"
OUTPUTS = "tb_data/tb_output_predictions.dat"
STREAMS = "tb_data/tb_streams.dat"
"""What the streams carry in the first frame: on each line a tensor, its streams and its integers, channels last."""


def plan_vectors(inputs: FloatArray, outputs: FloatArray) -> BuildPlan:
    """The two files of test data.

    Args:
        inputs: (N, H, W, C) quantized inputs as real numbers.
        outputs: (N, H, W, C) what PyTorch answers to them.
    """
    return BuildPlan.of({INPUTS: _lines(inputs), OUTPUTS: _lines(outputs)})


def plan_streams(design: Design, inputs: IntArray) -> BuildPlan:
    """The file that says where an executor first goes wrong; streams of one tensor share a line.

    Args:
        inputs: (N, H, W, C) int64, in LSBs of the input format; N >= 1, the first frame is taken.
    """
    carried = carried_tensors(design)
    lines: dict[str, list[str]] = {}
    for stream, values in expected_streams(design, inputs[:1]).items():
        integers = " ".join(map(str, values.ravel().tolist()))
        lines.setdefault(f"{carried[stream]} {{}} {integers}\n", []).append(stream)
    return BuildPlan.of({STREAMS: "".join(line.format(",".join(names)) for line, names in lines.items())})


def _lines(frames: FloatArray) -> str:
    """Binary fractions end, so `Decimal` writes each of them exactly."""
    flat = frames.reshape(len(frames), -1).tolist()
    return "".join(" ".join(_decimal(value) for value in frame) + "\n" for frame in flat)


def _decimal(value: float) -> str:
    return str(int(value)) if value.is_integer() else format(Decimal(value), "f")
