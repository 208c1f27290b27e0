"""What a conv stage does in the cycles of one output pixel, counted from its first beat.

Everything that a pixel does follows from the cycle of its first beat, since nothing stalls within a
pixel: when its words leave, when it takes the words of its skip operand, when its inputs are free.
These offsets depend on the pixel's place (taps outside the image cost no beat), never on time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from generator.design import ConvStage, JoinSource, Multiplier, ReadForm, Storage, Stream
from generator.graph import Shape

OFFER_CYCLES = 2
"""From the cycle in which a word is written to a FIFO to the first in which it can be taken."""
PLACE_CYCLES = 1
"""From the cycle in which a word is taken to the first in which its place can be promised again."""
START_CYCLES = 1
"""From the cycle that loads the last word a pixel waits for to the pixel's first beat."""
LEVEL_CYCLES = 1
"""From the cycle in which a word is written to a skip FIFO to the first in which a join counts it."""
POOL_CYCLES = 2
"""From the cycle in which a pool takes a word of a frame's last pixel to the write of its mean."""
TAP_CYCLES = 1
"""From the cycle in which a tap reads a word of the ring to the write into its FIFO."""
FREE_PIXELS = 2
"""Pixels of a ring that must be free before a stage that writes it directly may start one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvTiming:
    """A conv stage's frame. All tuples have one entry an output pixel, in raster order.

    Attributes:
        need: raster index of the last input pixel under the window.
        cycles: beats.
        passed: input pixels that the window's corner moves on by at the last beat.
        margin: input pixels before the first one that the corner starts at (it lies in the padding).
        write: offsets at which the pixel's words are written to the output.
        take: offsets at which the words of the skip operand are taken; empty without a join from a stream.
    """

    need: tuple[int, ...]
    cycles: tuple[int, ...]
    passed: tuple[int, ...]
    margin: int
    write: tuple[tuple[int, ...], ...]
    take: tuple[tuple[int, ...], ...]


def conv_timing(stage: ConvStage, output: Stream, skip: Stream | None = None) -> ConvTiming:
    """The frame of a conv stage.

    Args:
        output: its output stream.
        skip: the stream that its join takes, or None.
    """
    geometry = (stage.in_shape, stage.out_shape, stage.kernel, stage.stride, stage.padding)
    skip_rows = stage.skip_padding and stage.form is ReadForm.SERIAL
    skip_columns = stage.skip_padding and stage.form is not ReadForm.WINDOW
    late = stage.packed or (stage.join is not None and stage.join.after_relu)
    return _timing(
        geometry,
        (skip_rows, skip_columns),
        stage.reuse_factor,
        stage.pe,
        output.lanes,
        write_cycles(stage, output.lanes),
        _Take(lanes=skip.lanes, begin=BEGIN_CYCLES, late=late) if skip is not None else None,
    )


def write_cycles(stage: ConvStage, lanes: int) -> int:
    """From a group's last beat to the write of its first word on `lanes`: operands, products, sums, rounding."""
    return (4 if stage.multiplier is Multiplier.LUT else 5) + stage.registers_sums(lanes)


BEGIN_CYCLES = 2
"""From a group's first beat to the cycle in which its accumulators begin, a skip operand with them."""


def offer_cycles(stream: Stream) -> int:
    """From the write of a word to the cycle from which a FIFO offers it: the top's SRLs have no output register."""
    return OFFER_CYCLES - 1 if stream.sink is None and stream.storage in (Storage.SRL, Storage.AUTO) else OFFER_CYCLES


def ring_word_channels(stage: ConvStage) -> int:
    """Channels that the loader writes into the ring at once."""
    taps = {ReadForm.SERIAL: 1, ReadForm.ROWS: stage.kernel[0], ReadForm.WINDOW: stage.kernel[0] * stage.kernel[1]}
    return stage.simd // taps[stage.form]


