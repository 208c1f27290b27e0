"""What `make prove` proves: harnesses of tb/formal, their parameters, and the faults that they must catch.

`python -m generator.tools.proofs [NAME ...]` runs all, or those whose names begin so.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from generator.backends.rtl_instance import LIBRARY
from generator.errors import TailorError
from generator.tools.prove import Fault, Method, Proof, prove

_LIB = "templates/rtl/lib"


def _sources(*modules: str) -> tuple[str, ...]:
    return tuple(f"{_LIB}/{module}.sv" for module in modules)


_FIFO_SOURCES = _sources("stream_fifo", "fifo_store_ram", "fifo_store_srl", "shift_register", "dual_port_ram")
_FIFO_FAULTS = (
    Fault(source=f"{_LIB}/stream_fifo.sv", old="CountBits'(Depth - ReserveWords);", new="CountBits'(Depth);"),
    Fault(source=f"{_LIB}/stream_fifo.sv", old="store_valid && (!out_valid_q || out_ready_i)", new="store_valid"),
)
_SRL_FAULTS = (
    Fault(source=f"{_LIB}/fifo_store_srl.sv", old="push_i || last_q != '0", new="push_i"),
    Fault(source=f"{_LIB}/fifo_store_srl.sv", old="else if (push_i != pop_i)", new="else if (push_i)"),
)
_RAM_FAULTS = (
    Fault(source=f"{_LIB}/fifo_store_ram.sv", old="push_i || read_d != write_q", new="push_i || read_q != write_q"),
    Fault(
        source=f"{_LIB}/fifo_store_ram.sv",
        old="(write_q == AddressBits'(Words - 1)) ? '0 : write_q + 1'b1",
        new="write_q + 1'b1",
        depth=20,
    ),
)

_CLAIM_FAULTS = (
    Fault(source=f"{_LIB}/stream_fifo.sv", old="unclaimed_q >= CountBits'(ClaimWords)", new="unclaimed_q != '0"),
)


def _fifo(depth: int, reserve: int, ram: bool, faulty: bool, claim: int = 0, registered: bool = True) -> Proof:
    width, words = 2, max(3, depth - 1 if registered else depth)
    store = "dut.gen_ram.i_store" if ram else "dut.gen_srl.i_store"
    inside = {"dut_valid": f"{store}.valid_q", "dut_promised": "dut.promised_q"}
    if ram:
        inside |= {f"gen_ram.dut_{name}": f"{store}.{name}_q" for name in ("write", "read")}
        inside |= {"gen_ram.dut_pop": f"{store}.pop_i"}
        inside |= {
            f"gen_ram.dut_words[{(i + 1) * width - 1}:{i * width}]": f"{store}.i_ram.memory[{i}]" for i in range(words)
        }
    else:
        inside |= {"gen_srl.dut_last": f"{store}.last_q"}
        inside |= {
            f"gen_srl.dut_taps[{(b + 1) * words - 1}:{b * words}]": f"{store}.i_shift.gen_bit[{b}].taps_q"
            for b in range(width)
        }
    if claim:
        inside |= {"gen_claims.dut_unclaimed": "dut.gen_claim.unclaimed_q"}
    kind = "ram" if ram else "srl"
    claims = (f", {claim} a claim" if claim else "") + ("" if registered else ", unregistered")
    faults = (*_FIFO_FAULTS[0 if reserve > 1 else 1 :], *(_RAM_FAULTS if ram else _SRL_FAULTS))
    return Proof(
        name=f"fifo {kind}, {depth} words, {reserve} a promise{claims}",
        harness="stream_fifo_proof",
        sources=_FIFO_SOURCES,
        parameters={
            "Width": width,
            "Depth": depth,
            "ReserveWords": reserve,
            "ClaimWords": claim,
            "Registered": int(registered),
            "Storage": "bram" if ram else "srl",
            "IsRam": int(ram),
        },
        inside=inside,
        map_memories=ram,
        faults=(_CLAIM_FAULTS if claim else faults) if faulty else (),
    )


def _clone(promised: bool) -> Proof:
    source = f"{_LIB}/clone_stage.sv"
    if promised:
        changes = (
            ("(Promised || in_ready_o)", "in_ready_o"),
            ("second_data_o = in_data_i", "second_data_o = ~in_data_i"),
        )
    else:
        changes = (
            ("first_room_i && second_room_i", "first_room_i"),
            ("second_valid_o = pass", "second_valid_o = in_valid_i"),
        )
    faults = [Fault(source=source, old=old, new=new) for old, new in changes]
    return Proof(
        name=f"clone, {'promised words' if promised else 'valid and ready'}",
        harness="clone_stage_proof",
        sources=_sources("clone_stage"),
        parameters={"Promised": int(promised)},
        faults=tuple(faults),
    )


_ADD = Proof(
    name="add",
    harness="add_stage_proof",
    sources=_sources("add_stage", "align_add", "requantize"),
    faults=(
        Fault(
            source=f"{_LIB}/add_stage.sv",
            old="main_ready_o = skip_valid_i && out_room_i",
            new="main_ready_o = out_room_i",
        ),
        Fault(
            source=f"{_LIB}/add_stage.sv",
            old="main_valid_i && skip_valid_i && out_room_i",
            new="main_valid_i && skip_valid_i",
        ),
        Fault(source=f"{_LIB}/requantize.sv", old="assign increment = wide[Down-1];", new="assign increment = 1'b0;"),
    ),
)

_STAGE_SOURCES = _sources(*LIBRARY["conv_stage"])
_WALK, _LOADER, _TAP, _STAGE = (f"{_LIB}/{name}.sv" for name in ("conv_walk", "conv_loader", "conv_tap", "conv_stage"))
_RING_FAULTS = (
    Fault(
        source=_WALK,
        old="assign ring_room_o = ahead_q != AheadBits'(RingPixels);",
        new="assign ring_room_o = 1'b1;",
        depth=30,
    ),
    Fault(
        source=_WALK, old="needed = AheadBits'(WindowPixels);", new="needed = AheadBits'(WindowPixels - 1);", depth=30
    ),
    Fault(source=_WALK, old="(InCols - span + 1 +", new="(InCols - span +", depth=30),
)
_WRAP_FAULTS = (Fault(source=_LOADER, old="last_slot ? '0 : slot_q + 1'b1", new="slot_q + 1'b1", depth=20),)
_WIDE_FAULTS = (Fault(source=_LOADER, old="ring_room_i && last_piece;", new="ring_room_i;"),)
_ROW_FAULTS = (Fault(source=_LOADER, old="(line_done) bank_q <= {", new="(pixel_loaded_o) bank_q <= {"),)
_TURN_FAULTS = (Fault(source=_WALK, old="RowTurnBits'(StrideRows % RowBanks)", new="RowTurnBits'(0)", depth=20),)
_WINDOW_FAULTS = (Fault(source=_WALK, old="SlotBits'(turn_over)", new="SlotBits'(0)", depth=20),)
_TAP_ROOM_FAULTS = (Fault(source=_STAGE, old="window_room && tap_passed;", new="window_room;", depth=20),)
_TAP_FAULTS = (
    Fault(source=_TAP, old="waiting_q != '0 && !writing_i && tap_room_i", new="waiting_q != '0 && tap_room_i"),
    Fault(source=_TAP, old="waiting_q != '0 && !writing_i && tap_room_i", new="!writing_i && tap_room_i"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ring:
    """A conv stage's geometry, square but for the image."""

    rows: int = 4
    cols: int = 4
    kernel: int = 3
    stride: int = 1
    pad: int = 1
    channels: int = 2
    in_lanes: int = 1
    ring_lanes: int = 1
    groups: int = 1
    ring: int = 13
    skip_padding: bool = True
    row_banks: bool = False
    col_banks: bool = False
    tap: bool = False


