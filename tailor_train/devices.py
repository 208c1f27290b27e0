"""The device that a configuration names."""

from __future__ import annotations

import torch

from tailor_train.errors import TrainError


def find_device(name: str) -> torch.device:
    """The torch device of that name; `auto` is a GPU where there is one.

    Raises:
        TrainError: torch cannot use it here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.zeros(1, device=name).device
    except Exception as error:
        raise TrainError(f"'device' is '{name}', which torch cannot use here; use auto or cpu") from error
