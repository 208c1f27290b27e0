"""The HLS C++ of a design: static kernel headers, one configuration per stage, a named dataflow top.

One text for all compilers: what they spell differently stands in `templates/hls/lib/dialect_*.h`, one small
header each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from generator.assets import static_files
from generator.backends import hls_views as views
from generator.backends.hls_conv import conv_configs
from generator.backends.hls_names import check_names
from generator.backends.hls_tcl import Dialect, plan_tcl
from generator.build_plan import BuildPlan
from generator.design import AddStage, CloneStage, ConvStage, Design, PoolStage, ReadForm, Stage
from generator.fixed_point import FixedPoint, IntArray, dequantize
from generator.names import identifier
from generator.templating import render

VIVADO_HLS = "TAILOR_VIVADO_HLS"
CHANNEL_STREAMS = "TAILOR_CHANNEL_STREAMS"
AP_INT_BITS = 1024
"""Bits of the widest ap_uint, unless AP_INT_MAX_W says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RomView:
    """A table of constants: its text file holds a row for each beat."""

    name: str
    type: str
    rows: int
    columns: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopView:
    """Everything that the templates of `templates/hls` show."""

    name: str
    x: views.PortView
    y: views.PortView
    configs: tuple[views.ConfigView, ...]
    roms: tuple[RomView, ...]
    streams: tuple[views.StreamView, ...]
    calls: tuple[str, ...]
    macros: tuple[str, ...]

    @property
    def guard(self) -> str:
        """Prefix of the include guards."""
        return self.name.upper()


def plan_hls(design: Design, dialect: Dialect = Dialect.VITIS_HLS) -> BuildPlan:
    """The C++ project: firmware/, the test bench, csim's stand-ins for the vendor's headers, Tcl.

    Args:
        design: what to build.
        dialect: the compiler that the project is for; the C++ is the same but for a macro in defines.h.

    Returns:
        Paths relative to the project directory. `firmware/tailor/` and `csim/` hold the same text for
        every design.

    Raises:
        ConfigError, GraphError: names that C++ could not tell apart.
    """
    check_names(design)
    view = view_design(design, dialect)
    files = {
        f"firmware/{view.name}.cpp": render("hls/top.cpp.j2", view),
        f"firmware/{view.name}.h": render("hls/top.h.j2", view),
        "firmware/defines.h": render("hls/defines.h.j2", view),
        "firmware/parameters.h": render("hls/parameters.h.j2", view),
        "firmware/weights.h": render("hls/weights.h.j2", view),
        f"{view.name}_test.cpp": render("hls/test.cpp.j2", view),
    }
    files.update({f"firmware/weights/{rom.name}.txt": rom.text for rom in view.roms})
    files.update({f"firmware/tailor/{name}": text for name, text in static_files("templates/hls/lib", (".h",))})
    files.update({f"csim/{name}": text for name, text in static_files("templates/hls/csim", (".h",))})
    return BuildPlan.merge([BuildPlan.of(files), plan_tcl(design, dialect)])


def view_design(design: Design, dialect: Dialect = Dialect.VITIS_HLS) -> TopView:
    """The design as the templates see it."""
    configs = [views.port_config("x", design.input_stream)]
    calls = [f"tailor::receive<x_config>(x, {views.stream_name('x')}, x_tlast_error);"]
    roms: list[RomView] = []
    for stage in design.stages:
        configs.extend(_configs(stage, design))
        calls.append(_call(stage))
        roms.extend(_roms(stage))
    configs.append(views.port_config("y", design.output_stream))
    calls.append(f"tailor::transmit<y_config>({views.stream_name('y')}, y);")
    macros = _macros(design, dialect)
    return TopView(
        name=identifier(design.name),
        x=views.port_view(design.input_stream),
        y=views.port_view(design.output_stream),
        configs=tuple(configs),
        roms=tuple(roms),
        streams=tuple(views.stream_view(stream, CHANNEL_STREAMS in macros) for stream in design.streams),
        calls=tuple(calls),
        macros=macros,
    )


def _macros(design: Design, dialect: Dialect) -> tuple[str, ...]:
    """What the compiler and its headers are told before anything else.

    Vivado HLS makes a FIFO of each channel of a struct. Networks with whole pixels a word are built so
    there, as the paper's are, whose block RAM is counted by that rule.
    """
    macros = []
    if dialect is Dialect.VIVADO_HLS:
        macros.append(VIVADO_HLS)
        if all(stream.words_per_pixel == 1 for stream in design.streams):
            macros.append(CHANNEL_STREAMS)
    widest = views.widest_word(design)
    if widest > AP_INT_BITS:
        macros.append(f"AP_INT_MAX_W {widest}")
    return tuple(macros)


