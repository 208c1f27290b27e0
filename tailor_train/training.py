"""Runs a training configuration: the teacher, Algorithm 1, and the RUN folder."""

from __future__ import annotations

import copy
import platform
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tailor_train.checkpoint import MODEL_FILE, Run, checkpoint_file, load_into, load_weights, save_run
from tailor_train.config import TrainingConfig, config_text, load_config
from tailor_train.curves import draw_curves
from tailor_train.data import DataSplit, load_data
from tailor_train.devices import find_device
from tailor_train.distill import DISTILL_LOSSES, TASK_LOSSES, DistillationLoss, find_loss
from tailor_train.errors import TrainError
from tailor_train.evaluation import evaluate_accuracy
from tailor_train.files import make_folder, write_atomically
from tailor_train.gates import Student, deploy, prepare
from tailor_train.loop import Loop, Phase, make_optimizer
from tailor_train.metrics import EpochRow, write_metrics
from tailor_train.models import build_model, initialise, input_shape_of, split_builtin_args
from tailor_train.naming import nearest
from tailor_train.plan import SkipChoice, SkipPlan
from tailor_train.preflight import check_fold, check_teacher
from tailor_train.progress import EpochBar
from tailor_train.resume import Position, digest_of, load_position, restore_phase, save_position
from tailor_train.schedule import AlterationSchedule
from tailor_train.skips import find_skips
from tailor_train.surgery import Deployed, apply_plan
from tailor_train.threads import fitting_threads
from tailor_train.tracing import trace

