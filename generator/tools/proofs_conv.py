"""The proofs about conv stages: the ring and its readers, direct links, the residual add."""

from __future__ import annotations

from dataclasses import dataclass

from generator.backends.rtl_instance import LIBRARY
from generator.tools.prove import LIBRARY_PATH, Fault, Method, Proof, modules

_STAGE_SOURCES = modules(*LIBRARY["conv_stage"])
_WALK, _LOADER, _TAP, _STAGE = (
    f"{LIBRARY_PATH}/{name}.sv" for name in ("conv_walk", "conv_loader", "conv_tap", "conv_stage")
)
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


_SLICE = f"{LIBRARY_PATH}/word_slice.sv"
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

CONV_PROOFS: tuple[Proof, ...] = (*_RINGS, *_DIRECT, *_JOINS)
