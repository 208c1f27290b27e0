"""Files that are either complete or not there, and safetensors with a header in a fixed order."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from tailor_train.errors import TrainError


def make_folder(path: Path) -> None:
    """Create a folder and its parents.

    Raises:
        TrainError: the folder cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainError(f"folder '{path}' cannot be created: {error.strerror}; choose another --out") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, nothing between.

    Raises:
        TrainError: the file cannot be written.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            with suppress(FileNotFoundError):  # an interrupt may come when the file has just got its name
                os.unlink(temporary)
            raise
    except OSError as error:
        raise TrainError(f"file '{path}' cannot be written: {error.strerror}") from error


def save_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write a safetensors file; header values are stored as JSON, all keys in alphabetical order.

    Raises:
        TrainError: the file cannot be written.
    """
    metadata = {key: json.dumps(value, sort_keys=True) for key, value in header.items()}
    plain = {name: tensors[name].detach().cpu().clone().contiguous() for name in sorted(tensors)}
    content = safetensors.torch.save(plain, metadata)
    length = int.from_bytes(content[:8], "little")
    fields = json.loads(content[8 : 8 + length])
    fields["__metadata__"] = dict(sorted(fields["__metadata__"].items()))
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    write_atomically(path, len(text).to_bytes(8, "little") + text + content[8 + length :])


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of a safetensors file.

    Header values that are not JSON come back as they are.

    Raises:
        TrainError: the file is missing, truncated or no safetensors file.
    """
    if not path.is_file():
        raise TrainError(f"checkpoint '{path}' does not exist")
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            header = {key: _parsed(value) for key, value in (file.metadata() or {}).items()}
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118
    except (OSError, safetensors.SafetensorError, ValueError) as error:
        raise TrainError(f"checkpoint '{path}' is damaged or no safetensors file ({error}); write it again") from error


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
