"""The table of formats, from a configuration and from a checkpoint."""

from __future__ import annotations

import re
from types import MappingProxyType

import pytest
from torch import Tensor, nn

from generator.config import LayerConfig
from generator.errors import ConfigError, NumericsError
from generator.fixed_point import parse_format
from generator.float_graph import FloatGraph
from generator.passes.formats import ignored_layers, read_formats, resolve_formats, unused_results
from tests.generator.networks import Net, config, float_graph, seeded

WIDE, NARROW, SMALL = "ap_fixed<16,6>", "ap_fixed<8,3,AP_RND_CONV,AP_SAT>", "ap_ufixed<8,4>"


@pytest.fixture(scope="module")
def graph() -> FloatGraph:
    return float_graph(seeded(Net(2, (3, 4), (2,), "pool"), 0), (2, 6, 4))


def entry(**formats: str) -> LayerConfig:
    return LayerConfig(**{kind: parse_format(text) for kind, text in formats.items()})


def test_one_precision_for_all(graph: FloatGraph) -> None:
    weights = {"weight": WIDE, "bias": WIDE}
    assert resolve_formats(graph, config()) == {
        "input": {"result": WIDE},
        "stem": weights,
        "stem.relu": {"result": WIDE},
        "blocks.0.conv1": weights,
        "blocks.0.conv1.relu": {"result": WIDE},
        "blocks.0.conv2": weights,  # exact: a sum takes it
        "blocks.0.conv2.relu": {"result": WIDE},  # the ReLU behind the sum
        "blocks.0.downsample.0": weights,
        "mean": {"result": WIDE},
        "fc": {**weights, "result": WIDE},
    }


def test_own_entries_go_first(graph: FloatGraph) -> None:
    layers = {
        "stem": entry(weight=NARROW, result=NARROW),
        "blocks.0.conv1": entry(result=NARROW),
        "blocks.0.conv1.relu": entry(result=SMALL),
        "blocks.0.add": entry(result=SMALL),
        "blocks.0.conv2": entry(result=NARROW),
        "input": entry(result=SMALL),
    }
    table = resolve_formats(graph, config(layers=layers))
    assert table["stem"] == {"weight": NARROW, "bias": WIDE}
    assert table["stem.relu"] == {"result": NARROW}
    assert table["blocks.0.conv1.relu"] == {"result": SMALL}
    assert table["blocks.0.conv2.relu"] == {"result": SMALL}
    assert table["input"] == {"result": SMALL}


def test_sum_without_relu_takes_its_main_convolution() -> None:
    model = Net(2, (3, 4), (2,), "pool", post=True)
    graph = float_graph(seeded(model, 0), (2, 6, 4))
    table = resolve_formats(graph, config(layers={"blocks.0.conv2": entry(result=NARROW)}))
    assert table["blocks.0.conv2"]["result"] == NARROW
    assert "blocks.0.conv2.relu" not in table  # exact: only the sum reads it
    assert read_formats(graph, table)["blocks.0.conv2"].result is None
    assert read_formats(graph, table)["blocks.0.add"].result == parse_format(NARROW)


def test_a_relu_that_a_sum_takes_exactly_needs_no_result() -> None:
    graph = float_graph(seeded(Net(2, (3, 4), (2,), "pool", post=True), 0), (2, 6, 4))
    layers = {name: entry(result=NARROW) for name in ("stem.relu", "blocks.0.conv1.relu", "blocks.0.conv2.relu")}
    assert unused_results(graph, config(layers=layers)) == ("blocks.0.conv2.relu",)
    assert unused_results(graph, config(layers={"blocks.0.conv2.relu": LayerConfig(reuse_factor=4)})) == ()


def test_folded_layers_are_ignored(graph: FloatGraph) -> None:
    settings = config(layers={"stem_bn": entry(result=NARROW), "fc": entry(result=NARROW)})
    assert resolve_formats(graph, settings)["stem.relu"] == {"result": WIDE}
    assert ignored_layers(graph, settings) == ("stem_bn",)


def test_unknown_layers(graph: FloatGraph) -> None:
    message = (
        "unknown layer 'stemm' under LayerName; the nearest known one is 'stem'; "
        "unknown layer 'blocks.0.conv3' under LayerName; the nearest known one is 'blocks.0.conv2'"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        resolve_formats(graph, config(layers={"stemm": LayerConfig(), "blocks.0.conv3": LayerConfig()}))


def test_missing_precision(graph: FloatGraph) -> None:
    layers = {name: entry(weight=WIDE, bias=WIDE, result=WIDE) for name in ("input", "stem", "blocks.0.conv1", "mean")}
    message = (
        "no precision for blocks.0.conv2: weight, blocks.0.conv2: bias, blocks.0.downsample.0: weight, "
        "blocks.0.downsample.0: bias, blocks.0.conv2.relu: result, fc: weight, fc: bias, fc: result; set "
        "HLSConfig.Model.Precision (e.g. ap_fixed<16,6>) or the layers' Precision under LayerName"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        resolve_formats(graph, config(None, layers=layers))


def test_damaged_table(graph: FloatGraph) -> None:
    table = resolve_formats(graph, config())
    del table["input"], table["mean"]
    table["stem"]["weight"] = "int8"
    table["nowhere"] = {"result": WIDE}
    message = (
        "formats: the network has no layer 'nowhere'; formats: 'input' has no 'result' format; formats: 'stem': "
        "precision 'int8': expected ap_fixed<W,I> or ap_fixed<W,I,ROUNDING,OVERFLOW>, e.g. ap_fixed<16,6>; "
        "formats: 'mean' has no 'result' format"
    )
    with pytest.raises(NumericsError, match=f"^{re.escape(message)}$"):
        read_formats(graph, MappingProxyType(table))


class Named(nn.Module):
    """A ReLU module of its own, used once."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x))


def test_a_relu_module_may_be_named_by_its_path() -> None:
    graph = float_graph(Named(), (2, 4, 4))
    assert resolve_formats(graph, config(layers={"act": entry(result=SMALL)}))["conv.relu"] == {"result": SMALL}
    message = "layer 'conv.relu' stands twice under LayerName, also as 'conv.relu'; keep one entry"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        resolve_formats(graph, config(layers={"act": LayerConfig(), "conv.relu": LayerConfig()}))
