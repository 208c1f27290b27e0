"""Synthesis by Yosys: each distinct stage once, cached, summed; or the flattened top in one run.

These are figures of a synthesis, not of Vivado's place-and-route. A stage's ROM contents are
replaced by one fixed pseudo-random file per shape, so that stages that differ only in their
weights are synthesised once; the report says so. The flattened run keeps the real contents.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator.errors import ToolError
from generator.tools.netlist import Resources, count_cells
from generator.tools.run import check
from generator.tools.synth_jobs import FAMILIES, Job, stage_jobs, top_job
from generator.tools.yowasp import YOSYS, recall, remember, scratch_folder

LABEL_SUM = "yosys synthesis, sum of stages"
LABEL_FLAT = "yosys synthesis, flattened top"

_KIND = "yosys"
_STAGE_TIMEOUT_S = 900.0
_TOP_TIMEOUT_S = 7200.0

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
        seconds: time spent in the tools by the runs (when they ran, if cached).
        fmax_mhz: highest clock of the routed design; None where nothing was routed.
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
    fmax_mhz: float | None = None

    def as_dict(self) -> dict[str, object]:
        """The keys of `tailor synth --json`, and `rows`, one per stage and stream."""
        return {
            "tool": self.tool,
            "tool_version": self.version,
            "stage": self.stage,
            "family": self.family,
            **asdict(self.total),
            "fmax_mhz": self.fmax_mhz,
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
        family: `xcup` (UltraScale+), `xc7` (7 series) or `ecp5` (Lattice).
        flatten: the whole top in one run, real ROM contents; otherwise the sum of its stages and streams.
        workers: Yosys processes at a time.

    Raises:
        ToolError: no RTL there, Yosys missing, or a run failed; names the stage.
    """
    if family not in FAMILIES:
        raise ToolError(f"synth: expected a family of {', '.join(FAMILIES)} for yosys, got {family!r}")
    jobs = [top_job(project)] if flatten else list(stage_jobs(project))
    version = YOSYS.version()
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
    with scratch_folder(_KIND, (*job.texts, ("run.ys", job.script(family)))) as folder:
        done = YOSYS.run(("-q", "./run.ys"), folder, timeout_s, stop)
        check(done, f"synthesis of {job.kind} {job.name!r} (module {job.module})")
        statistics = json.loads((folder / "stat.json").read_text(encoding="utf-8"))
    resources = count_cells(_primitives(statistics), f"{job.kind} {job.name!r}")
    entry = {"module": job.module, "resources": asdict(resources), "seconds": round(done.seconds, 2)}
    remember(_KIND, digest, entry)
    return resources, done.seconds


def _primitives(statistics: dict[str, Any]) -> dict[str, int]:
    """Cells of the whole hierarchy without the modules that Yosys was told to keep."""
    kept = {module.lstrip("\\") for module in statistics["modules"]}
    cells = statistics["design"]["num_cells_by_type"].items()
    return {cell: number for cell, number in cells if cell.lstrip("\\") not in kept}


def _recall(digest: str) -> tuple[Resources, float] | None:
    """A remembered outcome; one of another form counts as none."""
    entry = recall(_KIND, digest)
    try:
        return (Resources(**entry["resources"]), float(entry["seconds"])) if entry else None
    except (ValueError, KeyError, TypeError):
        return None
