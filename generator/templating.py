"""The one Jinja environment: strict about names, and with the few filters that texts need."""

from __future__ import annotations

from functools import cache

import jinja2

from generator import assets
from generator.names import identifier
from generator.version import VERSION


def render(template: str, view: object) -> str:
    """Render `templates/<template>` with one frozen view object, seen as `view`."""
    return _environment().get_template(template).render(view=view, version=VERSION)


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
