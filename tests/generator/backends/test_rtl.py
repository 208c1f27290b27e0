"""The RTL as text: memories, instances, files, refusals."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from generator import assets
from generator.backends.rtl import fifo_instances, plan_rtl, stage_instances
from generator.backends.rtl_memory import bits_for, memory_text, weight_words
from generator.backends.rtl_stages import LIBRARY
from generator.design import Storage
from generator.errors import ConfigError, PlacementError
from tests.generator.backends.rtl_designs import DESIGNS, conv_design, diamond_design

DIAMOND = diamond_design("diamond", Storage.BRAM, 2)


@pytest.mark.parametrize(
    ("values", "bits"), [([0], 1), ([1], 2), ([-1], 1), ([-2, 1], 2), ([127, -128], 8), ([128], 9), ([-129], 9)]
)
def test_bits_for_is_the_narrowest_two_complement(values: list[int], bits: int) -> None:
    assert bits_for(np.array(values)) == bits


def test_memory_text_packs_element_0_lowest() -> None:
    assert memory_text(np.array([[1, -1], [-8, 7]]), 4) == "f1\n78\n"
    assert memory_text(np.array([[-1], [0]]), 3) == "7\n0\n"


def test_weight_words_follow_the_taps_and_pad_the_inputs() -> None:
    weight = np.arange(3 * 3 * 6 * 4).reshape(3, 3, 6, 4)
    words = weight_words(weight, 2, 2, (1, 1))
    row, column, group, inputs = 2, 0, 1, 2
    word = ((row * 3 + column) * 2 + group) * 4 + inputs
    expected = [[weight[row, column, inputs * 2 + s, group * 2 + p] for s in range(2)] for p in range(2)]
    assert words.shape == (9 * 2 * 4, 2, 2)
    assert words[word].tolist() == expected
    assert not words[3::4].any()


def test_weight_words_of_whole_columns_and_windows() -> None:
    weight = np.arange(3 * 3 * 2 * 4).reshape(3, 3, 2, 4)
    column = weight_words(weight, 4, 3, (3, 1))
    assert column.shape == (3 * 2, 4, 3)
    assert column[2 * 2 + 1, 3].tolist() == [weight[row, 2, 1, 3] for row in range(3)]
    window = weight_words(weight, 2, 18, (3, 3))
    assert window.shape == (2, 2, 18)
    assert window[1, 0].tolist() == weight[:, :, :, 2].ravel().tolist()


def test_a_plan_holds_the_top_its_library_and_its_memories() -> None:
    plan = plan_rtl(DIAMOND)
    paths = [path for path, _ in plan.files]
    assert "rtl/diamond.sv" in paths
    assert [path for path in paths if path.startswith("rtl/mem/")] == [
        "rtl/mem/diamond_conv_bias.mem",
        "rtl/mem/diamond_conv_weight_00.mem",
    ]
    listed = plan.text("rtl/filelist.f").split()
    assert {f"rtl/{path}" for path in listed} == {path for path in paths if path.endswith(".sv")}
    assert "rtl/lib/pool_stage.sv" not in paths
    assert plan_rtl(DIAMOND).digest == plan.digest


def test_the_library_is_complete_and_nothing_is_left_over() -> None:
    files = {name.removesuffix(".sv") for name, _ in assets.static_files("templates/rtl/lib", (".sv",))}
    assert {module for modules in LIBRARY.values() for module in modules} == files


def test_instances_describe_every_piece() -> None:
    described = json.loads(plan_rtl(DIAMOND).text("rtl/instances.json"))
    pieces = [(piece["kind"], piece["name"], piece["module"]) for piece in described["instances"]]
    assert pieces == [
        ("stage", "diamond_clone", "clone_stage"),
        ("stage", "diamond_conv", "conv_stage"),
        ("stage", "diamond_add", "add_stage"),
        *[("stream", name, "stream_fifo") for name in ("x", "main_in", "side", "main_out", "y")],
        ("port", "x", "axis_input"),
        ("port", "y", "axis_output"),
    ]
    weight = described["instances"][1]["memories"][0]
    assert (weight["parameter"], weight["width_bits"], weight["depth_words"]) == ("WeightFile", 32, 36)


def test_only_a_conv_promises_a_pixel_at_once() -> None:
    fifos = {fifo.name: dict(fifo.parameters) for fifo in fifo_instances(DIAMOND)}
    assert fifos["main_out"]["ReserveWords"] == 2
    assert fifos["side"]["ReserveWords"] == 1
    assert fifos["side"]["Storage"] == "bram"


def test_equal_stages_differ_in_nothing_but_names_and_contents() -> None:
    first = stage_instances(conv_design("one", (3, 3, 2), out_channels=2))[0]
    second = stage_instances(conv_design("two", (3, 3, 2), out_channels=2))[0]
    free = {"WeightFile", "BiasFile", "AccBits", "SumBits", "BiasBits"}
    assert {item for item in first.parameters if item[0] not in free} == {
        item for item in second.parameters if item[0] not in free
    }


def test_folding_that_does_not_fit_is_refused_with_every_reason() -> None:
    design = conv_design("odd", (3, 3, 6), out_channels=6, simd=3, pe=3, lanes=(2, 2))
    with pytest.raises(PlacementError) as caught:
        plan_rtl(design)
    assert str(caught.value) == (
        "stage 'odd_conv': input lanes 2 and channels of a beat 3: one must divide the other; "
        "stage 'odd_conv': output lanes 2 and pe 3: one must divide the other"
    )


def test_a_stream_that_holds_no_pixel_is_refused() -> None:
    design = conv_design("shallow", (3, 3, 2), out_channels=4)
    streams = tuple(replace(stream, depth_words=3) for stream in design.streams)
    with pytest.raises(PlacementError) as caught:
        plan_rtl(replace(design, streams=streams))
    assert str(caught.value) == (
        "stage 'shallow_conv': stream 'y' holds 3 words, less than the 4 of a pixel; deepen it"
    )


def test_sums_that_cannot_leave_in_time_are_refused() -> None:
    design = conv_design("dense", (1, 1, 2), kernel=1, out_channels=4, pe=4, simd=2, lanes=(2, 1))
    with pytest.raises(PlacementError) as caught:
        plan_rtl(design)
    assert str(caught.value) == ("stage 'dense_conv': 4 sums every 1 cycles do not leave on 1 lanes; widen the stream")


def test_names_and_comments_follow_the_design() -> None:
    text = plan_rtl(DIAMOND).text("rtl/diamond.sv")
    assert "// diamond_clone -> diamond_add: (4,5,4) of ap_fixed<8,4>, 2 lanes = 16 bits, 16 words, bram\n" in text
    assert ") stage_diamond_conv (" in text
    assert ".out_reserve_o(s_main_out_reserve)" in text


def test_every_design_has_a_plan() -> None:
    digests = {plan_rtl(design).digest for design in DESIGNS}
    assert len(digests) == len(DESIGNS)


@pytest.mark.parametrize("name", ["packed", "conv_stage", "bench_top"])
def test_a_name_that_systemverilog_does_not_allow_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_rtl(replace(DIAMOND, name=name))
    assert str(caught.value) == (
        f"project name '{name}': is a word of SystemVerilog or of the emitted files; set another ProjectName"
    )
