"""What is known of every epoch, as a table and as curves."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tailor_train.files import write_atomically


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRow:
    """One epoch. Accuracies in percent, taken after the epoch; losses are means over its batches.

    Attributes:
        phase: teacher, student or baseline.
        epoch: counted from 0 within its phase.
        learning_rate: at the epoch's start.
        loss: that was minimised.
        task_loss: against the labels.
        distill_loss: against the teacher, 0 without one.
        train_accuracy: on the epoch's batches while training.
        validation_accuracy: None without a validation split.
        test_accuracy: on the test set; reported, never used to select.
        altered: skip altered at the epoch's start, or empty.
    """

    phase: str
    epoch: int
    learning_rate: float
    loss: float
    task_loss: float
    distill_loss: float
    train_accuracy: float
    validation_accuracy: float | None
    test_accuracy: float
    altered: str


def write_metrics(path: Path, rows: Sequence[EpochRow]) -> None:
    """Write `metrics.csv`. Raises TrainError if the file cannot be written."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [item.name for item in fields(EpochRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in asdict(row).items()} for row in rows)
    write_atomically(path, text.getvalue().encode())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
