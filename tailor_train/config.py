"""The training configuration: a YAML file, checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from tailor_train.data import BUILTIN_DATA
from tailor_train.errors import TrainError
from tailor_train.naming import nearest
from tailor_train.schema import Rule, choice, flag, integer, mapping, number, optional, text
from tailor_train.yaml_text import RepeatedKeyError, read_yaml

METHODS = ("baseline", "skip_remover", "skip_shortener")
LATER_METHODS = ("baseline_continued", "kd_only", "from_scratch")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Which network: a built-in name or `package.module:factory`, its arguments, weights to start from."""

    factory: str = field(metadata={"rule": text()})
    args: Mapping[str, Any] = field(default_factory=dict, metadata={"rule": mapping()})
    weights: str | None = field(default=None, metadata={"rule": optional(text())})
    input_shape: tuple[int, ...] | None = field(
        default=None, metadata={"rule": optional(integer(minimum=1, many=True))}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which data set; `validation` samples (below 1: that share) are split from the end of the training set."""

    name: str = field(default="digits", metadata={"rule": text()})
    args: Mapping[str, Any] = field(default_factory=dict, metadata={"rule": mapping()})
    validation: float = field(default=0, metadata={"rule": number(minimum=0.0)})


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherConfig:
    """Train the teacher for some epochs, or read it from a file."""

    epochs: int | None = field(default=None, metadata={"rule": optional(integer(minimum=1))})
    weights: str | None = field(default=None, metadata={"rule": optional(text())})


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipsConfig:
    """How skips are altered, and which ones are kept."""

    style: str = field(default="pre", metadata={"rule": choice("pre", "post")})
    order: str = field(default="forward", metadata={"rule": choice("forward", "reverse")})
    policy: str = field(default="refuse", metadata={"rule": choice("refuse")})
    plan: Mapping[str, Any] = field(default_factory=dict, metadata={"rule": mapping(choice("keep"))})


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """torch.optim class and its arguments; momentum and nesterov are SGD's."""

    name: str = field(default="SGD", metadata={"rule": choice("SGD", "Adam", "AdamW")})
    lr: float = field(default=0.1, metadata={"rule": number(minimum=0.0)})
    momentum: float = field(default=0.9, metadata={"rule": number(minimum=0.0, maximum=1.0)})
    nesterov: bool = field(default=True, metadata={"rule": flag()})
    weight_decay: float = field(default=1.0e-4, metadata={"rule": number(minimum=0.0)})


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """Loss on the labels and loss against the teacher; also `package.module:callable`."""

    task: str = field(default="cross_entropy", metadata={"rule": choice("cross_entropy", factories=True)})
    distill: str = field(default="mse", metadata={"rule": choice("mse", factories=True)})


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeConfig:
    """Fixed-point weights and activations after training: calibrated only (ptq), or trained on (qat).

    `fold_skips` trained: short skips become part of the weights before they are quantized; exact leaves them to
    the hardware, which folds the integers where that is chosen.
    """

    bits: int = field(default=8, metadata={"rule": integer(minimum=2, maximum=16)})
    mode: str = field(default="qat", metadata={"rule": choice("ptq", "qat")})
    epochs: int = field(default=5, metadata={"rule": integer(minimum=0)})
    lr: float = field(default=2.0e-3, metadata={"rule": number(minimum=0.0)})
    fold_skips: str = field(default="exact", metadata={"rule": choice("exact", "trained")})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """One training run. `epochs` None stands for auto: alpha for each skip plus `tail_epochs`."""

    model: ModelConfig = field(metadata={"section": ModelConfig})
    data: DataConfig = field(default_factory=DataConfig, metadata={"section": DataConfig})
    teacher: TeacherConfig | None = field(default=None, metadata={"section": TeacherConfig})
    method: str = field(default="baseline", metadata={"rule": choice(*METHODS, later=LATER_METHODS)})
    alpha: int = field(default=3, metadata={"rule": integer(minimum=1)})
    beta: float = field(default=0.35, metadata={"rule": number(minimum=0.0, maximum=1.0)})
    skips: SkipsConfig = field(default_factory=SkipsConfig, metadata={"section": SkipsConfig})
    epochs: int | None = field(default=None, metadata={"rule": optional(integer(minimum=1), none="auto")})
    tail_epochs: int = field(default=15, metadata={"rule": integer(minimum=0)})
    batch_size: int = field(default=64, metadata={"rule": integer(minimum=1)})
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig, metadata={"section": OptimizerConfig})
    schedule: str = field(
        default="hold_cosine", metadata={"rule": choice("hold_cosine", "cosine", "step", factories=True)}
    )
    clip_grad_norm: float | None = field(default=1.0, metadata={"rule": optional(number(minimum=0.0))})
    loss: LossConfig = field(default_factory=LossConfig, metadata={"section": LossConfig})
    select: str = field(default="last", metadata={"rule": choice("last", "best")})
    seed: int = field(default=0, metadata={"rule": integer(minimum=0)})
    device: str = field(default="auto", metadata={"rule": text()})
    quantize: QuantizeConfig | None = field(default=None, metadata={"section": QuantizeConfig})

    @property
    def alters(self) -> bool:
        """Whether the method changes skip connections."""
        return self.method != "baseline"


