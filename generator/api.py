"""The Python API: from a PyTorch module to verified hardware in a few lines."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import nn

from generator import flow, project
from generator.config import HardwareConfig
from generator.errors import SourceError
from generator.fixed_point import FloatArray, dequantize
from generator.hardware_yaml import parse_hardware, read_hardware
from generator.reference import run_reference
from generator.report.entries import load_entry
from generator.report.html import write_report
from generator.source import Network, load_images, network_of_module
from tailor_train.plan import SkipPlan

FRAMES = 64
"""Frames of test data in a written project."""


class HardwareModel:
    """A network in fixed point, and the hardware project that computes the same integers.

    Attributes:
        quantized: the network, its formats and its graph.
        config: the hardware configuration.
        output_dir: the project's folder; a temporary one, gone with this object, if none was named.
    """

    def __init__(self, quantized: flow.Quantized, config: HardwareConfig, output_dir: Path | None) -> None:
        self.quantized = quantized
        self.config = config
        if output_dir is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="tailor_")
            output_dir = Path(self._temporary.name) / "project"
        self.output_dir = output_dir
        self._project: flow.Project | None = None

    def predict(self, x: FloatArray) -> FloatArray:
        """What the hardware answers, computed by the reference.

        Args:
            x: (N, C, H, W) real inputs.

        Returns:
            (N, classes), or (N, C, H, W) where the output is a feature map.

        Raises:
            SourceError: inputs of another shape.
        """
        images = np.ascontiguousarray(x, dtype=np.float64)
        shape = self.quantized.network.input_shape
        if images.shape[1:] != shape:
            raise SourceError(f"predict: expected inputs of (N, {', '.join(map(str, shape))}), got {images.shape}")
        graph = self.quantized.graph
        integers = self.quantized.network.executor(self.quantized.formats).input_integers(images)
        outputs = dequantize(run_reference(graph, integers).outputs, graph.format_of(graph.output))
        return outputs[:, 0, 0] if outputs.shape[1:3] == (1, 1) else outputs.transpose(0, 3, 1, 2)

    def write(self, images: FloatArray | None = None) -> flow.Project:
        """Write the project.

        Args:
            images: (N, C, H, W) real inputs of the test data; None takes seeded random ones.
        """
        if images is None:
            images = load_images(self.quantized.network, "random", {}, FRAMES, labelled=False).inputs
        self._project = flow.generate(self.quantized, self.config, images, self.output_dir)
        return self._project

    def csim(self, frames: int = 3) -> dict[str, object]:
        """Compile the C++ and run stored frames; the keys of `tailor csim --json`."""
        return project.csim(self._written(), frames)

    def cosim(self, frames: int = 3, stall_seed: int | None = None) -> dict[str, object]:
        """Simulate the SystemVerilog on stored frames; the keys of `tailor cosim --json`."""
        return project.cosim(self._written(), frames, stall_seed)

    def build(self, *, family: str | None = None, flatten: bool = False) -> dict[str, object]:
        """Synthesise with Yosys; the keys of `tailor synth --json`."""
        return project.synth(self._written(), family, flatten)

    def report(self, out: Path) -> Path:
        """Write the HTML report of what has been run so far."""
        return write_report([load_entry(self._written())], Path(out))

    def _written(self) -> Path:
        """The project's folder, written first if need be."""
        if self._project is None:
            self.write()
        return self.output_dir


def convert(
    model: nn.Module | Network,
    config: HardwareConfig | Mapping[str, object] | str | Path,
    input_shape: tuple[int, ...] | None = None,
    *,
    plan: SkipPlan | None = None,
    calibration: FloatArray | None = None,
    output_dir: str | Path | None = None,
    seed: int = 0,
) -> HardwareModel:
    """Turn a network into fixed point and, when asked for, into hardware.

    Args:
        model: a float module, or what `load_source` returned (a checkpoint, quantized or not).
        config: a hardware configuration, its dictionary, or the path of its YAML file.
        input_shape: (C, H, W) of one input; needed for a module.
        plan: what to do with skip connections, by name; for a module.
        calibration: (N, C, H, W) images for formats that the configuration leaves open.
        output_dir: where the project is written; None keeps it in a temporary folder.
        seed: of random test data.

    Raises:
        TailorError: the network or the configuration cannot be realised.
    """
    if isinstance(model, Network):
        network = model
    elif input_shape is None:
        raise SourceError("convert: a module does not tell the shape of its inputs; give input_shape=(C, H, W)")
    else:
        network = network_of_module(model, tuple(input_shape), plan or {}, seed)
    if isinstance(config, str | Path):
        config = read_hardware(Path(config))
    elif not isinstance(config, HardwareConfig):
        config = parse_hardware(config, "given to convert")
    quantized = flow.quantize_network(network, config, calibration)
    return HardwareModel(quantized, config, Path(output_dir) if output_dir else None)
