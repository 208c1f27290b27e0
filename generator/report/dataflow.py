"""The dataflow picture: every stage and every stream of a design, laid out in rows, one block after another.

Skip branches arch over the main path. All lengths are in user units of the SVG.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from generator.report.blocks import block_spans, side_stages
from generator.report.entries import Json, input_shape, output_shape
from generator.report.picture import Band, Box, Label, Picture, Wire

WIDTH = 1160.0
_LEFT, _RIGHT = 132.0, 92.0
_BOX_WIDTH, _BOX_HEIGHT = 140.0, 62.0
_ROUND = 40.0
_GAP, _WIDEST_GAP = 92.0, 200.0
_PLAIN_HEAD, _ARCH_HEAD, _SIDE_HEAD = 26.0, 84.0, 112.0
_FOOT, _BETWEEN = 18.0, 40.0
_RADIUS = 12.0


@dataclass(slots=True)
class _Segment:
    """Stages that stay in one row: a block, or a single stage outside of all blocks."""

    name: str
    main: list[Json]
    side: list[Json] = field(default_factory=list)
    arched: bool = False

    @property
    def head(self) -> float:
        """Room above the main path."""
        return _SIDE_HEAD if self.side else _ARCH_HEAD if self.arched else _PLAIN_HEAD

    @property
    def solid(self) -> float:
        """Width of the stages alone."""
        return sum(_width(stage) for stage in self.main)


@dataclass(frozen=True, slots=True)
class _Place:
    box: Box
    row: int
    arch_y: float
    side: bool


def draw_dataflow(design: Json) -> Picture:
    """Lay out a design.

    Args:
        design: design.json; its stages stand in dataflow order.
    """
    segments = _segments(design)
    rows = _pack(segments)
    return _Drawing(design, rows).draw()


def _segments(design: Json) -> list[_Segment]:
    """Blocks and single stages, in dataflow order."""
    stages: Sequence[Json] = design["stages"]
    side = side_stages(design)
    main = [stage for stage in stages if stage["name"] not in side]
    removed = {skip["name"] for skip in design["skips"] if skip["implementation"] == "none"}
    segments = []
    for span in block_spans(design, [stage["name"] for stage in main]):
        members = main[span.first : span.last + 1]
        names = {stage["name"] for stage in members}
        aside = [stage for stage in stages if side.get(stage["name"]) in names]
        skips = any(stream["role"] == "skip" and stream["sink"] in names for stream in design["streams"])
        inner = any(stage.get("short_skip") for stage in members)
        segments.append(
            _Segment(name=span.name, main=members, side=aside, arched=skips or inner or span.name in removed)
        )
    return segments


def _pack(segments: Iterable[_Segment]) -> list[list[_Segment]]:
    """As many segments in a row as fit; a segment is never broken."""
    rows: list[list[_Segment]] = []
    used = 0.0
    for segment in segments:
        needed = segment.solid + _GAP * len(segment.main)
        if not rows or used + needed - _GAP > WIDTH - _LEFT - _RIGHT:
            rows.append([])
            used = 0.0
        rows[-1].append(segment)
        used += needed
    return rows


class _Drawing:
    """Coordinates of one picture."""

    def __init__(self, design: Json, rows: list[list[_Segment]]) -> None:
        self._design = design
        self._rows = rows
        self._places: dict[str, _Place] = {}
        self._bands: list[Band] = []
        self._wires: list[Wire] = []
        self._width = WIDTH

    def draw(self) -> Picture:
        y = 8.0
        for index, row in enumerate(self._rows):
            head = max(segment.head for segment in row)
            self._place_row(index, row, y, head)
            y += head + _BOX_HEIGHT + _FOOT + _BETWEEN
        for stream in self._design["streams"]:
            self._connect(stream)
        for stage in self._design["stages"]:
            if stage.get("short_skip"):
                self._inner_skip(stage)
        for skip in self._design["skips"]:
            if skip["implementation"] == "none":
                self._ghost(skip["name"])
        return Picture(
            width=self._width,
            height=y - _BETWEEN + 10,
            bands=tuple(self._bands),
            wires=tuple(self._wires),
            boxes=tuple(place.box for place in self._places.values()),
        )

    def _place_row(self, index: int, row: list[_Segment], top: float, head: float) -> None:
        count = sum(len(segment.main) for segment in row)
        solid = sum(segment.solid for segment in row)
        free = (WIDTH - _LEFT - _RIGHT - solid) / max(count - 1, 1)
        gap = min(max(free, _GAP), _WIDEST_GAP)
        x = _LEFT
        for segment in row:
            start = x
            arch_y = top + head - (_SIDE_HEAD if segment.side else _ARCH_HEAD) + (56 if segment.side else 40)
            for stage in segment.main:
                width = _width(stage)
                height = _ROUND if stage["kind"] in ("clone", "add") else _BOX_HEIGHT
                y = top + head + (_BOX_HEIGHT - height) / 2
                box = _box(stage, segment.name, x, y, width, height)
                self._places[stage["name"]] = _Place(box, index, arch_y, False)
                x += width + gap
            end = x - gap
            self._place_side(segment, index, start, end, arch_y)
            if len(segment.main) > 1 or segment.arched:
                self._bands.append(
                    Band(
                        x=start - 26,
                        y=top,
                        width=end - start + 52,
                        height=head + _BOX_HEIGHT + _FOOT,
                        name=segment.name,
                    )
                )
        self._width = max(self._width, x - gap + _RIGHT)

    def _place_side(self, segment: _Segment, row: int, start: float, end: float, arch_y: float) -> None:
        step = (end - start) / (len(segment.side) + 1)
        for position, stage in enumerate(segment.side):
            x = start + step * (position + 1) - _BOX_WIDTH / 2
            box = _box(stage, segment.name, x, arch_y - _BOX_HEIGHT / 2 + 2, _BOX_WIDTH, _BOX_HEIGHT - 6)
            self._places[stage["name"]] = _Place(box, row, arch_y, True)

    def _connect(self, stream: Json) -> None:
        source = self._places.get(stream["source"] or "")
        sink = self._places.get(stream["sink"] or "")
        text = (f"{stream['width_bits']} b × {stream['depth_words']}", str(stream["storage"]).upper())
        if source is None and sink is not None:
            self._inlet(stream, sink, ("x", *text))
        elif sink is None and source is not None:
            self._outlet(stream, source, ("y", *text))
        elif source is not None and sink is not None:
            if source.row != sink.row:
                self._return(stream, source, sink, text)
            elif source.side or sink.side or stream["role"] == "skip":
                self._arch(stream, source, sink, text)
            else:
                self._straight(stream, source.box, sink.box, text)

    def _straight(self, stream: Json, source: Box, sink: Box, text: tuple[str, ...]) -> None:
        middle = (source.right + sink.x) / 2
        path = f"M{source.right:.1f} {source.middle:.1f}H{sink.x - 5:.1f}"
        self._add(stream, path, _above_below(middle - 2, source.middle, text))

    def _arch(self, stream: Json, source: _Place, sink: _Place, text: tuple[str, ...]) -> None:
        """Up from the fork, along the arch, down into the join; a stage in the arch shortens it."""
        high = max(source.arch_y, sink.arch_y) if source.side or sink.side else source.arch_y
        begin = f"M{source.box.right:.1f} {high:.1f}" if source.side else _rise(source.box, high)
        end = f"H{sink.box.x - 5:.1f}" if sink.side else _fall(sink.box)
        left = source.box.right if source.side else source.box.centre
        right = sink.box.x if sink.side else sink.box.centre
        centre = (left + right) / 2
        if source.side or sink.side:
            labels = _above_below(centre, high, text)
        else:
            pixels = stream["depth_words"] // max(1, stream["shape"][2] // stream["lanes"])
            labels = (Label(x=centre, y=high, lines=(f"skip   {text[0]} · {text[1]} · {pixels} px",), pill=True),)
        self._add(stream, begin + end, labels, "skip")

    def _return(self, stream: Json, source: _Place, sink: _Place, text: tuple[str, ...]) -> None:
        """From the end of one row to the start of a later one."""
        low = source.box.middle + _BOX_HEIGHT / 2 + _FOOT + _BETWEEN / 2
        right, left = self._width - 22, 22.0
        r = _RADIUS
        path = (
            f"M{source.box.right:.1f} {source.box.middle:.1f}H{right - r:.1f}q{r} 0 {r} {r}V{low - r:.1f}"
            f"q0 {r} -{r} {r}H{left + r:.1f}q-{r} 0 -{r} {r}V{sink.box.middle - r:.1f}q0 {r} {r} {r}"
            f"H{sink.box.x - 5:.1f}"
        )
        skip = stream["role"] == "skip"
        self._add(
            stream, path, _above_below((left + sink.box.x - 26) / 2, sink.box.middle, text), "skip" if skip else "data"
        )

    def _inlet(self, stream: Json, sink: _Place, text: tuple[str, ...]) -> None:
        path = f"M8 {sink.box.middle:.1f}H{sink.box.x - 5:.1f}"
        self._add(stream, path, _above_below((sink.box.x - 26) / 2, sink.box.middle, (f"x  {text[1]}", text[2])))

    def _outlet(self, stream: Json, source: _Place, text: tuple[str, ...]) -> None:
        end = source.box.right + 88
        path = f"M{source.box.right:.1f} {source.box.middle:.1f}H{end:.1f}"
        middle = source.box.right + 38
        self._add(stream, path, _above_below(middle, source.box.middle, (f"y  {text[1]}", text[2])))

    def _inner_skip(self, stage: Json) -> None:
        """The short skip that is built into a conv stage: a loop over its box."""
        place, skip = self._places[stage["name"]], stage["short_skip"]
        box, r = place.box, _RADIUS
        high = box.y - 26
        left, right = box.x - 14, box.right - 22
        path = (
            f"M{left:.1f} {box.middle:.1f}V{high + r:.1f}q0 -{r} {r} -{r}H{right - r:.1f}q{r} 0 {r} {r}V{box.y - 5:.1f}"
        )
        stored = f"SRL {skip['depth_pixels']} px" if skip["depth_pixels"] else "1×1 · centre tap"
        self._wires.append(
            Wire(
                path=path,
                kind="inner",
                thickness=2.2,
                tooltip=f"short skip {skip['name']}: {stored}",
                labels=(Label(x=(left + right) / 2, y=high, lines=(stored,), pill=True),),
            )
        )

    def _ghost(self, name: str) -> None:
        """Where a removed skip was."""
        band = next((band for band in self._bands if band.name == name), None)
        inside = [
            place.box
            for place in self._places.values()
            if band is not None and not place.side and band.x <= place.box.x <= band.x + band.width
            and band.y <= place.box.y <= band.y + band.height
        ]  # fmt: skip
        if not inside:
            return
        left, right, r = inside[0].x - 14, inside[-1].right + 14, _RADIUS
        middle, high = inside[0].middle, inside[0].y - 26
        path = f"M{left:.1f} {middle:.1f}V{high + r:.1f}q0 -{r} {r} -{r}H{right - r:.1f}q{r} 0 {r} {r}V{middle:.1f}"
        label = Label(x=(left + right) / 2, y=high, lines=("removed",), pill=True)
        self._wires.append(
            Wire(path=path, kind="removed", thickness=1.6, tooltip=f"skip {name}: removed", labels=(label,))
        )

    def _add(self, stream: Json, path: str, labels: tuple[Label, ...], kind: str = "data") -> None:
        tooltip = (
            f"{stream['name']}: {stream['lanes']} lane(s) of {stream['format']}, {stream['width_bits']} bits a word, "
            f"{stream['depth_words']} words (live {stream['depth_live']}, full rate {stream['depth_full_rate']}), "
            f"{stream['storage']}"
        )
        thickness = 1.2 + math.log2(max(stream["width_bits"], 2)) / 2.4
        self._wires.append(Wire(path=path, kind=kind, thickness=round(thickness, 2), tooltip=tooltip, labels=labels))


def _box(stage: Json, block: str, x: float, y: float, width: float, height: float) -> Box:
    name = stage["name"]
    short = name.removeprefix(f"{block}.") or name
    lines: tuple[str, ...] = ()
    source, target = input_shape(stage), output_shape(stage)
    if stage["kind"] == "conv":
        kernel, stride = stage["kernel"], stage["stride"]
        step = f" /{stride[0]}" if stride[0] > 1 else ""
        lines = (
            f"{kernel[0]}×{kernel[1]}{step}   {source[2]} → {target[2]}",
            f"RF {stage['reuse_factor']:,}   {stage['pe']}×{stage['simd']} MAC",
        )
    elif stage["kind"] == "pool":
        lines = ("mean of the frame", f"{source[0]}×{source[1]}   {source[2]} ch")
    shapes = " to ".join("×".join(map(str, shape)) for shape in (source, target))
    tooltip = f"{name}: {stage['kind']}, {shapes}, {stage['cycles']:,} cycles a frame"
    return Box(x=x, y=y, width=width, height=height, kind=stage["kind"], title=short, lines=lines, tooltip=tooltip)


def _width(stage: Json) -> float:
    return _ROUND if stage["kind"] in ("clone", "add") else _BOX_WIDTH


def _rise(box: Box, high: float) -> str:
    r = _RADIUS
    return f"M{box.centre:.1f} {box.y:.1f}V{high + r:.1f}q0 -{r} {r} -{r}"


def _fall(box: Box) -> str:
    r = _RADIUS
    return f"H{box.centre - r:.1f}q{r} 0 {r} {r}V{box.y - 5:.1f}"


def _above_below(x: float, y: float, text: tuple[str, ...]) -> tuple[Label, ...]:
    return (Label(x=x, y=y - 11, lines=(text[0],)), Label(x=x, y=y + 15, lines=(text[1],)))
