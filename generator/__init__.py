"""From PyTorch networks with skip connections to verified hardware. `generator.convert` is the way in."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.api import HardwareModel, convert
    from generator.source import load_source

__all__ = ["HardwareModel", "convert", "load_source"]

_HOMES = {"HardwareModel": "generator.api", "convert": "generator.api", "load_source": "generator.source"}


def __getattr__(name: str) -> object:
    """Import the API when it is first asked for: the tools' commands start without PyTorch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'generator' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
