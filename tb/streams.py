"""Frames as AXI-Stream beats, as the HDL bench records them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An AXI-Stream port: element i of a beat at bits [i * width + width - 1 : i * width].

    Attributes:
        element_width: bits of an element.
        lanes: elements in a beat.
        elements: elements in a frame.
    """

    element_width: int
    signed: bool
    lanes: int
    elements: int

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return self.elements // self.lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What the bench saw at a module's output.

    Attributes:
        beats: data of each accepted beat.
        last: TLAST of each.
        cycles: clock edge of each.
        first_input_cycle: of the first accepted input beat.
        total_cycles: clock edges simulated.
        tlast_error: the module found TLAST of x in a wrong place.
        stuck: the bench gave up, since nothing moved any more.
    """

    beats: tuple[int, ...]
    last: tuple[bool, ...]
    cycles: tuple[int, ...]
    first_input_cycle: int
    total_cycles: int
    tlast_error: bool
    stuck: bool


def read_recording(path: Path) -> Recording:
    """Read what the bench has recorded.

    Raises:
        ValueError: the bench did not end, so that the file has no last line.
    """
    *rows, end = path.read_text(encoding="utf-8").splitlines() or [""]
    if not end.startswith("# "):
        raise ValueError(f"{path}: the simulation ended before its bench did")
    fields = [row.split() for row in rows]
    first_input, total, tlast_error, stuck = map(int, end[2:].split())
    return Recording(
        beats=tuple(int(data, 16) for data, _, _ in fields),
        last=tuple(last == "1" for _, last, _ in fields),
        cycles=tuple(int(cycle) for _, _, cycle in fields),
        first_input_cycle=first_input,
        total_cycles=total,
        tlast_error=bool(tlast_error),
        stuck=bool(stuck),
    )


def unpack_beats(beats: tuple[int, ...], port: Port) -> IntArray:
    """The elements of beats, in order.

    Returns:
        (beats * lanes,) int64, in LSBs; sign-extended where the port is signed.
    """
    mask = (1 << port.element_width) - 1
    sign = 1 << (port.element_width - 1) if port.signed else 0
    shifts = [port.element_width * lane for lane in range(port.lanes)]
    values = [((beat >> shift & mask) ^ sign) - sign for beat in beats for shift in shifts]
    return np.array(values, dtype=np.int64)


def padding_is_zero(beats: tuple[int, ...], port: Port) -> bool:
    """Whether no beat has a bit above its elements."""
    used = port.element_width * port.lanes
    return all(beat >> used == 0 for beat in beats)
