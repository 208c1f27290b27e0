"""A progress bar on standard error."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tailor_train.metrics import EpochRow


class EpochBar:
    """One bar for each phase of a run; silent if switched off.

    Args:
        enabled: whether to show anything.
    """

    def __init__(self, enabled: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("epochs  {task.fields[figures]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not enabled,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> EpochBar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, phase: str, epochs: int, done: int) -> None:
        """Open the bar of a phase of which some epochs are done."""
        self._task = self._progress.add_task(phase, total=epochs, completed=done, figures="")

    def advance(self, row: EpochRow) -> None:
        """Show an epoch's figures."""
        assert self._task is not None
        altered = f"  altered {row.altered}" if row.altered else ""
        figures = f"loss {row.loss:.3f}  test {row.test_accuracy:.1f} %{altered}"
        self._progress.update(self._task, advance=1, figures=figures)
