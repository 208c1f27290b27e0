"""Stages and FIFOs of a design as instances of the RTL library: module, parameters and memories."""

from __future__ import annotations

from dataclasses import dataclass

from generator.backends.rtl_memory import bias_bits, memory_text, weight_words
from generator.design import (
    AddStage,
    CloneStage,
    ConvStage,
    Design,
    Join,
    Multiplier,
    PoolStage,
    Stage,
    Storage,
    Stream,
)
from generator.errors import PlacementError
from generator.fixed_point import FixedPoint, IntArray
from generator.names import identifier

Value = int | str
Parameters = dict[str, Value]

_MAC = ("mac_array", "multiply", "pair_sum", "weight_rom")
LIBRARY: dict[str, tuple[str, ...]] = {
    "stream_fifo": ("stream_fifo", "fifo_store_srl", "fifo_store_ram", "shift_register", "dual_port_ram"),
    "conv_stage": (
        "conv_stage",
        "conv_loader",
        "conv_window",
        "conv_output",
        "requantize",
        "dual_port_ram",
        "skip_delay",
        "shift_register",
        "align_add",
        "projection_mac",
        *_MAC,
    ),
    "clone_stage": ("clone_stage",),
    "add_stage": ("add_stage", "align_add", "requantize"),
    "pool_stage": ("pool_stage", "constant_mean", "requantize"),
    "axis_input": ("axis_input",),
    "axis_output": ("axis_output",),
}
"""Modules of `templates/rtl/lib`, one a file, that each module needs, itself first."""

_LUTRAM_BITS = 1024
_SRL_WORDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The contents of a ROM.

    Attributes:
        parameter: of the module, that names the file.
        path: of the file, below `rtl/`.
        text: `width_bits` wide words in hexadecimal, `depth_words` lines.
    """

    parameter: str
    path: str
    text: str
    width_bits: int
    depth_words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageInstance:
    """One instance of a library module.

    Two instances whose module, parameters and memory shapes agree synthesise to the same netlist.

    Attributes:
        name: of the stage or stream, as an identifier.
        parameters: (name, value) in the module's order; texts are unquoted.
    """

    name: str
    module: str
    parameters: tuple[tuple[str, Value], ...]
    memories: tuple[Memory, ...] = ()

    @property
    def assignments(self) -> tuple[str, ...]:
        """The parameters as SystemVerilog writes them in an instance."""
        return tuple(f".{name}({_literal(value)})" for name, value in self.parameters)

    @property
    def files(self) -> tuple[str, ...]:
        """Library modules that the instance needs, itself first."""
        return LIBRARY[self.module]


def stage_instances(design: Design) -> tuple[StageInstance, ...]:
    """Every stage of the design, in dataflow order.

    Raises:
        PlacementError: lanes and folding do not fit; lists every stage that is wrong.
    """
    problems = [problem for stage in design.stages for problem in _problems(design, stage)]
    if problems:
        raise PlacementError("; ".join(problems))
    return tuple(_stage(design, stage) for stage in design.stages)


def fifo_instances(design: Design) -> tuple[StageInstance, ...]:
    """The FIFO of every stream, in the design's order."""
    return tuple(_fifo(design, stream) for stream in design.streams)


def reserved_words(design: Design, stream: Stream) -> int:
    """Words that the writer of a stream promises at once: a conv stage a pixel, all others one."""
    writer = next((stage for stage in design.stages if stage.name == stream.source), None)
    return stream.words_per_pixel if isinstance(writer, ConvStage) else 1


def fifo_storage(stream: Stream) -> str:
    """What the FIFO's words are kept in: `srl`, `lutram`, `bram` or `uram`."""
    if stream.storage is Storage.AUTO:
        return "srl" if stream.depth_words <= _SRL_WORDS else "bram"
    return stream.storage.value


def parameter_json(value: Value) -> Value | dict[str, str]:
    """A parameter's value for rtl/instances.json: plain, or {"verilog": text} above 31 bits."""
    return value if isinstance(value, str) or value.bit_length() < 32 else {"verilog": _literal(value)}


def _literal(value: Value) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value) if value.bit_length() < 32 else f"{value.bit_length()}'d{value}"


