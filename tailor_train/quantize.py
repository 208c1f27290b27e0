"""From a trained network to a quantized RUN folder: calibrate, train on, export, and prove the export exact."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from tailor_train.checkpoint import Run, deploy_run, load_run, save_run
from tailor_train.config import QuantizeConfig, TrainingConfig, config_text
from tailor_train.data import Batch, DataSplit, eval_batches, load_data, train_batches
from tailor_train.devices import find_device
from tailor_train.distill import DISTILL_LOSSES, TASK_LOSSES, DistillationLoss, find_loss
from tailor_train.errors import TrainError, TrainFailed
from tailor_train.evaluation import evaluate_accuracy
from tailor_train.files import make_folder, write_atomically
from tailor_train.fixed_module import FixedPointModule
from tailor_train.fixed_point import SINGLE_LIMIT, parse_format
from tailor_train.plan import with_folds
from tailor_train.surgery import Deployed, fold_deployed

if TYPE_CHECKING:
    from tailor_train.brevitas_model import BrevitasModel, Export

CALIBRATION_BATCH = 256
"""Images in a calibration batch."""

CALIBRATION_IMAGES = 4096
"""Images of the training set that choose the activations' points."""

Progress = Callable[[int, int, Mapping[str, float]], None]
"""Called after every epoch with (epochs done, epochs, figures)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeResult:
    """What quantization gave; accuracies in percent of the test set.

    Attributes:
        accuracy_float: of the network given.
        accuracy_fixed: of the integers, in fixed point.
        checkpoint: the quantized `model.safetensors`.
    """

    accuracy_float: float
    accuracy_fixed: float
    checkpoint: Path


def quantize_run(
    source: Run | Path | str,
    config: TrainingConfig,
    out: Path | str,
    *,
    data: DataSplit | None = None,
    progress: Progress | None = None,
) -> QuantizeResult:
    """Quantize a floating-point run and write the result as a RUN folder.

    The exported integers are run through the fixed-point executor and held against Brevitas in every
    output of the whole test set before anything is written.

    Args:
        source: a floating-point run, its folder or its checkpoint.
        config: of which data, quantize, batch_size, beta, loss, clip_grad_norm, seed and device count.
        out: the new RUN folder.
        data: overrides `config.data`.
        progress: told about every epoch of training.

    Raises:
        TrainError: the run is quantized already, cannot be executed in fixed point, or has short skips that
            `fold_skips: trained` cannot fold.
        TrainFailed: the loss became NaN, or the export differs from Brevitas; names the layer.
    """
    run = source if isinstance(source, Run) else load_run(source)
    if run.quantization is not None:
        raise TrainError(f"model '{run.factory}' is quantized already; quantize the floating-point run it came from")
    folder = Path(out)
    fresh = not folder.exists()
    make_folder(folder)
    try:
        return _quantize(run, config, folder, data, progress)
    except BaseException:
        if fresh:
            with suppress(OSError):  # it keeps what was written before
                folder.rmdir()
        raise


def _quantize(
    run: Run, config: TrainingConfig, folder: Path, data: DataSplit | None, progress: Progress | None
) -> QuantizeResult:
    settings = config.quantize or QuantizeConfig()
    deployed = deploy_run(run)
    split = data or load_data(
        config.data.name, config.data.args, input_shape=run.input_shape, model=deployed.module, seed=config.seed
    )
    accuracy_float = evaluate_accuracy(deployed.module, split.test)
    plan = with_folds(run.plan) if settings.fold_skips == "trained" else run.plan
    network = fold_deployed(deployed, [name for name, choice in plan.items() if choice.folded])
    model = calibrated_model(network, _calibration_images(split.train), settings.bits)
    if settings.mode == "qat":
        train_quantized(model, deployed.module, split.train, config, progress)
    fixed = export_checked(model, network, split.test)
    accuracy_fixed = evaluate_accuracy(fixed, split.test)
    metrics = {"accuracy_float": accuracy_float, "accuracy_fixed": accuracy_fixed}
    recipe = asdict(settings)
    versions = dict(run.provenance.get("versions") or {}) | {"brevitas": version("brevitas")}
    quantized = replace(
        run,
        plan=plan,
        quantization=fixed.formats,
        tensors=_stored(fixed),
        data={"name": split.name, "args": dict(split.args)},
        provenance=dict(run.provenance) | {"quantize": recipe, "metrics": metrics, "versions": versions},
    )
    checkpoint = save_run(folder, quantized)
    write_atomically(folder / "config.yaml", config_text(config).encode())
    return QuantizeResult(accuracy_float=accuracy_float, accuracy_fixed=accuracy_fixed, checkpoint=checkpoint)


def calibrate_formats(deployed: Deployed, images: Tensor, bits: int = 8) -> dict[str, dict[str, str]]:
    """Power-of-two formats of all layers of a float network, chosen by what images make of it.

    Args:
        deployed: the network.
        images: (N, C, H, W) real inputs.
        bits: width of weights and activations.

    Returns:
        Formats by layer name and role.
    """
    batches = torch.split(images.float(), CALIBRATION_BATCH)
    return calibrated_model(deployed, batches, bits).export().formats


def calibrated_model(deployed: Deployed, batches: Iterable[Tensor], bits: int) -> BrevitasModel:
    """Post-training quantization: the network in Brevitas, its points set by calibration, in eval mode.

    Raises:
        TrainError: there is nothing to calibrate on.
    """
    given = list(batches)
    if not given:
        raise TrainError("quantization needs images to calibrate on, got none")
    from tailor_train.brevitas_model import BrevitasModel  # takes seconds to import; most commands do without

    with torch.random.fork_rng():
        model = BrevitasModel(deployed, bits).eval()
    model.calibrate(given)
    return model.eval()


def train_quantized(
    model: BrevitasModel,
    teacher: nn.Module,
    dataset: Dataset[Batch],
    config: TrainingConfig,
    progress: Progress | None = None,
) -> None:
    """Quantization-aware training with a cosine rate, taught by the floating-point network.

    Args:
        model: changed in place; left in eval mode on the CPU.
        teacher: the network in floating point; frozen.

    Raises:
        TrainFailed: the loss is not finite.
    """
    settings = config.quantize or QuantizeConfig()
    if settings.epochs == 0:
        return
    device = find_device(config.device)
    model.to(device).train()
    task = find_loss(config.loss.task, TASK_LOSSES)
    loss = DistillationLoss(teacher.to(device), task, config.beta, find_loss(config.loss.distill, DISTILL_LOSSES))
    optimizer = torch.optim.SGD(model.parameters(), settings.lr, momentum=0.9, nesterov=True)
    generator = torch.Generator().manual_seed(config.seed)
    for epoch in range(settings.epochs):
        total = steps = 0.0
        batches = list(train_batches(dataset, config.batch_size, generator))
        for step, (inputs, labels) in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = _cosine(settings.lr, (epoch + step / len(batches)) / settings.epochs)
            inputs, labels = inputs.to(device), labels.to(device)
            value = loss(model(inputs), inputs, labels)["loss"]
            if not bool(torch.isfinite(value)):
                raise TrainFailed(
                    f"quantization-aware training: the loss is {float(value.detach())} in epoch {epoch + 1}; "
                    f"lower quantize.lr (now {settings.lr:g})"
                )
            optimizer.zero_grad()
            value.backward()
            if config.clip_grad_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), config.clip_grad_norm)
            optimizer.step()
            total, steps = total + float(value.detach()), steps + 1
        if progress is not None:
            progress(epoch + 1, settings.epochs, {"loss": total / max(steps, 1)})
    teacher.to("cpu")
    model.to("cpu").eval()


def export_checked(model: BrevitasModel, deployed: Deployed, dataset: Dataset[Batch]) -> FixedPointModule:
    """The fixed-point module of a Brevitas model, proved equal to it in every output over a data set.

    Where float32 could round a sum, the Brevitas model is converted to float64 first.

    Raises:
        TrainFailed: an output differs; names the first layer that does.
    """
    fixed = _executor(deployed, model.export())
    if fixed.largest_sum >= SINGLE_LIMIT:
        model.double()
        fixed = _executor(deployed, model.export())
    check_equal(fixed, model, dataset)
    return fixed


def check_equal(fixed: FixedPointModule, model: BrevitasModel, dataset: Dataset[Batch], batch_size: int = 256) -> None:
    """Hold the executor against Brevitas in every output, without tolerance.

    Raises:
        TrainFailed: an output differs; names the first layer that does.
    """
    dtype = next(model.parameters()).dtype
    for inputs, _ in eval_batches(dataset, batch_size):
        with torch.no_grad():
            expected = model(inputs.to(dtype)).double()
        if not torch.equal(fixed(inputs), expected):
            raise TrainFailed(_first_difference(fixed, model, inputs.to(dtype)))


def _first_difference(fixed: FixedPointModule, model: BrevitasModel, inputs: Tensor) -> str:
    with torch.no_grad():
        expected = model.plain_values(inputs)
    pairs = zip(fixed.names, fixed.values(inputs), expected, strict=True)
    for name, value, wanted in pairs:
        if not torch.equal(value, wanted.double()):
            count = int((value != wanted.double()).sum())
            return (
                f"layer {name!r}: the exported integers differ from Brevitas in {count} of {value.numel()} values; "
                "the checkpoint was not written"
            )
    return "the exported integers differ from Brevitas from run to run; the checkpoint was not written"


def _executor(deployed: Deployed, export: Export) -> FixedPointModule:
    return FixedPointModule(deployed, export.formats, export.integers)


def _calibration_images(dataset: Dataset[Batch]) -> Iterator[Tensor]:
    for inputs, _ in eval_batches(dataset, CALIBRATION_BATCH, CALIBRATION_IMAGES):
        yield inputs


def _stored(fixed: FixedPointModule) -> dict[str, Tensor]:
    """The integers in the narrowest type that their formats fit."""
    tensors = {}
    for key, tensor in fixed.integers().items():
        layer, _, role = key.rpartition(".")
        width = parse_format(fixed.formats[layer][role]).width
        kinds = ((8, torch.int8), (16, torch.int16), (32, torch.int32), (64, torch.int64))
        tensors[key] = tensor.to(next(dtype for bits, dtype in kinds if width <= bits))
    return tensors


def _cosine(rate: float, progress: float) -> float:
    return rate * 0.5 * (1.0 + math.cos(math.pi * progress))
