"""The design: the graph as dataflow stages joined by streams, with every choice of hardware made.

Backends turn it into text and decide nothing. Stages are in dataflow order; a stream has exactly
one writer and one reader (None: the top's x or y port). All sizes are per frame and exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from generator.device import Device
from generator.fixed_point import FixedPoint, IntArray, Overflow, Rounding
from generator.graph import Graph, Shape
from generator.layers.reciprocal import Reciprocal as Reciprocal

_PROMPT_STEPS = 4
"""Systolic steps whose sums are selected and rounded in one cycle."""


class Implementation(StrEnum):
    """How a skip connection is built."""

    CLONE_FIFO = "clone_fifo"
    LINE_BUFFER_TAP = "line_buffer_tap"
    RING_EXTEND = "ring_extend"
    SHIFT_REGISTER = "shift_register"
    CENTRE_TAP = "centre_tap"
    FOLD = "fold"
    NONE = "none"


class ReadForm(StrEnum):
    """How a conv stage reads its ring.

    SERIAL: one RAM; a beat is one tap of `simd` input channels.
    ROWS: one RAM bank a kernel row; a beat is one kernel column of simd / kh input channels.
    WINDOW: the window in registers; a beat is all taps of simd / (kh * kw) input channels.
    """

    SERIAL = "serial"
    ROWS = "rows"
    WINDOW = "window"

    def taps(self, kernel: tuple[int, int]) -> int:
        """Taps of a (height, width) kernel that a beat takes at once."""
        if self is ReadForm.SERIAL:
            return 1
        return kernel[0] if self is ReadForm.ROWS else kernel[0] * kernel[1]


class Storage(StrEnum):
    """What a memory is made of."""

    AUTO = "auto"
    BRAM = "bram"
    SRL = "srl"
    LUTRAM = "lutram"
    URAM = "uram"
    NONE = "none"
    """No FIFO at all: the writer fills the reader's ring, which has promised the room (depth_words 0)."""


class Multiplier(StrEnum):
    """What products are made of."""

    AUTO = "auto"
    DSP = "dsp"
    LUT = "lut"
    PACKED = "packed"
    """In a configuration: DSP slices, two products of at most 8 bits in one where channels pair."""


class StreamRole(StrEnum):
    """Main path, or the side branch of a skip connection."""

    DATA = "data"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A FIFO between two stages, pixel after pixel in raster order, `lanes` channels a word.

    Channel c of a pixel travels in word c // lanes, at bits [(c % lanes) * W + W - 1 : (c % lanes) * W].

    Attributes:
        name: a safe identifier, `<source>_to_<sink>` with dots as underscores; x and y at the top.
        shape: of the feature map that flows.
        format: of one channel.
        lanes: channels a word; divides the channels.
        depth_words: words that the FIFO holds, its output register included.
        depth_live: fewest words without deadlock under any stall pattern.
        depth_full_rate: fewest words at which the interval is that of unlimited FIFOs.
    """

    name: str
    source: str | None
    sink: str | None
    shape: Shape
    format: FixedPoint
    lanes: int
    depth_words: int
    depth_live: int
    depth_full_rate: int
    storage: Storage
    role: StreamRole

    @property
    def width_bits(self) -> int:
        """Bits of a word."""
        return self.lanes * self.format.width

    @property
    def words_per_pixel(self) -> int:
        """Words that carry one pixel."""
        return self.shape.channels // self.lanes

    @property
    def words_per_frame(self) -> int:
        """Words that carry one frame."""
        return self.shape.pixels * self.words_per_pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A 1x1 conv that runs inside a conv stage on its centre tap, on its own multipliers.

    Attributes:
        weight: (Cin, Cout) int64, in LSBs of weight_format.
        bias: (Cout,) int64, in LSBs of the accumulator.
        product_shift: left shift of each product onto the accumulator's point.
    """

    name: str
    weight: IntArray
    weight_format: FixedPoint
    bias: IntArray
    product_shift: int
    accumulator: FixedPoint