def _ring(title: str, shape: _Ring, faults: tuple[Fault, ...] = ()) -> Proof:
    words = shape.channels // shape.ring_lanes
    walk, loader = "dut.i_walk", "dut.i_loader"
    inside = {
        "dut_beat": f"{walk}.beat",
        "dut_active": f"{walk}.active_q",
        "dut_padding": f"{walk}.padding_o",
        "dut_loaded": f"{loader}.pixel_loaded_o",
        "dut_write": f"{loader}.write_o",
        "dut_write_address": f"{loader}.write_address_o",
        "dut_read_address": f"{walk}.ring_address_o",
        "dut_loader_slot": f"{loader}.slot_q",
    }
    for name in ("ahead", "tap_row", "tap_col", "group", "word", "left", "top"):
        inside[f"dut_{name}"] = f"{walk}.{name}_q"
    inside["dut_slot"] = f"{walk}.slot_q"
    if not shape.col_banks:
        inside["dut_base"] = f"{walk}.gen_slots.base_q"
    if words > 1:
        inside["dut_loader_word"] = f"{loader}.gen_words.word_q"
    if shape.in_lanes < shape.ring_lanes:
        inside["dut_part"] = f"{loader}.gen_fill.part_q"
    if shape.in_lanes > shape.ring_lanes:
        inside["dut_part"] = f"{loader}.genblk4.gen_split.piece_q"
    if shape.row_banks:
        banks = "gen_banks.dut"
        inside |= {f"{banks}_{name}": f"{walk}.{name}_o" for name in ("row_outside", "row_turn")}
        if shape.ring > shape.cols:
            inside[f"{banks}_row_bank"] = f"{loader}.gen_row_banks.bank_q"
    if shape.col_banks:
        inside |= {f"{banks}_{name}": f"{walk}.{name}_o" for name in ("col_outside", "col_turn")}
        inside[f"{banks}_next_address"] = "dut.gen_banks.i_ring.next_address_i"
        inside[f"{banks}_col_bank"] = f"{loader}.gen_col_banks.bank_q"
    if shape.tap:
        tap = "dut.gen_tap.i_tap"
        inside |= {
            "gen_tap.dut_waiting": f"{tap}.waiting_q",
            "gen_tap.dut_tap_slot": f"{tap}.slot_q",
            "gen_tap.dut_tap_read": "dut.tap_read",
            "gen_tap.dut_tap_address": "dut.tap_address",
        }
    return Proof(
        name=f"ring, {title}",
        harness="conv_ring_proof",
        sources=_STAGE_SOURCES,
        parameters={
            "InRows": shape.rows,
            "InCols": shape.cols,
            "Kernel": shape.kernel,
            "Stride": shape.stride,
            "Pad": shape.pad,
            "Channels": shape.channels,
            "InLanes": shape.in_lanes,
            "RingLanes": shape.ring_lanes,
            "OutGroups": shape.groups,
            "RingPixels": shape.ring,
            "SkipPadding": int(shape.skip_padding),
            "Rows": int(shape.row_banks),
            "Cols": int(shape.col_banks),
            "Form": "window" if shape.col_banks else "rows" if shape.row_banks else "serial",
            "Tap": int(shape.tap),
        },
        inside=inside,
        texts={"weight_00.mem": "0\n", "bias.mem": "0\n"},
        depth=2,
        faults=faults,
    )


