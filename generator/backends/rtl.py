"""The RTL backend: a design as SystemVerilog text. It decides nothing and touches no file but templates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from generator import assets
from generator.backends.rtl_instance import LIBRARY, StageInstance, parameter_json
from generator.backends.rtl_names import check_top_name
from generator.backends.rtl_stages import (
    claimed_words,
    fifo_instance,
    fifo_instances,
    fifo_storage,
    is_fifo,
    promiser,
    reserved_words,
    stage_instances,
)
from generator.build_plan import BuildPlan
from generator.design import AddStage, CloneStage, ConvStage, Design, PoolStage, Stage, Stream
from generator.names import identifier
from generator.templating import render

__all__ = ["StageInstance", "fifo_instances", "plan_rtl", "stage_instances"]

_LIBRARY_FOLDER = "templates/rtl/lib"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceView:
    """An instance as the template prints it.

    Attributes:
        ports: (port, signal) pairs, clock and reset left out.
        clocked: whether the module has clk_i and rst_ni.
        title: one comment line.
        unused: (signal, bits) of outputs that lead nowhere.
    """

    label: str
    title: str
    instance: StageInstance
    ports: tuple[tuple[str, str], ...]
    clocked: bool
    unused: tuple[tuple[str, int], ...] = ()

    @property
    def connections(self) -> tuple[str, ...]:
        """All port connections as SystemVerilog writes them."""
        clock = (".clk_i(ap_clk)", ".rst_ni(ap_rst_n)") if self.clocked else ()
        return clock + tuple(f".{port}({signal})" for port, signal in self.ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """A stream as the template prints it: its signals and its FIFO (None: a direct link).

    Attributes:
        reserves: its writer promises words before it sends them.
        offers: the one-bit signals between FIFO and reader.
    """

    signal: str
    title: str
    word_bits: int
    reserves: bool
    fifo: InstanceView | None
    offers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TopView:
    """The top module."""

    name: str
    x_tdata_bits: int
    y_tdata_bits: int
    streams: tuple[StreamView, ...]
    stages: tuple[InstanceView, ...]


def plan_rtl(design: Design) -> BuildPlan:
    """The RTL of a design.

    Returns:
        `rtl/<name>.sv` (the top), `rtl/lib/*.sv` (the library modules in use), `rtl/mem/*.mem`
        (weights, read relative to `rtl/`), `rtl/filelist.f`, and `rtl/instances.json`: what each
        stage, stream and port consists of, for synthesis piece by piece.

    Raises:
        PlacementError: lanes and folding do not fit.
        ConfigError: the design has a name that SystemVerilog does not allow.
    """
    library = dict(assets.static_files(_LIBRARY_FOLDER, (".sv",)))
    check_top_name(design.name, [name.removesuffix(".sv") for name in library])
    view = top_view(design)
    fifos = [stream.fifo for stream in view.streams if stream.fifo is not None]
    instances = [piece.instance for piece in (*fifos, *view.stages)]
    modules = sorted({module for instance in instances for module in LIBRARY[instance.module]})
    files = {f"rtl/lib/{module}.sv": library[f"{module}.sv"] for module in modules}
    files |= {f"rtl/{memory.path}": memory.text for instance in instances for memory in instance.memories}
    files[f"rtl/{view.name}.sv"] = render("rtl/top.sv.j2", view)
    files["rtl/instances.json"] = _instances_json(view, modules)
    files["rtl/filelist.f"] = "".join(f"lib/{module}.sv\n" for module in modules) + f"{view.name}.sv\n"
    return BuildPlan.of(files)


def _instances_json(view: TopView, modules: Sequence[str]) -> str:
    """The top's files, and module, parameters, memories and files of every instance."""
    pieces = [("stage", stage) for stage in view.stages[1:-1]]
    pieces += [("stream", stream.fifo) for stream in view.streams if stream.fifo is not None]
    pieces += [("port", port) for port in (view.stages[0], view.stages[-1])]
    entries = [
        {
            "name": piece.instance.name,
            "kind": kind,
            "module": piece.instance.module,
            "parameters": {name: parameter_json(value) for name, value in piece.instance.parameters},
            "memories": [
                {
                    "parameter": memory.parameter,
                    "path": memory.path,
                    "suffix": memory.suffix,
                    "width_bits": memory.width_bits,
                    "depth_words": memory.depth_words,
                }
                for memory in piece.instance.memories
            ],
            "files": [f"lib/{module}.sv" for module in piece.instance.files],
        }
        for kind, piece in pieces
    ]
    top = {"module": view.name, "files": [f"lib/{module}.sv" for module in modules] + [f"{view.name}.sv"]}
    return json.dumps({"top": top, "instances": entries}, indent=1) + "\n"