def _problems(design: Design, stage: Stage) -> list[str]:
    if not isinstance(stage, ConvStage):
        return []
    lanes_in, lanes_out = design.stream(stage.input).lanes, design.stream(stage.output).lanes
    pairs = [("input lanes", lanes_in, "simd", stage.simd), ("output lanes", lanes_out, "pe", stage.pe)]
    if stage.join and stage.join.projection is None:
        pairs.append(("input lanes", lanes_in, "pe", stage.pe))
    found = [
        f"stage {stage.name!r}: {name} {lanes} and {other} {folding}: one must divide the other"
        for name, lanes, other, folding in pairs
        if lanes % folding and folding % lanes
    ]
    group_beats = stage.kernel[0] * stage.kernel[1] * (stage.in_shape.channels // stage.simd)
    if stage.pe > lanes_out * group_beats:
        found.append(
            f"stage {stage.name!r}: {stage.pe} sums every {group_beats} cycles do not leave "
            f"on {lanes_out} lanes; widen the stream"
        )
    room = design.stream(stage.output)
    if room.depth_words < room.words_per_pixel:
        found.append(
            f"stage {stage.name!r}: stream {room.name!r} holds {room.depth_words} words, "
            f"less than the {room.words_per_pixel} of a pixel; deepen it"
        )
    return found


def _fifo(design: Design, stream: Stream) -> StageInstance:
    parameters: Parameters = {
        "Width": stream.width_bits,
        "Depth": stream.depth_words,
        "ReserveWords": reserved_words(design, stream),
        "Storage": fifo_storage(stream),
    }
    return StageInstance(name=identifier(stream.name), module="stream_fifo", parameters=tuple(parameters.items()))


def _stage(design: Design, stage: Stage) -> StageInstance:
    match stage:
        case ConvStage():
            return _conv(design, stage)
        case CloneStage():
            return _plain(stage, "clone_stage", {"Width": design.stream(stage.input).width_bits})
        case AddStage():
            return _plain(stage, "add_stage", _add_parameters(design, stage))
        case PoolStage():
            return _plain(stage, "pool_stage", _pool_parameters(design, stage))


def _plain(stage: Stage, module: str, parameters: Parameters) -> StageInstance:
    return StageInstance(name=identifier(stage.name), module=module, parameters=tuple(parameters.items()), memories=())


def _conv(design: Design, stage: ConvStage) -> StageInstance:
    name = identifier(stage.name)
    memories = [
        _weights(stage, "WeightFile", f"mem/{name}_weight.mem", stage.weight, stage.weight_format),
        _biases(stage, "BiasFile", f"mem/{name}_bias.mem", stage.bias),
    ]
    parameters = _geometry(design, stage) | {
        "WeightBits": stage.weight_format.width,
        "WeightSigned": int(stage.weight_format.signed),
        "BiasBits": bias_bits(stage.bias),
        "ProductShift": stage.product_shift,
        "AccBits": stage.accumulator.width,
    }
    if stage.join is not None:
        parameters |= _short_skip_parameters(stage, stage.join)
        projection = stage.join.projection
        if projection is not None:
            path = f"mem/{name}_projection"
            weight = projection.weight[None, None]
            memories += [
                _weights(stage, "ProjectionWeightFile", f"{path}_weight.mem", weight, projection.weight_format),
                _biases(stage, "ProjectionBiasFile", f"{path}_bias.mem", projection.bias),
            ]
    parameters |= {memory.parameter: memory.path for memory in memories}
    parameters |= {"SumBits": stage.exact_sum.width, "Relu": int(stage.relu)}
    parameters |= _requantization(stage.exact_sum, stage.result or design.stream(stage.output).format)
    return StageInstance(name=name, module="conv_stage", parameters=tuple(parameters.items()), memories=tuple(memories))


def _weights(stage: ConvStage, parameter: str, path: str, weight: IntArray, fmt: FixedPoint) -> Memory:
    words = weight_words(weight, stage.pe, stage.simd)
    return Memory(
        parameter=parameter,
        path=path,
        text=memory_text(words, fmt.width),
        width_bits=words.shape[1] * fmt.width,
        depth_words=words.shape[0],
    )


def _biases(stage: ConvStage, parameter: str, path: str, bias: IntArray) -> Memory:
    width = bias_bits(bias)
    words = bias.reshape(-1, stage.pe)
    return Memory(
        parameter=parameter,
        path=path,
        text=memory_text(words, width),
        width_bits=stage.pe * width,
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
        "Pe": stage.pe,
        "Simd": stage.simd,
        "UseDsp": int(stage.multiplier is not Multiplier.LUT),
        "RingPixels": stage.ring_pixels,
        "RingStorage": "lutram" if ring_bits <= _LUTRAM_BITS else "bram",
    }


def _short_skip_parameters(stage: ConvStage, skip: Join) -> Parameters:
    main_shift = skip.sum.fraction_bits - stage.accumulator.fraction_bits
    projection = skip.projection
    if projection is None:
        return {
            "ShortSkip": "identity",
            "SkipPixels": skip.depth_pixels,
            "MainShift": main_shift,
            "SkipShift": skip.sum.fraction_bits - stage.in_format.fraction_bits,
        }
    product_fraction = stage.in_format.fraction_bits + projection.weight_format.fraction_bits
    return {
        "ShortSkip": "projection",
        "ProjectionWeightBits": projection.weight_format.width,
        "ProjectionWeightSigned": int(projection.weight_format.signed),
        "ProjectionProductShift": projection.accumulator.fraction_bits - product_fraction,
        "ProjectionBiasBits": bias_bits(projection.bias),
        "ProjectionAccBits": projection.accumulator.width,
        "MainShift": main_shift,
        "SkipShift": skip.sum.fraction_bits - projection.accumulator.fraction_bits,
    }


def _requantization(exact: FixedPoint, result: FixedPoint) -> Parameters:
    return {
        "ResultShift": exact.fraction_bits - result.fraction_bits,
        "Rounding": result.rounding.value.removeprefix("AP_"),
        "Overflow": result.overflow.value.removeprefix("AP_"),
    }


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
    } | _requantization(stage.sum, stage.result or sink.format)


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
