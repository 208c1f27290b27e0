"""Chains the steps from a network to verified hardware; every step's logic is in its own module."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generator.backends.hls import plan_hls
from generator.backends.hls_tcl import dialect_of
from generator.backends.rtl import plan_rtl
from generator.build_plan import MARKER, BuildPlan
from generator.certificate_check import check_certificate
from generator.config import HardwareConfig
from generator.cost import predict
from generator.design_json import describe
from generator.device import find_device
from generator.errors import CheckFailed, ConfigError, SourceError
from generator.fixed_point import FloatArray, IntArray, dequantize
from generator.float_graph import FloatGraph
from generator.graph import Graph
from generator.passes import BuiltDesign, build_design
from generator.passes.certificate import certify
from generator.passes.formats import ignored_layers, unused_results
from generator.passes.quantize import quantize, resolve_formats, wrapped_parameters
from generator.reference import run_reference
from generator.source import FormatTable, Network
from generator.vectors import plan_streams, plan_vectors

BATCH = 128
"""Images that the executors take at a time."""

BLOCK_IMAGES = 64
"""Images on which every node, not the logits alone, is compared with PyTorch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantized:
    """A network with a format on every tensor, as a graph and as the table that made it."""

    network: Network
    formats: FormatTable
    graph: Graph
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The reference on a data set, held against PyTorch.

    Attributes:
        accuracy_fixed: percent of the labels; None where the output is not a vector of classes.
        images_per_second: of the reference alone, after one warm-up batch.
        mismatches_vs_torch: integers that differ: every output of every image, every node of the first 64.
        wrapped: results that overflowed and wrapped, by layer; layers without any are left out.
    """

    accuracy_fixed: float | None
    images: int
    images_per_second: float
    mismatches_vs_torch: int
    wrapped: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A written hardware project.

    Attributes:
        digest: of all its files.
        description: what design.json holds.
        warnings: what the user should know about the choices made.
    """

    path: Path
    digest: str
    description: Mapping[str, object]
    warnings: tuple[str, ...]


def quantize_network(
    network: Network, config: HardwareConfig | None, calibration: FloatArray | None = None
) -> Quantized:
    """Put a format on every tensor: the checkpoint's, the configuration's, or calibrated ones.

    Args:
        calibration: (N, C, H, W) images for formats that the configuration leaves open.

    Raises:
        ConfigError: formats are missing, or given twice.
    """
    float_graph = network.float_graph((config.project_name if config else None) or network.name)
    if network.quantization is not None:
        _refuse_precision(network, config)
        formats = network.quantization
    elif config is None:
        raise ConfigError(f"{network.label}: a float network has no formats; give --hardware with a Precision")
    elif config.precision is None:
        if calibration is None:
            raise ConfigError(
                f"{network.label}: HLSConfig.Model.Precision is open and the network is not quantized; "
                "give a Precision, or --calibrate DATA to choose formats by it"
            )
        formats = network.calibrate(calibration)
    else:
        formats = resolve_formats(float_graph, config)
    graph = quantize(float_graph, formats, network.integers)
    ignored = ignored_layers(float_graph, config) if config else ()
    warnings = [f"HLSConfig.LayerName.{name}: is folded into its convolution and ignored" for name in ignored]
    if network.quantization is None and config is not None:
        warnings += [
            f"HLSConfig.LayerName.{name}: a sum takes its exact value, so its result format is ignored; give the "
            f"sum's to {name.removesuffix('.relu')}"
            for name in unused_results(float_graph, config)
        ]
    if network.integers is None:
        warnings += _wrapped_parameters(float_graph, formats)
    return Quantized(network=network, formats=formats, graph=graph, warnings=tuple(warnings))


def _wrapped_parameters(float_graph: FloatGraph, formats: FormatTable) -> list[str]:
    """A warning for every layer with weights or biases that are other numbers once they are quantized."""
    return [
        f"layer {name}: {count} weights and biases overflow their format and wrap; give it more integer bits, or AP_SAT"
        for name, count in wrapped_parameters(float_graph, formats).items()
    ]


