"""The emitted C++, compiled by g++, equals plain numpy: every stage, fixed and random cases."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generator.backends.hls import plan_hls
from generator.backends.hls_tcl import Dialect
from generator.design import AddStage, CloneStage, ConvStage, Design, ReadForm
from generator.device import find_device
from generator.fixed_point import FixedPoint, IntArray, parse_format
from generator.graph import Shape
from tests.generator.backends.hls_bench import Case, run_cases
from tests.generator.backends.stage_models import (
    ConvSpec,
    make_conv,
    make_design,
    make_pool,
    make_stream,
    random_integers,
    run_design,
    whole_bytes,
)

pytestmark = [
    pytest.mark.skipif(shutil.which("g++") is None, reason="csim needs g++"),
    pytest.mark.slow,
]

FRAMES = 3
FORMS = (ReadForm.SERIAL, ReadForm.ROWS, ReadForm.WINDOW)
FORMATS = (
    "ap_fixed<8,4,AP_RND_CONV,AP_SAT>",
    "ap_fixed<16,6>",
    "ap_ufixed<8,3,AP_RND,AP_SAT>",
    "ap_fixed<7,4,AP_TRN_ZERO,AP_SAT_SYM>",
    "ap_fixed<9,2,AP_TRN,AP_SAT>",
    "ap_fixed<12,3,AP_RND_CONV,AP_WRAP>",
    "ap_ufixed<6,2,AP_RND_CONV,AP_SAT_SYM>",
    "ap_fixed<20,9,AP_RND,AP_WRAP>",
)


def one_conv(name: str, rng: np.random.Generator, spec: ConvSpec, shape: Shape, fmt: str, out_lanes: int) -> Case:
    """A design of one conv stage."""
    source = parse_format(fmt)
    stage = make_conv(rng, spec, "x", "y", shape, source)
    y_format = stage.result or whole_bytes(stage.exact_sum)
    streams = (
        make_stream("x", shape, source, spec.in_lanes),
        make_stream("y", stage.out_shape, y_format, out_lanes),
    )
    frames = random_integers(rng, source, (FRAMES, shape.height, shape.width, shape.channels))
    return Case(make_design(name, (stage,), streams), frames)


def divisors(number: int) -> list[int]:
    return [size for size in range(1, number + 1) if number % size == 0]


def packing(rng: np.random.Generator, channels: int) -> tuple[int, int]:
    """A folding and a word width, one of which divides the other."""
    folding = int(rng.choice(divisors(channels)))
    lanes = [size for size in divisors(channels) if size % folding == 0 or folding % size == 0]
    return folding, int(rng.choice(lanes))


def random_conv(seed: int) -> Case:
    """A conv stage with everything about it drawn at random."""
    rng = np.random.default_rng(seed)
    kernel, stride = ((3, 1), (3, 1), (3, 2), (1, 1), (1, 2), (5, 1), (5, 3), (7, 2))[rng.integers(8)]
    shape = Shape(height=int(rng.integers(1, 7)), width=int(rng.integers(1, 7)), channels=int(rng.integers(1, 9)))
    skip = (None, "projection", "identity", "centre")[rng.integers(4)]
    form = FORMS[rng.integers(len(FORMS))]
    out_channels = int(rng.integers(1, 9))
    if skip in ("identity", "centre"):
        stride, out_channels = 1, shape.channels
    (word, in_lanes), (pe, out_lanes) = packing(rng, shape.channels), packing(rng, out_channels)
    weight = ("ap_fixed<8,3>", "ap_fixed<5,1>", "ap_fixed<16,6>", "ap_fixed<4,6>")[rng.integers(4)]
    source = FORMATS[rng.integers(len(FORMATS))]
    spec = ConvSpec(
        name="conv",
        out_channels=out_channels,
        kernel=kernel,
        stride=stride,
        pe=pe,
        simd=word * form.taps((kernel, kernel)),
        in_lanes=in_lanes,
        weight=weight,
        result=(*FORMATS, None)[rng.integers(len(FORMATS) + 1)],
        relu=bool(rng.integers(2)),
        skip=skip,
        post=bool(rng.integers(2)),
        product_shift=int(rng.integers(3)),
        form=form,
        skip_padding=bool(rng.integers(2)),
        packed=bool(rng.integers(2)) and weight != "ap_fixed<16,6>" and parse_format(source).width <= 8,
        prefetch=int(rng.integers(1, 12)),
    )
    return one_conv(f"random_{seed}", rng, spec, shape, source, out_lanes)


def tapped(name: str, seed: int, **spec: Any) -> Case:
    """The traditional block without a clone: the first conv's ring feeds the skip, the second one joins it."""
    rng = np.random.default_rng(seed)
    shape, source = Shape(height=5, width=4, channels=4), parse_format("ap_fixed<8,4,AP_RND_CONV,AP_SAT>")
    lean = {"skip_padding": True, "prefetch": 3}
    simd, pe, tap_lanes = int(rng.choice((1, 2, 4))), int(rng.choice((1, 2, 4))), int(rng.choice((1, 2, 4)))
    one = ConvSpec(name="c1", out_channels=4, pe=2, simd=simd, tap="skip", **lean)
    first = make_conv(rng, one, "x", "mid", shape, source)
    two = ConvSpec(name="c2", out_channels=4, pe=pe, simd=2, skip="stream", operand=str(source), **lean, **spec)
    second = make_conv(rng, two, "mid", "y", shape, first.out_format)
    streams = (
        make_stream("x", shape, source, int(rng.choice((1, 2, 4)))),
        make_stream("mid", shape, first.out_format, 1),
        make_stream("skip", shape, source, tap_lanes),
        make_stream("y", shape, second.out_format, 2),
    )
    return Case(make_design(name, (first, second), streams), random_integers(rng, source, (FRAMES, 5, 4, 4)))


