"""Small designs built by hand, and what their stages compute in plain numpy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from generator.design import (
    AddStage,
    CloneStage,
    ConvStage,
    Design,
    Join,
    JoinSource,
    Multiplier,
    PoolStage,
    Projection,
    ReadForm,
    Storage,
    Stream,
    StreamRole,
)
from generator.device import find_device
from generator.fixed_point import FixedPoint, IntArray, parse_format, requantize
from generator.graph import Graph, Shape
from generator.layers.reciprocal import derive_reciprocal

EXACT_MARGIN = 4


def random_integers(rng: np.random.Generator, fmt: FixedPoint, shape: tuple[int, ...]) -> IntArray:
    """Integers over the whole range of a format, its ends included now and then."""
    values = rng.integers(fmt.min_int, fmt.max_int + 1, size=shape, dtype=np.int64)
    ends = rng.choice(np.array([fmt.min_int, fmt.max_int]), size=shape)
    return np.where(rng.random(shape) < 0.1, ends, values)


@dataclass(frozen=True, kw_only=True)
class ConvSpec:
    """A conv stage in few words; formats as text.

    Attributes:
        skip: None, "identity" (a shift register), "centre", "projection" or "stream" (format `operand`, of
            the stream `skip_stream`).
        post: the skip joins after the ReLU.
        prefetch: pixels of the ring beyond the window's span; in whole rows where the form has banks.
    """

    name: str
    out_channels: int
    kernel: int = 3
    stride: int = 1
    pe: int = 1
    simd: int = 1
    in_lanes: int = 1
    weight: str = "ap_fixed<8,3>"
    result: str | None = "ap_fixed<8,4,AP_RND_CONV,AP_SAT>"
    relu: bool = True
    skip: str | None = None
    operand: str = "ap_fixed<9,5>"
    skip_stream: str = "skip"
    post: bool = False
    product_shift: int = 0
    form: ReadForm = ReadForm.SERIAL
    skip_padding: bool = False
    packed: bool = False
    prefetch: int = 1
    tap: str | None = None


def make_conv(
    rng: np.random.Generator, spec: ConvSpec, source: str, sink: str, shape: Shape, fmt: FixedPoint
) -> ConvStage:
    """A conv stage with random weights, its exact formats and the ring of the stage contract."""
    pad = (spec.kernel - 1) // 2
    out = Shape(
        height=(shape.height + 2 * pad - spec.kernel) // spec.stride + 1,
        width=(shape.width + 2 * pad - spec.kernel) // spec.stride + 1,
        channels=spec.out_channels,
    )
    weight_format = parse_format(spec.weight)
    weight = random_integers(rng, weight_format, (spec.kernel, spec.kernel, shape.channels, spec.out_channels))
    accumulator = _accumulator(weight, fmt, weight_format, spec.product_shift)
    return ConvStage(
        name=spec.name,
        input=source,
        output=sink,
        in_shape=shape,
        out_shape=out,
        in_format=fmt,
        kernel=(spec.kernel, spec.kernel),
        stride=(spec.stride, spec.stride),
        padding=(pad, pad),
        weight=weight,
        weight_format=weight_format,
        bias=rng.integers(-50, 50, size=spec.out_channels),
        product_shift=spec.product_shift,
        accumulator=accumulator,
        relu=spec.relu and not (spec.skip and spec.post),
        result=parse_format(spec.result) if spec.result else None,
        pe=spec.pe,
        simd=spec.simd,
        ring_pixels=_ring_pixels(spec, shape),
        multiplier=Multiplier.AUTO,
        form=spec.form,
        skip_padding=spec.skip_padding,
        packed=spec.packed,
        join=_make_join(rng, spec, shape, fmt, accumulator) if spec.skip else None,
        tap=spec.tap,
    )


def _ring_pixels(spec: ConvSpec, shape: Shape) -> int:
    span = (spec.kernel - 1) * shape.width + spec.kernel
    if spec.form is ReadForm.SERIAL:
        return span + spec.prefetch
    return -(-(span + spec.prefetch) // shape.width) * shape.width


def _make_join(
    rng: np.random.Generator, spec: ConvSpec, shape: Shape, fmt: FixedPoint, accumulator: FixedPoint
) -> Join:
    """The join that a spec asks for, random where it has weights."""
    source = _JOIN_SOURCES[str(spec.skip)]
    projection = None
    operand = parse_format(spec.operand) if source is JoinSource.STREAM else fmt
    if source is JoinSource.PROJECTION:
        weight_format = parse_format(spec.weight)
        weight = random_integers(rng, weight_format, (shape.channels, spec.out_channels))
        operand = _accumulator(weight[None, None], fmt, weight_format, 0)
        projection = Projection(
            name=f"{spec.name}_shortcut",
            weight=weight,
            weight_format=weight_format,
            bias=rng.integers(-50, 50, size=spec.out_channels),
            product_shift=0,
            accumulator=operand,
        )
    look_ahead = (spec.kernel // 2) * (shape.width + 1)
    return Join(
        name=f"{spec.name}_skip",
        join="add",
        source=source,
        stream=spec.skip_stream if source is JoinSource.STREAM else None,
        format=operand,
        projection=projection,
        depth_pixels=look_ahead + 2 if source is JoinSource.SHIFT_REGISTER else 0,
        storage=Storage.SRL,
        after_relu=spec.post,
        sum=_sum(accumulator, operand),
    )


_JOIN_SOURCES = {
    "identity": JoinSource.SHIFT_REGISTER,
    "centre": JoinSource.CENTRE,
    "projection": JoinSource.PROJECTION,
    "stream": JoinSource.STREAM,
}


def _accumulator(weight: IntArray, x: FixedPoint, weight_format: FixedPoint, shift: int) -> FixedPoint:
    largest = max(-x.min_int, x.max_int)
    reach = int(np.abs(weight).sum(axis=(0, 1, 2)).max() * largest << shift) + 64
    width = -(-(reach.bit_length() + 1) // 4) * 4
    return FixedPoint(width=width, integer_bits=width - (x.fraction_bits + weight_format.fraction_bits + shift))


def _sum(first: FixedPoint, second: FixedPoint) -> FixedPoint:
    fraction = max(first.fraction_bits, second.fraction_bits)
    width = max(fmt.width + fraction - fmt.fraction_bits for fmt in (first, second)) + 2
    return FixedPoint(width=width, integer_bits=width - fraction)


def make_stream(name: str, shape: Shape, fmt: FixedPoint, lanes: int) -> Stream:
    """A FIFO as deep as a frame."""
    return Stream(
        name=name, source=None, sink=None, shape=shape, format=fmt, lanes=lanes, depth_words=shape.elements,
        depth_live=1, depth_full_rate=1, storage=Storage.SRL, role=StreamRole.DATA,
    )  # fmt: skip


def make_pool(source: str, sink: str, shape: Shape, fmt: FixedPoint, result: str) -> PoolStage:
    """A global average with the reciprocal that its rounding needs."""
    to = parse_format(result)
    shift = to.fraction_bits - fmt.fraction_bits
    width = fmt.width + (shape.pixels - 1).bit_length() + 1
    accumulator = FixedPoint(width=width, integer_bits=width - fmt.fraction_bits, signed=fmt.signed)
    pixels = shape.pixels << max(-shift, 0)
    divisor = pixels if to.rounding in ("AP_TRN", "AP_TRN_ZERO") else 2 * pixels
    low, high = (bound * shape.pixels << max(shift, 0) for bound in (fmt.min_int, fmt.max_int))
    reach = 2 * max(-low, high) + pixels
    return PoolStage(
        name="pool", input=source, output=sink, in_shape=shape, in_format=fmt, accumulator=accumulator, result=to,
        dividend_shift=max(shift, 0), reciprocal=derive_reciprocal(-reach, reach, divisor),
    )  # fmt: skip


def make_design(name: str, stages: tuple, streams: tuple[Stream, ...]) -> Design:
    """A design of these stages; the graph behind it is empty."""
    x = next(stream for stream in streams if stream.name == "x")
    graph = Graph(
        name=name,
        input_name="x",
        input_shape=x.shape,
        input_format=x.format,
        nodes=(),
        output="y",
        skips=(),
        removed_skips=(),
    )
    return Design(
        name=name, graph=graph, device=find_device("xcu200-fsgd2104-2-e", 5.0), stages=stages, streams=streams, skips=()
    )


def whole_bytes(fmt: FixedPoint) -> FixedPoint:
    """An exact accumulator as it leaves the top."""
    width = -(-fmt.width // 8) * 8
    return replace(fmt, width=width, integer_bits=width - fmt.fraction_bits)


# What the stages compute.


def run_design(design: Design, x: IntArray) -> IntArray:
    """The outputs of a design for frames (N, H, W, C) int64, in LSBs of y's format."""
    tensors = {"x": x}
    for stage in design.stages:
        if isinstance(stage, ConvStage):
            stream = stage.join.stream if stage.join else None
            tensors[stage.output] = run_conv(stage, tensors[stage.input], tensors[stream] if stream else None)
            if stage.tap is not None:
                tensors[stage.tap] = tensors[stage.input]
        elif isinstance(stage, CloneStage):
            for output in stage.outputs:
                tensors[output] = tensors[stage.input]
        elif isinstance(stage, AddStage):
            total = _align(tensors[stage.main], stage.main_format, stage.sum)
            total = total + _align(tensors[stage.skip], stage.skip_format, stage.sum)
            tensors[stage.output] = _finish(total, stage.sum, stage.relu, stage.result)
        else:
            tensors[stage.output] = run_pool(stage, tensors[stage.input])
    return tensors["y"]


