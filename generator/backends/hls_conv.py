"""What the HLS templates see of a conv stage: its configuration, and that of what its join adds."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from generator.backends.hls_views import (
    ConfigView,
    ConstantField,
    TypeField,
    boolean,
    count,
    exact,
    integers,
    reaching,
    stream_format,
)
from generator.design import ConvStage, Design, JoinSource, Multiplier, ReadForm, Stream
from generator.fixed_point import FixedPoint
from generator.names import identifier

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
PACKED_SHIFT = {"xcup": 18, "xc7": 16}
"""Binary places between two packed weights: as many as the family's multiplier has room for."""


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
        TypeField("sum_t", exact(reaching(stage.exact_sum, stage.out_format))),
        TypeField("output_t", str(stream_format(sink, stage.out_format))),
        TypeField("skip_t", _skip_type(stage)),
    ]
    constants = [*_conv_sizes(stage, source, sink)]
    if stage.tap is not None:
        constants += integers(tap_lanes=design.stream(stage.tap).lanes)
    joins_after_relu = join is not None and join.after_relu
    constants += [
        ConstantField("tailor::ReadForm", "form", _FORM[stage.form]),
        boolean("skip_padding", stage.skip_padding),
        boolean("relu", stage.relu or joins_after_relu),
        boolean("joins_after_relu", joins_after_relu),
        _multiplier(stage),
        *integers(packed_shift=_packed_shift(stage, design)),
    ]
    kernel, stride = stage.kernel, stage.stride
    config = ConfigView(
        name=f"{base}_config",
        comment=f"{stage.name}: {kernel[0]} x {kernel[1]} conv, stride {stride[0]}, {stage.in_shape} to "
        f"{stage.out_shape}, {count(stage.reuse_factor, 'beat')} a pixel on "
        f"{count(stage.multipliers, 'multiplier')}.",
        types=tuple(types),
        constants=tuple(constants),
    )
    return (*_source_configs(stage, design), config)


def _conv_sizes(stage: ConvStage, source: Stream, sink: Stream) -> tuple[ConstantField, ...]:
    return integers(
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
            constants = integers(lanes=stream.lanes, pe=stage.pe)
        case JoinSource.SHIFT_REGISTER:
            comment = f"{join.name}: {stage.name}'s input waits in a shift register."
            lanes = design.stream(stage.input).lanes
            constants = integers(
                channels=stage.in_shape.channels, lanes=lanes, pe=stage.pe, depth_pixels=join.depth_pixels
            )
        case JoinSource.CENTRE:
            comment = f"{join.name}: {stage.name} adds its own centre tap."
            constants = integers(pe=stage.pe, tap_lanes=stage.ring_word_channels, centre_tap=_centre_tap(stage))
        case JoinSource.PROJECTION:
            assert join.projection is not None  # a join of a projection holds it
            comment = f"{join.projection.name}: a 1 x 1 conv on {stage.name}'s centre tap."
            types = (
                input_type,
                TypeField("weight_t", exact(join.projection.weight_format)),
                TypeField("accumulator_t", exact(join.projection.accumulator)),
            )
            sizes = integers(
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


def _multiplier(stage: ConvStage) -> ConstantField:
    return ConstantField("tailor::Multiplier", "multiplier", _MULTIPLIER[stage.multiplier])
