"""Designs of built-in networks for the tests of the passes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from generator.config import HardwareConfig, LayerConfig, SkipConfig
from generator.device import find_device
from generator.fixed_point import parse_format
from generator.flow import quantize_network
from generator.graph import Graph
from generator.passes import BuiltDesign, build_design
from generator.passes.choose_stages import ChosenStages, choose_stages
from generator.source import load_source


def hardware(
    reuse_factor: int,
    *,
    lanes: int | None = None,
    skip: SkipConfig | None = None,
    skips: Mapping[str, SkipConfig] | None = None,
    layers: Mapping[str, LayerConfig] | None = None,
) -> HardwareConfig:
    """A configuration for `<16,6>` on a U200."""
    return HardwareConfig(
        backend="Vitis",
        part="xcu200-fsgd2104-2-e",
        clock_ns=5.0,
        reuse_factor=reuse_factor,
        precision=parse_format("ap_fixed<16,6>"),
        lanes=lanes,
        skip_default=skip or SkipConfig(),
        skips=dict(skips or {}),
        layers=dict(layers or {}),
    )


@cache
def graph_of(source: str, **args: object) -> Graph:
    """A built-in network, quantized to `<16,6>`."""
    return quantize_network(load_source(source, args=args), hardware(1)).graph


def design_of(graph: Graph, config: HardwareConfig) -> BuiltDesign:
    """All passes after quantization."""
    return build_design(graph, config, find_device(config.part, config.clock_ns))


def stages_of(graph: Graph, config: HardwareConfig) -> ChosenStages:
    """All passes after quantization but the sizing of FIFOs."""
    return choose_stages(graph, config)
