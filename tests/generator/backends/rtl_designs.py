"""The small designs of the RTL benches: every relation of lanes and folding, every mode, every edge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from generator.design import AddStage, CloneStage, Design, Multiplier, ReadForm, Storage, Stream
from generator.fixed_point import FixedPoint, parse_format
from generator.graph import Shape
from tests.generator.backends.stage_models import (
    ConvSpec,
    make_conv,
    make_design,
    make_pool,
    make_stream,
    whole_bytes,
)

SIGNED = "ap_fixed<8,4>"
UNSIGNED = "ap_ufixed<8,0,AP_RND_CONV,AP_SAT>"


def stream(
    name: str, source: str | None, sink: str | None, shape: Shape, fmt: FixedPoint, lanes: int, **fields: Any
) -> Stream:
    """A FIFO of two pixels and four words, unless `fields` say otherwise."""
    made = make_stream(name, shape, fmt, lanes)
    return replace(made, source=source, sink=sink, **({"depth_words": 2 * made.words_per_pixel + 4} | fields))


def conv_design(
    name: str, size: tuple[int, int, int], fmt: str = SIGNED, lanes: tuple[int, int] = (1, 1), **spec: Any
) -> Design:
    """One conv stage between x and y; `size` is (height, width, channels), `out_pixels` what waits at y at most."""
    out_pixels = spec.pop("out_pixels", 2)
    multiplier = spec.pop("multiplier", Multiplier.AUTO)
    shape, x = Shape(height=size[0], width=size[1], channels=size[2]), parse_format(fmt)
    rng = np.random.default_rng(sum(map(ord, name)))
    stage = make_conv(rng, ConvSpec(name=f"{name}_conv", **spec), "x", "y", shape, x)
    stage = replace(stage, multiplier=multiplier)
    out = stage.result or whole_bytes(stage.exact_sum)
    words = out_pixels * stage.out_shape.channels // lanes[1] + 4
    streams = (
        stream("x", None, stage.name, shape, x, lanes[0]),
        stream("y", stage.name, None, stage.out_shape, out, lanes[1], depth_words=words),
    )
    return make_design(name, (stage,), streams)


def pool_design(name: str, size: tuple[int, int, int], fmt: str, result: str, lanes: int = 1) -> Design:
    """One pool stage between x and y."""
    shape, x = Shape(height=size[0], width=size[1], channels=size[2]), parse_format(fmt)
    stage = replace(make_pool("x", "y", shape, x, result), name=f"{name}_pool")
    mean = Shape(height=1, width=1, channels=shape.channels)
    streams = (stream("x", None, stage.name, shape, x, lanes), stream("y", stage.name, None, mean, stage.result, lanes))
    return make_design(name, (stage,), streams)


def diamond_design(name: str, storage: Storage, lanes: int) -> Design:
    """Clone, a conv on the main branch, and an add of its exact sums; the skip FIFO is as shallow as it can be."""
    shape, x = Shape(height=4, width=5, channels=4), parse_format(SIGNED)
    rng = np.random.default_rng(7)
    spec = ConvSpec(name=f"{name}_conv", out_channels=4, pe=2, simd=2, result=None, relu=False)
    conv = make_conv(rng, spec, "main_in", "main_out", shape, x)
    exact = conv.accumulator
    total = FixedPoint(width=exact.width + 4, integer_bits=exact.integer_bits + 4)
    add = AddStage(
        name=f"{name}_add", main="main_out", skip="side", output="y", shape=shape, main_format=exact, skip_format=x,
        sum=total, relu=True, result=parse_format("ap_fixed<9,5,AP_RND,AP_SAT_SYM>"),
    )  # fmt: skip
    clone = CloneStage(name=f"{name}_clone", input="x", outputs=("main_in", "side"), shape=shape, format=x)
    words = shape.channels // lanes
    streams = (
        stream("x", None, clone.name, shape, x, lanes),
        stream("main_in", clone.name, conv.name, shape, x, lanes),
        stream("side", clone.name, add.name, shape, x, lanes, depth_words=8 * words, storage=storage),
        stream("main_out", conv.name, add.name, shape, exact, lanes),
        stream("y", add.name, None, shape, add.out_format, lanes, depth_words=3),
    )
    return make_design(name, (clone, conv, add), streams)


def chain_design(name: str, lanes: int, storage: Storage) -> Design:
    """Two convs of 3x3, the second with stride 2."""
    shape, x = Shape(height=5, width=4, channels=3), parse_format(SIGNED)
    rng = np.random.default_rng(11)
    first = make_conv(rng, ConvSpec(name=f"{name}_first", out_channels=4, simd=3), "x", "mid", shape, x)
    spec = ConvSpec(name=f"{name}_second", out_channels=6, pe=2, simd=2, stride=2)
    second = make_conv(rng, spec, "mid", "y", first.out_shape, first.out_format)
    streams = (
        stream("x", None, first.name, shape, x, 3, storage=storage),
        stream("mid", first.name, second.name, first.out_shape, first.out_format, lanes, storage=storage),
        stream("y", second.name, None, second.out_shape, second.out_format, 2, storage=storage),
    )
    return make_design(name, (first, second), streams)


def _modes() -> tuple[Design, ...]:
    """Every rounding with every overflow, signed and unsigned, coarser and finer than the sum."""
    roundings, overflows = ("TRN", "TRN_ZERO", "RND", "RND_CONV"), ("WRAP", "SAT", "SAT_SYM")
    designs = []
    for index, (rounding, overflow) in enumerate((r, o) for r in roundings for o in overflows):
        kind = "u" if index % 4 == 3 else ""
        result = f"ap_{kind}fixed<6,{(2, 5, 8)[index % 3]},AP_{rounding},AP_{overflow}>"
        designs.append(
            conv_design(f"mode_{index}", (2, 2, 2), kernel=1, out_channels=2, result=result, relu=index % 5 == 0)
        )
    return tuple(designs)


def _pools() -> tuple[Design, ...]:
    designs = []
    for index, rounding in enumerate(("TRN", "TRN_ZERO", "RND", "RND_CONV")):
        result = f"ap_fixed<{(8, 6, 10, 5)[index]},{(4, 4, 4, 3)[index]},AP_{rounding},AP_SAT>"
        designs.append(pool_design(f"pool_{index}", (3, 5, 3), SIGNED, result))
        designs.append(pool_design(f"pool_even_{index}", (4, 4, 4), UNSIGNED, result.replace("fixed", "ufixed"), 2))
    return tuple(designs)


CONVS: tuple[Design, ...] = (
    conv_design("plain", (5, 4, 3), out_channels=4, simd=3),
    conv_design("wide_in", (4, 3, 4), out_channels=4, pe=2, simd=2, lanes=(4, 4)),
    conv_design("serial_out", (3, 4, 2), out_channels=4, pe=4, lanes=(2, 1)),
    conv_design("gathered", (4, 4, 4), out_channels=6, pe=2, simd=4, lanes=(2, 6)),
    conv_design("full", (3, 3, 2), out_channels=3, pe=3, simd=2, lanes=(2, 3)),
    conv_design("point", (3, 4, 4), kernel=1, out_channels=3, simd=2),
    conv_design("point_stride", (5, 7, 2), kernel=1, stride=2, out_channels=2),
    conv_design("stride_even", (6, 4, 2), stride=2, out_channels=3),
    conv_design("stride_odd", (5, 7, 2), stride=2, out_channels=2, simd=2),
    conv_design("stride_three", (7, 8, 1), stride=3, out_channels=2),
    conv_design("five", (6, 5, 2), kernel=5, out_channels=2, simd=2),
    conv_design("dense", (1, 1, 6), kernel=1, out_channels=5, simd=3, lanes=(3, 1)),
    conv_design("dense_one_beat", (1, 1, 4), kernel=1, out_channels=2, pe=2, simd=4, lanes=(4, 2)),
    conv_design("one_row", (1, 6, 2), out_channels=2),
    conv_design("one_column", (5, 1, 2), out_channels=2),
    conv_design("tiny", (2, 2, 1), out_channels=1),
    conv_design("exact", (3, 3, 2), out_channels=2, result=None, relu=False),
    conv_design("luts", (3, 3, 2), UNSIGNED, out_channels=2, multiplier=Multiplier.LUT),
    conv_design("shifted", (3, 3, 3), UNSIGNED, out_channels=2, product_shift=2, simd=3),
    conv_design("identity", (4, 5, 3), out_channels=3, skip="identity"),
    conv_design("identity_packed", (4, 3, 4), out_channels=4, pe=2, skip="identity", lanes=(1, 2)),
    conv_design("identity_wide", (5, 3, 4), out_channels=4, pe=2, simd=2, skip="identity", lanes=(4, 4)),
    conv_design("identity_serial", (3, 3, 4), UNSIGNED, out_channels=4, pe=4, skip="identity", lanes=(4, 1)),
    conv_design("projected", (4, 3, 2), out_channels=4, skip="projection"),
    conv_design("projected_stride", (5, 6, 4), out_channels=4, pe=2, simd=2, stride=2, skip="projection", lanes=(2, 1)),
    conv_design("projected_dense", (1, 1, 2), kernel=1, out_channels=2, skip="projection"),
)


def lean(name: str, size: tuple[int, int, int], form: ReadForm = ReadForm.SERIAL, **spec: Any) -> Design:
    """A conv stage that spends no beats on padding; so fast a one that many pixels are on their way to y."""
    return conv_design(name, size, form=form, skip_padding=True, out_pixels=12, **spec)


ROWS, WINDOW = ReadForm.ROWS, ReadForm.WINDOW
LEAN: tuple[Design, ...] = (
    lean("lean", (5, 6, 4), out_channels=8, pe=4, prefetch=4),
    lean("lean_stride", (6, 7, 2), out_channels=4, pe=2, stride=2, prefetch=3),
    lean("lean_stride_three", (7, 8, 2), out_channels=2, stride=3),
    lean("lean_five", (6, 5, 2), kernel=5, out_channels=4, pe=4, prefetch=2),
    lean("lean_seven", (9, 8, 1), kernel=7, out_channels=2, pe=2),
    lean("lean_odd", (4, 5, 3), out_channels=6, pe=3, lanes=(3, 1)),
    lean("lean_luts", (4, 5, 2), out_channels=4, pe=4, multiplier=Multiplier.LUT),
    lean("rows", (5, 6, 4), ROWS, out_channels=4, pe=2, simd=3),
    lean("rows_stride", (6, 7, 2), ROWS, out_channels=4, pe=2, simd=6, stride=2, lanes=(2, 1)),
    lean("rows_small", (4, 4, 2), ROWS, out_channels=4, pe=2, simd=3, prefetch=2),
    lean("rows_two", (2, 2, 4), ROWS, out_channels=4, pe=2, simd=3, prefetch=2),
    lean("rows_five", (6, 7, 2), ROWS, kernel=5, out_channels=2, simd=5),
    lean("window", (5, 7, 2), WINDOW, out_channels=4, pe=2, simd=18, lanes=(2, 2)),
    lean("window_cut", (6, 6, 4), WINDOW, out_channels=4, pe=2, simd=18, lanes=(2, 1)),
    lean("window_stride", (8, 8, 2), WINDOW, out_channels=4, pe=4, simd=9, stride=2, lanes=(1, 2)),
    lean("window_small", (4, 4, 4), WINDOW, out_channels=4, pe=4, simd=36, prefetch=2, lanes=(4, 4)),
    lean("window_two", (2, 2, 4), WINDOW, out_channels=4, pe=4, simd=18, prefetch=2, lanes=(2, 2)),
    lean("window_one", (4, 5, 1), WINDOW, out_channels=2, pe=2, simd=9, lanes=(1, 2)),
    lean("window_five", (6, 7, 1), WINDOW, kernel=5, out_channels=2, pe=1, simd=25),
    lean("pairs", (5, 6, 4), out_channels=8, pe=8, packed=True),
    lean("packed_rows", (4, 6, 4), ROWS, out_channels=4, pe=4, simd=6, packed=True, lanes=(2, 1)),
    lean("packed_unsigned", (3, 4, 2), fmt=UNSIGNED, out_channels=4, pe=2, packed=True),
    lean("centre", (4, 5, 4), out_channels=4, pe=4, skip="centre"),
    lean("centre_pairs", (4, 5, 4), out_channels=4, pe=2, simd=2, skip="centre", lanes=(2, 2)),
    lean("centre_rows", (4, 5, 4), ROWS, out_channels=4, pe=2, simd=3, skip="centre"),
    lean("centre_window", (4, 5, 4), WINDOW, out_channels=4, pe=2, simd=18, skip="centre", lanes=(2, 2)),
    lean("centre_luts", (3, 4, 2), out_channels=2, pe=2, skip="centre", multiplier=Multiplier.LUT),
    lean("centre_packed", (4, 5, 4), out_channels=4, pe=4, skip="centre", packed=True),
    lean("centre_post", (4, 5, 4), out_channels=4, pe=4, skip="centre", post=True),
    lean("centre_post_rows", (4, 5, 4), ROWS, out_channels=4, pe=2, simd=6, skip="centre", post=True, lanes=(2, 1)),
    lean("identity_post", (4, 5, 4), out_channels=4, pe=4, skip="identity", post=True),
    lean("projected_rows", (4, 6, 2), ROWS, out_channels=4, pe=2, simd=3, stride=2, skip="projection"),
    lean("projected_window", (4, 5, 2), WINDOW, out_channels=4, pe=2, simd=18, skip="projection", lanes=(2, 2)),
    lean("projected_post", (4, 5, 2), out_channels=4, pe=2, skip="projection", post=True),
)

DESIGNS: tuple[Design, ...] = (
    *LEAN,
    *CONVS,
    *_modes(),
    *_pools(),
    diamond_design("diamond_srl", Storage.SRL, 1),
    diamond_design("diamond_bram", Storage.BRAM, 2),
    chain_design("chain_srl", 1, Storage.SRL),
    chain_design("chain_bram", 2, Storage.BRAM),
    chain_design("chain_lutram", 4, Storage.LUTRAM),
)