def tdata_bits(stream: Stream) -> int:
    """Width of an AXI-Stream port: whole bytes."""
    return -(-stream.width_bits // 8) * 8


def top_view(design: Design) -> TopView:
    """The top module's view: streams and stages with every connection by name."""
    stages = tuple(
        _stage_view(design, stage, instance)
        for stage, instance in zip(design.stages, stage_instances(design), strict=True)
    )
    return TopView(
        name=identifier(design.name),
        x_tdata_bits=tdata_bits(design.input_stream),
        y_tdata_bits=tdata_bits(design.output_stream),
        streams=tuple(_stream_view(design, stream) for stream in design.streams),
        stages=(_input_view(design), *stages, _output_view(design)),
    )


def _stream_view(design: Design, stream: Stream) -> StreamView:
    signal = _signal(stream)
    flow = (
        f"{stream.source or 'x'} -> {stream.sink or 'y'}: {stream.shape} of {stream.format}, "
        f"{stream.lanes} lane{'s' if stream.lanes > 1 else ''} = {stream.width_bits} bits"
    )
    root = promiser(design, stream)
    if not is_fifo(stream):
        title = f"{flow}, straight into the reader's ring"
        return StreamView(signal=signal, title=title, word_bits=stream.width_bits, reserves=root is stream, fifo=None)
    promised, claimed = reserved_words(design, stream), claimed_words(design, stream)
    ports = [
        ("room_o", f"{signal}_room"),
        ("reserve_i", f"{_signal(root)}_reserve" if root else f"{signal}_write"),
        ("in_valid_i", f"{signal}_write"),
        ("in_data_i", f"{signal}_word"),
        ("claim_ready_o", f"{signal}_pixel" if claimed else f"unused_{signal}_pixel"),
        ("claim_i", f"{signal}_claim" if claimed else "1'b0"),
        ("out_valid_o", f"{signal}_valid" if not claimed else f"unused_{signal}_valid"),
        ("out_ready_i", f"{signal}_ready"),
        ("out_data_o", f"{signal}_data"),
    ]
    title = (
        f"{flow}, {stream.depth_words} words, {fifo_storage(stream)}"
        f"{f', promised {promised} at a time' if promised > 1 else ''}"
        f"{f', claimed {claimed} at a time' if claimed else ''}"
    )
    view = InstanceView(
        label=f"fifo_{identifier(stream.name)}",
        title=title,
        instance=fifo_instance(design, stream),
        ports=tuple(ports),
        clocked=True,
    )
    names = ("unused_{}_valid", "{}_pixel", "{}_claim") if claimed else ("{}_valid", "unused_{}_pixel")
    return StreamView(
        signal=signal,
        title=title,
        word_bits=stream.width_bits,
        reserves=root is stream,
        fifo=view,
        offers=(*(name.format(signal) for name in names), f"{signal}_ready"),
    )


def _signal(stream: Stream) -> str:
    return f"s_{identifier(stream.name)}"


def _reader_ports(prefix: str, stream: Stream) -> tuple[tuple[str, str], ...]:
    """A reader behind a FIFO takes what is offered; behind a direct link it takes what is written."""
    signal = _signal(stream)
    valid, ready, data = ("valid", "ready", "data") if is_fifo(stream) else ("write", "room", "word")
    return (
        (f"{prefix}_valid_i", f"{signal}_{valid}"),
        (f"{prefix}_ready_o", f"{signal}_{ready}"),
        (f"{prefix}_data_i", f"{signal}_{data}"),
    )


def _writer_ports(prefix: str, stream: Stream, reserves: bool) -> tuple[tuple[str, str], ...]:
    signal = _signal(stream)
    reserve = ((f"{prefix}_reserve_o", f"{signal}_reserve"),) if reserves else ()
    return (
        (f"{prefix}_room_i", f"{signal}_room"),
        *reserve,
        (f"{prefix}_valid_o", f"{signal}_write"),
        (f"{prefix}_data_o", f"{signal}_word"),
    )


def _stage_view(design: Design, stage: Stage, instance: StageInstance) -> InstanceView:
    label = f"stage_{instance.name}"
    unused: tuple[tuple[str, int], ...] = ()
    ports: tuple[tuple[str, str], ...]
    match stage:
        case CloneStage():
            first, second = (design.stream(name) for name in stage.outputs)
            title = f"{stage.name}: copies {stage.input}"
            ports = _reader_ports("in", design.stream(stage.input))
            ports += _writer_ports("first", first, reserves=False) + _writer_ports("second", second, reserves=False)
        case AddStage():
            title = f"{stage.name}: {stage.main} + {stage.skip}{', ReLU' if stage.relu else ''}, {stage.out_format}"
            ports = _reader_ports("main", design.stream(stage.main)) + _reader_ports("skip", design.stream(stage.skip))
            ports += _writer_ports("out", design.stream(stage.output), reserves=False)
        case PoolStage():
            title = f"{stage.name}: mean of {stage.in_shape.pixels} pixels, {stage.result}"
            ports = _reader_ports("in", design.stream(stage.input))
            ports += _writer_ports("out", design.stream(stage.output), reserves=True)
        case ConvStage():
            title = _conv_title(stage)
            ports, unused = _conv_ports(design, stage, label)
    clocked = not isinstance(stage, CloneStage | AddStage)
    return InstanceView(label=label, title=title, instance=instance, ports=ports, clocked=clocked, unused=unused)


def _conv_title(stage: ConvStage) -> str:
    kernel = f"{stage.kernel[0]}x{stage.kernel[1]}"
    join = f", {'ReLU + ' if stage.join.after_relu and stage.relu else '+ '}{stage.join.name}" if stage.join else ""
    relu = ", ReLU" if stage.relu and not (stage.join and stage.join.after_relu) else ""
    return (
        f"{stage.name}: {stage.in_shape} -> {stage.out_shape}, {kernel}, reuse factor {stage.reuse_factor}, "
        f"{stage.form} pe {stage.pe}, simd {stage.simd}{join}{relu}, {stage.out_format}"
    )


def _conv_ports(
    design: Design, stage: ConvStage, label: str
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, int], ...]]:
    """Port connections of a conv stage, and the signals of outputs without a reader."""
    source, sink = design.stream(stage.input), design.stream(stage.output)
    ports = dict(_reader_ports("in", source))
    unused: list[tuple[str, int]] = []

    unused_bits = {"tap_data_o": stage.in_format.width}

    def lead_nowhere(port: str) -> None:
        ports[port] = f"unused_{label}_{port.removesuffix('_o')}"
        unused.append((ports[port], unused_bits.get(port, 1)))

    if not is_fifo(source) and promiser(design, source) is not None:
        lead_nowhere("in_ready_o")
        ports["in_room_o"] = f"{_signal(source)}_room"
    else:
        lead_nowhere("in_room_o")
    if stage.tap is None:
        ports["tap_room_i"] = "1'b0"
        for port in ("tap_reserve_o", "tap_valid_o", "tap_data_o"):
            lead_nowhere(port)
    else:
        ports |= dict(_writer_ports("tap", design.stream(stage.tap), reserves=True))
    join = design.stream(stage.join.stream) if stage.join and stage.join.stream else None
    if join is None:
        ports |= {"join_ready_i": "1'b0", "join_data_i": "'0"}
        lead_nowhere("join_claim_o")
        lead_nowhere("join_take_o")
    else:
        signal = _signal(join)
        ports |= {
            "join_ready_i": f"{signal}_pixel",
            "join_claim_o": f"{signal}_claim",
            "join_take_o": f"{signal}_ready",
            "join_data_i": f"{signal}_data",
        }
    ports |= dict(_writer_ports("out", sink, reserves=True))
    return tuple(ports.items()), tuple(unused)


