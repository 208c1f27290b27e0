"""Draws accuracy and loss over the epochs, with every alteration marked."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tailor_train.files import write_atomically
from tailor_train.metrics import EpochRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, GRID = "#22303c", "#7b8794", "#e4e9ee"
TEST, TRAIN, DISTILL, MARK = "#0b6e99", "#9ec9dd", "#d9822b", "#c2453d"


def draw_curves(path: Path, rows: Sequence[EpochRow], title: str, teacher_accuracy: float | None) -> None:
    """Write `curves.png`.

    A teacher trained in the same run stands to the left, the student to the right of it.

    Args:
        path: of the picture.
        rows: epochs in order.
        title: above the picture.
        teacher_accuracy: on the test set in percent, drawn as a line; None without a teacher.

    Raises:
        TrainError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9.0, 5.6), dpi=140, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    epochs = list(range(1, len(rows) + 1))
    _draw_accuracy(upper, epochs, rows, teacher_accuracy)
    _draw_losses(lower, epochs, rows)
    upper.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (upper, lower):
        _mark_phases(axes, epochs, rows)
        _plain(axes)
    _name_alterations(upper, epochs, rows)
    upper.legend(loc="lower right", frameon=False, fontsize=9, labelcolor=INK)
    lower.legend(loc="lower left", frameon=False, fontsize=9, labelcolor=INK)
    lower.set_xlabel("epoch", color=INK)
    figure.suptitle(title, x=0.02, ha="left", fontsize=12, fontweight="bold", color=INK)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    write_atomically(path, picture.getvalue())


def _draw_accuracy(axes: Axes, epochs: list[int], rows: Sequence[EpochRow], teacher: float | None) -> None:
    axes.plot(epochs, [row.train_accuracy for row in rows], color=TRAIN, lw=1.4, label="training batches")
    axes.plot(epochs, [row.test_accuracy for row in rows], color=TEST, lw=2.2, label="test set")
    if teacher is not None:
        axes.axhline(teacher, color=MUTED, lw=1.0, ls=(0, (4, 3)), label=f"teacher {teacher:.1f} %")
    last = rows[-1].test_accuracy
    axes.annotate(
        f"{last:.1f} %", (epochs[-1], last), xytext=(6, 0), textcoords="offset points", color=TEST, va="center",
        fontsize=10, fontweight="bold", annotation_clip=False,
    )  # fmt: skip
    axes.set_ylabel("accuracy in %", color=INK)
    lowest = min(min(row.test_accuracy, row.train_accuracy) for row in rows)
    axes.set_ylim(max(0.0, lowest - 5.0), 101.5)


def _draw_losses(axes: Axes, epochs: list[int], rows: Sequence[EpochRow]) -> None:
    axes.plot(epochs, [row.task_loss for row in rows], color=TEST, lw=1.8, label="labels")
    distilled = [row.distill_loss if row.phase == "student" else float("nan") for row in rows]
    if any(row.distill_loss for row in rows):
        axes.plot(epochs, distilled, color=DISTILL, lw=1.8, label="teacher's logits")
    axes.set_yscale("log")
    axes.set_ylabel("loss", color=INK)


def _mark_phases(axes: Axes, epochs: list[int], rows: Sequence[EpochRow]) -> None:
    for epoch, row in zip(epochs, rows, strict=True):
        if row.altered:
            axes.axvline(epoch - 0.5, color=MARK, lw=0.9, alpha=0.55, zorder=0)
    teacher = sum(row.phase == "teacher" for row in rows)
    if teacher:
        axes.axvspan(0.5, teacher + 0.5, color="#f4f6f8", zorder=-1, lw=0)


def _name_alterations(axes: Axes, epochs: list[int], rows: Sequence[EpochRow]) -> None:
    names = [(epoch, row.altered) for epoch, row in zip(epochs, rows, strict=True) if row.altered]
    step = max(1, -(-len(names) // 24))
    for epoch, name in names[::step]:
        axes.text(
            epoch - 0.5, 1.01, name, rotation=60, transform=axes.get_xaxis_transform(), color=MARK, fontsize=7.5,
            ha="left", va="bottom",
        )  # fmt: skip


def _plain(axes: Axes) -> None:
    axes.grid(axis="y", color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=MUTED, labelsize=9, length=0)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GRID)