def load_parts(stage: ConvStage, source: Stream) -> int:
    """Cycles that a stream word takes to load: more than one where it is wider than a ring word."""
    return max(source.lanes // ring_word_channels(stage), 1)


def joined_stream(stage: ConvStage) -> str | None:
    """The skip stream that a stage's join takes its operand from, or None."""
    if stage.join is None or stage.join.source is not JoinSource.STREAM:
        return None
    return stage.join.stream


@dataclass(frozen=True, slots=True, kw_only=True)
class _Take:
    """How a join takes its operand; late: after the ReLU or packed sums, a cycle before the sum is written."""

    lanes: int
    begin: int
    late: bool


@cache
def _timing(
    geometry: tuple[Shape, Shape, tuple[int, int], tuple[int, int], tuple[int, int]],
    skipped: tuple[bool, bool],
    reuse_factor: int,
    pe: int,
    lanes: int,
    latency: int,
    join: _Take | None,
) -> ConvTiming:
    in_shape, out_shape, kernel, stride, padding = geometry
    need, base = window_bounds(in_shape, out_shape, kernel, stride, padding)
    rows = _taps(in_shape.height, out_shape.height, kernel[0], stride[0], padding[0], skipped[0])
    columns = _taps(in_shape.width, out_shape.width, kernel[1], stride[1], padding[1], skipped[1])
    beats = reuse_factor // (kernel[0] * kernel[1])
    cycles = tuple(beats * row * column for row in rows for column in columns)
    if skipped == (False, False):  # also forms in which a beat holds several taps
        cycles = (reuse_factor,) * out_shape.pixels
    elif not skipped[0]:
        cycles = tuple(reuse_factor * column // kernel[1] for _ in rows for column in columns)
    groups = out_shape.channels // pe
    write = {cost: _write_offsets(cost // groups, groups, pe, lanes, latency) for cost in set(cycles)}
    step = min(lanes, pe)
    take = {cost: _take_offsets(cost // groups, groups, pe // step, step, latency, join) for cost in set(cycles)}
    return ConvTiming(
        need=tuple(need),
        cycles=cycles,
        passed=tuple(after - before for before, after in pairwise((*base, base[0] + in_shape.pixels))),
        margin=-base[0],
        write=tuple(write[cost] for cost in cycles),
        take=tuple(take[cost] for cost in cycles),
    )


def _taps(size: int, outputs: int, kernel: int, stride: int, padding: int, skipped: bool) -> list[int]:
    """Kernel rows or columns that cost beats, for each output row or column."""
    if not skipped:
        return [kernel] * outputs
    firsts = [position * stride - padding for position in range(outputs)]
    return [min(first + kernel, size) - max(first, 0) for first in firsts]


def _write_offsets(group_cycles: int, groups: int, pe: int, lanes: int, latency: int) -> tuple[int, ...]:
    """Words leave with the last group that fills them; several of one group one after another."""
    words, gathered = max(pe // lanes, 1), max(lanes // pe, 1)
    return tuple(
        (group + 1) * group_cycles - 1 + latency + word
        for group in range(gathered - 1, groups, gathered)
        for word in range(words)
    )


def _take_offsets(
    group_cycles: int, groups: int, steps: int, step_lanes: int, latency: int, join: _Take | None
) -> tuple[int, ...]:
    """A word is taken with the last of the steps (of `step_lanes` channels, a cycle each) that add it."""
    if join is None:
        return ()
    first = group_cycles - 1 + latency - 1 if join.late else join.begin
    slices = max(join.lanes // step_lanes, 1)
    return tuple(
        step // steps * group_cycles + first + step % steps for step in range(slices - 1, groups * steps, slices)
    )


def window_bounds(
    in_shape: Shape, out_shape: Shape, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> tuple[list[int], list[int]]:
    """Per output pixel of a frame: the last input pixel it needs, and the raster index of its window's corner.

    The corner lies before the frame where the window begins in the padding; what it has passed is free.
    """
    height, width = in_shape.height, in_shape.width
    need, base = [], []
    for row in range(out_shape.height):
        top = row * stride[0] - padding[0]
        bottom = min(top + kernel[0] - 1, height - 1)
        for column in range(out_shape.width):
            left = column * stride[1] - padding[1]
            right = min(left + kernel[1] - 1, width - 1)
            need.append(bottom * width + right)
            base.append(top * width + left)
    return need, base
