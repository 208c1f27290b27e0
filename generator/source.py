"""SOURCE of the command line: a RUN folder, a checkpoint, a built-in name or a factory, as one `Network`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from generator.errors import SourceError
from generator.fixed_point import FloatArray, IntArray
from generator.float_graph import FloatGraph
from generator.frontend.torch_fx import import_model
from tailor_train.checkpoint import Run, load_into, load_run, load_weights
from tailor_train.data import first_samples, load_data, size_of
from tailor_train.fixed_module import FixedPointModule
from tailor_train.models import BUILTIN, build_model, input_shape_of, split_builtin_args
from tailor_train.plan import SkipPlan
from tailor_train.quantize import calibrate_formats
from tailor_train.surgery import Deployed, apply_plan

FormatTable = Mapping[str, Mapping[str, str]]
"""Formats by layer name, then by role (weight, bias, result); the input's under "input"."""

CALIBRATION_IMAGES = 256
"""Images of the training set that `--calibrate` uses."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """The first images of a data set.

    Attributes:
        inputs: (N, C, H, W) float64.
        labels: (N,) int64 classes.
    """

    inputs: FloatArray
    labels: IntArray


class Executor:
    """PyTorch's side of every comparison, with numpy arrays in and out."""

    def __init__(self, module: FixedPointModule) -> None:
        self._module = module

    def input_integers(self, images: FloatArray) -> IntArray:
        """The quantized inputs: (N, H, W, C), in LSBs of the input format, of (N, C, H, W) images."""
        return _integers(self._module.input_integers(torch.from_numpy(images)))

    def output_integers(self, images: FloatArray) -> IntArray:
        """The answers: (N, H, W, C), in LSBs of the output's format."""
        return _integers(self._module.output_integers(self._module(torch.from_numpy(images))))

    def observe(self, images: FloatArray) -> dict[str, IntArray]:
        """The integers of every node by name, each (N, H, W, C)."""
        return {name: _integers(value) for name, value in self._module.observe(torch.from_numpy(images)).items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """A network as the hardware flow takes it.

    Attributes:
        label: what messages call it.
        name: what the project is called if the configuration names none; no path, so that it is the same everywhere.
        factory: built-in name or `package.module:factory`; None for a module that was handed over.
        args: of the factory.
        input_shape: (C, H, W).
        original: the network before its skips were altered.
        quantization: formats of a quantized checkpoint, or None.
        integers: its tensors, `<layer>.weight` and `<layer>.bias`, or None.
        data: name and args of the data set that the checkpoint was trained on, or None.
        provenance: how a checkpoint came about.
    """

    label: str
    name: str
    factory: str | None
    args: Mapping[str, object]
    input_shape: tuple[int, ...]
    seed: int
    original: nn.Module
    plan: SkipPlan
    deployed: Deployed
    quantization: FormatTable | None
    integers: Mapping[str, IntArray] | None
    data: Mapping[str, object] | None
    provenance: Mapping[str, object]

    def float_graph(self, name: str) -> FloatGraph:
        """The network with batch norm folded, before any format is chosen."""
        return import_model(self.deployed, name, self.input_shape)

    def fixed_module(self, formats: FormatTable) -> FixedPointModule:
        """The network in fixed point, of PyTorch operators: it knows neither Graph nor reference."""
        tensors = None
        if self.integers is not None:
            tensors = {name: torch.from_numpy(np.array(value)) for name, value in self.integers.items()}
        return FixedPointModule(self.deployed, formats, tensors)

    def executor(self, formats: FormatTable) -> Executor:
        """`fixed_module` with numpy arrays in and out."""
        return Executor(self.fixed_module(formats))

    def as_run(self) -> Run:
        """The network as a checkpoint holds it.

        Raises:
            SourceError: a module without a factory cannot be built again.
        """
        if self.factory is None:
            raise SourceError(f"source {self.label}: only a network with a factory can be stored as a checkpoint")
        tensors: Mapping[str, torch.Tensor] = self.deployed.module.state_dict()
        if self.integers is not None:
            tensors = {name: torch.from_numpy(np.array(value)) for name, value in self.integers.items()}
        return Run(
            factory=self.factory,
            args=self.args,
            input_shape=self.input_shape,
            plan=self.plan,
            quantization=self.quantization,
            tensors=tensors,
            provenance=self.provenance,
            data=self.data,
        )

    def calibrate(self, images: FloatArray) -> FormatTable:
        """Formats of 8 bits, powers of two, chosen by the ranges that (N, C, H, W) images reach."""
        return calibrate_formats(self.deployed, torch.from_numpy(images).float())


def load_source(
    source: str,
    *,
    args: Mapping[str, object] | None = None,
    weights: Path | None = None,
    input_shape: tuple[int, ...] | None = None,
    seed: int = 0,
) -> Network:
    """Load what SOURCE names.

    Args:
        source: a RUN folder, a `.safetensors` checkpoint, a built-in name, or `package.module:factory`.
        args: keyword arguments of the factory; for built-in networks also `skips` and `style`.
        weights: a `.safetensors` or `.pth` state dict for a factory.
        input_shape: (C, H, W), which a factory of one's own needs.
        seed: of untrained weights and of random data.

    Raises:
        SourceError, TrainError: nothing of that name, or it does not fit what was given with it.
    """
    if source not in BUILTIN and ":" not in source:
        path = Path(source)
        if path.exists() or source.endswith(".safetensors") or "/" in source:
            if args or weights or input_shape:
                raise SourceError(
                    f"source {source}: a checkpoint knows its model; --arg, --weights and --input-shape "
                    "are for a built-in name or package.module:factory"
                )
            return network_of(load_run(path), source)
    given, plan = split_builtin_args(source, args or {})
    model = build_model(source, given, seed, plan)
    shape = _factory_shape(source, given, input_shape)
    if weights is not None:
        load_into(model, load_weights(weights), f"weights '{weights}'")
    return Network(
        label=source,
        name=source,
        factory=source,
        args=given,
        input_shape=shape,
        seed=seed,
        original=model,
        plan=plan,
        deployed=apply_plan(model, plan, shape),
        quantization=None,
        integers=None,
        data=None,
        provenance={"seed": seed},
    )


def network_of_module(model: nn.Module, input_shape: tuple[int, ...], plan: SkipPlan, seed: int) -> Network:
    """The network of a float module that is already there."""
    return Network(
        label=type(model).__name__,
        name=type(model).__name__,
        factory=None,
        args={},
        input_shape=input_shape,
        seed=seed,
        original=model,
        plan=plan,
        deployed=apply_plan(model, plan, input_shape),
        quantization=None,
        integers=None,
        data=None,
        provenance={"seed": seed},
    )


def _factory_shape(source: str, args: Mapping[str, object], given: tuple[int, ...] | None) -> tuple[int, ...]:
    known = input_shape_of(source, args)
    if known is not None and given is not None and known != given:
        raise SourceError(f"source {source}: takes inputs of {known}, --input-shape says {given}; leave it out")
    shape = known or given
    if shape is None:
        raise SourceError(f"source {source}: the shape of one input is not known; give --input-shape C,H,W")
    return shape


def network_of(run: Run, label: str) -> Network:
    """The network of a checkpoint; a quantized one keeps its integers and needs no float weights."""
    model = build_model(run.factory, run.args, run.seed, run.plan)
    deployed = apply_plan(model, run.plan, run.input_shape)
    integers = None
    if run.quantization is None:
        load_into(deployed.module, run.tensors, f"checkpoint '{label}'")
    else:
        integers = {name: _integers(tensor) for name, tensor in run.tensors.items()}
    return Network(
        label=label,
        name=run.factory,
        factory=run.factory,
        args=run.args,
        input_shape=tuple(run.input_shape),
        seed=run.seed,
        original=model,
        plan=run.plan,
        deployed=deployed,
        quantization=run.quantization,
        integers=integers,
        data=run.data,
        provenance=run.provenance,
    )


def load_images(
    network: Network,
    data: str | None,
    args: Mapping[str, object],
    count: int | None = None,
    *,
    part: str = "test",
    labelled: bool = True,
) -> Images:
    """The first images of a data set.

    Args:
        data: a name or factory; None is the checkpoint's own.
        args: the factory's keyword arguments.
        count: how many at most; None takes all.
        part: `test` or `train`.
        labelled: random inputs get the network's own answers as labels, which takes time; without, zeros.

    Raises:
        SourceError, TrainError: no such data, or images that the network does not take.
    """
    given: Mapping[str, object] = args
    if data is None:
        if network.data is None:
            raise SourceError(f"source {network.label}: names no data of its own; give --data")
        data = str(network.data["name"])
        own = network.data.get("args") or {}
        assert isinstance(own, Mapping)
        given = {**own, **args}
    if data == "random" and count is not None:
        given = {"samples": count, **given}
    labeller = _labeller(network) if labelled else None
    split = load_data(data, given, input_shape=network.input_shape, model=labeller, seed=network.seed)
    dataset = split.train if part == "train" else split.test
    inputs, labels = first_samples(dataset, min(count, size_of(dataset)) if count else size_of(dataset))
    return Images(
        inputs=np.ascontiguousarray(inputs.detach().to(torch.float64).numpy()),
        labels=_integers(torch.as_tensor(labels)),
    )


def _labeller(network: Network) -> nn.Module:
    """What labels random inputs: the float network, or the quantized one where there is no other."""
    if network.quantization is None:
        return network.deployed.module
    return network.fixed_module(network.quantization)


def _integers(tensor: torch.Tensor) -> IntArray:
    array: IntArray = tensor.detach().to(torch.int64).cpu().numpy()
    return array