def _input_view(design: Design) -> InstanceView:
    stream = design.input_stream
    instance = _adapter("x", "axis_input", stream)
    ports = (
        ("tdata", "x_tdata"),
        ("tvalid", "x_tvalid"),
        ("tready", "x_tready"),
        ("tlast", "x_tlast"),
        ("tlast_error_q_o", "x_tlast_error"),
        *_writer_ports("out", stream, reserves=False),
    )
    title = f"x: {stream.words_per_frame} beats a frame"
    return InstanceView(label="port_x", title=title, instance=instance, ports=ports, clocked=True)


def _output_view(design: Design) -> InstanceView:
    stream = design.output_stream
    instance = _adapter("y", "axis_output", stream)
    ports = (
        *_reader_ports("in", stream),
        ("tdata", "y_tdata"),
        ("tvalid", "y_tvalid"),
        ("tready", "y_tready"),
        ("tlast", "y_tlast"),
    )
    title = f"y: {stream.words_per_frame} beats a frame"
    return InstanceView(label="port_y", title=title, instance=instance, ports=ports, clocked=True)


def _adapter(name: str, module: str, stream: Stream) -> StageInstance:
    return StageInstance(
        name=name,
        module=module,
        parameters=(
            ("Width", stream.width_bits),
            ("TdataBits", tdata_bits(stream)),
            ("BeatsPerFrame", stream.words_per_frame),
        ),
    )
