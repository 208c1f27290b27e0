"""Safe identifiers for C++, SystemVerilog, Tcl and shells."""

from __future__ import annotations

import re


def identifier(name: str) -> str:
    """A name that is safe in every emitted language; dots and other signs become underscores."""
    safe = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return safe if re.match(r"[A-Za-z]", safe) else f"n_{safe}"