def _refuse_precision(network: Network, config: HardwareConfig | None) -> None:
    if config is None:
        return
    layers = [name for name, layer in config.layers.items() if layer.weight or layer.bias or layer.result]
    if config.precision is not None or layers:
        where = "HLSConfig.Model.Precision" if config.precision is not None else f"HLSConfig.LayerName.{layers[0]}"
        raise ConfigError(
            f"{where}: the checkpoint {network.label} is quantized and fixes every format; "
            "leave Precision out or write from_checkpoint"
        )


def evaluate(quantized: Quantized, images: FloatArray, labels: IntArray | None) -> Evaluation:
    """Run the reference on images and hold every integer against PyTorch's.

    Args:
        images: (N, C, H, W) real inputs, as the network takes them.
        labels: (N,) classes, or None.
    """
    if len(images) == 0:
        raise SourceError("evaluate: the data set is empty")
    executor = quantized.network.executor(quantized.formats)
    batches = [executor.input_integers(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    run_reference(quantized.graph, batches[0])
    start_s = time.perf_counter()
    results = [run_reference(quantized.graph, batch) for batch in batches]
    seconds = time.perf_counter() - start_s
    outputs = np.concatenate([result.outputs for result in results])
    expected = np.concatenate(
        [executor.output_integers(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    )
    wrapped: dict[str, int] = {}
    for result in results:
        for name, count in result.wrapped.items():
            if count:
                wrapped[name] = wrapped.get(name, 0) + count
    return Evaluation(
        accuracy_fixed=_accuracy(outputs, labels),
        images=len(images),
        images_per_second=len(images) / seconds,
        mismatches_vs_torch=count_differences(outputs, expected) + _node_mismatches(quantized, images[:BLOCK_IMAGES]),
        wrapped=wrapped,
    )


def _node_mismatches(quantized: Quantized, images: FloatArray) -> int:
    """Integers of any node but the last that differ between the reference and PyTorch."""
    executor = quantized.network.executor(quantized.formats)
    expected = executor.observe(images)
    names = tuple(node.name for node in quantized.graph.nodes if node.name != quantized.graph.output)
    observed = run_reference(quantized.graph, executor.input_integers(images), observe=names).observed
    return sum(count_differences(observed[name], expected[name]) for name in names)


def count_differences(given: IntArray, expected: IntArray) -> int:
    """Integers that differ; all of them if the shapes do."""
    if given.shape != expected.shape:
        return int(max(given.size, expected.size))
    return int(np.count_nonzero(given != expected))


def _accuracy(outputs: IntArray, labels: IntArray | None) -> float | None:
    if labels is None or outputs.shape[1:3] != (1, 1):
        return None
    return float(100.0 * np.mean(outputs[:, 0, 0].argmax(axis=1) == labels))


def plan_project(
    quantized: Quantized, config: HardwareConfig, images: FloatArray
) -> tuple[BuiltDesign, Mapping[str, object], BuildPlan]:
    """Everything that `generate` writes, as data: the design, its description, and all files.

    Args:
        images: (N, C, H, W) real inputs of the test data.
    """
    built = build_design(quantized.graph, config, find_device(config.part, config.clock_ns))
    executor = quantized.network.executor(quantized.formats)
    inputs = executor.input_integers(images)
    vectors = plan_vectors(
        dequantize(inputs, quantized.graph.input_format),
        dequantize(executor.output_integers(images), quantized.graph.format_of(quantized.graph.output)),
    )
    description = describe(built.design, predict(built.design).as_dict())
    certificate = certify(built.design)
    problems = check_certificate(description, certificate)
    if problems:
        raise CheckFailed(f"design {built.design.name!r}: the proof of its FIFO depths fails: {'; '.join(problems)}")
    marker = BuildPlan.of(
        {MARKER: json.dumps(description, indent=1) + "\n", "certificate.json": json.dumps(certificate) + "\n"}
    )
    parts = (
        plan_hls(built.design, dialect_of(config.backend)),
        plan_rtl(built.design),
        vectors,
        plan_streams(built.design, inputs),
        marker,
    )
    return built, description, BuildPlan.merge(parts)


def generate(quantized: Quantized, config: HardwareConfig, images: FloatArray, out: Path) -> Project:
    """Write the hardware project of a network, whole or not at all."""
    built, description, plan = plan_project(quantized, config, images)
    plan.write(out)
    warnings = (*config.warnings, *quantized.warnings, *built.warnings)
    return Project(path=out, digest=plan.digest, description=description, warnings=warnings)
