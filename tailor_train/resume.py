"""What an interrupted run needs to go on as if nothing had happened; tensors and JSON, nothing pickled."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tailor_train.errors import TrainError
from tailor_train.files import load_tensors, save_tensors
from tailor_train.loop import Phase
from tailor_train.metrics import EpochRow

RESUME_FILE = "resume.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a run stands.

    Attributes:
        phase: name of the phase.
        epoch: the next one.
        rows: figures of all epochs so far.
        config: the run's configuration as YAML.
        teacher_digest: of the teacher's tensors, None before there is one.
        tensors: as written by `save_position`.
        states: of the optimizer's plain values, the alterations, and Python's random numbers.
    """

    phase: str
    epoch: int
    rows: tuple[EpochRow, ...]
    config: str
    teacher_digest: str | None
    tensors: Mapping[str, Tensor]
    states: Mapping[str, Any]


def digest_of(network: nn.Module) -> str:
    """SHA-256 of a network's tensors with their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_position(
    folder: Path, phase: Phase, rows: Sequence[EpochRow], config: str, teacher_digest: str | None
) -> None:
    """Write `resume.safetensors`, atomically. Raises TrainError if it cannot be written."""
    tensors = {f"network.{name}": tensor for name, tensor in phase.network.state_dict().items()}
    plain: dict[str, Any] = {}
    for index, values in phase.optimizer.state_dict()["state"].items():
        for key, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{index}.{key}"] = value
            elif value is not None:
                plain[f"{index}.{key}"] = value
    if phase.best is not None:
        tensors |= {f"best.{name}": tensor for name, tensor in phase.best[1].items()}
    tensors["random.torch"] = torch.get_rng_state()
    tensors["random.data"] = phase.generator.get_state()
    numpy_state = np.random.get_state(legacy=False)["state"]
    tensors["random.numpy"] = torch.from_numpy(numpy_state["key"].astype(np.int64))
    version, words, gauss = random.getstate()
    header = {
        "phase": phase.name,
        "epoch": phase.epoch,
        "rows": [asdict(row) for row in rows],
        "config": config,
        "teacher_digest": teacher_digest,
        "states": {
            "optimizer": plain,
            "alterations": None if phase.alterations is None else phase.alterations.state_dict(),
            "best": None if phase.best is None else phase.best[0],
            "python": [version, list(words), gauss],
            "numpy": int(numpy_state["pos"]),
        },
    }
    save_tensors(folder / RESUME_FILE, tensors, header)


def load_position(folder: Path) -> Position:
    """Read `resume.safetensors`.

    Raises:
        TrainError: there is none, or it is damaged.
    """
    path = folder / RESUME_FILE
    if not path.is_file():
        raise TrainError(f"'{folder}' holds no {RESUME_FILE}, so there is nothing to resume; train without --resume")
    tensors, header = load_tensors(path)
    try:
        return Position(
            phase=header["phase"],
            epoch=int(header["epoch"]),
            rows=tuple(EpochRow(**row) for row in header["rows"]),
            config=header["config"],
            teacher_digest=header["teacher_digest"],
            tensors=tensors,
            states=header["states"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise TrainError(f"'{path}' is damaged ({error}); train without --resume") from error


def restore_phase(phase: Phase, position: Position) -> None:
    """Put a freshly built phase where the saved one stood.

    Raises:
        TrainError: the saved phase is another network's.
    """
    tensors, states = position.tensors, position.states
    if phase.alterations is not None and states["alterations"] is not None:
        phase.alterations.load_state_dict(states["alterations"])
    try:
        phase.network.load_state_dict(_part(tensors, "network."))
        state: dict[int, dict[str, Any]] = {}
        for name, value in (_part(tensors, "optimizer.") | states["optimizer"]).items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = value
        groups = phase.optimizer.state_dict()["param_groups"]
        phase.optimizer.load_state_dict({"state": state, "param_groups": groups})
        phase.generator.set_state(tensors["random.data"])
        torch.set_rng_state(tensors["random.torch"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainError(f"{RESUME_FILE} belongs to another network; train without --resume") from error
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    key = tensors["random.numpy"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", key, int(states["numpy"]), 0, 0.0))
    if states["best"] is not None:
        phase.best = states["best"], _part(tensors, "best.")
    phase.epoch = position.epoch


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
