"""What a design will need and how long a frame takes, before any tool has seen it.

DSP and BRAM follow the rules by which Yosys maps the RTL onto UltraScale+ (checked against its
synthesis in the tests); LUT and FF are not predicted. Cycles come from the token model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from generator.design import ConvStage, Design, Storage
from generator.passes.count_slices import count_slices
from generator.passes.token_model import run_model
from generator.ram import LUTRAM_BITS, ram_blocks, rom_blocks

FRAMES = 4
"""Frames that the token model plays: one fills the pipeline, two intervals remain to compare."""


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
        dsp=count_slices(design.stages),
        bram36=sum(_memories(design)),
        latency_cycles=timing.latency_cycles,
        interval_cycles=timing.interval_cycles,
    )


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
