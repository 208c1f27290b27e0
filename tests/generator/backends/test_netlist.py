"""The netlists of Yosys against the RTL that they were made of: one block of each kind, for both Xilinx families.

Cells are Yosys' own models; DSP slices are ours (tb/models). The RTL side has behavioural multipliers.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.generator.backends.netlist_bench import NetlistCase, simulate, synthesise

CYCLES = 20_000


def _fifo(name: str, storage: str, depth: int, primitive: str) -> NetlistCase:
    return NetlistCase(
        name=name,
        family="xcup",
        module="stream_fifo",
        parameters={"Width": 8, "Depth": depth, "Storage": storage},
        inputs={
            "reserve_i": (1, "rtl_room_o & r[0]"),
            "in_valid_i": (1, "rtl_room_o & r[0]"),
            "in_data_i": (8, "r[20:13]"),
            "claim_i": (1, "0"),
            "out_ready_i": (1, "r[2] | r[40]"),
        },
        outputs={"room_o": (1, "1"), "out_valid_o": (1, "1"), "out_data_o": (8, "rtl_out_valid_o")},
        primitives=(primitive,),
    )


def _memory(words: int, bits: int, seed: int) -> str:
    source = random.Random(seed)
    return "".join(f"{source.getrandbits(bits):0{-(-bits // 4)}x}\n" for _ in range(words))


CLONE = NetlistCase(
    name="clone",
    family="xcup",
    module="clone_stage",
    parameters={"Width": 4},
    inputs={
        "in_valid_i": (1, "r[0]"),
        "in_data_i": (4, "r[8:5]"),
        "first_room_i": (1, "r[1]"),
        "second_room_i": (1, "r[2]"),
    },
    outputs={
        "in_ready_o": (1, "1"),
        "first_valid_o": (1, "1"),
        "first_data_o": (4, "1"),
        "second_valid_o": (1, "1"),
        "second_data_o": (4, "1"),
    },
    clocked=False,
)
ADD = NetlistCase(
    name="add",
    family="xcup",
    module="add_stage",
    parameters={"Lanes": 2, "SkipShift": 2, "Relu": 1, "ResultShift": 3, "Rounding": "RND_CONV", "Overflow": "SAT"},
    inputs={
        "main_valid_i": (1, "r[0]"),
        "main_data_i": (16, "r[20:5]"),
        "skip_valid_i": (1, "r[1]"),
        "skip_data_i": (16, "r[40:25]"),
        "out_room_i": (1, "r[2]"),
    },
    outputs={
        "main_ready_o": (1, "1"),
        "skip_ready_o": (1, "1"),
        "out_valid_o": (1, "1"),
        "out_data_o": (16, "rtl_out_valid_o"),
    },
    clocked=False,
)
POOL = NetlistCase(
    name="pool",
    family="xcup",
    module="pool_stage",
    parameters={"Pixels": 4, "Channels": 4, "Lanes": 1},
    inputs={"in_valid_i": (1, "r[0]"), "in_data_i": (8, "r[20:13]"), "out_room_i": (1, "r[3]")},
    outputs={
        "in_ready_o": (1, "1"),
        "out_reserve_o": (1, "1"),
        "out_valid_o": (1, "1"),
        "out_data_o": (8, "rtl_out_valid_o"),
    },
)
CONV = NetlistCase(
    name="conv",
    family="xcup",
    module="conv_stage",
    parameters={
        "InChannels": 2,
        "OutChannels": 2,
        "Pe": 2,
        "RingPixels": 13,
        "RingStorage": "lutram",
        "Relu": 1,
        "ResultShift": 5,
        "Rounding": "RND_CONV",
        "Overflow": "SAT",
        "Tap": 1,
        "WeightFile": "./conv_weight",
        "BiasFile": "./conv_bias.mem",
    },
    mapped={"Family": "xcup"},
    inputs={
        "in_valid_i": (1, "r[0]"),
        "in_data_i": (8, "r[20:13]"),
        "tap_room_i": (1, "r[1]"),
        "join_ready_i": (1, "0"),
        "join_data_i": (8, "0"),
        "out_room_i": (1, "r[2]"),
    },
    outputs={
        "in_ready_o": (1, "1"),
        "in_room_o": (1, "1"),
        "tap_reserve_o": (1, "1"),
        "tap_valid_o": (1, "1"),
        "tap_data_o": (8, "rtl_tap_valid_o"),
        "join_claim_o": (1, "1"),
        "join_take_o": (1, "1"),
        "out_reserve_o": (1, "1"),
        "out_valid_o": (1, "1"),
        "out_data_o": (8, "rtl_out_valid_o"),
    },
    memories={"conv_weight_00.mem": _memory(18, 16, 1), "conv_bias.mem": _memory(2, 8, 2)},
    primitives=("DSP48E2",),
)
BLOCKS = (
    _fifo("fifo_srl", "srl", 9, "SRL"),
    _fifo("fifo_ram", "lutram", 20, "RAM32M"),
    CLONE,
    ADD,
    POOL,
    CONV,
    replace(CONV, name="conv_lut", parameters={**CONV.parameters, "UseDsp": 0}, primitives=("CARRY",)),
)


def _check(cases: tuple[NetlistCase, ...], folder: Path) -> None:
    for case in cases:
        text = synthesise(case, folder).read_text(encoding="utf-8")
        for primitive in case.primitives:
            assert primitive in text, f"{case.name}: no {primitive} in the netlist"
    for name, (errors, checks) in simulate(cases, folder, CYCLES).items():
        assert errors == 0, f"{name}: {errors} cycles differ"
        assert checks > CYCLES // 50, f"{name}: only {checks} cycles with something to compare"


@pytest.mark.slow
def test_a_conv_stage_survives_synthesis(tmp_path: Path) -> None:
    _check((CONV,), tmp_path)


@pytest.mark.slow
def test_a_wrong_netlist_is_found(tmp_path: Path) -> None:
    path = synthesise(CLONE, tmp_path)
    text = path.read_text(encoding="utf-8")
    assert "8'h80" in text  # the AND of the three conditions
    path.write_text(text.replace("8'h80", "8'h88", 1), encoding="utf-8")
    ((errors, _),) = simulate((CLONE,), tmp_path, 1000).values()
    assert errors > 0


@pytest.mark.nightly
def test_every_block_survives_synthesis_for_ultrascale(tmp_path: Path) -> None:
    _check(BLOCKS, tmp_path)


@pytest.mark.nightly
def test_every_block_survives_synthesis_for_7_series(tmp_path: Path) -> None:
    seven = [replace(case, family="xc7") for case in BLOCKS]
    seven[-2] = replace(seven[-2], mapped={"Family": "xc7"}, primitives=("DSP48E1",))
    seven[-1] = replace(seven[-1], mapped={"Family": "xc7"})
    _check(tuple(seven), tmp_path)
