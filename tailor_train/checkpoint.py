"""The RUN folder: what a training or quantization run leaves, and everything later steps read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tailor_train.card import model_card
from tailor_train.errors import TrainError
from tailor_train.files import load_tensors, make_folder, save_tensors, write_atomically
from tailor_train.models import build_model
from tailor_train.plan import SkipChoice, SkipPlan, SkipState, SkipStyle
from tailor_train.surgery import Deployed, apply_plan

FORMAT_VERSION = 2
"""The newest format. Header `tailor_format` is 1 where the forms of format 1 say it all, so that older readers go on.

Format 2 adds `folded` to a skip, and kept skips of style `post`, which a reader of format 1 would build otherwise.
"""

MODEL_FILE = "model.safetensors"
_FOLDED = "trained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A trained network: how to build it, what became of its skips, and its weights.

    Attributes:
        factory: built-in name or `package.module:factory`.
        args: keyword arguments of the factory.
        input_shape: of one input without the batch, channels first.
        plan: a choice for every skip connection of the network.
        quantization: None for floating point; else by layer the ap_fixed formats.
        tensors: floating point: the state dict of the deployed network under the user's names. Quantized:
            `<layer>.weight` and `<layer>.bias` as integers, batch norm folded.
        provenance: method, alpha, beta, seed, metrics, versions.
        data: name and args of the data set it was trained on, None if unknown.
    """

    factory: str
    args: Mapping[str, Any]
    input_shape: tuple[int, ...]
    plan: SkipPlan
    quantization: Mapping[str, Any] | None
    tensors: Mapping[str, Tensor]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] | None = None

    @property
    def seed(self) -> int:
        """Seed of the run; 0 if it is not recorded."""
        return int(self.provenance.get("seed", 0))


def save_run(path: Path | str, run: Run) -> Path:
    """Write `model.safetensors` and the model card `README.md` of a RUN folder.

    Returns:
        Path of the checkpoint file.

    Raises:
        TrainError: the folder or a file cannot be written.
    """
    folder = Path(path)
    make_folder(folder)
    header = {
        "tailor_format": _format_version(run.plan),
        "model": {"factory": run.factory, "args": dict(run.args), "input_shape": list(run.input_shape)},
        "skips": [_skip_entry(name, choice) for name, choice in run.plan.items()],
        "quantization": None if run.quantization is None else dict(run.quantization),
        "provenance": dict(run.provenance) | {"data": None if run.data is None else dict(run.data)},
    }
    save_tensors(folder / MODEL_FILE, run.tensors, header)
    write_atomically(folder / "README.md", model_card(header).encode())
    return folder / MODEL_FILE


