"""What the HLS templates see: frozen views of the design, every decision already made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from generator.design import (
    AddStage,
    CloneStage,
    ConvStage,
    Design,
    JoinSource,
    Multiplier,
    PoolStage,
    ReadForm,
    Storage,
    Stream,
)
from generator.fixed_point import FixedPoint, Overflow, Rounding
from generator.names import identifier

_FIFO_IMPLEMENTATION = {
    Storage.AUTO: "any",
    Storage.BRAM: "bram",
    Storage.SRL: "srl",
    Storage.LUTRAM: "lutram",
    Storage.URAM: "uram",
    Storage.NONE: "srl",
}
_MULTIPLIER = {
    Multiplier.AUTO: "tailor::MULTIPLY_ANYWHERE",
    Multiplier.DSP: "tailor::MULTIPLY_IN_DSP",
    Multiplier.LUT: "tailor::MULTIPLY_IN_LUT",
    Multiplier.PACKED: "tailor::MULTIPLY_IN_DSP",
}
_FORM = {
    ReadForm.SERIAL: "tailor::READ_SERIAL",
    ReadForm.ROWS: "tailor::READ_ROWS",
    ReadForm.WINDOW: "tailor::READ_WINDOW",
}
_SKIP_CLASS = {
    JoinSource.STREAM: "StreamSkip",
    JoinSource.SHIFT_REGISTER: "IdentitySkip",
    JoinSource.CENTRE: "CentreSkip",
    JoinSource.PROJECTION: "ProjectionSkip",
}
DIRECT_WORDS = 2
"""Depth of a stream that the design builds without a FIFO: what lets writer and reader work side by side."""

PACKED_SHIFT = {"xcup": 18, "xc7": 16}
"""Binary places between two packed weights: as many as the family's multiplier has room for."""


