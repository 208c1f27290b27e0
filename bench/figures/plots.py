"""docs/results.png: what the blocks need, beside their targets and the paper's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from figures.cases import Case, limit_of

_OURS, _TARGET, _PAPER = "#1f6f8b", "#c9d6df", "#e07a5f"


def draw_results(cases: Sequence[Case], rows: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """LUT of every block on a logarithmic axis, and BRAM36; nothing if no block was synthesised."""
    shown = [case for case in cases if case.section == "blocks" and "yosys" in rows.get(case.name, {})]
    if not shown:
        return
    figure, axes = plt.subplots(1, 2, figsize=(12, 0.55 * len(shown) + 1.6), sharey=True, layout="constrained")
    for axis, key, title in zip(axes, ("lut", "bram36"), ("LUT", "BRAM36"), strict=True):
        _bars(axis, shown, rows, key)
        axis.set_title(title, loc="left", fontweight="bold")
    axes[0].set_yticks(range(len(shown)), [case.title.replace("`", "") for case in shown])
    axes[0].invert_yaxis()
    axes[1].legend(loc="lower right", frameon=False)
    figure.suptitle(
        "Skip blocks, 32x32 pixels, RF 576: ours (Yosys, two convs), target, paper (Vivado, three convs)", fontsize=10
    )
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _bars(axis: Axes, shown: Sequence[Case], rows: Mapping[str, Mapping[str, Any]], key: str) -> None:
    kinds = (
        ("ours", _OURS, [rows[case.name]["yosys"][key] for case in shown]),
        ("target", _TARGET, [limit_of(case, key, rows) for case in shown]),
        ("paper", _PAPER, [case.paper.get(key) for case in shown]),
    )
    for place, (label, colour, values) in enumerate(kinds):
        heights = [index + (place - 1) * 0.27 for index in range(len(shown))]
        axis.barh(heights, [value or 0 for value in values], height=0.25, color=colour, label=label)
        for height, value in zip(heights, values, strict=True):
            if value is not None:
                axis.annotate(f" {value:,.10g}", (max(value, 1e-9), height), va="center", fontsize=7)
    axis.set_xscale("log")
    axis.set_xlim(left=10.0 ** math.floor(math.log10(min(value for value in kinds[0][2] if value))))
    axis.set_xlim(right=axis.get_xlim()[1] * 3)
    axis.spines[["top", "right"]].set_visible(False)