def packed(name: str, source: str, part: str) -> Case:
    """Three channels on packed multipliers (a pair and a single one), every product the largest there is."""
    rng = np.random.default_rng(8)
    shape, fmt = Shape(height=2, width=3, channels=16), parse_format(source)
    spec = ConvSpec(name="conv", out_channels=3, kernel=1, pe=3, simd=16, packed=True, result=None, relu=False)
    stage = make_conv(rng, spec, "x", "y", shape, fmt)
    weight = stage.weight.copy()
    weight[..., :2] = stage.weight_format.min_int
    exact = FixedPoint(width=32, integer_bits=32 - stage.accumulator.fraction_bits)
    stage = replace(stage, weight=weight, accumulator=exact)
    streams = (make_stream("x", shape, fmt, 16), make_stream("y", stage.out_shape, exact, 3))
    frames = random_integers(rng, fmt, (FRAMES, 2, 3, 16))
    frames[0], frames[1] = fmt.min_int, fmt.max_int
    design = replace(make_design(name, (stage,), streams), device=find_device(part, 5.0))
    return Case(design, frames)


PACKED = (
    packed("packed_signed", "ap_fixed<8,3>", "xcu200-fsgd2104-2-e"),
    packed("packed_unsigned", "ap_ufixed<8,3>", "xcu200-fsgd2104-2-e"),
    packed("packed_signed_xc7", "ap_fixed<8,3>", "xc7z020clg400-1"),
    packed("packed_unsigned_xc7", "ap_ufixed<8,3>", "xc7z020clg400-1"),
)


def find_differences(case: Case, runs: list[IntArray], reference: Design | None = None) -> list[int]:
    """Integers that differ from numpy's, run by run."""
    expected = run_design(reference or case.design, case.frames).reshape(FRAMES, -1)
    return [int(np.count_nonzero(given != expected)) for given in runs]