class JoinSource(StrEnum):
    """Where the skip operand of a join inside a conv stage comes from.

    STREAM: a skip stream (a FIFO behind a clone stage, a projection or the tap of an earlier ring).
    SHIFT_REGISTER: the stage's own input pixels, from a shift register (identity only).
    CENTRE: the stage's own input pixel, as the window's centre tap reads it (identity only); nothing stored.
    PROJECTION: a 1x1 conv of the stage's own input on the centre tap, on its own multipliers.
    """

    STREAM = "stream"
    SHIFT_REGISTER = "shift_register"
    CENTRE = "centre"
    PROJECTION = "projection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A residual add that lives inside the conv stage that computes its main operand.

    Style pre (after_relu False): relu(main + skip); post (True): relu(main) + skip; exact, then one
    requantization.

    Attributes:
        name: of the skip connection.
        join: name of the graph's add node.
        source: where the skip operand comes from.
        stream: name of the skip stream (STREAM), else None.
        format: exact format of the skip operand.
        projection: the 1x1 conv (PROJECTION), else None.
        depth_pixels: pixels in the stage's own shift register (SHIFT_REGISTER), else 0.
        after_relu: style post.
        sum: exact format of main + skip; its point is the finer one of the two.
    """

    name: str
    join: str
    source: JoinSource
    stream: str | None = None
    format: FixedPoint
    projection: Projection | None
    depth_pixels: int
    storage: Storage
    after_relu: bool = False
    sum: FixedPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvStage:
    """A pe x simd matrix-vector unit over a ring line buffer. A linear layer is a 1x1 conv on one pixel.

    The loop, one iteration a cycle: for pixel / for output group (Cout/pe) / for tap row / for tap
    column / for input group. Padding is zero. RF = Cout * kh*kw * Cin / (pe * simd) cycles a pixel with
    all taps inside the image; a pixel at the border costs fewer where `skip_padding` holds.

    Attributes:
        weight: (kh, kw, Cin, Cout) int64, in LSBs of weight_format.
        bias: (Cout,) int64, in LSBs of `accumulator` (already aligned).
        product_shift: left shift of each product onto the accumulator's point (0 unless the bias is finer).
        accumulator: exact format of the conv's own sum, bias included.
        result: format after ReLU and the one requantization; None: the exact sum goes out.
        simd: products a cycle for each of the pe output channels: input channels times the taps that the
            read form takes at once.
        ring_pixels: capacity of the line buffer in input pixels.
        skip_padding: taps outside the image cost no beat (serial: rows and columns; rows: columns).
        packed: two products of 8 bits share a DSP.
        join: the residual add joined inside this stage, or None.
        tap: name of the skip stream that a second reader of the ring feeds with the input pixels, in
            raster order, or None; a slot is free when window and tap have both passed it.
    """

    name: str
    input: str
    output: str
    in_shape: Shape
    out_shape: Shape
    in_format: FixedPoint
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    weight: IntArray
    weight_format: FixedPoint
    bias: IntArray
    product_shift: int
    accumulator: FixedPoint
    relu: bool
    result: FixedPoint | None
    pe: int
    simd: int
    ring_pixels: int
    multiplier: Multiplier
    form: ReadForm = ReadForm.SERIAL
    skip_padding: bool = False
    packed: bool = False
    join: Join | None = None
    tap: str | None = None

    @property
    def reuse_factor(self) -> int:
        """Cycles for one output pixel."""
        taps = self.kernel[0] * self.kernel[1]
        return (self.out_shape.channels // self.pe) * (taps * self.in_shape.channels // self.simd)

    @property
    def ring_word_channels(self) -> int:
        """Channels of a word of the ring's RAMs: what a beat takes of one input pixel."""
        return self.simd // self.form.taps(self.kernel)

    @property
    def fewest_group_beats(self) -> int:
        """Beats of an output group at the pixel with the fewest taps inside the image."""
        beats = self.reuse_factor * self.pe // self.out_shape.channels
        if not self.skip_padding:
            return beats
        rows, columns = (
            min(self.taps_inside(axis, place) for place in range(size))
            for axis, size in enumerate((self.out_shape.height, self.out_shape.width))
        )
        if self.form is ReadForm.ROWS:
            rows = self.kernel[0]
        return beats * rows * columns // (self.kernel[0] * self.kernel[1])

    @property
    def cycles(self) -> int:
        """Cycles for one frame at the full rate."""
        if not self.skip_padding or self.form is ReadForm.WINDOW:
            return self.out_shape.pixels * self.reuse_factor
        rows = sum(self.taps_inside(0, row) for row in range(self.out_shape.height))
        columns = sum(self.taps_inside(1, column) for column in range(self.out_shape.width))
        if self.form is ReadForm.ROWS:
            rows = self.out_shape.height * self.kernel[0]
        return rows * columns * self.reuse_factor // (self.kernel[0] * self.kernel[1])

    def taps_inside(self, axis: int, position: int) -> int:
        """Kernel rows (axis 0) or columns (axis 1) that lie inside the image at an output row or column."""
        size = (self.in_shape.height, self.in_shape.width)[axis]
        first = position * self.stride[axis] - self.padding[axis]
        return min(first + self.kernel[axis], size) - max(first, 0)

    def registers_sums(self, lanes: int) -> bool:
        """Whether sums wait a cycle before they are rounded: where their path is long.

        Several products are summed there, the sums of many steps are selected, or the result rounds or
        saturates.

        Args:
            lanes: of the output stream.
        """
        columns = self.simd > 1 or self.projection_multipliers > 0
        plain = self.out_format.rounding is Rounding.TRN and self.out_format.overflow is Overflow.WRAP
        return columns or self.pe // lanes > _PROMPT_STEPS or not plain

    @property
    def exact_sum(self) -> FixedPoint:
        """Format of the sum before ReLU and requantization, a short skip included."""
        return self.join.sum if self.join else self.accumulator

    @property
    def out_format(self) -> FixedPoint:
        """Format of the output stream's channels."""
        return self.result or self.exact_sum

    @property
    def projection_multipliers(self) -> int:
        """Products a cycle of a projection on the centre tap: its channels of a beat, for each output channel."""
        return self.pe * self.ring_word_channels if self.join and self.join.projection else 0

    @property
    def multipliers(self) -> int:
        """Products a cycle."""
        return self.pe * self.simd + self.projection_multipliers


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneStage:
    """Copies each word to two streams; takes a word when both have room."""

    name: str
    input: str
    outputs: tuple[str, str]
    shape: Shape
    format: FixedPoint

    reuse_factor = 1
    pe = 1
    simd = 1
    multipliers = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AddStage:
    """main + skip, exact at the finer point, then ReLU, then at most one requantization."""

    name: str
    main: str
    skip: str
    output: str
    shape: Shape
    main_format: FixedPoint
    skip_format: FixedPoint
    sum: FixedPoint
    relu: bool
    result: FixedPoint | None

    reuse_factor = 1
    pe = 1
    simd = 1
    multipliers = 0

    @property
    def out_format(self) -> FixedPoint:
        """Format of the output stream's channels."""
        return self.result or self.sum


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStage:
    """Global average: per channel the exact sum over the frame, then one rounding of sum / pixels.

    With ``a = sum << dividend_shift`` and N the (shifted) pixel count, the mean in LSBs of `result`
    is a / N rounded by result.rounding: TRN floor(a/N); TRN_ZERO sign(a) floor(|a|/N); RND
    floor((2a+N)/2N); RND_CONV the same, less 1 where (2a+N) is a multiple of 2N and the quotient is
    odd. Then result.overflow. `reciprocal` realises that floor with divisor N or 2N.

    Attributes:
        accumulator: exact format of the frame's sum, in LSBs of in_format.
    """

    name: str
    input: str
    output: str
    in_shape: Shape
    in_format: FixedPoint
    accumulator: FixedPoint
    result: FixedPoint
    dividend_shift: int
    reciprocal: Reciprocal

    reuse_factor = 1
    pe = 1
    simd = 1
    multipliers = 0