_RINGS = (
    _ring("3x3, 13 slots", _Ring(groups=2), _RING_FAULTS),
    _ring("3x3 with a tap", _Ring(tap=True), _TAP_FAULTS),
    _ring("3x3, stride 2", _Ring(rows=5, cols=4, stride=2, ring=12)),
    _ring("1x1, 3 slots", _Ring(kernel=1, pad=0, ring=3), _WRAP_FAULTS),
    _ring("1x1, stride 2, tap", _Ring(kernel=1, pad=0, stride=2, ring=4, tap=True), _TAP_ROOM_FAULTS),
    _ring("3x3, padding kept, narrow input", _Ring(skip_padding=False, ring=12, channels=4, in_lanes=1, ring_lanes=2)),
    _ring(
        "3x3 without padding, wide input",
        _Ring(pad=0, rows=4, cols=5, ring=14, channels=4, in_lanes=4, ring_lanes=2),
        _WIDE_FAULTS,
    ),
    _ring("5x5 on a small image", _Ring(kernel=5, pad=2, rows=3, cols=4, ring=23, channels=1)),
    _ring("rows of 3x3", _Ring(row_banks=True, ring=12, groups=2), _ROW_FAULTS),
    _ring("rows of 2x2", _Ring(row_banks=True, rows=3, cols=2, kernel=2, pad=0, ring=4, channels=1), _TURN_FAULTS),
    _ring("rows of 3x3, stride 2", _Ring(row_banks=True, rows=5, stride=2, ring=16, channels=1)),
    _ring("window of 3x3", _Ring(row_banks=True, col_banks=True, ring=12, channels=2), _WINDOW_FAULTS),
    _ring(
        "window of 3x3, stride 2", _Ring(row_banks=True, col_banks=True, rows=5, cols=5, stride=2, ring=20, channels=1)
    ),
)

