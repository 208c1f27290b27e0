"""Where the data folders are: beside the package in a checkout, inside it in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from generator.errors import ToolError

_PACKAGE = Path(__file__).resolve().parent


def asset_folder(name: str) -> Path:
    """The folder `templates`, `tb`, `vivado_tcl` or `configs`.

    Raises:
        ToolError: the installation is incomplete.
    """
    for candidate in (_PACKAGE / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise ToolError(f"folder {name!r} is missing beside the package {_PACKAGE}; reinstall tailor")


def static_files(folder: str, suffixes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Every file of an asset folder that is copied unchanged, as sorted (file name, text).

    Args:
        folder: below the asset folders, e.g. `templates/hls/lib`.
        suffixes: the file endings to take, e.g. (".h",).
    """
    top, _, rest = folder.partition("/")
    root = asset_folder(top) / rest
    return tuple(
        (path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix in suffixes
    )
