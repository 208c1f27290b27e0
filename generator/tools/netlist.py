"""Counts of a Xilinx or Lattice netlist: primitives -> LUT, FF, DSP, BRAM36, URAM."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from generator.errors import ToolError

# LUTs that a LUT memory takes (UG974 and UG574: a RAM32M16 or RAM64M8 fills the 8 LUTs of a slice; Lattice
# TN1264: 16x4 bits with two ports take two slices of two LUTs, and a third one for the write port).
_LUT_MEMORY = {
    "RAM32X1S": 1,
    "RAM32X1D": 2,
    "RAM32X2S": 2,
    "RAM64X1S": 1,
    "RAM64X1D": 2,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32M16": 8,
    "RAM64M8": 8,
    "RAM32X16DR8": 8,
    "RAM64X8SW": 8,
    "RAM128X1S": 2,
    "RAM128X1D": 4,
    "RAM256X1S": 4,
    "RAM256X1D": 8,
    "RAM512X1S": 8,
    "TRELLIS_DPR16X4": 6,
}
# Lattice's carry cell is two LUTs; its block RAM of 18 Kbit counts as half a BRAM36.
_LUT = re.compile(r"LUT[1-6]|LUT6_2|INV")
_LUT_PAIR = re.compile(r"CCU2C")
_SRL = re.compile(r"SRL16E?|SRLC16E?|SRLC32E")
_FF = re.compile(r"FD[RSCP]E(_1)?|LD[CP]E|TRELLIS_FF")
_DSP = re.compile(r"DSP48E[12]?|DSP58|MULT18X18D")
_FREE = re.compile(r"CARRY[48]|MUXF[789]|XORCY|MUXCY|BUFG\w*|PFUMX|L6MUX21|IBUF\w*|OBUF\w*|GND|VCC|\$scopeinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a netlist needs of a part.

    Attributes:
        lut: LUT1-6, inverters, shift-register LUTs and LUTs used as memory.
        bram36: RAMB36 + RAMB18 / 2.
        srl: the shift-register LUTs among `lut`.
        lutram: the memory LUTs among `lut`.
    """

    lut: int = 0
    ff: int = 0
    dsp: int = 0
    bram36: float = 0.0
    uram: int = 0
    srl: int = 0
    lutram: int = 0

    @classmethod
    def total(cls, parts: Iterable[Resources]) -> Resources:
        """The sum of several."""
        entries = tuple(parts)
        return cls(**{f.name: sum(getattr(entry, f.name) for entry in entries) for f in fields(cls)})


def count_cells(cells: Mapping[str, int], what: str) -> Resources:
    """Resources of a netlist.

    Args:
        cells: primitive -> instances.
        what: the object, for the message.

    Raises:
        ToolError: a cell is no primitive of this list: it was not mapped, or would be lost from the count.
    """
    lut = ff = dsp = uram = srl = lutram = ramb18 = 0
    unknown = []
    for cell, number in cells.items():
        if _LUT.fullmatch(cell):
            lut += number
        elif _LUT_PAIR.fullmatch(cell):
            lut += 2 * number
        elif _SRL.fullmatch(cell):
            srl += number
        elif cell in _LUT_MEMORY:
            lutram += number * _LUT_MEMORY[cell]
        elif _FF.fullmatch(cell):
            ff += number
        elif _DSP.fullmatch(cell):
            dsp += number
        elif cell.startswith(("RAMB36", "RAMB18")):
            ramb18 += number * (2 if cell.startswith("RAMB36") else 1)
        elif cell == "DP16KD":
            ramb18 += number
        elif cell.startswith("URAM288"):
            uram += number
        elif not _FREE.fullmatch(cell):
            unknown.append(cell)
    if unknown:
        raise ToolError(f"netlist of {what}: expected mapped primitives, found {', '.join(sorted(unknown))}")
    return Resources(lut=lut + srl + lutram, ff=ff, dsp=dsp, bram36=ramb18 / 2, uram=uram, srl=srl, lutram=lutram)
