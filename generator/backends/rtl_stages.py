"""Stages and FIFOs of a design as instances of the RTL library."""

from __future__ import annotations

from generator.backends.rtl_conv import beat_channels, conv_instance, fewest_group_beats, requantization
from generator.backends.rtl_instance import LIBRARY as LIBRARY
from generator.backends.rtl_instance import Parameters, StageInstance
from generator.backends.rtl_instance import parameter_json as parameter_json
from generator.design import (
    AddStage,
    CloneStage,
    ConvStage,
    Design,
    JoinSource,
    PoolStage,
    ReadForm,
    Stage,
    Storage,
    Stream,
)
from generator.errors import PlacementError
from generator.names import identifier

_SRL_WORDS = 64


def stage_instances(design: Design) -> tuple[StageInstance, ...]:
    """Every stage of the design, in dataflow order.

    Raises:
        PlacementError: lanes and folding do not fit; lists every stage that is wrong.
    """
    problems = [problem for stage in design.stages for problem in _problems(design, stage)]
    if problems:
        raise PlacementError("; ".join(problems))
    return tuple(_stage(design, stage) for stage in design.stages)


def fifo_instance(design: Design, stream: Stream) -> StageInstance:
    """The FIFO of a stream that is no direct link."""
    parameters: Parameters = {
        "Width": stream.width_bits,
        "Depth": stream.depth_words,
        "ReserveWords": reserved_words(design, stream),
        "ClaimWords": claimed_words(design, stream),
        "Registered": int(fifo_storage(stream) != "srl" or not (claimed_words(design, stream) or stream.sink is None)),
        "Storage": fifo_storage(stream),
    }
    return StageInstance(name=identifier(stream.name), module="stream_fifo", parameters=tuple(parameters.items()))


def fifo_instances(design: Design) -> tuple[StageInstance, ...]:
    """The FIFO of every stream that has one, in the design's order."""
    return tuple(fifo_instance(design, stream) for stream in design.streams if is_fifo(stream))


def is_fifo(stream: Stream) -> bool:
    """Whether words wait between writer and reader; a direct link leads straight into the reader's ring."""
    return stream.storage is not Storage.NONE


def promiser(design: Design, stream: Stream) -> Stream | None:
    """The stream whose writer promises, a pixel at a time, the words that reach this one; None: word by word.

    Clone stages without a FIFO in front only copy what a conv or pool stage in front of them has promised.
    """
    writer = next((stage for stage in design.stages if stage.name == stream.source), None)
    match writer:
        case ConvStage() | PoolStage():
            return stream  # a tap promises too, one word at a time
        case CloneStage():
            inlet = design.stream(writer.input)
            return None if is_fifo(inlet) else promiser(design, inlet)
        case _:
            return None


def reserved_words(design: Design, stream: Stream) -> int:
    """Words that the writer of a stream promises at once: a conv stage a pixel, all others one."""
    root = promiser(design, stream)
    writer = next((stage for stage in design.stages if root is not None and stage.name == root.source), None)
    tapped = isinstance(writer, ConvStage) and root is not None and writer.tap == root.name
    return stream.words_per_pixel if isinstance(writer, ConvStage) and not tapped else 1


def claimed_words(design: Design, stream: Stream) -> int:
    """Words that the reader of a stream claims at once: a pixel where it is a conv stage's join, else none."""
    reader = next((stage for stage in design.stages if stage.name == stream.sink), None)
    joined = isinstance(reader, ConvStage) and reader.join is not None and reader.join.stream == stream.name
    return stream.words_per_pixel if joined else 0


def fifo_storage(stream: Stream) -> str:
    """What the FIFO's words are kept in: `srl`, `lutram`, `bram` or `uram`."""
    if stream.storage is Storage.AUTO:
        return "srl" if stream.depth_words <= _SRL_WORDS else "bram"
    return stream.storage.value


def _stage(design: Design, stage: Stage) -> StageInstance:
    match stage:
        case ConvStage():
            return conv_instance(design, stage)
        case CloneStage():
            return _plain(
                stage,
                "clone_stage",
                {
                    "Width": design.stream(stage.input).width_bits,
                    "Promised": int(promiser(design, design.stream(stage.outputs[0])) is not None),
                },
            )
        case AddStage():
            return _plain(stage, "add_stage", _add_parameters(design, stage))
        case PoolStage():
            return _plain(stage, "pool_stage", _pool_parameters(design, stage))


