"""The table of formats: made from a hardware configuration, or read from a checkpoint, and checked in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from generator.config import HardwareConfig, LayerConfig
from generator.errors import ConfigError, NumericsError
from generator.fixed_point import FixedPoint, parse_format
from generator.float_graph import FloatConv2d, FloatFlatten, FloatGlobalAveragePool, FloatGraph, FloatLinear
from generator.yaml_reader import nearest

FormatTable = Mapping[str, Mapping[str, str]]
"""Layer name -> {"weight" | "bias" | "result": ap_fixed text}, as checkpoints store it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFormats:
    """The formats of one node; weight and bias are None where it has none, result where it stays exact."""

    weight: FixedPoint | None = None
    bias: FixedPoint | None = None
    result: FixedPoint | None = None


def resolve_formats(float_graph: FloatGraph, config: HardwareConfig) -> dict[str, dict[str, str]]:
    """The table of formats that a hardware configuration asks for.

    A layer's own entry goes before Model.Precision; a ReLU without a `result` takes its layer's, a sum
    that of its ReLU, of itself (`<skip>.add`), then of the last convolution on its main operand.

    Raises:
        ConfigError: LayerName holds unknown layers, or Precision leaves a format open.
    """
    layers = layer_configs(float_graph, config)
    missing: list[str] = []
    table: dict[str, dict[str, str]] = {}

    def enter(layer: str, kind: str, *choices: FixedPoint | None) -> None:
        chosen = next((choice for choice in (*choices, config.precision) if choice is not None), None)
        if chosen is None:
            missing.append(f"{layer}: {kind}")
        else:
            table.setdefault(layer, {})[kind] = str(chosen)

    nothing = LayerConfig()
    enter(float_graph.input_name, "result", layers.get(float_graph.input_name, nothing).result)
    for node in float_graph.nodes:
        own = layers.get(node.name, nothing)
        if isinstance(node.layer, FloatConv2d | FloatLinear):
            enter(node.name, "weight", own.weight)
            enter(node.name, "bias", own.bias)
        keys = float_graph.result_keys(node)
        if keys:
            by_key = [layers.get(key, nothing).result for key in keys]
            enter(keys[0], "result", *by_key[:1], own.result, *by_key[1:])
    if missing:
        raise ConfigError(
            f"no precision for {', '.join(missing)}; set HLSConfig.Model.Precision (e.g. ap_fixed<16,6>) or the "
            "layers' Precision under LayerName"
        )
    return table


def layer_configs(float_graph: FloatGraph, config: HardwareConfig) -> dict[str, LayerConfig]:
    """The entries of LayerName by canonical name; those of layers that folding left nothing of are dropped.

    Raises:
        ConfigError: unknown layers, or one layer named twice; all in one message.
    """
    canonical = _known_names(float_graph)
    aliases = dict(float_graph.aliases)
    known = [*canonical, *aliases]
    layers: dict[str, LayerConfig] = {}
    problems: list[str] = []
    for name, entry in config.layers.items():
        target = aliases.get(name, name)
        if target in float_graph.vanished and target not in canonical:
            continue
        if target not in canonical:
            problems.append(f"unknown layer {name!r} under LayerName; {nearest(name, known)}")
        elif target in layers:
            problems.append(f"layer {target!r} stands twice under LayerName, also as {name!r}; keep one entry")
        layers[target] = entry
    if problems:
        raise ConfigError("; ".join(problems))
    return layers


def ignored_layers(float_graph: FloatGraph, config: HardwareConfig) -> tuple[str, ...]:
    """Names under LayerName of layers that folding left nothing of (batch norm, dropout): worth a warning.

    Raises:
        ConfigError: as `layer_configs`, also where a checkpoint fixes all formats.
    """
    layer_configs(float_graph, config)
    canonical = {*_known_names(float_graph), *dict(float_graph.aliases)}
    return tuple(name for name in config.layers if name in float_graph.vanished and name not in canonical)


def unused_results(float_graph: FloatGraph, config: HardwareConfig) -> tuple[str, ...]:
    """ReLUs under LayerName whose `result` decides nothing, as a sum takes the exact value: worth a warning.

    Raises:
        ConfigError: as `layer_configs`.
    """
    exact = {node.relu for node in float_graph.nodes if node.relu is not None and float_graph.leaves_exact(node)}
    layers = layer_configs(float_graph, config)
    return tuple(name for name, entry in layers.items() if name in exact and entry.result is not None)


def read_formats(float_graph: FloatGraph, table: FormatTable) -> dict[str, NodeFormats]:
    """Formats by node (and input) name, every entry of the table parsed.

    Raises:
        NumericsError: missing, superfluous or unreadable entries; all in one message.
    """
    problems = [
        f"formats: the network has no layer {name!r}"
        for name in table
        if name not in _known_names(float_graph) and name not in float_graph.vanished
    ]

    def read(layer: str, kind: str, *, needed: bool) -> FixedPoint | None:
        text = table.get(layer, {}).get(kind)
        if text is None:
            if needed:
                problems.append(f"formats: {layer!r} has no {kind!r} format")
            return None
        try:
            return parse_format(text)
        except NumericsError as error:
            problems.append(f"formats: {layer!r}: {error}")
            return None

    formats = {float_graph.input_name: NodeFormats(result=read(float_graph.input_name, "result", needed=True))}
    for node in float_graph.nodes:
        has_weights = isinstance(node.layer, FloatConv2d | FloatLinear)
        keys = float_graph.result_keys(node)
        present = [key for key in keys if "result" in table.get(key, {})]
        pooled = isinstance(node.layer, FloatGlobalAveragePool)
        formats[node.name] = NodeFormats(
            weight=read(node.name, "weight", needed=True) if has_weights else None,
            bias=read(node.name, "bias", needed=True) if has_weights else None,
            result=read((present or list(keys))[0], "result", needed=pooled) if keys else None,
        )
    if problems:
        raise NumericsError("; ".join(problems))
    return formats


def _known_names(float_graph: FloatGraph) -> tuple[str, ...]:
    names = [float_graph.input_name]
    for node in float_graph.nodes:
        if not isinstance(node.layer, FloatFlatten):
            names += [node.name] if node.relu is None else [node.name, node.relu]
    return tuple(names)