def run_conv(stage: ConvStage, x: IntArray, skip: IntArray | None = None) -> IntArray:
    """(N, H, W, Cin) to (N, H', W', Cout), int64; `skip` is what a skip stream brings."""
    total = _convolve(stage, x)
    join = stage.join
    if join is None:
        return _finish(total, stage.accumulator, stage.relu, stage.result)
    if join.after_relu:
        total = np.maximum(total, 0)
    total = _align(total, stage.accumulator, join.sum) + _align(_operand(stage, join, x, skip), join.format, join.sum)
    return _finish(total, join.sum, stage.relu and not join.after_relu, stage.result)


def _operand(stage: ConvStage, join: Join, x: IntArray, skip: IntArray | None) -> IntArray:
    """What a join adds, in LSBs of its format."""
    if join.source is JoinSource.STREAM:
        assert skip is not None
        return skip
    if join.projection is None:
        return x
    at_centre = x[:, :: stage.stride[0], :: stage.stride[1], :]
    return at_centre @ join.projection.weight + join.projection.bias


def _convolve(stage: ConvStage, x: IntArray) -> IntArray:
    (kernel_height, kernel_width), (stride, _), (pad, _) = stage.kernel, stage.stride, stage.padding
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    height, width = stage.out_shape.height, stage.out_shape.width
    total = np.zeros((len(x), height, width, stage.out_shape.channels), dtype=np.int64)
    for row in range(kernel_height):
        for column in range(kernel_width):
            window = padded[:, row : row + stride * height : stride, column : column + stride * width : stride]
            total += (window @ stage.weight[row, column]) << stage.product_shift
    return total + stage.bias


