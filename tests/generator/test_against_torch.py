"""The central test: reference == PyTorch in fixed point, in every integer of every layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.fixed_point import dequantize
from generator.frontend.torch_fx import import_model
from generator.graph import Graph
from generator.passes.quantize import quantize, resolve_formats
from generator.reference import run_reference
from generator.trace import first_difference
from tailor_train.fixed_module import FixedPointModule
from tailor_train.models import build_model, input_shape_of, split_builtin_args
from tailor_train.surgery import Deployed, apply_plan
from tests.generator.networks import Net, config, deploy, float_graph, random_formats, seeded


def assert_equal(graph: Graph, module: FixedPointModule, images: torch.Tensor) -> dict[str, int]:
    """Compare every node of both executors; returns the reference's wrap counts."""
    inputs = module.input_integers(images).numpy()
    names = [node.name for node in graph.nodes]
    result = run_reference(graph, inputs, observe=names)
    observed = {name: values.numpy() for name, values in module.observe(images).items()}
    assert set(names) <= set(observed)
    assert first_difference(result.observed, observed) is None
    assert np.array_equal(module.output_integers(module(images)).numpy(), result.outputs)
    reals = dequantize(result.outputs, graph.format_of(graph.output)).reshape(-1)
    y = module(images)
    channels_last = y if y.dim() == 2 else y.permute(0, 2, 3, 1)
    assert np.array_equal(channels_last.reshape(-1).numpy(), reals)
    return result.wrapped


def builtin(factory: str, **args: object) -> tuple[Deployed, tuple[int, ...]]:
    rest, plan = split_builtin_args(factory, args)
    shape = input_shape_of(factory, args)
    assert shape is not None
    return apply_plan(build_model(factory, rest, 0, plan), plan, shape), shape


@pytest.mark.parametrize("style", ["pre", "post"])
@pytest.mark.parametrize("skips", ["traditional", "shortened", "removed"])
@pytest.mark.parametrize("precision", ["ap_fixed<16,6>", "ap_fixed<10,3>", "ap_fixed<8,3,AP_RND_CONV,AP_SAT>"])
def test_resnet8(skips: str, style: str, precision: str) -> None:
    deployed, shape = builtin("resnet8", width=4, image_size=12, skips=skips, style=style)
    imported = import_model(deployed, "resnet8", shape)
    formats = resolve_formats(imported, config(precision))
    graph = quantize(imported, formats)
    images = 2 * torch.randn(5, *shape, generator=torch.Generator().manual_seed(1))
    wrapped = assert_equal(graph, FixedPointModule(deployed, formats), images)
    assert bool(wrapped) == (precision == "ap_fixed<10,3>")


def test_a_post_sum_is_exact_and_requantized_once() -> None:
    deployed, shape = builtin("resnet8", width=4, image_size=12, skips="shortened", style="post")
    graph = quantize(imported := import_model(deployed, "resnet8", shape), resolve_formats(imported, config()))
    for edge in graph.skips:
        join, (conv,) = graph.node(edge.join), edge.main
        assert (join.inputs, join.relu, str(join.result)) == (
            (conv, edge.projection or edge.fork),
            False,
            "ap_fixed<16,6>",
        )
        assert (graph.node(conv).relu, graph.node(conv).result) == (True, None)


@pytest.mark.parametrize("skips", ["traditional", "shortened", "removed"])
def test_skip_block_of_the_paper(skips: str) -> None:
    deployed, shape = builtin("skip_block", filters=4, image_size=9, skips=skips, stem=1)
    imported = import_model(deployed, "skip_block", shape)
    formats = resolve_formats(imported, config())
    images = 30 * torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))
    wrapped = assert_equal(quantize(imported, formats), FixedPointModule(deployed, formats), images)
    assert wrapped  # inputs of 30 sigma leave ap_fixed<16,6>


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    cin=st.integers(1, 3),
    widths=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    head=st.sampled_from(["pool", "flatten", "none"]),
    kernel=st.sampled_from([1, 3, 5]),
    post=st.booleans(),
    data=st.data(),
)
def test_random_networks(seed, cin, widths, size, head, kernel, post, data) -> None:
    rng = np.random.default_rng(seed)
    strides = tuple(int(s) for s in rng.integers(1, 3, len(widths) - 1))
    pixels = 1
    for length in size:
        for stride in strides:
            length = (length - 1) // stride + 1
        pixels *= length
    model = seeded(Net(cin, tuple(widths), strides, head, pixels=pixels, kernel=kernel, post=post), seed)
    states = st.sampled_from(["kept", "removed", "shortened"])
    styles = st.just("post") if post else st.sampled_from(["pre", "post"])
    plan = {f"blocks.{index}": (data.draw(states), data.draw(styles)) for index in range(len(strides))}
    deployed = deploy(model, (cin, *size), plan)
    imported = import_model(deployed, "net", (cin, *size))
    formats = random_formats(imported, rng)
    images = torch.randn(3, cin, *size, generator=torch.Generator().manual_seed(seed)) * 2
    module = FixedPointModule(deployed, formats)
    assert_equal(quantize(imported, formats), module, images)
    # integers of a checkpoint give the same graph as float weights
    assert_equal(quantize(imported, formats, module.integers()), module, images)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 1000), head=st.sampled_from(["pool", "flatten", "none"]))
def test_wide_formats_approach_the_float_network(seed: int, head: str) -> None:
    model = seeded(Net(2, (3, 4), (2,), head, pixels=3 * 4), seed)
    imported = float_graph(model, (2, 5, 7))
    graph = quantize(imported, resolve_formats(imported, config("ap_fixed<22,7,AP_RND_CONV,AP_SAT>")))
    images = torch.randn(4, 2, 5, 7, generator=torch.Generator().manual_seed(seed)).double()
    integers = np.round(images.numpy().transpose(0, 2, 3, 1) * 2.0**15).astype(np.int64)
    with torch.no_grad():
        expected = model.double()(images)
    expected = expected if expected.dim() == 2 else expected.permute(0, 2, 3, 1)
    result = run_reference(graph, integers)
    reals = dequantize(result.outputs, graph.format_of(graph.output))
    assert np.allclose(reals.reshape(-1), expected.reshape(-1).numpy(), atol=0.01)


@pytest.mark.parametrize("layer", ["stem", "blocks.0.conv2", "blocks.0.downsample.0", "fc"])
def test_one_wrong_lsb_is_found(layer: str) -> None:
    model = seeded(Net(2, (3, 4), (2,), "pool"), 5)
    deployed = deploy(model, (2, 8, 8))
    imported = import_model(deployed, "net", (2, 8, 8))
    formats = resolve_formats(imported, config())
    module = FixedPointModule(deployed, formats)
    tensors = {name: values.clone() for name, values in module.integers().items()}
    tensors[f"{layer}.bias"][1] += 1
    images = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0)).abs()
    graph = quantize(imported, formats, tensors)
    observed = {name: values.numpy() for name, values in module.observe(images).items()}
    result = run_reference(graph, module.input_integers(images).numpy(), observe=[node.name for node in graph.nodes])
    difference = first_difference(result.observed, observed)
    assert difference is not None
    assert difference.layer == layer
    assert difference.channel == 1
