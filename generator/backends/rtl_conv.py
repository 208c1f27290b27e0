"""A conv stage as an instance of the RTL library: its folding, its join and the contents of its memories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generator.backends.rtl_instance import Memory, Parameters, StageInstance
from generator.backends.rtl_memory import bias_bits, bits_for, memory_text, weight_words
from generator.design import ConvStage, Design, Join, JoinSource, Multiplier, ReadForm
from generator.fixed_point import FixedPoint, IntArray
from generator.names import identifier
from generator.ram import LUTRAM_BITS, weight_banks, weights_in_block_ram

_JOIN = {
    JoinSource.STREAM: "stream",
    JoinSource.SHIFT_REGISTER: "shift_register",
    JoinSource.CENTRE: "centre",
    JoinSource.PROJECTION: "projection",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """How a conv stage's multipliers stand: systolic steps of some output channels, `columns` products each.

    Attributes:
        lanes: channels of a step that leave together.
        halves: 2 where each product shares its DSP slice with that of the channel half a group on.
    """

    steps: int
    lanes: int
    halves: int
    columns: int

    @property
    def channels(self) -> int:
        """Output channels of a step."""
        return self.lanes * self.halves

    def order(self, channels: IntArray) -> IntArray:
        """Bring the channels of a group, along the last axis but one, into the order of the steps."""
        before, after = channels.shape[:-2], channels.shape[-1:]
        split = channels.reshape(*before, self.halves, self.steps, self.lanes, *after)
        ordered: IntArray = split.swapaxes(-4, -3).reshape(channels.shape)
        return ordered


@dataclass(frozen=True, slots=True, kw_only=True)
class Aligned:
    """Weights and biases on the point of the sum in which they meet.

    Attributes:
        weight: (kh, kw, Cin, Cout) int64.
        projection: (1, 1, Cin, Cout) int64, or None.
        bias: (1, Cout) int64, a projection's included; (2, Cout) where that joins after the ReLU.
        width: bits of every weight.
    """

    weight: IntArray
    projection: IntArray | None
    bias: IntArray
    width: int


def conv_instance(design: Design, stage: ConvStage) -> StageInstance:
    """The instance of `conv_stage`, its memories filled."""
    name = identifier(stage.name)
    array = mac_array(design, stage)
    aligned = _align(stage)
    words = array.order(weight_words(aligned.weight, stage.pe, stage.simd, taps_at_once(stage)))
    bank_steps = weight_banks(words.shape[0], array.steps, array.channels * stage.simd * aligned.width)
    memories = _banks("WeightFile", f"mem/{name}_weight", words, aligned.width, array, bank_steps)
    files: Parameters = {"WeightFile": f"mem/{name}_weight", "BiasFile": f"mem/{name}_bias.mem"}
    if aligned.projection is not None:
        side = array.order(weight_words(aligned.projection, stage.pe, beat_channels(stage), (1, 1)))
        path = f"mem/{name}_projection_weight"
        memories += _banks("ProjectionWeightFile", path, side, aligned.width, array, bank_steps)
        files["ProjectionWeightFile"] = path
    begin = -aligned.bias if _begins_with_skip(stage, array) else aligned.bias
    memories.append(_biases(f"mem/{name}_bias.mem", begin, stage.pe, array))
    parameters: Parameters = {"Family": "generic"}
    parameters |= _geometry(design, stage)
    parameters |= {"WeightBits": aligned.width, "WeightSigned": 1, "BankSteps": bank_steps}
    in_block_ram = weights_in_block_ram(words.shape[0], words[0].size * aligned.width)
    parameters["WeightStorage"] = "block" if in_block_ram else "lut"
    parameters |= files
    parameters["BiasBits"] = bias_bits(begin)
    parameters |= _join_parameters(design, stage, array)
    rectified = stage.relu or (stage.join is not None and stage.join.after_relu)
    parameters |= {
        "SumBits": stage.exact_sum.width,
        "RegisterSums": int(stage.registers_sums(design.stream(stage.output).lanes)),
        "Relu": int(rectified),
    }
    parameters |= requantization(stage.exact_sum, stage.result or design.stream(stage.output).format)
    return StageInstance(name=name, module="conv_stage", parameters=tuple(parameters.items()), memories=tuple(memories))


def mac_array(design: Design, stage: ConvStage) -> Array:
    """The sums of a step leave together, one step a cycle, on the output's lanes."""
    lanes = min(design.stream(stage.output).lanes, stage.pe)
    columns = stage.simd
    if stage.join is not None and stage.join.projection is not None:
        columns += beat_channels(stage)
    apart = stage.join is not None and stage.join.after_relu and stage.join.projection is not None
    halves = 2 if stage.packed and stage.pe // lanes % 2 == 0 and not apart else 1
    return Array(steps=stage.pe // lanes // halves, lanes=lanes, halves=halves, columns=columns)


def taps_at_once(stage: ConvStage) -> tuple[int, int]:
    """Kernel rows and columns that a beat reads together."""
    match stage.form:
        case ReadForm.SERIAL:
            return 1, 1
        case ReadForm.ROWS:
            return stage.kernel[0], 1
        case ReadForm.WINDOW:
            return stage.kernel


def beat_channels(stage: ConvStage) -> int:
    """Input channels of a beat, and of a word of the ring."""
    rows, columns = taps_at_once(stage)
    return stage.simd // (rows * columns)


def fewest_group_beats(stage: ConvStage) -> int:
    """Beats of an output group where most of the window lies outside the image."""
    taps = 1
    for axis, at_once in enumerate(taps_at_once(stage)):
        size = (stage.out_shape.height, stage.out_shape.width)[axis]
        if at_once == stage.kernel[axis]:
            continue
        inside = (stage.taps_inside(axis, position) for position in range(size))
        taps *= min(inside) if stage.skip_padding else stage.kernel[axis]
    return taps * stage.in_shape.channels // beat_channels(stage)


def requantization(exact: FixedPoint, result: FixedPoint) -> Parameters:
    """From an exact sum to a result: parameters of `requantize`."""
    return {
        "ResultShift": exact.fraction_bits - result.fraction_bits,
        "Rounding": result.rounding.value.removeprefix("AP_"),
        "Overflow": result.overflow.value.removeprefix("AP_"),
    }


def _begins_with_skip(stage: ConvStage, array: Array) -> bool:
    """Whether the accumulators begin with a skip operand, less the negative of the bias."""
    join = stage.join
    stored = join is not None and join.source in (JoinSource.STREAM, JoinSource.SHIFT_REGISTER)
    return stored and array.halves == 1 and join is not None and not join.after_relu


def _align(stage: ConvStage) -> Aligned:
    """Shift everything onto the sum's point, so that the hardware adds without shifting."""
    point = stage.exact_sum.fraction_bits
    shift = point - stage.in_format.fraction_bits - stage.weight_format.fraction_bits
    weight = stage.weight << shift
    bias = stage.bias << (point - stage.accumulator.fraction_bits)
    width = bits_for(weight)
    projection = stage.join.projection if stage.join else None
    if projection is None:
        return Aligned(weight=weight, projection=None, bias=bias[None], width=width)
    side_shift = point - stage.in_format.fraction_bits - projection.weight_format.fraction_bits
    side = projection.weight[None, None] << side_shift
    side_bias = projection.bias << (point - projection.accumulator.fraction_bits)
    apart = stage.join is not None and stage.join.after_relu
    biases = np.stack((bias, side_bias)) if apart else (bias + side_bias)[None]
    return Aligned(weight=weight, projection=side, bias=biases, width=max(width, bits_for(side)))


def _banks(parameter: str, prefix: str, words: IntArray, width: int, array: Array, bank_steps: int) -> list[Memory]:
    """One ROM for each `bank_steps` systolic steps; words: (words, pe, products) int64."""
    step_channels = bank_steps * array.channels
    memories = []
    for bank, first in enumerate(range(0, words.shape[1], step_channels)):
        contents = words[:, first : first + step_channels].reshape(words.shape[0], -1)
        memories.append(
            Memory(
                parameter=parameter,
                path=f"{prefix}_{bank:02d}.mem",
                suffix=f"_{bank:02d}.mem",
                text=memory_text(contents, width),
                width_bits=contents.shape[1] * width,
                depth_words=contents.shape[0],
            )
        )
    return memories


def _biases(path: str, bias: IntArray, pe: int, array: Array) -> Memory:
    width = bias_bits(bias)
    sets = [array.order(row.reshape(-1, pe, 1)).reshape(-1, array.channels) for row in bias]
    words = np.concatenate(sets, axis=1)
    return Memory(
        parameter="BiasFile",
        path=path,
        suffix="",
        text=memory_text(words, width),
        width_bits=words.shape[1] * width,
        depth_words=words.shape[0],
    )


def _geometry(design: Design, stage: ConvStage) -> Parameters:
    source, sink = design.stream(stage.input), design.stream(stage.output)
    ring_bits = stage.ring_pixels * stage.in_shape.channels * stage.in_format.width
    return {
        "InRows": stage.in_shape.height,
        "InCols": stage.in_shape.width,
        "InChannels": stage.in_shape.channels,
        "InLanes": source.lanes,
        "InBits": stage.in_format.width,
        "InSigned": int(stage.in_format.signed),
        "OutRows": stage.out_shape.height,
        "OutCols": stage.out_shape.width,
        "OutChannels": stage.out_shape.channels,
        "OutLanes": sink.lanes,
        "OutBits": sink.format.width,
        "OutSigned": int(sink.format.signed),
        "KernelRows": stage.kernel[0],
        "KernelCols": stage.kernel[1],
        "StrideRows": stage.stride[0],
        "StrideCols": stage.stride[1],
        "PadRows": stage.padding[0],
        "PadCols": stage.padding[1],
        "SkipPadding": int(stage.skip_padding),
        "Form": stage.form.value,
        "Pe": stage.pe,
        "Simd": stage.simd,
        "UseDsp": int(stage.multiplier is not Multiplier.LUT),
        "Packed": int(mac_array(design, stage).halves == 2),
        "RingPixels": stage.ring_pixels,
        "RingStorage": "lutram" if ring_bits <= LUTRAM_BITS else "bram",
        "Tap": int(stage.tap is not None),
    }


def _join_parameters(design: Design, stage: ConvStage, array: Array) -> Parameters:
    """How the skip operand comes in; the accumulator holds it where it joins before the ReLU."""
    join = stage.join
    if join is None:
        return {"AccBits": stage.exact_sum.width}
    lift = join.sum.fraction_bits - stage.accumulator.fraction_bits
    parameters: Parameters = {
        "AccBits": stage.accumulator.width + lift if join.after_relu else join.sum.width,
        "Join": _JOIN[join.source],
        "JoinAfterRelu": int(join.after_relu),
        "JoinBits": join.format.width,
        "JoinSigned": int(join.format.signed),
        "JoinShift": join.sum.fraction_bits - join.format.fraction_bits,
    }
    if join.stream is not None:
        parameters["JoinLanes"] = design.stream(join.stream).lanes
    if join.source is JoinSource.SHIFT_REGISTER:
        parameters["SkipPixels"] = _delay_pixels(stage, join, array)
    return parameters


def _delay_pixels(stage: ConvStage, join: Join, array: Array) -> int:
    """Pixels in the shift register: one more where the last channels are read after the next pixel may load."""
    late = 7 + stage.pe if join.after_relu or stage.packed else 2 + array.steps - fewest_group_beats(stage)
    return join.depth_pixels + (1 if late > 0 else 0)
