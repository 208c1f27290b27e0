"""What the report knows of one design: its project folder, stored results and training runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.errors import SourceError

RESULTS = "build/results"
"""Below a project: one JSON file per tool that has run, with the keys of its `--json`."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One line of a run's metrics.csv.

    Attributes:
        accuracy: on the test set, in percent; None where it was not taken.
        altered: skip connections altered before this epoch.
    """

    number: int
    loss: float | None
    accuracy: float | None
    altered: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignEntry:
    """One design of the report.

    Attributes:
        label: short name, unique in a report: T, S, R or the folder's.
        design: design.json.
        results: by tool: yosys, csim, cosim, evaluate.
        accuracy_float: percent, of the float network; None if not known.
        accuracy_fixed: percent, of the quantized network; None if not known.
        epochs: of the float training; empty if there is no run.
    """

    label: str
    project: Path
    design: Json
    results: Mapping[str, Json]
    accuracy_float: float | None
    accuracy_fixed: float | None
    epochs: tuple[Epoch, ...]

    def result(self, tool: str, key: str) -> Any:
        """A stored figure, or None."""
        return self.results.get(tool, {}).get(key)


def input_shape(stage: Json) -> tuple[int, int, int]:
    """(H, W, C) of a stage's input."""
    height, width, channels = stage.get("in_shape") or stage["shape"]
    return height, width, channels


def output_shape(stage: Json) -> tuple[int, int, int]:
    """(H, W, C) of a stage's output; a pooling stage leaves one pixel."""
    if stage["kind"] == "pool":
        return 1, 1, input_shape(stage)[2]
    height, width, channels = stage.get("out_shape") or stage["shape"]
    return height, width, channels


def load_entry(
    project: Path,
    label: str | None = None,
    run_float: Path | None = None,
    run_fixed: Path | None = None,
) -> DesignEntry:
    """Read everything that a project folder and its runs tell.

    Args:
        project: a folder that `tailor generate` wrote.
        label: name in the report; None takes the folder's.
        run_float: RUN folder of the training; None looks where `tailor demo` puts it.
        run_fixed: RUN folder of the quantization; likewise.

    Raises:
        SourceError: no design.json there, or a file is damaged.
    """
    project = project.absolute()
    if not (project / "design.json").is_file():
        raise SourceError(f"report: {project} holds no design.json; name a folder that tailor generate wrote")
    name = label or project.name
    runs = project.parent.parent / "runs" / project.name
    run_float, run_fixed = run_float or runs / "float", run_fixed or runs / "fixed"
    folder = project / RESULTS
    results = {path.stem: _read_json(path) for path in sorted(folder.glob("*.json"))} if folder.is_dir() else {}
    return DesignEntry(
        label=name,
        project=project,
        design=_read_json(project / "design.json"),
        results=results,
        accuracy_float=_first(_run_accuracy(run_float, "accuracy"), _run_accuracy(run_fixed, "accuracy_float")),
        accuracy_fixed=_first(
            results.get("evaluate", {}).get("accuracy_fixed"), _run_accuracy(run_fixed, "accuracy_fixed")
        ),
        epochs=read_epochs(run_float / "metrics.csv"),
    )


def read_epochs(path: Path) -> tuple[Epoch, ...]:
    """The lines of a metrics.csv's last phase (a teacher's come before its student's); none if there is no file.

    Raises:
        SourceError: it holds no `epoch` column, or a value is no number.
    """
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    try:
        return tuple(
            Epoch(
                number=int(float(row["epoch"])),
                loss=_number(row, "loss"),
                accuracy=_number(row, "test_accuracy"),
                altered=tuple((row.get("altered") or "").replace(",", " ").replace(";", " ").split()),
            )
            for row in rows
            if row.get("phase") == rows[-1].get("phase")
        )
    except (KeyError, ValueError) as error:
        raise SourceError(
            f"report: {path} is damaged ({error}); expected columns epoch, loss, test_accuracy"
        ) from error


def _number(row: Mapping[str, str | None], name: str) -> float | None:
    text = row.get(name)
    return float(text) if text else None


def _run_accuracy(run: Path, key: str) -> float | None:
    """An accuracy in percent from the header of a run's checkpoint (provenance.metrics)."""
    path = run / "model.safetensors"
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        provenance = json.loads(header.get("__metadata__", {}).get("provenance", "{}"))
        value = provenance.get("metrics", {}).get(key)
    except (OSError, ValueError, AttributeError) as error:
        raise SourceError(f"report: the header of {path} is damaged ({error})") from error
    return None if value is None else float(value)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _read_json(path: Path) -> Json:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"report: {path} is damaged ({error}); run its step again") from error
    if not isinstance(content, dict):
        raise SourceError(f"report: {path} is damaged (expected an object); run its step again")
    return content
