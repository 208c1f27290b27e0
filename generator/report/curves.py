"""Training curves as drawings: one line per design, its alterations marked on the line and in a lane below."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from generator.report.entries import DesignEntry, Epoch

WIDTH, HEIGHT = 640.0, 300.0
_LEFT, _RIGHT, _TOP, _LANE = 48.0, 14.0, 14.0, 20.0
_AXIS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An epoch before which skips were altered."""

    x: float
    y: float
    tooltip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One design's curve.

    Attributes:
        colour: number of its colour in the page's palette.
        lane_y: height of its lane below the axis; None without alterations.
    """

    label: str
    colour: int
    path: str
    end_x: float
    end_y: float
    end_text: str
    marks: tuple[Mark, ...]
    lane_y: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A diagram over epochs."""

    title: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """A vertical axis: `place` bends values, `low` and `high` are bent bounds."""

    low: float
    high: float
    place: Callable[[float], float]
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Height of a value, 0 at the bottom and 1 at the top."""
        return (min(max(self.place(value), self.low), self.high) - self.low) / (self.high - self.low)


def draw_curves(entries: Sequence[DesignEntry]) -> tuple[Chart, ...]:
    """Accuracy and loss of all designs that have a training run; empty if none has."""
    trained = [(index, entry) for index, entry in enumerate(entries) if entry.epochs]
    charts = []
    if any(epoch.accuracy is not None for _, entry in trained for epoch in entry.epochs):
        charts.append(_chart("Test accuracy, % (logarithmic in the error)", trained, _accuracy, _error_scale))
    if any(epoch.loss for _, entry in trained for epoch in entry.epochs):
        charts.append(_chart("Training loss (logarithmic)", trained, _loss, _log_scale))
    return tuple(charts)


def _accuracy(epoch: Epoch) -> float | None:
    return epoch.accuracy


def _loss(epoch: Epoch) -> float | None:
    """A loss of 0 has no place on a logarithmic axis."""
    return epoch.loss or None


def _chart(
    title: str,
    trained: Sequence[tuple[int, DesignEntry]],
    value: Callable[[Epoch], float | None],
    scale_of: Callable[[Sequence[float]], _Scale],
) -> Chart:
    lanes = [entry.label for _, entry in trained if any(epoch.altered for epoch in entry.epochs)]
    bottom = HEIGHT - _AXIS - _LANE * len(lanes)
    scale = scale_of([v for _, entry in trained for epoch in entry.epochs if (v := value(epoch)) is not None])
    first = min(epoch.number for _, entry in trained for epoch in entry.epochs)
    last = max(epoch.number for _, entry in trained for epoch in entry.epochs)

    def across(number: float) -> float:
        return _LEFT + (number - first) / max(last - first, 1) * (WIDTH - _LEFT - _RIGHT)

    def up(number: float) -> float:
        return bottom - scale.share(number) * (bottom - _TOP)

    lines = tuple(
        _line(index, entry, value, across, up, HEIGHT - _LANE * (len(lanes) - lanes.index(entry.label)) + 12)
        if entry.label in lanes
        else _line(index, entry, value, across, up, None)
        for index, entry in trained
    )
    step = _nice((last - first) / 7)
    numbers = range(math.ceil(first / step) * int(step or 1), last + 1, max(int(step), 1))
    return Chart(
        title=title,
        width=WIDTH,
        height=HEIGHT,
        left=_LEFT,
        right=WIDTH - _RIGHT,
        top=_TOP,
        bottom=bottom,
        x_ticks=tuple(Tick(at=round(across(number), 1), text=str(number)) for number in numbers),
        y_ticks=tuple(Tick(at=round(up(number), 1), text=f"{number:g}") for number in scale.ticks),
        lines=lines,
    )


def _line(
    index: int,
    entry: DesignEntry,
    value: Callable[[Epoch], float | None],
    across: Callable[[float], float],
    up: Callable[[float], float],
    lane_y: float | None,
) -> Line:
    points = [(epoch, v) for epoch in entry.epochs if (v := value(epoch)) is not None]
    places = [(across(epoch.number), up(v)) for epoch, v in points]
    marks = tuple(
        Mark(
            x=round(x, 1),
            y=round(y, 1),
            tooltip=f"{entry.label}, epoch {epoch.number}: {', '.join(epoch.altered)} altered",
        )
        for (epoch, _), (x, y) in zip(points, places, strict=True)
        if epoch.altered
    )
    return Line(
        label=entry.label,
        colour=index,
        path="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places),
        end_x=round(places[-1][0], 1),
        end_y=round(places[-1][1], 1),
        end_text=f"{entry.label} {points[-1][1]:.4g}",
        marks=marks,
        lane_y=lane_y,
    )


def _error_scale(accuracies: Sequence[float]) -> _Scale:
    """Logarithmic in 100 - accuracy, which spreads the last few percent; 99.9 is the end of the axis."""

    def place(accuracy: float) -> float:
        return -math.log10(max(100.0 - accuracy, 0.1))

    low, high = place(min(accuracies)) - 0.04, place(max(accuracies)) + 0.04
    marks = (0.0, 20.0, 40.0, 60.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.9)
    return _Scale(low=low, high=high, place=place, ticks=tuple(mark for mark in marks if low <= place(mark) <= high))


def _log_scale(values: Sequence[float]) -> _Scale:
    """Logarithmic, with ticks at 1, 2 and 5 of each decade."""

    def place(value: float) -> float:
        return math.log10(max(value, 1e-9))

    low, high = place(min(values)) - 0.05, place(max(values)) + 0.05
    steps = [digit * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for digit in (1, 2, 5)]
    return _Scale(low=low, high=high, place=place, ticks=tuple(step for step in steps if low <= place(step) <= high))


def _nice(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten, at least 1 for whole numbers of epochs."""
    if step <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step)