_DEFAULT_EPOCHS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a run came to.

    Attributes:
        accuracy: of the deployed network on the test set, in percent.
        checkpoint: path of `model.safetensors`.
        epochs: of the student, or of the baseline.
        teacher_accuracy: in percent, None if there is no teacher.
    """

    accuracy: float
    checkpoint: Path
    epochs: int
    teacher_accuracy: float | None = None


def train(
    config: TrainingConfig | Path | str, out: Path | str, resume: bool = False, progress: bool = True
) -> TrainResult:
    """Train a network as configured and write its RUN folder.

    The global random states are seeded. A run that was interrupted leaves `resume.safetensors`, from which
    `resume` goes on to the same result.

    Args:
        config: a checked configuration or the path of one.
        out: the RUN folder, created if need be.
        resume: go on with the run in `out`.
        progress: show a bar on standard error.

    Raises:
        TrainError: the configuration does not fit the network or the data; nothing has been written then.
        TrainFailed: the loss is no longer finite.
    """
    checked = config if isinstance(config, TrainingConfig) else load_config(config)
    return _Session(checked, Path(out), resume, progress).run()


class _Session:
    """One call of `train`."""

    def __init__(self, config: TrainingConfig, folder: Path, resume: bool, progress: bool) -> None:
        self.config = config
        self.folder = folder
        self.text = config_text(config)
        self.position = self._saved_position() if resume else None
        self.rows: list[EpochRow] = list(self.position.rows) if self.position else []
        self.device = str(find_device(config.device))
        self.bar = EpochBar(progress)
        _seed_everything(config.seed)
        self.model, self.plan, self.input_shape, self.data = self._load()
        self.loop = Loop(config, self.data, self.device)
        self.student = self._student_template() if config.alters else None
        self.teacher = apply_plan(self.model, self.student.plan if self.student else {}, self.input_shape)
        check_teacher(config, self.model, self.teacher, self.input_shape)
        check_fold(config, self.model, self._final_plan(), self.input_shape)
        self.epochs = self._epochs()

    def run(self) -> TrainResult:
        make_folder(self.folder)
        write_atomically(self.folder / "config.yaml", self.text.encode())
        with self.bar, fitting_threads(self.traced, self.config.batch_size):
            if not self.config.alters:
                return self._baseline()
            teacher_accuracy = self._teacher()
            return self._alter(teacher_accuracy)

    def _saved_position(self) -> Position:
        position = load_position(self.folder)
        if position.config != self.text:
            changed = _changed_keys(position.config, self.text)
            raise TrainError(
                f"'{self.folder}' was trained with another configuration ({', '.join(changed)}); "
                "resume with the same one, or train into another folder"
            )
        return position

    def _load(self) -> tuple[nn.Module, SkipPlan, tuple[int, ...], DataSplit]:
        model_config = self.config.model
        args, plan = split_builtin_args(model_config.factory, model_config.args)
        model = build_model(model_config.factory, args, self.config.seed)
        initialise(model, model_config.factory, self.config.seed)
        if model_config.weights is not None:
            load_into(model, load_weights(model_config.weights), f"weights '{model_config.weights}'")
        teacher = self.config.teacher
        if self.config.alters and teacher is not None and teacher.weights is not None:
            load_into(model, load_weights(checkpoint_file(teacher.weights)), f"weights '{teacher.weights}'")
        shape = model_config.input_shape or input_shape_of(model_config.factory, args)
        data = load_data(
            self.config.data.name, self.config.data.args, input_shape=shape, model=model, seed=self.config.seed
        )
        shape = shape or tuple(data.train[0][0].shape)
        self.traced = trace(model, shape)
        return model.to(self.device), plan, shape, data

    def _student_template(self) -> Student:
        """A student of untrained weights: shows before any training whether the skips can be altered.

        Its plan, nothing altered, is the teacher's: in style `post` every sum stands behind its activation.
        """
        skips = find_skips(trace(self.model, self.input_shape))
        names = [skip.name for skip in skips]
        for name in self.config.skips.plan:
            if name not in names:
                raise TrainError(
                    f"'skips.plan' names '{name}'{nearest(name, names)}; the network's skip connections are: "
                    f"{', '.join(names) or 'none'}"
                )
        return self._prepare(copy.deepcopy(self.model))

    def _final_plan(self) -> SkipPlan:
        """What the network's skips are when the run ends."""
        if self.student is None:
            return self.plan
        gated = {skip.name for skip in self.student.gated}
        state = self.student.method.state
        return {
            name: replace(choice, state=state) if name in gated else choice
            for name, choice in self.student.plan.items()
        }

    def _prepare(self, model: nn.Module) -> Student:
        return prepare(
            model,
            method=self.config.method,
            example_inputs=torch.zeros(1, *self.input_shape),
            style=self.config.skips.style,
            keep=set(self.config.skips.plan),
        )

    def _epochs(self) -> int:
        config = self.config
        if self.student is None:
            taught = config.teacher.epochs if config.teacher else None
            return config.epochs or taught or _DEFAULT_EPOCHS
        skips = len(self.student.gated)
        needed = config.alpha * skips + 1
        epochs = config.epochs or config.alpha * skips + config.tail_epochs
        if epochs < needed:
            given = f"'epochs' is {epochs}" if config.epochs else f"'tail_epochs' is {config.tail_epochs}"
            raise TrainError(
                f"{given}, but altering {skips} skip connections every {config.alpha} epochs needs epochs of at "
                f"least {needed}; more are better, since the last alteration has to be trained out"
            )
        return epochs

    def _baseline(self) -> TrainResult:
        deployed = apply_plan(self.model, self.plan, self.input_shape)
        self._run_phase(self._phase("baseline", deployed.module, None, None, self.epochs), None)
        return self._finish(deployed, self.plan, None)

    def _teacher(self) -> float | None:
        """Bring `self.model` to the teacher's weights. Returns its accuracy."""
        teacher = self.config.teacher
        folder = self.folder / "teacher"
        if teacher is None or teacher.weights is not None:
            return self._measure(self.teacher.module)
        if self.position is not None and self.position.phase == "student":
            load_into(self.model, load_weights(folder / MODEL_FILE), f"teacher in '{folder}'")
            return self._measure(self.teacher.module)
        self._run_phase(
            self._phase("teacher", self.teacher.module, None, None, teacher.epochs or _DEFAULT_EPOCHS), None
        )
        accuracy = self._measure(self.teacher.module)
        save_run(folder, self._run_of(self.teacher, {}, {"method": "baseline", "metrics": {"accuracy": accuracy}}))
        return accuracy

    def _alter(self, teacher_accuracy: float | None) -> TrainResult:
        digest = digest_of(self.model)
        if self.position is not None and self.position.phase == "student" and self.position.teacher_digest != digest:
            raise TrainError(f"the teacher is not the one that '{self.folder}' began with; train without --resume")
        student = self._prepare(copy.deepcopy(self.model))
        schedule = AlterationSchedule(student, self.config.alpha, self.config.skips.order)
        self._run_phase(self._phase("student", student, self.teacher.module, schedule, self.epochs), digest)
        return self._finish(deploy(student), student.plan, teacher_accuracy)

    def _phase(
        self,
        name: str,
        network: nn.Module,
        teacher: nn.Module | None,
        alterations: AlterationSchedule | None,
        epochs: int,
    ) -> Phase:
        loss = DistillationLoss(
            teacher or nn.Identity(),
            find_loss(self.config.loss.task, TASK_LOSSES),
            self.config.beta if teacher is not None else 0.0,
            find_loss(self.config.loss.distill, DISTILL_LOSSES),
        )
        return Phase(
            name=name,
            network=network,
            loss=loss,
            alterations=alterations,
            optimizer=make_optimizer(network, self.config.optimizer),
            generator=torch.Generator().manual_seed(self.config.seed),
            epochs=epochs,
        )

    def _run_phase(self, phase: Phase, teacher_digest: str | None) -> None:
        if self.position is not None and self.position.phase == phase.name:
            restore_phase(phase, self.position)
        self.bar.begin(phase.name, phase.epochs, phase.epoch)

        def after_epoch(row: EpochRow) -> None:
            self.rows.append(row)
            write_metrics(self.folder / "metrics.csv", self.rows)
            save_position(self.folder, phase, self.rows, self.text, teacher_digest)
            self.bar.advance(row)

        self.loop.run(phase, after_epoch)

    def _measure(self, network: nn.Module) -> float:
        return evaluate_accuracy(network, self.data.test, device=self.device)

    def _finish(self, deployed: Deployed, plan: SkipPlan, teacher_accuracy: float | None) -> TrainResult:
        config = self.config
        accuracy = self._measure(deployed.module)
        metrics = {"accuracy": accuracy}
        if teacher_accuracy is not None:
            metrics["teacher_accuracy"] = teacher_accuracy
        provenance: dict[str, Any] = {"method": config.method, "epochs": self.epochs, "metrics": metrics}
        if config.alters:
            provenance |= {"alpha": config.alpha, "beta": config.beta}
        checkpoint = save_run(self.folder, self._run_of(deployed, plan, provenance))
        draw_curves(self.folder / "curves.png", self.rows, _title(config), teacher_accuracy)
        return TrainResult(
            accuracy=accuracy, checkpoint=checkpoint, epochs=self.epochs, teacher_accuracy=teacher_accuracy
        )

    def _run_of(self, deployed: Deployed, plan: SkipPlan, provenance: dict[str, Any]) -> Run:
        complete = {
            record.parent: SkipChoice(state=record.state, style=record.style, folded=record.folded)
            for record in deployed.skips
        }
        args, _ = split_builtin_args(self.config.model.factory, self.config.model.args)
        versions = {"python": platform.python_version(), "torch": torch.__version__.split("+")[0]}
        return Run(
            factory=self.config.model.factory,
            args=args,
            input_shape=self.input_shape,
            plan=complete | dict(plan),
            quantization=None,
            tensors=deployed.module.state_dict(),
            provenance=provenance | {"seed": self.config.seed, "versions": versions},
            data={"name": self.data.name, "args": self.data.args},
        )


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _changed_keys(before: str, after: str) -> list[str]:
    import yaml

    old, new = yaml.safe_load(before), yaml.safe_load(after)
    return [key for key in new if old.get(key) != new[key]]


def _title(config: TrainingConfig) -> str:
    names = {"baseline": "traditional skips", "skip_remover": "SkipRemover", "skip_shortener": "SkipShortener"}
    return f"{config.model.factory}, {names[config.method]}, {config.data.name}"