def chain(name: str) -> Case:
    """Two convs whose pixels have odd numbers of channels, then what a linear layer is: exact logits."""
    rng = np.random.default_rng(1)
    shape, source = Shape(height=5, width=4, channels=3), parse_format("ap_fixed<8,4,AP_RND_CONV,AP_SAT>")
    first = make_conv(rng, ConvSpec(name="l.0", out_channels=6, pe=2, simd=3), "x", "a", shape, source)
    second = make_conv(
        rng, ConvSpec(name="l.1", out_channels=5, stride=2, pe=5, simd=2), "a", "y", first.out_shape, first.out_format
    )
    second = replace(second, result=None, relu=False)
    streams = (
        make_stream("x", shape, source, 1),
        make_stream("a", first.out_shape, first.out_format, 6),
        make_stream("y", second.out_shape, whole_bytes(second.accumulator), 1),
    )
    frames = random_integers(rng, source, (FRAMES, 5, 4, 3))
    return Case(make_design(name, (first, second), streams), frames)


def block(name: str, lanes: int = 2) -> Case:
    """The paper's traditional block: clone, two convs, the second exact, and add; `lanes` a word at the skip."""
    rng = np.random.default_rng(2)
    shape, source = Shape(height=4, width=6, channels=4), parse_format("ap_ufixed<8,4,AP_RND_CONV,AP_SAT>")
    first = make_conv(rng, ConvSpec(name="c1", out_channels=4, pe=2, simd=2), "main", "mid", shape, source)
    second = make_conv(rng, ConvSpec(name="c2", out_channels=4, pe=4, simd=1), "mid", "sum", shape, first.out_format)
    second = replace(second, result=None, relu=False)
    clone = CloneStage(name="clone", input="x", outputs=("main", "skip"), shape=shape, format=source)
    fraction = max(second.accumulator.fraction_bits, source.fraction_bits)
    total = FixedPoint(width=second.accumulator.width + 4, integer_bits=second.accumulator.width + 4 - fraction)
    add = AddStage(
        name="add",
        main="sum",
        skip="skip",
        output="y",
        shape=shape,
        main_format=second.accumulator,
        skip_format=source,
        sum=total,
        relu=True,
        result=parse_format("ap_fixed<9,6,AP_RND,AP_SAT_SYM>"),
    )
    streams = (
        *(make_stream(stream, shape, source, lanes) for stream in ("x", "main", "skip")),
        make_stream("mid", shape, first.out_format, 4 if lanes == 4 else 1),
        make_stream("sum", shape, second.accumulator, lanes),
        make_stream("y", shape, add.out_format, lanes),
    )
    frames = random_integers(rng, source, (FRAMES, 4, 6, 4))
    return Case(make_design(name, (clone, first, second, add), streams), frames)


def mean(name: str, source: str, result: str, shape: Shape, in_lanes: int, out_lanes: int) -> Case:
    """A global average pool."""
    rng = np.random.default_rng(3)
    fmt = parse_format(source)
    stage = make_pool("x", "y", shape, fmt, result)
    out = Shape(height=1, width=1, channels=shape.channels)
    streams = (make_stream("x", shape, fmt, in_lanes), make_stream("y", out, stage.result, out_lanes))
    frames = random_integers(rng, fmt, (FRAMES, shape.height, shape.width, shape.channels))
    return Case(make_design(name, (stage,), streams), frames)


MEANS = (
    ("ap_ufixed<8,3>", "ap_ufixed<8,3,AP_RND_CONV,AP_SAT>", Shape(height=2, width=2, channels=12), 1, 1),
    ("ap_fixed<8,3>", "ap_fixed<6,2,AP_RND_CONV,AP_SAT>", Shape(height=3, width=4, channels=12), 6, 4),
    ("ap_fixed<8,3>", "ap_fixed<12,3,AP_RND,AP_WRAP>", Shape(height=3, width=5, channels=12), 4, 2),
    ("ap_fixed<16,6>", "ap_fixed<5,2,AP_TRN_ZERO,AP_SAT_SYM>", Shape(height=7, width=1, channels=12), 2, 3),
    ("ap_fixed<16,6>", "ap_fixed<16,6>", Shape(height=3, width=2, channels=12), 12, 12),
)


