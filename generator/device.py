"""FPGA parts: what they hold, and which primitive family the RTL is written for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from generator.errors import ConfigError


class Family(StrEnum):
    """Primitive family, by the name yosys gives it."""

    XCUP = "xcup"
    XC7 = "xc7"
    ECP5 = "ecp5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A part, the target clock and the part's capacity (vendor data sheets: DS890, DS190)."""

    part: str
    clock_ns: float
    family: Family
    lut: int
    ff: int
    dsp: int
    bram36: int
    uram: int


_PARTS: tuple[tuple[str, Family, int, int, int, int, int], ...] = (
    ("xcu200", Family.XCUP, 1_182_240, 2_364_480, 6_840, 2_160, 960),
    ("xcu250", Family.XCUP, 1_728_000, 3_456_000, 12_288, 2_688, 1_280),
    ("xcu50", Family.XCUP, 871_680, 1_743_360, 5_952, 1_344, 640),
    ("xczu9eg", Family.XCUP, 274_080, 548_160, 2_520, 912, 0),
    ("xczu3eg", Family.XCUP, 70_560, 141_120, 360, 216, 0),
    ("xc7z020", Family.XC7, 53_200, 106_400, 220, 140, 0),
    ("xc7a100t", Family.XC7, 63_400, 126_800, 240, 135, 0),
)


def find_device(part: str, clock_ns: float) -> Device:
    """Look up a part by its full ordering code, e.g. `xcu200-fsgd2104-2-e`.

    Raises:
        ConfigError: no known part begins that way, or the clock is not positive.
    """
    if not clock_ns > 0:
        raise ConfigError(f"ClockPeriod: expected nanoseconds above 0, got {clock_ns}")
    for prefix, family, lut, ff, dsp, bram36, uram in _PARTS:
        if part.lower().split("-")[0].startswith(prefix):
            return Device(
                part=part, clock_ns=clock_ns, family=family, lut=lut, ff=ff, dsp=dsp, bram36=bram36, uram=uram
            )
    known = ", ".join(entry[0] for entry in _PARTS)
    raise ConfigError(f"Part: {part!r} is not known; known parts begin with {known}")
