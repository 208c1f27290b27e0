"""The one subprocess wrapper: every tool is started, watched and stopped here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from generator.errors import ToolError

_GRACE_SECONDS = 3.0
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What a finished command left behind.

    Attributes:
        seconds: wall-clock time.
    """

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def output(self) -> str:
        """Both outputs, stdout first."""
        return self.stdout + self.stderr


def require_tool(name: str, hint: str, search: str | None = None) -> str:
    """The full path of an executable.

    Args:
        name: as one would type it; a path is taken as it is.
        hint: what to do when it is missing, e.g. ``install g++ 9 or newer``.
        search: a PATH to look in; None for the environment's.

    Raises:
        ToolError: it is not there, or not executable.
    """
    found = shutil.which(name, path=search)
    if found is None:
        raise ToolError(f"tool {name!r}: expected an executable on PATH, found none; {hint}")
    return found


def run_command(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 600.0,
    log: Path | None = None,
    hint: str = "install it, or mend PATH",
    stop: threading.Event | None = None,
) -> Completed:
    """Run a command to its end in a process group of its own; stdin is empty.

    A timeout or an interrupt stops the whole group, children of children included.

    Args:
        argv: the command; its first word is looked up on the PATH of `env`.
        cwd: where it runs.
        env: variables on top of this process's environment.
        timeout_s: wall-clock limit in seconds.
        log: file that receives the command line and both outputs, also on a timeout.
        hint: what to do when the executable is missing.
        stop: another thread's wish to end: once set, the command is stopped as after a timeout.

    Returns:
        The outcome, whatever its return code: see `check`.

    Raises:
        ToolError: the executable is missing, did not end in time, or was stopped.
    """
    environment = {**os.environ, **(env or {})}
    words = (require_tool(str(argv[0]), hint, environment.get("PATH")), *map(str, argv[1:]))
    begin = time.monotonic()
    try:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"tool {argv[0]!r}: cannot be started in {cwd} ({error.strerror or error})") from error
    stdout, stderr, reason = _watch(process, begin + timeout_s, stop)
    done = Completed(
        argv=words,
        returncode=process.returncode,
        stdout=stdout,
        stderr=stderr,
        seconds=time.monotonic() - begin,
    )
    if log is not None:
        _write_log(log, done)
    if reason is not None:
        text = f"did not end within {timeout_s:g} s and was stopped" if reason == "timeout" else "was stopped"
        raise ToolError(f"tool {Path(words[0]).name!r}: {text}" + (f"; see {log}" if log else ""))
    return done


def check(done: Completed, what: str, log: Path | None = None) -> Completed:
    """Pass a command that ended with 0.

    Args:
        what: names the object, e.g. ``csim of design 'resnet20'``.

    Raises:
        ToolError: any other return code; the message ends with the last lines of its output.
    """
    if done.returncode == 0:
        return done
    tail = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()][-8:]
    reason = "\n".join(f"  {line}" for line in tail) or "  (it printed nothing)"
    place = f" (all of it in {log})" if log else ""
    raise ToolError(f"{what}: {Path(done.argv[0]).name!r} ended with {done.returncode}{place}:\n{reason}")


def _watch(
    process: subprocess.Popen[str], deadline: float, stop: threading.Event | None
) -> tuple[str, str, str | None]:
    """Both outputs, and why the process was stopped (`timeout`, `stop`) or None if it ended by itself."""
    try:
        while True:
            rest = max(0.0, deadline - time.monotonic())
            with suppress(subprocess.TimeoutExpired):
                return *process.communicate(timeout=rest if stop is None else min(rest, _POLL_SECONDS)), None
            wanted = stop is not None and stop.is_set()
            if wanted or time.monotonic() >= deadline:
                break
        _stop_group(process)
        reason = "stop" if wanted else "timeout"
        try:
            return *process.communicate(timeout=_GRACE_SECONDS), reason
        except subprocess.TimeoutExpired:  # something outside the group still holds the pipes
            return "", "", reason
    except BaseException:
        _stop_group(process)
        raise


def _stop_group(process: subprocess.Popen[str]) -> None:
    """Ask the group to end; after a grace period, end it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _write_log(log: Path, done: Completed) -> None:
    """One file: the command, its outputs, its end."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        text = f"$ {' '.join(done.argv)}\n{done.stdout}{done.stderr}\n# returned {done.returncode}\n"
        log.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ToolError(f"log {log}: cannot be written ({error.strerror or error})") from error
