"""The reference alone: one requantization a node, exact outputs, wraps counted, inputs checked."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from generator import reference
from generator.errors import GraphError
from generator.fixed_point import FixedPoint, parse_format
from generator.graph import Graph
from generator.passes.quantize import quantize, resolve_formats
from generator.reference import requantize_node, run_reference
from tests.generator.networks import Net, config, float_graph, seeded


def tiny(formats: dict[str, str], *, relu: bool, weight: float, bias: float) -> Graph:
    """One 1x1 convolution with one weight; `formats` are its weight, bias and result formats."""
    conv = nn.Conv2d(1, 1, 1)
    with torch.no_grad():
        conv.weight.fill_(weight)
        conv.bias.fill_(bias)
    layers = [conv, nn.ReLU()] if relu else [conv]
    imported = float_graph(nn.Sequential(*layers), (1, 1, 1))
    own = {key: value for key, value in formats.items() if key in ("weight", "bias")}
    table = {"input": {"result": "ap_fixed<8,6>"}, "0": own}
    if "result" in formats:
        table.setdefault("0.relu" if relu else "0", {})["result"] = formats["result"]
    return quantize(imported, table)


def run(graph: Graph, values: list[int]) -> list[int]:
    inputs = np.array(values).reshape(-1, 1, 1, 1)
    return run_reference(graph, inputs).outputs.ravel().tolist()


FINE = {"weight": "ap_fixed<8,4>", "bias": "ap_fixed<8,4>"}


def test_exact_accumulator_leaves_the_network() -> None:
    graph = tiny(FINE, relu=False, weight=1.5, bias=0.25)
    assert graph.node("0").result is None
    assert graph.node("0").accumulator.fraction_bits == 6
    assert run(graph, [4, -5, 0]) == [4 * 24 + 16, -5 * 24 + 16, 16]


def test_relu_comes_before_the_rounding() -> None:
    graph = tiny({**FINE, "result": "ap_fixed<6,5,AP_RND_CONV,AP_SAT>"}, relu=True, weight=1.0, bias=0.0)
    # inputs in quarters, results in halves: ties to even, negatives to zero
    assert run(graph, [1, 3, 5, -3]) == [0, 2, 2, 0]


def test_relu_result_keeps_its_sign_bit_and_wraps() -> None:
    graph = tiny({**FINE, "result": "ap_fixed<4,4>"}, relu=True, weight=4.0, bias=0.0)
    result = run_reference(graph, np.array([8, 12, 4]).reshape(3, 1, 1, 1))
    assert result.outputs.ravel().tolist() == [-8, -4, 4]
    assert result.wrapped == {"0": 2}


def test_bias_finer_than_the_products_shifts_them() -> None:
    graph = tiny({"weight": "ap_fixed<8,6>", "bias": "ap_fixed<12,2>"}, relu=False, weight=1.25, bias=1 / 1024)
    layer = graph.node("0").layer
    assert layer.product_shift == 6
    assert graph.node("0").accumulator.fraction_bits == 10
    assert run(graph, [4]) == [4 * 5 * 64 + 1]


@pytest.fixture(scope="module")
def graph() -> Graph:
    imported = float_graph(seeded(Net(2, (3, 4), (2,), "pool"), 0), (2, 6, 4))
    return quantize(imported, resolve_formats(imported, config()))


def test_chunks_do_not_matter(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = np.random.default_rng(0).integers(-32768, 32768, (11, 6, 4, 2))
    names = [node.name for node in graph.nodes]
    whole = run_reference(graph, inputs, observe=[*names, "input"])
    monkeypatch.setattr(reference, "CHUNK_VALUES", 100)
    parts = run_reference(graph, inputs, observe=[*names, "input"])
    assert whole.wrapped == parts.wrapped != {}
    assert np.array_equal(whole.observed["input"], inputs)
    for name in names:
        assert np.array_equal(whole.observed[name], parts.observed[name])
    assert np.array_equal(whole.outputs, whole.observed["fc"])


def test_no_frames_at_all(graph: Graph) -> None:
    assert run_reference(graph, np.zeros((0, 6, 4, 2), dtype=np.int64)).outputs.shape == (0, 1, 1, 3)


def test_a_mean_is_divided_before_its_one_rounding(graph: Graph) -> None:
    node = replace(graph.node("mean"), result=parse_format("ap_fixed<8,8,AP_RND_CONV,AP_SAT>"))
    values, wrapped = requantize_node(node, np.array([3, 9, 15, -9]), 6, 0)
    assert (values.tolist(), wrapped) == ([0, 2, 2, -2], 0)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            np.zeros((2, 6, 4, 3), dtype=np.int64),
            "graph 'net': inputs must be integers of shape (N,6,4,2), got int64 of shape (2, 6, 4, 3)",
        ),
        (
            np.zeros((2, 6, 4, 2)),
            "graph 'net': inputs must be integers of shape (N,6,4,2), got float64 of shape (2, 6, 4, 2)",
        ),
        (
            np.full((2, 6, 4, 2), 40000),
            "graph 'net': inputs reach from 40000 to 40000, outside ap_fixed<16,6> (-32768 to 32767); "
            "quantize them to the input format",
        ),
    ],
)
def test_refused_inputs(graph: Graph, inputs: np.ndarray, message: str) -> None:
    with pytest.raises(GraphError, match=f"^{re.escape(message)}$"):
        run_reference(graph, inputs)


def test_unknown_node_to_observe(graph: Graph) -> None:
    message = (
        "graph 'net': cannot observe nowhere; it has input, stem, blocks.0.conv1, blocks.0.conv2, "
        "blocks.0.downsample.0, blocks.0.add, mean, fc"
    )
    with pytest.raises(GraphError, match=f"^{re.escape(message)}$"):
        run_reference(graph, np.zeros((1, 6, 4, 2), dtype=np.int64), observe=["nowhere"])


def test_output_format_is_that_of_the_last_node(graph: Graph) -> None:
    assert graph.format_of(graph.output) == FixedPoint(width=16, integer_bits=6)
