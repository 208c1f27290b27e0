"""The RTL backend: a design as SystemVerilog text. It decides nothing and touches no file but templates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from generator import assets
from generator.backends.rtl_names import check_top_name
from generator.backends.rtl_stages import (
    LIBRARY,
    StageInstance,
    fifo_instances,
    fifo_storage,
    parameter_json,
    reserved_words,
    stage_instances,
)
from generator.build_plan import BuildPlan
from generator.design import AddStage, CloneStage, Design, PoolStage, Stage, Stream
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
    """

    label: str
    title: str
    instance: StageInstance
    ports: tuple[tuple[str, str], ...]
    clocked: bool

    @property
    def connections(self) -> tuple[str, ...]:
        """All port connections as SystemVerilog writes them."""
        clock = (".clk_i(ap_clk)", ".rst_ni(ap_rst_n)") if self.clocked else ()
        return clock + tuple(f".{port}({signal})" for port, signal in self.ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """A stream as the template prints it: its signals and its FIFO."""

    signal: str
    title: str
    word_bits: int
    reserves: bool
    fifo: InstanceView


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
    instances = [stream.fifo.instance for stream in view.streams] + [stage.instance for stage in view.stages]
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
    pieces += [("stream", stream.fifo) for stream in view.streams]
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
    fifos = fifo_instances(design)
    streams = tuple(_stream_view(design, stream, fifo) for stream, fifo in zip(design.streams, fifos, strict=True))
    stages = tuple(
        _stage_view(stage, instance) for stage, instance in zip(design.stages, stage_instances(design), strict=True)
    )
    return TopView(
        name=identifier(design.name),
        x_tdata_bits=tdata_bits(design.input_stream),
        y_tdata_bits=tdata_bits(design.output_stream),
        streams=streams,
        stages=(_input_view(design), *stages, _output_view(design)),
    )


def _stream_view(design: Design, stream: Stream, fifo: StageInstance) -> StreamView:
    signal = f"s_{identifier(stream.name)}"
    reserves = _reserves(design, stream)
    reserve = "reserve" if reserves else "write"
    ports = (
        ("room_o", f"{signal}_room"),
        ("reserve_i", f"{signal}_{reserve}"),
        ("in_valid_i", f"{signal}_write"),
        ("in_data_i", f"{signal}_word"),
        ("out_valid_o", f"{signal}_valid"),
        ("out_ready_i", f"{signal}_ready"),
        ("out_data_o", f"{signal}_data"),
    )
    words = reserved_words(design, stream)
    title = (
        f"{stream.source or 'x'} -> {stream.sink or 'y'}: {stream.shape} of {stream.format}, "
        f"{stream.lanes} lane{'s' if stream.lanes > 1 else ''} = {stream.width_bits} bits, "
        f"{stream.depth_words} words, {fifo_storage(stream)}"
        f"{f', promised {words} at a time' if words > 1 else ''}"
    )
    view = InstanceView(label=f"fifo_{identifier(stream.name)}", title=title, instance=fifo, ports=ports, clocked=True)
    return StreamView(signal=signal, title=title, word_bits=stream.width_bits, reserves=reserves, fifo=view)


def _reserves(design: Design, stream: Stream) -> bool:
    """Whether the writer promises words before it sends them (conv and pool stages)."""
    writer = next((stage for stage in design.stages if stage.name == stream.source), None)
    return writer is not None and not isinstance(writer, CloneStage | AddStage)


def _reader_ports(prefix: str, stream: str) -> tuple[tuple[str, str], ...]:
    signal = f"s_{identifier(stream)}"
    return (
        (f"{prefix}_valid_i", f"{signal}_valid"),
        (f"{prefix}_ready_o", f"{signal}_ready"),
        (f"{prefix}_data_i", f"{signal}_data"),
    )


def _writer_ports(prefix: str, stream: str, reserves: bool) -> tuple[tuple[str, str], ...]:
    signal = f"s_{identifier(stream)}"
    reserve = ((f"{prefix}_reserve_o", f"{signal}_reserve"),) if reserves else ()
    return (
        (f"{prefix}_room_i", f"{signal}_room"),
        *reserve,
        (f"{prefix}_valid_o", f"{signal}_write"),
        (f"{prefix}_data_o", f"{signal}_word"),
    )


def _stage_view(stage: Stage, instance: StageInstance) -> InstanceView:
    ports: tuple[tuple[str, str], ...]
    match stage:
        case CloneStage():
            first, second = stage.outputs
            title = f"{stage.name}: copies {stage.input}"
            ports = _reader_ports("in", stage.input)
            ports += _writer_ports("first", first, reserves=False) + _writer_ports("second", second, reserves=False)
        case AddStage():
            title = f"{stage.name}: {stage.main} + {stage.skip}{', ReLU' if stage.relu else ''}, {stage.out_format}"
            ports = _reader_ports("main", stage.main) + _reader_ports("skip", stage.skip)
            ports += _writer_ports("out", stage.output, reserves=False)
        case PoolStage():
            title = f"{stage.name}: mean of {stage.in_shape.pixels} pixels, {stage.result}"
            ports = _reader_ports("in", stage.input) + _writer_ports("out", stage.output, reserves=True)
        case _:
            kernel = f"{stage.kernel[0]}x{stage.kernel[1]}"
            title = (
                f"{stage.name}: {stage.in_shape} -> {stage.out_shape}, {kernel}, reuse factor {stage.reuse_factor}, "
                f"pe {stage.pe}, simd {stage.simd}{', ReLU' if stage.relu else ''}, {stage.out_format}"
            )
            ports = _reader_ports("in", stage.input) + _writer_ports("out", stage.output, reserves=True)
    clocked = not isinstance(stage, CloneStage | AddStage)
    return InstanceView(label=f"stage_{instance.name}", title=title, instance=instance, ports=ports, clocked=clocked)


def _input_view(design: Design) -> InstanceView:
    stream = design.input_stream
    instance = _adapter("x", "axis_input", stream)
    ports = (
        ("tdata", "x_tdata"),
        ("tvalid", "x_tvalid"),
        ("tready", "x_tready"),
        ("tlast", "x_tlast"),
        ("tlast_error_q_o", "x_tlast_error"),
        *_writer_ports("out", stream.name, reserves=False),
    )
    title = f"x: {stream.words_per_frame} beats a frame"
    return InstanceView(label="port_x", title=title, instance=instance, ports=ports, clocked=True)


def _output_view(design: Design) -> InstanceView:
    stream = design.output_stream
    instance = _adapter("y", "axis_output", stream)
    ports = (
        *_reader_ports("in", stream.name),
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