_MAC_SOURCES = (
    *_sources("mac_cell", "mac_cell_generic", "mac_cell_xcup", "mac_cell_xc7", "multiply", "booth_row"),
    *(f"tb/models/{name}.sv" for name in ("DSP48E1", "DSP48E2", "dsp48_model", "dsp48_register")),
)


def _mac(family: str, faults: tuple[Fault, ...] = (), **parameters: int) -> Proof:
    title = ", ".join(f"{name} {value}" for name, value in parameters.items())
    return Proof(
        name=f"mac {family}{', ' if title else ''}{title}",
        harness="mac_cell_proof",
        sources=_MAC_SOURCES,
        parameters={"Family": family, **parameters},
        depth=6,
        faults=faults,
    )


def _cell_faults(family: str) -> tuple[Fault, ...]:
    source = f"{_LIB}/mac_cell_{family}.sv"
    return (
        Fault(source=source, old=".MREG(1)", new=".MREG(0)"),
        Fault(source=source, old=".CREG(1)", new=".CREG(0)"),
        Fault(source=source, old="PreAdd && add_d_i", new="1'b0"),
    )


_MACS = (
    *(_mac("xcup", ABits=bits, WBits=bits, PBits=2 * bits + 8) for bits in (4, 6)),
    _mac("xcup", _cell_faults("xcup"), WeightDelay=1, OneShift=2),
    _mac("xcup", ASigned=0, WSigned=0, OneShift=1, Chained=1),
    _mac("xc7", ABits=6, WBits=5, PBits=20, ASigned=0, Chained=1),
    _mac("xc7", _cell_faults("xc7"), OneShift=2, Chained=1),
    _mac("xc7", WeightDelay=1, WSigned=0),
)


def _direct(beats: int, latency: int, words: int, ring: int, *faults: Fault) -> Proof:
    inside = {"dut_ahead": "dut.i_walk.ahead_q", "dut_active": "dut.i_walk.active_q"}
    if words > 1:
        inside["gen_words.dut_word"] = "dut.i_loader.gen_words.word_q"
    return Proof(
        name=f"direct link, {words} words a pixel, one every {beats} cycles, {latency} behind, {ring} slots",
        harness="direct_link_proof",
        sources=_STAGE_SOURCES,
        parameters={"PixelBeats": beats, "Latency": latency, "Words": words, "RingPixels": ring},
        inside=inside,
        texts={"weight_00.mem": "0\n" * words, "bias.mem": "0\n"},
        faults=faults,
    )