def _plain(stage: Stage, module: str, parameters: Parameters) -> StageInstance:
    return StageInstance(name=identifier(stage.name), module=module, parameters=tuple(parameters.items()))


def _problems(design: Design, stage: Stage) -> list[str]:
    if not isinstance(stage, ConvStage):
        return []
    lanes_in, lanes_out = design.stream(stage.input).lanes, design.stream(stage.output).lanes
    channels = beat_channels(stage)
    step_lanes = min(lanes_out, stage.pe)
    pairs = [("input lanes", lanes_in, "channels of a beat", channels), ("output lanes", lanes_out, "pe", stage.pe)]
    join = stage.join
    if join is not None and join.source is JoinSource.SHIFT_REGISTER:
        pairs.append(("input lanes", lanes_in, "channels of a step", step_lanes))
    found = [
        f"stage {stage.name!r}: {name} {lanes} and {other} {folding}: one must divide the other"
        for name, lanes, other, folding in pairs
        if lanes % folding and folding % lanes
    ]
    if stage.tap is not None and (stage.form is not ReadForm.SERIAL or design.stream(stage.tap).lanes != stage.simd):
        found.append(
            f"stage {stage.name!r}: a tap needs the serial form and a stream of {stage.simd} lanes, the channels of a "
            "ring word; choose another reuse factor or clone_fifo"
        )
    if join is not None and join.stream is not None and design.stream(join.stream).lanes % step_lanes:
        found.append(
            f"stage {stage.name!r}: skip lanes {design.stream(join.stream).lanes} are not a multiple of the "
            f"{step_lanes} channels that a step sums"
        )
    if join is not None and join.source is JoinSource.CENTRE and stage.pe % channels:
        found.append(
            f"stage {stage.name!r}: centre_tap needs pe {stage.pe} to be a multiple of the {channels} channels of a "
            "beat; choose another reuse factor or fold"
        )
    beats = fewest_group_beats(stage)
    if stage.pe > lanes_out * beats:
        found.append(
            f"stage {stage.name!r}: {stage.pe} sums every {beats} cycles do not leave "
            f"on {lanes_out} lanes; widen the stream"
        )
    room = design.stream(stage.output)
    if is_fifo(room) and room.depth_words < room.words_per_pixel:
        found.append(
            f"stage {stage.name!r}: stream {room.name!r} holds {room.depth_words} words, "
            f"less than the {room.words_per_pixel} of a pixel; deepen it"
        )
    return found


def _add_parameters(design: Design, stage: AddStage) -> Parameters:
    sink = design.stream(stage.output)
    return {
        "Lanes": sink.lanes,
        "MainBits": stage.main_format.width,
        "MainSigned": int(stage.main_format.signed),
        "MainShift": stage.sum.fraction_bits - stage.main_format.fraction_bits,
        "SkipBits": stage.skip_format.width,
        "SkipSigned": int(stage.skip_format.signed),
        "SkipShift": stage.sum.fraction_bits - stage.skip_format.fraction_bits,
        "SumBits": stage.sum.width,
        "Relu": int(stage.relu),
        "OutBits": sink.format.width,
        "OutSigned": int(sink.format.signed),
    } | requantization(stage.sum, stage.result or sink.format)


def _pool_parameters(design: Design, stage: PoolStage) -> Parameters:
    sink = design.stream(stage.output)
    reciprocal = stage.reciprocal
    return {
        "Pixels": stage.in_shape.pixels,
        "Channels": stage.in_shape.channels,
        "Lanes": sink.lanes,
        "InBits": stage.in_format.width,
        "InSigned": int(stage.in_format.signed),
        "AccBits": stage.accumulator.width,
        "DividendShift": stage.dividend_shift,
        "Divisor": reciprocal.divisor,
        "Lift": reciprocal.lift,
        "MultiplierBits": reciprocal.multiplier.bit_length(),
        "Multiplier": reciprocal.multiplier,
        "Shift": reciprocal.shift,
        "Rounding": stage.result.rounding.value.removeprefix("AP_"),
        "Overflow": stage.result.overflow.value.removeprefix("AP_"),
        "OutBits": sink.format.width,
        "OutSigned": int(sink.format.signed),
    }
