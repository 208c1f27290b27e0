"""An instance of a module of the RTL library: its parameters, its memories and the sources it needs."""

from __future__ import annotations

from dataclasses import dataclass

Value = int | str
Parameters = dict[str, Value]

_FIFO = ("stream_fifo", "fifo_store_srl", "fifo_store_ram", "shift_register", "dual_port_ram")
_MAC = (
    "mac_array",
    "mac_pair",
    "mac_cell",
    "mac_cell_generic",
    "mac_cell_xcup",
    "mac_cell_xc7",
    "multiply",
    "booth_row",
    "diagonal_ones",
    "centre_words",
)
LIBRARY: dict[str, tuple[str, ...]] = {
    "stream_fifo": _FIFO,
    "conv_stage": (
        "conv_stage",
        "conv_loader",
        "conv_walk",
        "conv_edge",
        "ring_step",
        "dual_port_ram",
        "tapped_ram",
        "conv_tap",
        "tap_banks",
        "conv_columns",
        "conv_weights",
        "weight_rom",
        "conv_bias",
        *_MAC,
        "conv_output",
        "column_sum",
        "pair_sum",
        "align_add",
        "requantize",
        "skip_delay",
        "word_slice",
        "shift_register",
    ),
    "clone_stage": ("clone_stage",),
    "add_stage": ("add_stage", "align_add", "requantize"),
    "pool_stage": ("pool_stage", "constant_mean", "requantize"),
    "axis_input": ("axis_input",),
    "axis_output": ("axis_output",),
}
"""Modules of `templates/rtl/lib`, one a file, that each module needs, itself first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The contents of a ROM.

    Attributes:
        parameter: of the module, that names the file, or the files' common beginning.
        path: of the file, below `rtl/`.
        suffix: what the module appends to the parameter's value; empty where the value is the path.
        text: `width_bits` wide words in hexadecimal, `depth_words` lines.
    """

    parameter: str
    path: str
    suffix: str
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
        """The parameters as SystemVerilog writes them in an instance; the family is the top's own."""
        return tuple(f".{name}({name if name == 'Family' else literal(value)})" for name, value in self.parameters)

    @property
    def files(self) -> tuple[str, ...]:
        """Library modules that the instance needs, itself first."""
        return LIBRARY[self.module]


def literal(value: Value) -> str:
    """A parameter's value as SystemVerilog text."""
    if isinstance(value, str):
        return f'"{value}"'
    return str(value) if value.bit_length() < 32 else f"{value.bit_length()}'d{value}"


def parameter_json(value: Value) -> Value | dict[str, str]:
    """A parameter's value for rtl/instances.json: plain, or {"verilog": text} above 31 bits."""
    return value if isinstance(value, str) or value.bit_length() < 32 else {"verilog": literal(value)}