_DIRECT = (
    _direct(
        5, 5, 1, 4, Fault(source=_WALK, old="AheadBits'(RingPixels - 1);", new="AheadBits'(RingPixels);", depth=26)
    ),
    _direct(7, 6, 2, 3),
    _direct(4, 3, 2, 5),
)


def _join(title: str, *faults: Fault, channels: int = 2, **parameters: int) -> Proof:
    return Proof(
        name=f"join, {title}",
        harness="conv_join_proof",
        sources=_STAGE_SOURCES,
        parameters={"OutChannels": channels, **parameters},
        texts={"weight_00.mem": "0\n" * channels, "bias.mem": "0\n" * channels},
        map_memories=True,
        method=Method.BMC,
        depth=22,
        faults=faults,
    )


_SLICE = f"{_LIB}/word_slice.sv"
_JOINS = (
    _join("before the ReLU", Fault(source=_STAGE, old="JoinsAtOutput ? output_step : begin_step", new="output_step")),
    _join(
        "after the ReLU",
        Fault(source=_STAGE, old="assign join_claim_o = start;", new="assign join_claim_o = beat;"),
        JoinAfterRelu=1,
    ),
    _join(
        "two steps of a word",
        Fault(source=_SLICE, old="slice_q == SliceBits'(Slices - 1)", new="1'b1"),
        Pe=2,
        JoinLanes=2,
    ),
    _join("multipliers in LUTs", UseDsp=0),
)

_PAIR = f"{_LIB}/mac_pair.sv"


def _pair(family: str, *faults: Fault, **parameters: int) -> Proof:
    port = {"xcup": 27, "xc7": 25}[family]
    title = ", ".join(f"{name} {value}" for name, value in parameters.items())
    return Proof(
        name=f"pair {family}, {title}",
        harness="mac_pair_proof",
        sources=(_PAIR, *_MAC_SOURCES),
        parameters={"Family": family, "PortBits": port, **parameters},
        inside={"dut_count": "dut.gen_packed.count", "dut_above": "dut.gen_packed.above"},
        depth=6,
        faults=faults,
    )


_PAIRS = (
    _pair(
        "xcup",
        Fault(source=_PAIR, old="before_q == 2'b11 && p[Split-1:Split-2] == 2'b00", new="1'b0"),
        Fault(source=_PAIR, old="- PBits'(signed'(count))", new=""),
        PBits=25,
    ),
    _pair("xcup", ASigned=0, WeightDelay=1, Chained=1, PBits=25),
    _pair("xc7", PBits=23, WeightDelay=1),
)

PROOFS: tuple[Proof, ...] = (
    *(_fifo(depth, 1, ram=False, faulty=depth == 5) for depth in (1, 2, 3, 4, 5, 8)),
    *(_fifo(depth, 1, ram=True, faulty=depth == 6) for depth in (2, 4, 5, 6)),
    _fifo(6, 3, ram=False, faulty=True),
    _fifo(7, 2, ram=True, faulty=True),
    _fifo(5, 1, ram=False, faulty=True, claim=2),
    _fifo(6, 1, ram=True, faulty=False, claim=3),
    *(_fifo(depth, 1, ram=False, faulty=False, registered=False) for depth in (1, 2, 3, 5)),
    _fifo(4, 2, ram=False, faulty=False, claim=2, registered=False),
    _clone(promised=False),
    _clone(promised=True),
    _ADD,
    *_RINGS,
    *_DIRECT,
    *_JOINS,
    *_MACS,
    *_PAIRS,
)
"""In the order in which they are run."""


def main(names: Sequence[str]) -> int:
    """Run proofs; 1 if one does not hold, or a fault was not caught."""
    wanted = [proof for proof in PROOFS if not names or proof.name.startswith(tuple(names))]
    begin = time.monotonic()
    try:
        outcomes = prove(wanted)
    except TailorError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{len(outcomes)} runs, {time.monotonic() - begin:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