Stage = ConvStage | CloneStage | AddStage | PoolStage


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipPlacement:
    """How one skip connection of the original network is built.

    Attributes:
        name: path of the block; short skips `<skip>.0`, ...; removed ones the block alone.
        depth_pixels: pixels that wait in its own memory (0 for none).
        stored_bits: depth_pixels * channels * width of what waits.
        stream: name of the skip FIFO, or None.
    """

    name: str
    implementation: Implementation
    storage: Storage
    depth_pixels: int
    stored_bits: int
    stream: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one stream of a forcing path holds.

    Attributes:
        stage: the stage that waits for it.
        pixels: pixels written that this stage has not started to read behind.
    """

    stream: str
    stage: str
    pixels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipSizing:
    """Why the memory of a skip connection is as deep as it is.

    Attributes:
        skip: name of the skip connection.
        stream: the FIFO that enters its join.
        ring: the stage whose ring keeps the skip, in pixels; None: the FIFO does, in words.
        depth_live: least depth without deadlock under any stall pattern.
        depth_full_rate: least depth at which the interval is that of an unlimited one.
        interval_cycles: of the skip's block, fork to join, at that depth.
        path: the main path at the moment that forces depth_live: what is stored along it while the
            skip's pixel waits.
        slowdown: (depth, interval in cycles), ascending, from depth_live to depth_full_rate.
    """

    skip: str
    stream: str
    ring: str | None
    depth_live: int
    depth_full_rate: int
    interval_cycles: int
    path: tuple[Holding, ...]
    slowdown: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Everything a backend needs."""

    name: str
    graph: Graph
    device: Device
    stages: tuple[Stage, ...]
    streams: tuple[Stream, ...]
    skips: tuple[SkipPlacement, ...]
    sizings: tuple[SkipSizing, ...] = ()

    def stream(self, name: str) -> Stream:
        """The stream of that name."""
        return next(stream for stream in self.streams if stream.name == name)

    @property
    def input_stream(self) -> Stream:
        """The top's x port."""
        return self.stream("x")

    @property
    def output_stream(self) -> Stream:
        """The top's y port."""
        return self.stream("y")
