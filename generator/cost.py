"""What a design will need and how long a frame takes, before any tool has seen it.

DSP and BRAM follow the rules by which Yosys maps the RTL onto UltraScale+ (checked against its
synthesis in the tests); LUT and FF are not predicted. Cycles come from the token model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from generator.design import ConvStage, Design, ReadForm, Storage
from generator.fixed_point import IntArray
from generator.passes.count_slices import count_slices
from generator.passes.token_model import run_model
from generator.ram import LUTRAM_BITS, ram_blocks, weight_banks, weight_blocks

FRAMES = 4
"""Frames that the token model plays: one fills the pipeline, two intervals remain to compare."""
LARGE_FRAME = 256
"""Pixels from which on no memory holds a frame, and the first interval is the steady one."""
HUGE_PIXELS = 30_000
"""Output pixels of all convs together from which on one frame is played: the FIFOs' full-rate depths keep the rate."""


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
    latency, interval = _cycles(design)
    return Prediction(
        lut=None,
        ff=None,
        dsp=count_slices(design.stages),
        bram36=sum(_memories(design)),
        latency_cycles=latency,
        interval_cycles=interval,
    )


def _cycles(design: Design) -> tuple[int | None, int | None]:
    """Latency and interval, both played; in a huge network the interval is that of its slowest stage or port."""
    convs = [stage for stage in design.stages if isinstance(stage, ConvStage)]
    if sum(stage.out_shape.pixels for stage in convs) > HUGE_PIXELS:
        timing = run_model(design.stages, design.streams, 1)
        words = max(design.input_stream.words_per_frame, design.output_stream.words_per_frame)
        return timing.latency_cycles, max(words, *(stage.cycles for stage in convs)) if timing.finished else None
    large = design.input_stream.shape.pixels >= LARGE_FRAME
    timing = run_model(design.stages, design.streams, FRAMES - large)
    return timing.latency_cycles, timing.interval_cycles


def _memories(design: Design) -> Iterator[float]:
    """BRAM36 of every memory."""
    for stage in design.stages:
        if isinstance(stage, ConvStage):
            yield from _weight_blocks(stage, design.stream(stage.output).lanes)
            yield _ring_blocks(stage, design.stream(stage.input).lanes)
    for stream in design.streams:
        if stream.storage is Storage.BRAM:
            yield ram_blocks(stream.width_bits, max(stream.depth_words - 1, 2))


def _weight_blocks(stage: ConvStage, out_lanes: int) -> Iterator[float]:
    """The weights: a word for each tap of the read form, output group and input group, in ROMs of a few steps each.

    Every weight has the bits of the largest; input groups are rounded up to a power of two.
    """
    lanes = min(out_lanes, stage.pe) * (2 if stage.packed else 1)
    steps = stage.pe // lanes
    taps = stage.kernel[0] * stage.kernel[1] // stage.form.taps(stage.kernel)
    groups = 1 << (stage.in_shape.channels // stage.ring_word_channels - 1).bit_length()
    out_groups = stage.out_shape.channels // stage.pe
    projection = stage.join.projection if stage.join else None
    point = stage.exact_sum.fraction_bits - stage.in_format.fraction_bits
    bits = _value_bits(stage.weight, point - stage.weight_format.fraction_bits)
    if projection is not None:
        bits = max(bits, _value_bits(projection.weight, point - projection.weight_format.fraction_bits))
    step_bits = lanes * stage.simd * bits
    bank = weight_banks(taps * out_groups * groups, steps, step_bits)
    yield weight_blocks(taps * out_groups * groups, steps, step_bits, bank)
    if projection is not None:
        yield weight_blocks(out_groups * groups, steps, lanes * stage.ring_word_channels * bits, bank)


def _value_bits(values: IntArray, shift: int) -> int:
    """Bits of the largest of some signed integers, moved `shift` places up."""
    lowest, highest = int(values.min()), int(values.max())
    return max(highest.bit_length(), (~lowest).bit_length() if lowest < 0 else 0) + 1 + shift


def _ring_blocks(stage: ConvStage, lanes: int) -> float:
    """The line buffer: its words are written slot by slot, and a slot fills whole bytes of 9 bits."""
    bits = stage.in_format.width
    if stage.ring_pixels * stage.in_shape.channels * bits <= LUTRAM_BITS:
        return 0.0
    channels = stage.ring_word_channels
    slots = max(channels // lanes, 1)
    slot_bits = channels * bits // slots
    width = slot_bits if slots == 1 else slots * math.ceil(slot_bits / 9) * 9
    groups = 1 << (stage.in_shape.channels // channels - 1).bit_length()
    if stage.form is ReadForm.SERIAL:
        return ram_blocks(width, stage.ring_pixels * groups)
    banks = stage.ring_pixels // stage.in_shape.width
    return banks * ram_blocks(width, stage.in_shape.width * groups)
