"""What the HLS templates see: frozen views of the design, every decision already made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from generator.design import (
    AddStage,
    CloneStage,
    ConvStage,
    Design,
    Multiplier,
    PoolStage,
    Projection,
    Storage,
    Stream,
)
from generator.fixed_point import FixedPoint, Overflow, Rounding
from generator.names import identifier

_FIFO_IMPLEMENTATION = {
    Storage.AUTO: "memory",
    Storage.BRAM: "bram",
    Storage.SRL: "srl",
    Storage.LUTRAM: "lutram",
    Storage.URAM: "uram",
}
_MULTIPLIER = {
    Multiplier.AUTO: "tailor::MULTIPLY_ANYWHERE",
    Multiplier.DSP: "tailor::MULTIPLY_IN_DSP",
    Multiplier.LUT: "tailor::MULTIPLY_IN_LUT",
}


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


def stream_view(stream: Stream) -> StreamView:
    """A stream as the top declares it."""
    return StreamView(
        name=stream_name(stream.name),
        comment=f"{stream.shape} of {exact(stream.format)}, {_count(stream.lanes, 'channel')} a word",
        word=f"ap_uint<{stream.width_bits}>",
        depth_words=stream.depth_words,
        storage=_FIFO_IMPLEMENTATION[stream.storage],
    )


def port_config(name: str, stream: Stream) -> ConfigView:
    """Configuration of the x or y converter."""
    return ConfigView(
        name=f"{name}_config",
        comment=f"{name}: the network's AXI-Stream port.",
        types=(TypeField("format_t", str(stream.format)), TypeField("beat_t", f"{name}_beat_t")),
        constants=_integers(lanes=stream.lanes, words=stream.words_per_frame),
    )


def conv_configs(stage: ConvStage, design: Design) -> tuple[ConfigView, ...]:
    """Configuration of a conv stage, behind that of its short skip if it has one."""
    source, sink = design.stream(stage.input), design.stream(stage.output)
    base = identifier(stage.name)
    skip = stage.join
    types = [
        TypeField("input_t", str(stage.in_format)),
        TypeField("weight_t", exact(stage.weight_format)),
        TypeField("accumulator_t", exact(stage.accumulator)),
        TypeField("sum_t", exact(_reaching(stage.exact_sum, stage.out_format))),
        TypeField("output_t", str(_stream_format(sink, stage.out_format))),
    ]
    skips: tuple[ConfigView, ...] = ()
    if skip is None:
        types.append(TypeField("skip_t", "tailor::NoSkip"))
    elif skip.projection is None:
        skips = (_identity_config(stage, source),)
        types.append(TypeField("skip_t", f"tailor::IdentitySkip<{base}_skip_config>"))
    else:
        skips = (_projection_config(stage, skip.projection),)
        types.append(TypeField("projection_weight_t", exact(skip.projection.weight_format)))
        types.append(TypeField("projection_accumulator_t", exact(skip.projection.accumulator)))
        types.append(TypeField("skip_t", f"tailor::ProjectionSkip<{base}_skip_config>"))
    kernel, stride, pad = stage.kernel, stage.stride, stage.padding
    sizes = _integers(
        in_height=stage.in_shape.height,
        in_width=stage.in_shape.width,
        in_channels=stage.in_shape.channels,
        out_height=stage.out_shape.height,
        out_width=stage.out_shape.width,
        out_channels=stage.out_shape.channels,
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        stride_height=stride[0],
        stride_width=stride[1],
        pad_height=pad[0],
        pad_width=pad[1],
        pe=stage.pe,
        simd=stage.simd,
        in_lanes=source.lanes,
        out_lanes=sink.lanes,
        ring_pixels=stage.ring_pixels,
    )
    config = ConfigView(
        name=f"{base}_config",
        comment=f"{stage.name}: {kernel[0]} x {kernel[1]} conv, stride {stride[0]}, {stage.in_shape} to "
        f"{stage.out_shape}, {_count(stage.reuse_factor, 'beat')} a pixel on "
        f"{_count(stage.multipliers, 'multiplier')}.",
        types=tuple(types),
        constants=(*sizes, _boolean("relu", stage.relu), _multiplier(stage)),
    )
    return (*skips, config)


def _identity_config(stage: ConvStage, source: Stream) -> ConfigView:
    assert stage.join is not None
    return ConfigView(
        name=f"{identifier(stage.name)}_skip_config",
        comment=f"{stage.join.name}: {stage.name}'s input waits in a shift register.",
        types=(TypeField("input_t", str(stage.in_format)),),
        constants=_integers(
            channels=stage.in_shape.channels,
            lanes=source.lanes,
            pe=stage.pe,
            depth_pixels=stage.join.depth_pixels,
        ),
    )


def _projection_config(stage: ConvStage, projection: Projection) -> ConfigView:
    return ConfigView(
        name=f"{identifier(stage.name)}_skip_config",
        comment=f"{projection.name}: a 1 x 1 conv on {stage.name}'s centre tap.",
        types=(
            TypeField("input_t", str(stage.in_format)),
            TypeField("weight_t", exact(projection.weight_format)),
            TypeField("accumulator_t", exact(projection.accumulator)),
        ),
        constants=(
            *_integers(
                in_channels=stage.in_shape.channels,
                out_channels=stage.out_shape.channels,
                pe=stage.pe,
                simd=stage.simd,
            ),
            _multiplier(stage),
        ),
    )


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
