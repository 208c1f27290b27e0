"""From floats to integers: weights, biases on the accumulator's point, checkpoints, limits."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from generator.errors import NumericsError, SourceError
from generator.fixed_point import parse_format
from generator.fixed_point import quantize as quantize_values
from generator.float_graph import FloatGraph
from generator.passes.quantize import quantize, resolve_formats, wrapped_parameters
from tests.generator.networks import Net, config, float_graph, seeded


@pytest.fixture(scope="module")
def imported() -> FloatGraph:
    return float_graph(seeded(Net(2, (3, 4), (2,), "flatten", pixels=6), 0), (2, 6, 4))


def tensors(imported: FloatGraph) -> dict[str, np.ndarray]:
    """Integers as a checkpoint stores them, in PyTorch's axes."""
    rng = np.random.default_rng(0)
    found = {}
    for node in imported.nodes:
        if node.name == "fc":
            found["fc.weight"] = rng.integers(-100, 100, (3, 24))
            found["fc.bias"] = rng.integers(-100, 100, 3)
        elif hasattr(node.layer, "kernel"):
            kh, kw, cin, cout = node.layer.weight.shape
            found[f"{node.name}.weight"] = rng.integers(-100, 100, (cout, cin, kh, kw)).astype(np.int8)
            found[f"{node.name}.bias"] = rng.integers(-100, 100, cout)
    return found


def test_weights_are_rounded_to_their_formats(imported: FloatGraph) -> None:
    graph = quantize(imported, resolve_formats(imported, config("ap_fixed<8,2,AP_RND_CONV,AP_SAT>")))
    layer, source = graph.node("stem").layer, imported.node("stem").layer
    fmt = parse_format("ap_fixed<8,2,AP_RND_CONV,AP_SAT>")
    assert np.array_equal(layer.weight, quantize_values(source.weight, fmt))
    assert np.array_equal(layer.bias, quantize_values(source.bias, fmt) << 6)
    assert graph.node("blocks.0.conv2").result is None
    assert graph.node("blocks.0.add").result == fmt
    assert graph.node("flatten").output_format == fmt


def test_checkpoint_integers_are_taken_as_they_are(imported: FloatGraph) -> None:
    stored = tensors(imported)
    graph = quantize(imported, resolve_formats(imported, config()), stored)
    weight = graph.node("blocks.0.conv1").layer.weight
    assert np.array_equal(weight, stored["blocks.0.conv1.weight"].transpose(2, 3, 1, 0))
    linear = graph.node("fc").layer.weight  # (C,H,W) columns in the order of the stream, (H,W,C)
    assert np.array_equal(linear, stored["fc.weight"].reshape(3, 4, 3, 2).transpose(2, 3, 1, 0).reshape(24, 3))
    as_torch = {name: torch.from_numpy(values) for name, values in stored.items()}
    again = quantize(imported, resolve_formats(imported, config()), as_torch)
    assert np.array_equal(again.node("fc").layer.weight, linear)


def test_damaged_checkpoint(imported: FloatGraph) -> None:
    stored = tensors(imported)
    del stored["stem.bias"]
    stored["blocks.0.conv1.weight"] = stored["blocks.0.conv1.weight"][:2]
    stored["blocks.0.conv2.bias"] = np.array([0, 1, 40000, 2])
    stored["fc.bias"] = np.zeros(3)
    message = (
        "layer 'stem': the checkpoint has no tensor 'stem.bias'; "
        "layer 'blocks.0.conv1': the checkpoint's weight and bias give (3, 3, 3, 2) and (4,), the network needs "
        "(3, 3, 3, 4) and (4,); "
        "layer 'blocks.0.conv2': tensor 'blocks.0.conv2.bias' reaches from 0 to 40000, outside its format "
        "ap_fixed<16,6> (-32768 to 32767); the checkpoint is damaged; "
        "layer 'fc': tensor 'fc.bias' must hold integers, it holds float64"
    )
    with pytest.raises(SourceError, match=f"^{re.escape(message)}$"):
        quantize(imported, resolve_formats(imported, config()), stored)


def test_weights_that_are_no_numbers() -> None:
    model = seeded(Net(2, (3, 4), (2,), "pool"), 0)
    with torch.no_grad():
        model.fc.weight[0, 0] = float("nan")
    graph = float_graph(model, (2, 6, 4))
    message = "layer 'fc': cannot quantize to ap_fixed<16,6>: the values hold NaN or infinity"
    with pytest.raises(SourceError, match=f"^{re.escape(message)}$"):
        quantize(graph, resolve_formats(graph, config()))


def test_too_wide_accumulators_are_all_named(imported: FloatGraph) -> None:
    table = resolve_formats(imported, config("ap_fixed<31,2>"))
    table["input"]["result"] = "ap_fixed<16,6>"
    with pytest.raises(NumericsError) as error:
        quantize(imported, table)
    parts = str(error.value).split("; node ")
    assert [part.split(":")[0].removeprefix("node ") for part in parts] == [
        "'blocks.0.conv1'", "'blocks.0.conv2'", "'blocks.0.downsample.0'", "'fc'"
    ]  # fmt: skip
    assert re.search(r"the exact sum needs 6[48] bits, at most 60 are supported; use narrower formats$", parts[0])


def test_bias_too_wide_for_the_accumulator(imported: FloatGraph) -> None:
    table = resolve_formats(imported, config())
    table["stem"].update(weight="ap_fixed<16,-20>", bias="ap_fixed<40,38>")
    with pytest.raises(NumericsError, match=r"^node 'stem': the bias needs \d+ bits on the accumulator's point, "):
        quantize(imported, table, {**tensors(imported), "stem.bias": np.array([1 << 30, 0, 0])})


def test_wrapped_weights_are_counted(imported: FloatGraph) -> None:
    table = resolve_formats(imported, config())
    assert wrapped_parameters(imported, table) == {}
    table["stem"]["weight"] = "ap_fixed<8,-1>"
    table["fc"]["weight"] = "ap_fixed<8,-1,AP_RND,AP_SAT>"
    source = imported.node("stem").layer.weight
    outside = np.count_nonzero((source < -0.25) | (source >= 0.25))
    assert wrapped_parameters(imported, table) == {"stem": outside}
    assert outside > 0


def test_result_far_finer_than_the_sum(imported: FloatGraph) -> None:
    table = resolve_formats(imported, config())
    table["fc"]["result"] = "ap_fixed<16,-40>"
    message = (
        "node 'fc': the result ap_fixed<16,-40> is 36 bits finer than the exact sum ap_fixed<32,12>, together more "
        "than 62 bits; use fewer fraction bits"
    )
    with pytest.raises(NumericsError, match=f"^{re.escape(message)}$"):
        quantize(imported, table)


def test_mean_that_hardware_cannot_divide() -> None:
    imported = float_graph(seeded(Net(2, (3, 4), (2,), "pool"), 0), (2, 5, 5))
    table = resolve_formats(imported, config())
    table["blocks.0.conv2.relu"]["result"] = "ap_fixed<28,8>"
    with pytest.raises(NumericsError, match=r"^node 'mean': the mean divides values of up to 33 bits by 9216, "):
        quantize(imported, table)
