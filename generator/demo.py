"""The demo: T, S and R from real images to verified hardware, each bound asserted, side by side in one report."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from pathlib import Path

import torch
import yaml

from generator import flow, project
from generator.assets import asset_folder
from generator.errors import CheckFailed, OutputError
from generator.hardware_yaml import read_hardware
from generator.report.entries import load_entry
from generator.report.html import write_report
from generator.source import load_images, load_source
from generator.tools.csim_build import COMPILER
from generator.tools.run import require_tool
from generator.tools.synth_jobs import FAMILIES
from tailor_train.config import TrainingConfig, apply_overrides, parse_config
from tailor_train.quantize import quantize_run
from tailor_train.training import train

FORMS = {"T": "baseline", "S": "skip_shortener", "R": "skip_remover"}
"""The forms of the network and the training method that makes each: traditional, shortened, removed."""

Tell = Callable[[str], None]
"""Called with one line whenever a step is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How much of everything.

    Attributes:
        settings: of configs/train_digits.yaml, as `key=value`.
        images: test images that csim and cosim run.
        least_float: lowest accuracy of each form's float network in percent, or None for no bound.
        most_lost: most points that 8 bits may lose against the same form's float network.
    """

    settings: tuple[str, ...]
    csim_images: int
    cosim_images: int
    synthesise: bool
    least_float: Mapping[str, float] | None
    most_lost: float | None


FULL = Recipe(
    settings=(),
    csim_images=50,
    cosim_images=10,
    synthesise=True,
    least_float={"T": 94.0, "S": 93.0, "R": 93.0},
    most_lost=2.0,
)
QUICK = Recipe(
    settings=("model.factory=resnet8", "teacher.epochs=10", "tail_epochs=5", "quantize.epochs=1"),
    csim_images=5,
    cosim_images=5,
    synthesise=False,
    least_float=None,
    most_lost=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One step of one form; it starts when the steps named in `after` are done."""

    function: Callable[[Path, str, Recipe], Mapping[str, object]]
    form: str
    after: tuple[str, ...]


def run_demo(out: Path, quick: bool = False, tell: Tell | None = None) -> dict[str, object]:
    """Train, quantize, evaluate, generate, simulate, synthesise and report T, S and R.

    Args:
        out: folder for runs/, designs/ and report.html.
        quick: a smaller network, few epochs and images, no synthesis, no bounds of accuracy.
        tell: hears of every finished step.

    Returns:
        accuracy, designs, mismatches, report, as `tailor demo --json` prints them, and `failed`: a
        sentence for every bound that does not hold.

    Raises:
        OutputError: `out` cannot be written or holds something else.
        ToolError: a compiler is missing.
    """
    recipe = QUICK if quick else FULL
    tell = tell or (lambda _: None)
    _prepare(out)
    tell(f"T traditional, S shortened, R removed; everything goes to {out}")
    results = _run_tasks(out, recipe, tell)
    report = write_report([load_entry(out / "designs" / form, form) for form in FORMS], out / "report.html")
    accuracy = {
        form: {"float": results[f"train {form}"]["accuracy"], "fixed": results[f"build {form}"]["accuracy_fixed"]}
        for form in FORMS
    }
    mismatches = {
        f"{step} {form}": _whole(results[f"{step} {form}"], key)
        for form in FORMS
        for step, key in (("build", "mismatches_vs_torch"), ("csim", "mismatches"), ("cosim", "mismatches"))
    }
    return {
        "accuracy": accuracy,
        "designs": {form: _design(out, form, results) for form in FORMS},
        "mismatches": sum(mismatches.values()),
        "report": str(report),
        "failed": [*_broken_bounds(recipe, accuracy), *_wrong_integers(mismatches)],
    }


def require_bounds(payload: Mapping[str, object]) -> None:
    """Raise CheckFailed, naming the figures, if `run_demo` found a bound that does not hold."""
    failed = payload["failed"]
    assert isinstance(failed, list)
    if failed:
        raise CheckFailed("demo: " + "; ".join(failed))


def _prepare(out: Path) -> None:
    """Find out before minutes of training whether the end can be reached."""
    for tool in (COMPILER, "make"):
        require_tool(tool, "install a C++ compiler and make, e.g. `apt install g++ make`")
    if out.is_dir() and any(out.iterdir()) and not (out / "runs").is_dir():
        raise OutputError(f"output {out}: holds files that the demo did not write; name an empty or new folder")
    try:
        (out / "runs").mkdir(parents=True, exist_ok=True)
        (out / "designs").mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"output {out}: cannot be written ({error.strerror or error})") from error


def _tasks(recipe: Recipe) -> dict[str, _Task]:
    """All steps by name, in order of preference. S and R learn from T's float network."""
    tasks: dict[str, _Task] = {}
    for form in FORMS:
        tasks[f"train {form}"] = _Task(function=_train, form=form, after=() if form == "T" else ("train T",))
    for form in FORMS:
        tasks[f"build {form}"] = _Task(function=_build, form=form, after=(f"train {form}",))
        tasks[f"csim {form}"] = _Task(function=_csim, form=form, after=(f"build {form}",))
        tasks[f"cosim {form}"] = _Task(function=_cosim, form=form, after=(f"build {form}",))
    if recipe.synthesise:  # one after another: they share cached stages, and Yosys fills both cores
        before: tuple[str, ...] = ()
        for form in FORMS:
            tasks[f"synth {form}"] = _Task(function=_synth, form=form, after=(f"build {form}", *before))
            before = (f"synth {form}",)
    return tasks