def _configs(stage: Stage, design: Design) -> tuple[views.ConfigView, ...]:
    match stage:
        case ConvStage():
            return conv_configs(stage, design)
        case CloneStage():
            return (views.clone_config(stage, design),)
        case AddStage():
            return (views.add_config(stage, design),)
        case PoolStage():
            return (views.pool_config(stage, design),)
        case _:
            assert_never(stage)


def _call(stage: Stage) -> str:
    base = identifier(stage.name)
    match stage:
        case ConvStage():
            kernel, names, tables = _conv_call(stage, base)
        case CloneStage():
            kernel, names, tables = "clone", [stage.input, *stage.outputs], []
        case AddStage():
            kernel, names, tables = "add", [stage.main, stage.skip, stage.output], []
        case PoolStage():
            kernel, names, tables = "pool", [stage.input, stage.output], []
        case _:
            assert_never(stage)
    arguments = ", ".join([*map(views.stream_name, names), *tables])
    return f"tailor::{kernel}<{base}_config>({arguments});"


def _conv_call(stage: ConvStage, base: str) -> tuple[str, list[str], list[str]]:
    """Kernel, streams and tables of a conv stage."""
    kernel, tables = "conv", [f"{base}_weight", f"{base}_bias"]
    names = [stage.input]
    if stage.join is not None and stage.join.stream is not None:
        kernel = "conv_joined"
        names.append(stage.join.stream)
    elif stage.join is not None and stage.join.projection is not None:
        kernel = "conv_projected"
        tables += [f"{base}_skip_weight", f"{base}_skip_bias"]
    names.append(stage.output)
    if stage.tap is not None:
        kernel += "_tapped"
        names.append(stage.tap)
    return kernel, names, tables


def _roms(stage: Stage) -> tuple[RomView, ...]:
    if not isinstance(stage, ConvStage):
        return ()
    base = identifier(stage.name)
    roms = [
        _rom(f"{base}_weight", f"{base}_config::weight_t", order_weights(stage.weight, stage), stage.weight_format),
        _rom(f"{base}_bias", f"{base}_config::accumulator_t", stage.bias.reshape(-1, stage.pe), stage.accumulator),
    ]
    projection = stage.join.projection if stage.join else None
    if projection is not None:
        weight = order_weights(projection.weight[np.newaxis, np.newaxis], stage)
        roms += [
            _rom(f"{base}_skip_weight", f"{base}_skip_config::weight_t", weight, projection.weight_format),
            _rom(
                f"{base}_skip_bias",
                f"{base}_skip_config::accumulator_t",
                projection.bias.reshape(-1, stage.pe),
                projection.accumulator,
            ),
        ]
    return tuple(roms)


def order_weights(weight: IntArray, stage: ConvStage) -> IntArray:
    """Weights in the order of the stage's beats.

    Args:
        weight: (kh, kw, Cin, Cout) int64; of the stage's kernel, or (1, 1, Cin, Cout) for its centre tap.

    Returns:
        (Cout/pe * kh*kw*Cin/simd, pe * simd) int64: output group, tap row, tap column, input group, as far
        as the read form walks through them; in a row the simd operands of the first output channel first,
        the taps of a beat one after another.
    """
    height, width, channels, filters = weight.shape
    rows = 1 if stage.form is ReadForm.SERIAL else height
    columns = width if stage.form is ReadForm.WINDOW else 1
    lanes = stage.ring_word_channels
    split = weight.reshape(
        height // rows, rows, width // columns, columns, channels // lanes, lanes, filters // stage.pe, stage.pe
    )
    return split.transpose(6, 0, 2, 4, 7, 1, 3, 5).reshape(-1, stage.pe * rows * columns * lanes)


def _rom(name: str, cpp_type: str, integers: IntArray, fmt: FixedPoint) -> RomView:
    """A table as decimals: exact, as a power of two divides them."""
    rows, columns = integers.shape
    values, places = np.unique(integers, return_inverse=True)  # a table holds few values many times
    texts = np.array([repr(value) for value in dequantize(values, fmt).tolist()], dtype=object)
    lines = (", ".join(row) for row in texts[places.reshape(rows, columns)].tolist())
    return RomView(name=name, type=cpp_type, rows=rows, columns=columns, text=",\n".join(lines) + "\n")
