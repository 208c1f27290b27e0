"""A conv or linear layer as the hardware sees it: its legal foldings, and what each costs in cycles.

RF = (taps / taps of a beat) * Cin/s * Cout/pe cycles for one output pixel, over all divisors s of Cin and pe
of Cout: a beat takes one tap (serial), a kernel column (rows) or the window. Every RF from 1 to
kh*kw*Cin*Cout that one of these products gives is legal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from generator.design import ReadForm
from generator.fixed_point import FixedPoint
from generator.graph import Graph, Node, Shape
from generator.layers.conv2d import Conv2d
from generator.layers.linear import Linear
from generator.passes.line_buffer import LEAST_PREFETCH, LineBuffer


@dataclass(frozen=True, slots=True, kw_only=True)
class Folding:
    """Products a cycle of one layer: `pe` output channels times `simd` input channels and taps."""

    reuse_factor: int
    pe: int
    simd: int
    form: ReadForm = ReadForm.SERIAL


@dataclass(frozen=True, kw_only=True)
class MacLayer:
    """What folding and placement need of a conv or linear node, a linear layer seen as a 1x1 conv.

    Attributes:
        lean: whether streams are narrow: every read form, and no beats for taps in the padding.
    """

    node: Node
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    in_shape: Shape
    out_shape: Shape
    in_format: FixedPoint
    weight_format: FixedPoint
    lean: bool

    @property
    def taps(self) -> int:
        """Products per pair of channels and output pixel."""
        return self.kernel[0] * self.kernel[1]

    @property
    def products(self) -> int:
        """Products of an output pixel with all taps inside the image: the largest RF."""
        return self.taps * self.in_shape.channels * self.out_shape.channels

    @cached_property
    def foldings(self) -> tuple[Folding, ...]:
        """Every legal folding, by preference of its read form."""
        return tuple(
            Folding(reuse_factor=self.products // (pe * simd), pe=pe, simd=simd, form=form)
            for form in self._forms()
            for pe in divisors(self.out_shape.channels)
            for simd in (form.taps(self.kernel) * channels for channels in divisors(self.in_shape.channels))
        )

    def _forms(self) -> tuple[ReadForm, ...]:
        """Read forms that differ for this kernel; rows only where a row leaves enough for the prefetch."""
        height, width = self.kernel
        wide = self.in_shape.width - width >= LEAST_PREFETCH
        rows = (ReadForm.ROWS,) if self.lean and height > 1 and wide else ()
        window = (ReadForm.WINDOW,) if self.lean and width > 1 else ()
        return (ReadForm.SERIAL, *rows, *window)

    @cached_property
    def legal_reuse_factors(self) -> tuple[int, ...]:
        """Ascending, without repeats."""
        return tuple(sorted({folding.reuse_factor for folding in self.foldings}))

    @property
    def skips_padding(self) -> bool:
        """Whether taps outside the image are left out: there are some, and every window has one inside."""
        inside = min(self._inside[0]) > 0 and min(self._inside[1]) > 0
        return self.lean and any(self.padding) and inside

    def cycles(self, folding: Folding) -> int:
        """Cycles of a frame at the full rate: the beats, or the loading of the ring where that takes longer."""
        loading = self.in_shape.pixels * self.in_shape.channels // self.word_channels(folding)
        return max(self.beats(folding), loading)

    def beats(self, folding: Folding) -> int:
        """Beats of a frame."""
        height, width = self.kernel
        if not self.skips_padding or folding.form is ReadForm.WINDOW:
            return self.out_shape.pixels * folding.reuse_factor
        rows = self.out_shape.height * height if folding.form is ReadForm.ROWS else sum(self._inside[0])
        return rows * sum(self._inside[1]) * folding.reuse_factor // (height * width)

    def word_channels(self, folding: Folding) -> int:
        """Channels of a word of the ring."""
        return folding.simd // folding.form.taps(self.kernel)

    def line_buffer(self, folding: Folding) -> LineBuffer:
        """The ring with this folding."""
        return LineBuffer(
            kernel=self.kernel,
            width=self.in_shape.width,
            channels=self.in_shape.channels,
            bits=self.in_format.width,
            form=folding.form,
            word_channels=self.word_channels(folding),
        )

    @cached_property
    def _inside(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Kernel rows inside the image by output row, and kernel columns by output column."""
        sizes = ((self.in_shape.height, self.out_shape.height), (self.in_shape.width, self.out_shape.width))
        rows, columns = (
            tuple(min(place * step - pad + taps, size) - max(place * step - pad, 0) for place in range(count))
            for (size, count), taps, step, pad in zip(sizes, self.kernel, self.stride, self.padding, strict=True)
        )
        return rows, columns


def mac_layer(graph: Graph, node: Node, *, lean: bool = True) -> MacLayer | None:
    """The node as a layer of multiplications, or None if it has none."""
    in_shape = graph.shape_of(node.inputs[0])
    match node.layer:
        case Conv2d() as conv:
            kernel, stride, padding = conv.kernel, conv.stride, conv.padding
        case Linear():
            in_shape = Shape(height=1, width=1, channels=in_shape.elements)
            kernel, stride, padding = (1, 1), (1, 1), (0, 0)
        case _:
            return None
    return MacLayer(
        node=node,
        kernel=kernel,
        stride=stride,
        padding=padding,
        in_shape=in_shape,
        out_shape=node.shape,
        in_format=graph.format_of(node.inputs[0]),
        weight_format=node.layer.weight_format,
        lean=lean,
    )


def divisors(number: int) -> tuple[int, ...]:
    """All divisors, ascending."""
    return tuple(candidate for candidate in range(1, number + 1) if number % candidate == 0)