def _run_tasks(out: Path, recipe: Recipe, tell: Tell) -> dict[str, Mapping[str, object]]:
    """Run the steps on two processes of one torch thread each, so that results do not depend on the machine."""
    waiting = _tasks(recipe)
    running: dict[Future[Mapping[str, object]], str] = {}
    results: dict[str, Mapping[str, object]] = {}
    start_s = time.monotonic()
    pool = ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        while waiting or running:
            ready = [name for name, task in waiting.items() if all(step in results for step in task.after)]
            for name in ready[: 2 - len(running)]:
                task = waiting.pop(name)
                running[pool.submit(task.function, out, task.form, recipe)] = name
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                name = running.pop(future)
                results[name] = future.result()
                tell(f"{time.monotonic() - start_s:6.0f} s  {name:<8} {_told(results[name])}")
    except BaseException:
        for worker in active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results


def _start_worker() -> None:
    """One torch thread; an interrupt is the parent's business, and its request to stop ends running tools too."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def _training(out: Path, form: str, recipe: Recipe) -> TrainingConfig:
    """The recipe of one form; S and R start from the weights of T and learn from it."""
    content = yaml.safe_load((asset_folder("configs") / "train_digits.yaml").read_text(encoding="utf-8"))
    config = apply_overrides(content, (*recipe.settings, f"method={FORMS[form]}"))
    if form != "T":
        config["teacher"] = {"weights": str(out / "runs" / "T" / "float")}
    return parse_config(config, "the demo's configuration")


def _train(out: Path, form: str, recipe: Recipe) -> Mapping[str, object]:
    result = train(_training(out, form, recipe), out / "runs" / form / "float", progress=False)
    return {"accuracy": result.accuracy, "epochs": result.epochs}


def _build(out: Path, form: str, recipe: Recipe) -> Mapping[str, object]:
    """Quantize, hold the reference against PyTorch on the test set, and write the project."""
    runs, design = out / "runs" / form, out / "designs" / form
    quantize_run(runs / "float", _training(out, form, recipe), runs / "fixed")
    network = load_source(str(runs / "fixed"))
    config = read_hardware(asset_folder("configs") / "digits.yaml")
    quantized = flow.quantize_network(network, config)
    images = load_images(network, None, {})
    evaluation = flow.evaluate(quantized, images.inputs, images.labels)
    flow.generate(quantized, config, images.inputs[: recipe.csim_images], design)
    payload = {"accuracy_fixed": evaluation.accuracy_fixed, "mismatches_vs_torch": evaluation.mismatches_vs_torch}
    return project.store_result(design, "evaluate", {**payload, "images": evaluation.images})


def _csim(out: Path, form: str, recipe: Recipe) -> Mapping[str, object]:
    return project.csim(out / "designs" / form, recipe.csim_images)


def _cosim(out: Path, form: str, recipe: Recipe) -> Mapping[str, object]:
    return project.cosim(out / "designs" / form, recipe.cosim_images)


def _synth(out: Path, form: str, recipe: Recipe) -> Mapping[str, object]:
    assert recipe.synthesise
    return project.synth(out / "designs" / form, FAMILIES[0])


def _told(result: Mapping[str, object]) -> str:
    """The figures of a step in one line; rows and tables are left to the report."""
    shown = {key: value for key, value in result.items() if isinstance(value, int | float)}
    return ", ".join(
        f"{key.replace('_', ' ')} {value:,.2f}" if isinstance(value, float) else f"{key.replace('_', ' ')} {value:,}"
        for key, value in shown.items()
    )


def _design(out: Path, form: str, results: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    path = out / "designs" / form
    skips = project.open_project(path)["skips"]
    assert isinstance(skips, Sequence)
    cosim, synth = results[f"cosim {form}"], results.get(f"synth {form}", {})
    return {
        "path": str(path),
        "latency_cycles": cosim["latency_cycles"],
        "interval_cycles": cosim["interval_cycles"],
        "skip_pixels": sum(skip["depth_pixels"] for skip in skips),
        **{key: synth.get(key) for key in ("lut", "ff", "dsp", "bram36")},
    }


def _broken_bounds(recipe: Recipe, accuracy: Mapping[str, Mapping[str, object]]) -> list[str]:
    broken = []
    for form, figures in accuracy.items():
        exact, fixed = figures["float"], figures["fixed"]
        assert isinstance(exact, float)
        assert isinstance(fixed, float)
        least = recipe.least_float[form] if recipe.least_float else 0.0
        if exact < least:
            broken.append(f"float accuracy of {form} is {exact:.2f} %, expected at least {least:.1f} %")
        if recipe.most_lost is not None and fixed < exact - recipe.most_lost:
            broken.append(
                f"8-bit accuracy of {form} is {fixed:.2f} %, expected at most {recipe.most_lost:.1f} points "
                f"below its float network's {exact:.2f} %"
            )
    return broken


def _wrong_integers(mismatches: Mapping[str, int]) -> list[str]:
    names = {"build": "evaluate"}
    return [
        f"{names.get(name.split()[0], name.split()[0])} of {name.split()[1]}: {count} integers differ from PyTorch's"
        for name, count in mismatches.items()
        if count
    ]


def _whole(result: Mapping[str, object], key: str) -> int:
    value = result[key]
    assert isinstance(value, int)
    return value