def load_config(path: Path | str, overrides: Iterable[str] = ()) -> TrainingConfig:
    """Read and check a training configuration.

    Args:
        path: YAML file.
        overrides: `key=value` each, nested keys with dots: `optimizer.lr=0.05`.

    Raises:
        TrainError: no such file, no YAML, repeated or unknown keys, wrong values; all problems in one message.
    """
    file = Path(path)
    try:
        content = read_yaml(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainError(f"configuration '{file}' cannot be read: {error.strerror}") from error
    except RepeatedKeyError as error:
        raise TrainError(f"configuration '{file}': {error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TrainError(f"configuration '{file}' is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise TrainError(f"configuration '{file}' is {type(content).__name__}, expected a mapping with the key 'model'")
    return parse_config(apply_overrides(content, overrides), f"configuration '{file}'")


def apply_overrides(content: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """The content with `key=value` settings on top; values are read as YAML.

    Raises:
        TrainError: a setting without `=`, or with a value that is no YAML.
    """
    result = dict(content)
    for override in overrides:
        path, equals, value = override.partition("=")
        if not equals or not path:
            raise TrainError(f"--set '{override}': expected key=value, e.g. optimizer.lr=0.05")
        *parents, last = path.split(".")
        section = result
        for key in parents:
            inner = section.get(key)
            section[key] = dict(inner) if isinstance(inner, Mapping) else {}
            section = section[key]
        try:
            section[last] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise TrainError(f"--set '{override}': the value is no YAML") from error
    return result


def parse_config(content: Mapping[str, Any], where: str = "configuration") -> TrainingConfig:
    """Check a configuration that has been read.

    Raises:
        TrainError: listing every unknown key, with the nearest known one, and every wrong value.
    """
    problems: list[str] = []
    config: TrainingConfig | None = _section(TrainingConfig, content, "", problems)
    if config is not None:
        problems += _contradictions(config)
    if problems or config is None:
        raise TrainError(f"{where}: " + "; ".join(problems))
    return config


def config_text(config: TrainingConfig) -> str:
    """The complete configuration as YAML, defaults filled in."""
    content = asdict(config)
    content["epochs"] = config.epochs or "auto"
    shape = config.model.input_shape
    content["model"]["input_shape"] = None if shape is None else list(shape)
    return str(yaml.safe_dump(content, sort_keys=False, default_flow_style=None))


def _section(kind: type[Any], content: Any, path: str, problems: list[str]) -> Any:
    """An instance of a section's dataclass, None if its content is wrong."""
    if not isinstance(content, Mapping):
        problems.append(f"'{path}' is {content!r}, expected a mapping")
        return None
    prefix = f"{path}." if path else ""
    known = {item.name: item for item in fields(kind)}
    found = len(problems)
    for key in content:
        if key not in known:
            takes = "" if nearest(str(key), known) else f", known are {', '.join(known)}"
            problems.append(f"unknown key '{prefix}{key}'{nearest(str(key), known)}{takes}")
    values: dict[str, Any] = {}
    for name, item in known.items():
        if name not in content:
            if name in ("model", "factory"):
                problems.append(f"key '{prefix}{name}' is missing")
            continue
        value = content[name]
        if "section" in item.metadata:
            if value is None and item.default is None:
                values[name] = None
            else:
                values[name] = _section(item.metadata["section"], value, f"{prefix}{name}", problems)
            continue
        rule: Rule = item.metadata["rule"]
        try:
            values[name] = rule(value)
        except ValueError as error:
            problems.append(f"'{prefix}{name}' is {value!r}, expected {error}")
    return None if len(problems) > found else kind(**values)


def _contradictions(config: TrainingConfig) -> list[str]:
    """Values that are right alone and wrong together."""
    problems = []
    teacher = config.teacher
    if teacher is not None and (teacher.epochs is None) == (teacher.weights is None):
        problems.append("'teacher' needs either epochs or weights")
    if teacher is None and config.alters and config.model.weights is None:
        problems.append(f"method '{config.method}' needs a trained network: give model.weights, or teacher.epochs")
    if config.select == "best" and not config.data.validation:
        problems.append("'select' is 'best', which needs data.validation above 0; the test set selects nothing")
    if config.optimizer.name == "SGD" and config.optimizer.nesterov and config.optimizer.momentum == 0:
        problems.append("'optimizer.nesterov' needs optimizer.momentum above 0")
    name = config.data.name
    if ":" not in name and name not in BUILTIN_DATA:
        known = ", ".join(BUILTIN_DATA)
        problems.append(
            f"'data.name' is '{name}'{nearest(name, BUILTIN_DATA)}, expected {known} or package.module:factory"
        )
    if config.alters and {"skips", "style"} & set(config.model.args):
        problems.append(
            f"'model.args' sets skips, which method '{config.method}' alters itself; leave skips and style out"
        )
    return problems
