"""DSP slices of the stages, by the rules by which Yosys maps their products (checked in the tests of cost)."""

from __future__ import annotations

from collections.abc import Iterable

from generator.design import ConvStage, Multiplier, PoolStage, Stage
from generator.multipliers import dsp_slices, signed_bits


def count_slices(stages: Iterable[Stage]) -> int:
    """DSP slices of all stages together."""
    return sum(_slices(stage) for stage in stages)


def _slices(stage: Stage) -> int:
    if isinstance(stage, PoolStage):
        multiplier = stage.reciprocal.multiplier
        if multiplier & (multiplier - 1) == 0:
            return 0
        sum_bits = stage.accumulator.width + stage.dividend_shift + 3
        return dsp_slices(sum_bits + 1, multiplier.bit_length() + 1)
    if not isinstance(stage, ConvStage) or stage.multiplier is Multiplier.LUT:
        return 0
    in_bits = signed_bits(stage.in_format)
    slices = stage.pe * stage.simd * dsp_slices(in_bits, signed_bits(stage.weight_format))
    if stage.packed:
        slices //= 2
    projection = stage.join.projection if stage.join else None
    if projection is not None:
        slices += stage.projection_multipliers * dsp_slices(in_bits, signed_bits(projection.weight_format))
    return slices
