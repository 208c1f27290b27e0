"""The one Jinja environment: strict about names, and with the few filters that texts need."""

from __future__ import annotations

import re
from functools import cache

import jinja2

from generator import assets
from generator.version import VERSION


def render(template: str, view: object) -> str:
    """Render `templates/<template>` with one frozen view object, seen as `view`."""
    return _environment().get_template(template).render(view=view, version=VERSION)


def identifier(name: str) -> str:
    """A name that is safe in C++, SystemVerilog, Tcl and a shell; dots become underscores."""
    safe = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return safe if re.match(r"[A-Za-z]", safe) else f"n_{safe}"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(assets.asset_folder("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["identifier"] = identifier
    return environment