def coarse(rounding: str) -> Case:
    """A result whose LSB lies above the exact sum's most significant bit."""
    spec = ConvSpec(
        name="conv", out_channels=1, kernel=1, weight="ap_fixed<3,1>", result=f"ap_fixed<4,14,{rounding},AP_SAT>"
    )
    return one_conv(
        f"coarse_{rounding}",
        np.random.default_rng(6),
        replace(spec, relu=False),
        Shape(height=2, width=2, channels=1),
        "ap_fixed<4,2>",
        1,
    )


def with_fault(case: Case, name: str) -> Case:
    """The same design, one weight of its first stage one LSB off."""
    stage, *rest = case.design.stages
    assert isinstance(stage, ConvStage)
    weight = stage.weight.copy()
    weight[1, 1, 0, 0] += 1
    return Case(replace(case.design, name=name, stages=(replace(stage, weight=weight), *rest)), case.frames)


CASES = (
    chain("chain"),
    block("block"),
    *(mean(f"mean_{index}", *arguments) for index, arguments in enumerate(MEANS)),
    *(coarse(rounding) for rounding in ("AP_RND_CONV", "AP_TRN_ZERO", "AP_TRN")),
    *PACKED,
    *(random_conv(seed) for seed in range(10)),
    *(tapped(f"tapped_{seed}", seed, post=seed % 2 == 1) for seed in range(3)),
)
FAULTY = with_fault(CASES[0], "faulty")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[IntArray]]:
    """What every case's C++ answers: one compilation for all of them."""
    return run_cases([*CASES, FAULTY], tmp_path_factory.mktemp("csim"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.design.name)
def test_csim_equals_numpy(outputs: dict[str, list[IntArray]], case: Case) -> None:
    runs = outputs[case.design.name]
    assert find_differences(case, runs) == [0] * len(runs)


def test_a_fault_of_one_lsb_is_caught(outputs: dict[str, list[IntArray]]) -> None:
    (differing,) = find_differences(FAULTY, outputs["faulty"], CASES[0].design)
    assert differing > 0


def test_what_synthesis_sees_equals_numpy(tmp_path: Path) -> None:
    case = block("synthesised")
    assert find_differences(case, run_cases([case], tmp_path, synthesis=True)[case.design.name]) == [0]


@pytest.mark.parametrize("lanes", [2, 4])
def test_the_vivado_hls_dialect_equals_numpy(tmp_path: Path, lanes: int) -> None:
    """With pixel-wide streams (4 channels) a word is a struct, else a vector of bits."""
    case = block("vivado", lanes)
    outputs = run_cases([case], tmp_path, synthesis=True, dialect=Dialect.VIVADO_HLS)
    assert find_differences(case, outputs[case.design.name]) == [0]
    emitted = (tmp_path / "vivado/firmware/vivado.cpp").read_text()
    assert ("tailor::Channels<8, 4>" in emitted) == (lanes == 4)


def test_packed_multipliers_are_emitted_where_they_hold_a_pair() -> None:
    """18 bits apart in a DSP48E2, 16 in a DSP48E1; a weight of more than 8 bits fits only the first."""
    shifts = [
        re.findall(r"packed_shift = (\d+)", plan_hls(case.design).text("firmware/parameters.h")) for case in PACKED
    ]
    assert shifts == [["18"], ["18"], ["16"], ["16"]]
    stage = PACKED[3].design.stages[0]
    assert isinstance(stage, ConvStage)
    wide = replace(stage, weight_format=parse_format("ap_fixed<9,3>"))
    text = plan_hls(replace(PACKED[3].design, stages=(wide,))).text("firmware/parameters.h")
    assert "packed_shift = 0;" in text


@pytest.mark.nightly
@pytest.mark.parametrize("block", range(8))
def test_more_random_conv_stages_equal_numpy(tmp_path: Path, block: int) -> None:
    cases = [random_conv(100 + 12 * block + index) for index in range(12)]
    outputs = run_cases(cases, tmp_path)
    assert [find_differences(case, outputs[case.design.name]) for case in cases] == [[0, 0]] * len(cases)
