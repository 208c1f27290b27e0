"""What the HLS templates see: frozen views of the design, every decision already made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from generator.design import (
    AddStage,
    CloneStage,
    ConvStage,
    Design,
    PoolStage,
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
DIRECT_WORDS = 2
"""Depth of a stream that the design builds without a FIFO: what lets writer and reader work side by side."""


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
        comment=f"{stream.shape} channels last, {count(stream.lanes, 'channel')} a beat",
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
        comment=f"{stream.shape} of {exact(stream.format)}, {count(stream.lanes, 'channel')} a word",
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
        constants=integers(lanes=stream.lanes, words=stream.words_per_frame),
    )


def clone_config(stage: CloneStage, design: Design) -> ConfigView:
    """Configuration of a clone stage."""
    source = design.stream(stage.input)
    return ConfigView(
        name=f"{identifier(stage.name)}_config",
        comment=f"{stage.name}: {stage.shape} to two streams.",
        types=(TypeField("format_t", str(stage.format)),),
        constants=integers(lanes=source.lanes, words=source.words_per_frame),
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
            TypeField("sum_t", exact(reaching(stage.sum, stage.out_format))),
            TypeField("output_t", str(stream_format(sink, stage.out_format))),
        ),
        constants=(*integers(lanes=sink.lanes, words=sink.words_per_frame), boolean("relu", stage.relu)),
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
            TypeField("output_t", str(stream_format(sink, stage.result))),
            TypeField("quotient_t", str(quotient)),
            TypeField("integer_t", f"ap_{'' if total.signed else 'u'}int<{total.width}>"),
            TypeField("dividend_t", f"ap_int<{dividend_bits}>"),
            TypeField("lifted_t", f"ap_int<{lifted_bits}>"),
            TypeField("product_t", f"ap_int<{product_bits}>"),
        ),
        constants=(
            *integers(
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


def reaching(value: FixedPoint, result: FixedPoint) -> FixedPoint:
    """A sum's format, widened above so that it has a bit at the LSB of the result it is rounded to.

    ap_fixed looks at that bit, and at the one below, without asking whether they exist.
    """
    width = max(value.width, value.fraction_bits - result.fraction_bits + 1 + value.signed)
    return replace(value, width=width, integer_bits=width - value.fraction_bits)


def stream_format(sink: Stream, value: FixedPoint) -> FixedPoint:
    """The stream's format under the modes of the value written to it."""
    return sink.format.with_modes(value.rounding, value.overflow)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def integers(**values: int) -> tuple[ConstantField, ...]:
    return tuple(ConstantField("int", name, str(value)) for name, value in values.items())


def boolean(name: str, value: bool) -> ConstantField:
    return ConstantField("bool", name, "true" if value else "false")


def _number(name: str, value: int) -> ConstantField:
    bits = max(value.bit_length(), 1)
    return ConstantField(f"ap_uint<{bits}>", name, f"{value}ULL")