@dataclass(frozen=True, slots=True)
class TypeField:
    """``typedef value name;``"""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ConstantField:
    """``static const type name = value;``; a number too wide for an int becomes a function."""

    type: str
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigView:
    """One stage's configuration struct."""

    name: str
    comment: str
    types: tuple[TypeField, ...]
    constants: tuple[ConstantField, ...] = ()
    numbers: tuple[ConstantField, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """One FIFO of the top."""

    name: str
    comment: str
    word: str
    depth_words: int
    storage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PortView:
    """The x or y port."""

    comment: str
    lanes: int
    elements: int
    format: str
    beat_bits: int


def port_view(stream: Stream) -> PortView:
    """The top's port behind a stream."""
    return PortView(
        comment=f"{stream.shape} channels last, {_count(stream.lanes, 'channel')} a beat",
        lanes=stream.lanes,
        elements=stream.shape.elements,
        format=str(stream.format),
        beat_bits=-(-stream.width_bits // 8) * 8,
    )


def stream_name(stream: str) -> str:
    """C++ name of a stream; `x` and `y` alone are the ports."""
    return f"{stream}_stream" if stream in ("x", "y") else identifier(stream)


def stream_view(stream: Stream, by_channel: bool) -> StreamView:
    """A stream as the top declares it: of vectors of bits, or of structs of channels."""
    channels = f"tailor::Channels<{stream.format.width}, {stream.lanes}>"
    return StreamView(
        name=stream_name(stream.name),
        comment=f"{stream.shape} of {exact(stream.format)}, {_count(stream.lanes, 'channel')} a word",
        word=channels if by_channel else f"ap_uint<{stream.width_bits}>",
        depth_words=max(stream.depth_words, DIRECT_WORDS),
        storage=_FIFO_IMPLEMENTATION[stream.storage],
    )


def widest_word(design: Design) -> int:
    """Bits of the widest vector in the C++: a stream's word, a ring's, or a group of results."""
    widths = [-(-stream.width_bits // 8) * 8 for stream in design.streams]
    for stage in design.stages:
        if isinstance(stage, ConvStage):
            widths.append(stage.ring_word_channels * stage.in_format.width)
            widths.append(stage.pe * max(stage.out_format.width, design.stream(stage.output).format.width))
            if stage.join is not None and stage.join.stream is not None:
                widths.append(stage.pe * design.stream(stage.join.stream).format.width)
    return max(widths)


def port_config(name: str, stream: Stream) -> ConfigView:
    """Configuration of the x or y converter."""
    return ConfigView(
        name=f"{name}_config",
        comment=f"{name}: the network's AXI-Stream port.",
        types=(TypeField("format_t", str(stream.format)), TypeField("beat_t", f"{name}_beat_t")),
        constants=_integers(lanes=stream.lanes, words=stream.words_per_frame),
    )


def conv_configs(stage: ConvStage, design: Design) -> tuple[ConfigView, ...]:
    """Configuration of a conv stage, behind that of its join's source if that has one."""
    source, sink = design.stream(stage.input), design.stream(stage.output)
    base = identifier(stage.name)
    join = stage.join
    accumulator = stage.exact_sum if adds_in_weights(stage) else stage.accumulator
    types = [
        TypeField("input_t", str(stage.in_format)),
        TypeField("weight_t", exact(stage.weight_format)),
        TypeField("multiplied_t", exact(_multiplied(stage))),
        TypeField("accumulator_t", exact(accumulator)),
        TypeField("sum_t", exact(_reaching(stage.exact_sum, stage.out_format))),
        TypeField("output_t", str(_stream_format(sink, stage.out_format))),
        TypeField("skip_t", _skip_type(stage)),
    ]
    constants = [*_conv_sizes(stage, source, sink)]
    if stage.tap is not None:
        constants += _integers(tap_lanes=design.stream(stage.tap).lanes)
    joins_after_relu = join is not None and join.after_relu
    constants += [
        ConstantField("tailor::ReadForm", "form", _FORM[stage.form]),
        _boolean("skip_padding", stage.skip_padding),
        _boolean("relu", stage.relu or joins_after_relu),
        _boolean("joins_after_relu", joins_after_relu),
        _multiplier(stage),
        *_integers(packed_shift=_packed_shift(stage, design)),
    ]
    kernel, stride = stage.kernel, stage.stride
    config = ConfigView(
        name=f"{base}_config",
        comment=f"{stage.name}: {kernel[0]} x {kernel[1]} conv, stride {stride[0]}, {stage.in_shape} to "
        f"{stage.out_shape}, {_count(stage.reuse_factor, 'beat')} a pixel on "
        f"{_count(stage.multipliers, 'multiplier')}.",
        types=tuple(types),
        constants=tuple(constants),
    )
    return (*_source_configs(stage, design), config)


def _conv_sizes(stage: ConvStage, source: Stream, sink: Stream) -> tuple[ConstantField, ...]:
    return _integers(
        in_height=stage.in_shape.height,
        in_width=stage.in_shape.width,
        in_channels=stage.in_shape.channels,
        out_height=stage.out_shape.height,
        out_width=stage.out_shape.width,
        out_channels=stage.out_shape.channels,
        kernel_height=stage.kernel[0],
        kernel_width=stage.kernel[1],
        stride_height=stage.stride[0],
        stride_width=stage.stride[1],
        pad_height=stage.padding[0],
        pad_width=stage.padding[1],
        pe=stage.pe,
        simd=stage.simd,
        in_lanes=source.lanes,
        out_lanes=sink.lanes,
        ring_pixels=stage.ring_pixels,
    )


def _packed_shift(stage: ConvStage, design: Design) -> int:
    """Binary places between two weights that share a multiplier; 0: each has its own.

    How a stage is packed changes no number, so a pair that the family's multiplier cannot hold gets two.
    """
    if not stage.packed:
        return 0
    shift = PACKED_SHIFT.get(design.device.family, max(PACKED_SHIFT.values()))
    weight, operand = _multiplied(stage), stage.in_format
    largest = max(-weight.min_int, weight.max_int + 1) * max(-operand.min_int, operand.max_int)
    return shift if largest < 1 << (shift - 1) else 0


def _multiplied(stage: ConvStage) -> FixedPoint:
    """Format of a weight at the multiplier: with room for one more where the skip enters there."""
    weight = stage.weight_format
    if not adds_in_weights(stage):
        return weight
    fraction = max(weight.fraction_bits, 0)
    integer_bits = max(weight.integer_bits, 2) + 1
    return replace(weight, width=integer_bits + fraction, integer_bits=integer_bits)


def adds_in_weights(stage: ConvStage) -> bool:
    """Whether the skip operand enters through the weights: one more on the diagonal of the centre tap."""
    return stage.join is not None and stage.join.source is JoinSource.CENTRE and not stage.join.after_relu


def _skip_type(stage: ConvStage) -> str:
    if stage.join is None:
        return "tailor::NoSkip"
    if adds_in_weights(stage):
        return "tailor::CentreInWeight"
    return f"tailor::{_SKIP_CLASS[stage.join.source]}<{identifier(stage.name)}_skip_config>"


def _source_configs(stage: ConvStage, design: Design) -> tuple[ConfigView, ...]:
    """Configuration of what a join adds, where it needs one."""
    join = stage.join
    if join is None or adds_in_weights(stage):
        return ()
    input_type = TypeField("input_t", str(stage.in_format))
    types: tuple[TypeField, ...] = (input_type,)
    constants: tuple[ConstantField, ...]
    match join.source:
        case JoinSource.STREAM:
            assert join.stream is not None  # a join from a stream names it
            stream = design.stream(join.stream)
            comment = f"{join.name}: {stage.name} adds what comes on {join.stream}."
            types = (TypeField("operand_t", exact(stream.format)),)
            constants = _integers(lanes=stream.lanes, pe=stage.pe)
        case JoinSource.SHIFT_REGISTER:
            comment = f"{join.name}: {stage.name}'s input waits in a shift register."
            lanes = design.stream(stage.input).lanes
            constants = _integers(
                channels=stage.in_shape.channels, lanes=lanes, pe=stage.pe, depth_pixels=join.depth_pixels
            )
        case JoinSource.CENTRE:
            comment = f"{join.name}: {stage.name} adds its own centre tap."
            constants = _integers(pe=stage.pe, tap_lanes=stage.ring_word_channels, centre_tap=_centre_tap(stage))
        case JoinSource.PROJECTION:
            assert join.projection is not None  # a join of a projection holds it
            comment = f"{join.projection.name}: a 1 x 1 conv on {stage.name}'s centre tap."
            types = (
                input_type,
                TypeField("weight_t", exact(join.projection.weight_format)),
                TypeField("accumulator_t", exact(join.projection.accumulator)),
            )
            sizes = _integers(
                in_channels=stage.in_shape.channels,
                out_channels=stage.out_shape.channels,
                pe=stage.pe,
                tap_lanes=stage.ring_word_channels,
                centre_tap=_centre_tap(stage),
            )
            constants = (*sizes, _multiplier(stage))
        case _:
            assert_never(join.source)
    return (
        ConfigView(name=f"{identifier(stage.name)}_skip_config", comment=comment, types=types, constants=constants),
    )


def _centre_tap(stage: ConvStage) -> int:
    """The window's centre among the taps of a beat."""
    match stage.form:
        case ReadForm.SERIAL:
            return 0
        case ReadForm.ROWS:
            return stage.padding[0]
        case ReadForm.WINDOW:
            return stage.padding[0] * stage.kernel[1] + stage.padding[1]


def clone_config(stage: CloneStage, design: Design) -> ConfigView:
    """Configuration of a clone stage."""
    source = design.stream(stage.input)
    return ConfigView(
        name=f"{identifier(stage.name)}_config",
        comment=f"{stage.name}: {stage.shape} to two streams.",
        types=(TypeField("format_t", str(stage.format)),),
        constants=_integers(lanes=source.lanes, words=source.words_per_frame),
    )


def add_config(stage: AddStage, design: Design) -> ConfigView:
    """Configuration of an add stage."""
    sink = design.stream(stage.output)
    return ConfigView(
        name=f"{identifier(stage.name)}_config",
        comment=f"{stage.name}: the sum of two streams of {stage.shape}.",
        types=(
            TypeField("main_t", str(stage.main_format)),
            TypeField("skip_t", str(stage.skip_format)),
            TypeField("sum_t", exact(_reaching(stage.sum, stage.out_format))),
            TypeField("output_t", str(_stream_format(sink, stage.out_format))),
        ),
        constants=(*_integers(lanes=sink.lanes, words=sink.words_per_frame), _boolean("relu", stage.relu)),
    )


def pool_config(stage: PoolStage, design: Design) -> ConfigView:
    """Configuration of a pool stage, the integers of its division as wide as their proved ranges."""
    source, sink = design.stream(stage.input), design.stream(stage.output)
    total, reciprocal = stage.accumulator, stage.reciprocal
    largest = max(-total.min_int, total.max_int) << stage.dividend_shift
    reach = 2 * largest + reciprocal.divisor
    lift = reciprocal.lift * reciprocal.divisor
    dividend_bits = reach.bit_length() + 1
    lifted_bits = (reach + lift).bit_length() + 1
    product_bits = lifted_bits + reciprocal.multiplier.bit_length()
    quotient = FixedPoint(width=dividend_bits, integer_bits=dividend_bits - stage.result.fraction_bits)
    return ConfigView(
        name=f"{identifier(stage.name)}_config",
        comment=f"{stage.name}: the mean over {stage.in_shape.pixels} pixels of each of "
        f"{stage.in_shape.channels} channels.",
        types=(
            TypeField("input_t", str(stage.in_format)),
            TypeField("accumulator_t", exact(total)),
            TypeField("output_t", str(_stream_format(sink, stage.result))),
            TypeField("quotient_t", str(quotient)),
            TypeField("integer_t", f"ap_{'' if total.signed else 'u'}int<{total.width}>"),
            TypeField("dividend_t", f"ap_int<{dividend_bits}>"),
            TypeField("lifted_t", f"ap_int<{lifted_bits}>"),
            TypeField("product_t", f"ap_int<{product_bits}>"),
        ),
        constants=(
            *_integers(
                pixels=stage.in_shape.pixels,
                channels=stage.in_shape.channels,
                in_lanes=source.lanes,
                out_lanes=sink.lanes,
                dividend_shift=stage.dividend_shift,
                shift=reciprocal.shift,
            ),
            ConstantField("ap_q_mode", "rounding", str(stage.result.rounding)),
        ),
        numbers=(
            _number("divisor", reciprocal.divisor),
            _number("lift", reciprocal.lift),
            _number("multiplier", reciprocal.multiplier),
        ),
    )


def exact(fmt: FixedPoint) -> str:
    """A format that values fit into as they are: no modes, so that no logic is spent on them."""
    return str(fmt.with_modes(Rounding.TRN, Overflow.WRAP))


def _reaching(value: FixedPoint, result: FixedPoint) -> FixedPoint:
    """A sum's format, widened above so that it has a bit at the LSB of the result it is rounded to.

    ap_fixed looks at that bit, and at the one below, without asking whether they exist.
    """
    width = max(value.width, value.fraction_bits - result.fraction_bits + 1 + value.signed)
    return replace(value, width=width, integer_bits=width - value.fraction_bits)


def _stream_format(sink: Stream, value: FixedPoint) -> FixedPoint:
    """The stream's format under the modes of the value written to it."""
    return sink.format.with_modes(value.rounding, value.overflow)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _integers(**values: int) -> tuple[ConstantField, ...]:
    return tuple(ConstantField("int", name, str(value)) for name, value in values.items())


def _boolean(name: str, value: bool) -> ConstantField:
    return ConstantField("bool", name, "true" if value else "false")


def _multiplier(stage: ConvStage) -> ConstantField:
    return ConstantField("tailor::Multiplier", "multiplier", _MULTIPLIER[stage.multiplier])


def _number(name: str, value: int) -> ConstantField:
    bits = max(value.bit_length(), 1)
    return ConstantField(f"ap_uint<{bits}>", name, f"{value}ULL")
