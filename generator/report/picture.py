"""What a drawing consists of; the template turns it into SVG. All lengths are in user units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Centred text; `lines` from top to bottom, `pill` draws a background."""

    x: float
    y: float
    lines: tuple[str, ...]
    pill: bool = False

    @property
    def pill_width(self) -> float:
        """Width of the background, from the longest line."""
        return max(len(line) for line in self.lines) * 6.2 + 18

    @property
    def pill_height(self) -> float:
        """Height of the background."""
        return len(self.lines) * 13 + 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A stream, or the path of a skip inside a stage.

    Attributes:
        kind: `data`, `skip`, `inner` or `removed`; picks colour and dash.
        thickness: grows with the logarithm of the width in bits.
    """

    path: str
    kind: str
    thickness: float
    tooltip: str
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A stage. Clone and add stages are round."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str
    lines: tuple[str, ...]
    tooltip: str

    @property
    def round(self) -> bool:
        """Whether it is drawn as a circle."""
        return self.kind in ("clone", "add")

    @property
    def sign(self) -> str:
        """What stands in the circle."""
        return "+" if self.kind == "add" else "⋔"

    @property
    def right(self) -> float:
        """Right edge."""
        return self.x + self.width

    @property
    def centre(self) -> float:
        """Horizontal centre."""
        return self.x + self.width / 2

    @property
    def middle(self) -> float:
        """Vertical centre."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The background of a block, with its name."""

    x: float
    y: float
    width: float
    height: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything the template draws, back to front: bands, wires, boxes, labels."""

    width: float
    height: float
    bands: tuple[Band, ...]
    wires: tuple[Wire, ...]
    boxes: tuple[Box, ...]
