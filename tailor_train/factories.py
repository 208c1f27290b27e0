"""Imports what a user names as `package.module:function`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tailor_train.errors import TrainError
from tailor_train.naming import nearest


def load_factory(name: str, what: str) -> Callable[..., Any]:
    """Import a function. The current folder is on the import path.

    Args:
        name: `package.module:function`.
        what: for messages, e.g. "model".

    Raises:
        TrainError: the module cannot be imported or has no such function.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise TrainError(f"{what} '{name}' is no factory; expected package.module:factory")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise TrainError(
            f"{what} '{name}': module '{module_name}' cannot be imported ({type(error).__name__}: {error}); "
            "modules are looked for in the current folder and on the Python path"
        ) from error
    function = getattr(module, attribute, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise TrainError(
            f"{what} '{name}': module '{module_name}' has no function '{attribute}'{nearest(attribute, known)}"
        )
    return function  # type: ignore[no-any-return]