def run_pool(stage: PoolStage, x: IntArray) -> IntArray:
    """(N, H, W, C) to (N, 1, 1, C): Python's fractions, rounded by the definition of each mode."""
    sums = x.sum(axis=(1, 2), keepdims=True)
    # sum / pixels in LSBs of the result is an exact multiple of 1 / (pixels * 2**30).
    rounded = [_round_mean(int(total), stage) for total in sums.ravel()]
    limited = requantize(np.array(rounded), stage.result.fraction_bits, stage.result)
    return limited.reshape(sums.shape)


def _round_mean(total: int, stage: PoolStage) -> int:
    from fractions import Fraction
    from math import floor, trunc

    exponent = stage.result.fraction_bits - stage.in_format.fraction_bits
    mean = Fraction(total, stage.in_shape.pixels) * Fraction(2) ** exponent
    match str(stage.result.rounding):
        case "AP_TRN":
            return floor(mean)
        case "AP_TRN_ZERO":
            return trunc(mean)
        case "AP_RND":
            return floor(mean + Fraction(1, 2))
        case _:
            return round(mean)


def _align(values: IntArray, fmt: FixedPoint, to: FixedPoint) -> IntArray:
    return values << (to.fraction_bits - fmt.fraction_bits)


def _finish(total: IntArray, exact: FixedPoint, relu: bool, result: FixedPoint | None) -> IntArray:
    total = np.maximum(total, 0) if relu else total
    return total if result is None else requantize(total, exact.fraction_bits, result)
