"""What a design will need and how long a frame takes, before any tool has seen it.

DSP and BRAM follow the rules by which Yosys maps the RTL onto UltraScale+ (checked against its
synthesis in the tests); LUT and FF are not predicted. Cycles come from the token model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from generator.design import ConvStage, Design, Multiplier, PoolStage, Storage
from generator.passes.token_model import run_model
from generator.ram import LUTRAM_BITS, ram_blocks, rom_blocks

FRAMES = 4
"""Frames that the token model plays: one fills the pipeline, two intervals remain to compare."""

# Operand widths of a DSP48E2's multiplier, signed, and the smallest product that Yosys gives to one.
_DSP_WIDE, _DSP_NARROW, _DSP_LEAST_PRODUCT = 27, 18, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Expected figures; None where there is no model.

    Attributes:
        bram36: RAMB36 + RAMB18 / 2.
        latency_cycles: first input beat to last output beat, from idle.
        interval_cycles: between the last beats of successive frames.
    """

    lut: int | None
    ff: int | None
    dsp: int
    bram36: float
    latency_cycles: int | None
    interval_cycles: int | None

    def as_dict(self) -> dict[str, int | float | None]:
        """The keys of `predicted` in design.json."""
        return {
            "lut": self.lut,
            "ff": self.ff,
            "dsp": self.dsp,
            "bram36": self.bram36,
            "latency_cycles": self.latency_cycles,
            "interval_cycles": self.interval_cycles,
        }


def predict(design: Design) -> Prediction:
    """Predict a design's DSP slices, block RAMs and cycles."""
    timing = run_model(design.stages, design.streams, FRAMES)
    return Prediction(
        lut=None,
        ff=None,
        dsp=sum(_stage_dsp(stage) for stage in design.stages if isinstance(stage, ConvStage | PoolStage)),
        bram36=sum(_memories(design)),
        latency_cycles=timing.latency_cycles,
        interval_cycles=timing.interval_cycles,
    )


def dsp_slices(a_bits: int, b_bits: int) -> int:
    """DSP slices of one product of signed operands (an unsigned one counts a bit more)."""
    wide, narrow = max(a_bits, b_bits), min(a_bits, b_bits)
    if wide + narrow < _DSP_LEAST_PRODUCT or narrow < 2:
        return 0
    if wide <= _DSP_WIDE and narrow <= _DSP_NARROW:
        return 1
    # Longer operands are cut; all pieces but the highest are unsigned and lose the sign's bit.
    return math.ceil(wide / (_DSP_WIDE - 1)) * math.ceil(narrow / (_DSP_NARROW - 1))


def _stage_dsp(stage: ConvStage | PoolStage) -> int:
    if isinstance(stage, PoolStage):
        multiplier = stage.reciprocal.multiplier
        if multiplier & (multiplier - 1) == 0:
            return 0
        sum_bits = stage.accumulator.width + stage.dividend_shift + 3
        return dsp_slices(sum_bits + 1, multiplier.bit_length() + 1)
    if stage.multiplier is Multiplier.LUT:
        return 0
    x_bits = stage.in_format.width + (not stage.in_format.signed)
    slices = stage.pe * stage.simd * dsp_slices(x_bits, stage.weight_format.width + (not stage.weight_format.signed))
    projection = stage.join.projection if stage.join else None
    if projection is not None:
        weight_bits = projection.weight_format.width + (not projection.weight_format.signed)
        slices += stage.pe * stage.simd * dsp_slices(x_bits, weight_bits)
    return slices


def _memories(design: Design) -> Iterator[float]:
    """BRAM36 of every memory."""
    for stage in design.stages:
        if not isinstance(stage, ConvStage):
            continue
        word_bits = stage.pe * stage.simd * stage.weight_format.width
        yield rom_blocks(word_bits, stage.reuse_factor)
        projection = stage.join.projection if stage.join else None
        if projection is not None:
            beats = stage.reuse_factor // (stage.kernel[0] * stage.kernel[1])
            yield rom_blocks(stage.pe * stage.simd * projection.weight_format.width, beats)
        yield _ring_blocks(stage, design.stream(stage.input).lanes)
    for stream in design.streams:
        if stream.storage is Storage.BRAM:
            yield ram_blocks(stream.width_bits, max(stream.depth_words - 1, 2))


def _ring_blocks(stage: ConvStage, lanes: int) -> float:
    """The line buffer: its words are written slot by slot, and a slot fills whole bytes of 9 bits."""
    bits = stage.in_format.width
    if stage.ring_pixels * stage.in_shape.channels * bits <= LUTRAM_BITS:
        return 0.0
    slots = max(stage.simd // lanes, 1)
    slot_bits = stage.simd * bits // slots
    width = slot_bits if slots == 1 else slots * math.ceil(slot_bits / 9) * 9
    return ram_blocks(width, stage.ring_pixels * stage.in_shape.channels // stage.simd)