def load_run(path: Path | str) -> Run:
    """Read a RUN folder or its checkpoint file.

    Raises:
        TrainError: nothing there, a damaged file, or a checkpoint that this package did not write.
    """
    file = checkpoint_file(path)
    tensors, header = load_tensors(file)
    version = header.get("tailor_format")
    if version is None:
        raise TrainError(
            f"checkpoint '{file}' holds weights only; give the model's name and these weights with --weights instead"
        )
    if version not in range(1, FORMAT_VERSION + 1):
        raise TrainError(
            f"checkpoint '{file}' has format {version}, expected at most {FORMAT_VERSION}; update this package"
        )
    try:
        model, provenance = header["model"], dict(header["provenance"])
        return Run(
            factory=str(model["factory"]),
            args=dict(model["args"]),
            input_shape=tuple(int(size) for size in model["input_shape"]),
            plan=_plan_of(header),
            quantization=header["quantization"],
            data=provenance.pop("data", None),
            provenance=provenance,
            tensors=tensors,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrainError(
            f"checkpoint '{file}' is damaged: its header lacks or garbles {error}; write it again"
        ) from error


def checkpoint_file(path: Path | str) -> Path:
    """The checkpoint of a RUN folder, or the file itself."""
    file = Path(path)
    return file / MODEL_FILE if file.is_dir() else file


def saved_plan(file: Path | str) -> SkipPlan:
    """What a checkpoint of this package says of its skips; empty for other weight files.

    Raises:
        TrainError: missing or damaged file.
    """
    header = load_tensors(Path(file))[1] if Path(file).suffix == ".safetensors" else {}
    if "tailor_format" not in header:
        return {}
    try:
        return _plan_of(header)
    except (KeyError, TypeError, ValueError) as error:
        raise TrainError(
            f"checkpoint '{file}' is damaged: its header lacks or garbles {error}; write it again"
        ) from error


def _format_version(plan: SkipPlan) -> int:
    newer = any(
        choice.folded or (choice.state is SkipState.KEPT and choice.style is SkipStyle.POST) for choice in plan.values()
    )
    return FORMAT_VERSION if newer else 1


def _skip_entry(name: str, choice: SkipChoice) -> dict[str, str]:
    entry = {"name": name, "state": choice.state.value, "style": choice.style.value}
    return entry | {"folded": _FOLDED} if choice.folded else entry


def _plan_of(header: Mapping[str, Any]) -> SkipPlan:
    plan: dict[str, SkipChoice] = {}
    for skip in header["skips"]:
        folded = skip.get("folded")
        if folded not in (None, _FOLDED):
            raise ValueError(f"'folded' of skip '{skip['name']}'")
        plan[str(skip["name"])] = SkipChoice(
            state=SkipState(skip["state"]), style=SkipStyle(skip["style"]), folded=folded is not None
        )
    return plan


def deploy_run(run: Run) -> Deployed:
    """The deployed network of a run, with its weights if they are floating point.

    Raises:
        TrainError: the factory fails, or its network does not fit the checkpoint.
    """
    deployed = apply_plan(build_model(run.factory, run.args, run.seed), run.plan, run.input_shape)
    if run.quantization is None:
        load_into(deployed.module, run.tensors, f"checkpoint of '{run.factory}'")
    return deployed


def load_weights(path: Path | str) -> dict[str, Tensor]:
    """State dict of a `.safetensors`, `.pth` or `.pt` file; nothing is unpickled but tensors.

    A dict that holds the state dict under `state_dict` or `model`, and names that begin with `module.`, are
    understood.

    Raises:
        TrainError: missing or damaged file, unknown kind, or a file without tensors.
    """
    file = Path(path)
    if not file.is_file():
        raise TrainError(f"weights '{file}' do not exist")
    if file.suffix == ".safetensors":
        return load_tensors(file)[0]
    if file.suffix not in (".pth", ".pt"):
        raise TrainError(f"weights '{file}' are of an unknown kind '{file.suffix}'; expected .safetensors, .pth or .pt")
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainError(
            f"weights '{file}' cannot be read safely ({type(error).__name__}); "
            "save a plain state dict: torch.save(model.state_dict(), FILE)"
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    tensors = content if isinstance(content, dict) else {}
    tensors = {str(key).removeprefix("module."): value for key, value in tensors.items() if isinstance(value, Tensor)}
    if not tensors:
        raise TrainError(f"weights '{file}' hold no state dict; save torch.save(model.state_dict(), FILE)")
    return tensors


def load_into(
    model: nn.Module, tensors: Mapping[str, Tensor], source: str, optional: frozenset[str] = frozenset()
) -> None:
    """Load a state dict completely.

    Args:
        model: network to fill.
        tensors: state dict under the model's names.
        source: where the tensors come from, for messages.
        optional: names that may be absent from `tensors`.

    Raises:
        TrainError: names are missing or too many, or a shape differs; nothing has been loaded then.
    """
    own = model.state_dict()
    counters = {name for name in own if name.endswith("num_batches_tracked")}
    missing = sorted(set(own) - set(tensors) - optional - counters)
    extra = sorted(set(tensors) - set(own))
    wrong = [
        f"{name} is {tuple(tensors[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    problems = [_some(names, what) for what, names in (("missing", missing), ("unknown", extra)) if names]
    if problems or wrong:
        details = "; ".join([*problems, *wrong[:3]])
        raise TrainError(f"{source} does not fit model '{type(model).__name__}': tensors {details}")
    model.load_state_dict(dict(tensors), strict=False)


def _some(names: list[str], what: str) -> str:
    return f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
