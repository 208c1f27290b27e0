"""A build as data before it is an action: path -> text, with a digest and one atomic write."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from generator.errors import OutputError

MARKER = "design.json"
"""A folder that holds this file was written by Tailor and may be replaced by it."""


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """The files of a project, sorted by path; equal plans have equal digests.

    Attributes:
        files: (relative POSIX path, text) pairs, unique and sorted.
    """

    files: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, files: Mapping[str, str]) -> BuildPlan:
        """A plan from a mapping of relative paths to texts."""
        for path in files:
            pure = PurePosixPath(path)
            if pure.is_absolute() or ".." in pure.parts:
                raise OutputError(f"build plan: {path!r} must be a relative path inside the project")
        return cls(tuple(sorted(files.items())))

    @classmethod
    def merge(cls, plans: Iterable[BuildPlan]) -> BuildPlan:
        """One plan of several; a path that two of them hold with different texts is an error."""
        merged: dict[str, str] = {}
        for plan in plans:
            for path, text in plan.files:
                if merged.setdefault(path, text) != text:
                    raise OutputError(f"build plan: two parts write different texts to {path!r}")
        return cls.of(merged)

    @property
    def digest(self) -> str:
        """SHA-256 over all paths and texts."""
        state = hashlib.sha256()
        for path, text in self.files:
            for part in (path, text):
                data = part.encode()
                state.update(len(data).to_bytes(8, "big"))
                state.update(data)
        return state.hexdigest()

    def text(self, path: str) -> str:
        """The text at a path."""
        return dict(self.files)[path]

    def write(self, directory: Path) -> None:
        """Write all files, or none: the folder appears whole or stays as it was.

        An existing folder is replaced only if it is empty or was written by Tailor.

        Raises:
            OutputError: the folder cannot be written, or holds something else.
        """
        directory = directory.absolute()
        if directory.exists() and not directory.is_dir():
            raise OutputError(f"output {directory}: is a file; name a folder")
        if directory.is_dir() and any(directory.iterdir()) and not (directory / MARKER).is_file():
            raise OutputError(f"output {directory}: holds files that Tailor did not write; name an empty or new folder")
        staging: Path | None = None
        try:
            directory.parent.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
            staging.chmod(0o755)
            for path, text in self.files:
                target = staging / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8", newline="\n")
            _swap(staging, directory)
        except OSError as error:
            raise OutputError(f"output {directory}: cannot be written ({error.strerror or error})") from error
        finally:
            if staging is not None and staging.exists():
                shutil.rmtree(staging, ignore_errors=True)


def _swap(staging: Path, directory: Path) -> None:
    """Put `staging` in the place of `directory`, whose old content goes last."""
    if not directory.exists():
        os.replace(staging, directory)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{directory.name}.old.", dir=directory.parent))
    os.replace(directory, old / "old")
    try:
        os.replace(staging, directory)
    except OSError:
        os.replace(old / "old", directory)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
