"""Import of PyTorch networks: every accepted spelling, every refusal word for word."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generator.errors import GraphError
from generator.float_graph import FloatAdd, FloatConv2d, FloatFlatten, FloatGlobalAveragePool, FloatLinear
from generator.graph import Shape, SkipEdge
from tests.generator.networks import Block, Net, float_graph, seeded

SUPPORTED = (
    " (supported: Conv2d, BatchNorm after a convolution or linear layer, ReLU after a convolution, linear layer or "
    "sum, two-way sums, global average pooling, flatten, Linear, Identity, Dropout)"
)


class Chain(nn.Module):
    """conv, then whatever a test wants to see imported, then (where given) a linear layer."""

    def __init__(self, middle: Callable[[Tensor], Tensor], features: int | None = None, **conv: object) -> None:
        super().__init__()
        options = {"kernel_size": 3, "padding": 1, **conv}
        self.conv = nn.Conv2d(2, 4, **options)
        self.middle = middle
        self.fc = None if features is None else nn.Linear(features, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.middle(self.conv(x))
        return x if self.fc is None else self.fc(x)


def test_network_of_all_layers() -> None:
    graph = float_graph(seeded(Net(2, (3, 4, 4), (2, 1), "pool"), 0), (2, 8, 6))
    assert [(node.name, type(node.layer), node.inputs, str(node.shape), node.relu) for node in graph.nodes] == [
        ("stem", FloatConv2d, ("input",), "(8,6,3)", "stem.relu"),
        ("blocks.0.conv1", FloatConv2d, ("stem",), "(4,3,4)", "blocks.0.conv1.relu"),
        ("blocks.0.conv2", FloatConv2d, ("blocks.0.conv1",), "(4,3,4)", None),
        ("blocks.0.downsample.0", FloatConv2d, ("stem",), "(4,3,4)", None),
        ("blocks.0.add", FloatAdd, ("blocks.0.conv2", "blocks.0.downsample.0"), "(4,3,4)", "blocks.0.conv2.relu"),
        ("blocks.1.conv1", FloatConv2d, ("blocks.0.add",), "(4,3,4)", "blocks.1.conv1.relu"),
        ("blocks.1.conv2", FloatConv2d, ("blocks.1.conv1",), "(4,3,4)", None),
        ("blocks.1.add", FloatAdd, ("blocks.1.conv2", "blocks.0.add"), "(4,3,4)", "blocks.1.conv2.relu"),
        ("mean", FloatGlobalAveragePool, ("blocks.1.add",), "(1,1,4)", None),
        ("fc", FloatLinear, ("mean",), "(1,1,3)", None),
    ]
    assert graph.skips == (
        SkipEdge(
            name="blocks.0",
            parent="blocks.0",
            fork="stem",
            join="blocks.0.add",
            main=("blocks.0.conv1", "blocks.0.conv2"),
            projection="blocks.0.downsample.0",
            short=False,
        ),
        SkipEdge(
            name="blocks.1",
            parent="blocks.1",
            fork="blocks.0.add",
            join="blocks.1.add",
            main=("blocks.1.conv1", "blocks.1.conv2"),
            projection=None,
            short=False,
        ),
    )
    assert graph.node("blocks.0.conv1").layer.stride == (2, 2)
    assert {"stem_bn", "blocks.0.bn1", "blocks.0.downsample.1"} <= set(graph.vanished)


def test_altered_skips() -> None:
    model = seeded(Net(2, (3, 4, 4), (2, 1), "none"), 0)
    graph = float_graph(model, (2, 8, 6), {"blocks.0": ("shortened", "pre"), "blocks.1": ("removed", "pre")})
    assert graph.removed_skips == ("blocks.1",)
    assert [(skip.name, skip.parent, skip.fork, skip.join, skip.main, skip.short) for skip in graph.skips] == [
        ("blocks.0.0", "blocks.0", "stem", "blocks.0.0.add", ("blocks.0.conv1",), True),
        ("blocks.0.1", "blocks.0", "blocks.0.0.add", "blocks.0.1.add", ("blocks.0.conv2",), True),
    ]
    assert graph.skips[0].projection == "blocks.0.downsample.0"
    assert graph.node("blocks.0.0.add").inputs == ("blocks.0.conv1", "blocks.0.downsample.0")
    assert graph.output == "blocks.1.conv2"


def test_batch_norm_is_folded_in_float64() -> None:
    model = seeded(nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)), 1)
    layer = float_graph(model, (2, 5, 5)).node("0").layer
    assert isinstance(layer, FloatConv2d)
    conv, norm = model[0], model[1]
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    weight = conv.weight.double() * scale[:, None, None, None]
    bias = (conv.bias.double() - norm.running_mean.double()) * scale + norm.bias.double()
    assert layer.weight.dtype == np.float64
    assert np.array_equal(layer.weight, weight.detach().permute(2, 3, 1, 0).numpy())
    assert np.array_equal(layer.bias, bias.detach().numpy())


def test_batch_norm_behind_a_linear_layer() -> None:
    model = seeded(nn.Sequential(nn.Flatten(), nn.Linear(2, 3), nn.BatchNorm1d(3)), 1).double()
    model[2].running_var.fill_(4.0)
    layer = float_graph(model, (2, 1, 1)).node("1").layer
    x = torch.randn(5, 2, 1, 1, dtype=torch.double)
    with torch.no_grad():
        expected = model(x).numpy()
    assert np.allclose(x.reshape(5, 2).numpy() @ layer.weight + layer.bias, expected)


@pytest.mark.parametrize(
    "relu",
    [nn.ReLU(), nn.ReLU(inplace=True), F.relu, torch.relu, lambda x: x.relu(), lambda x: F.relu(x, inplace=True)],
)
def test_spellings_of_relu(relu) -> None:
    graph = float_graph(Chain(relu), (2, 4, 4))
    assert [(node.name, node.relu) for node in graph.nodes] == [("conv", "conv.relu")]


@pytest.mark.parametrize(
    ("pool", "keeps_map"),
    [
        (nn.AdaptiveAvgPool2d(1), True),
        (nn.AdaptiveAvgPool2d((1, 1)), True),
        (lambda x: F.adaptive_avg_pool2d(x, 1), True),
        (lambda x: F.adaptive_avg_pool2d(x, (1, 1)), True),
        (nn.AvgPool2d((4, 6)), True),
        (lambda x: F.avg_pool2d(x, (4, 6)), True),
        (lambda x: x.mean([2, 3]), False),
        (lambda x: x.mean((-1, -2), keepdim=True), True),
        (lambda x: torch.mean(x, dim=(2, 3)), False),
    ],
)
def test_spellings_of_global_pooling(pool, keeps_map) -> None:
    model = Chain((lambda x: pool(x).flatten(1)) if keeps_map else pool, 4)
    if isinstance(pool, nn.Module):
        model.pool = pool
    graph = float_graph(model, (2, 4, 6))
    assert [type(node.layer) for node in graph.nodes] == [FloatConv2d, FloatGlobalAveragePool, FloatLinear]
    assert graph.nodes[1].shape == Shape(height=1, width=1, channels=4)


@pytest.mark.parametrize(
    "flatten",
    [
        nn.Flatten(),
        lambda x: torch.flatten(x, 1),
        lambda x: x.flatten(1),
        lambda x: x.view(x.size(0), -1),
        lambda x: x.reshape(x.shape[0], 4 * 3 * 5),
        lambda x: torch.reshape(x, (-1, 60)),
    ],
)
def test_spellings_of_flatten(flatten) -> None:
    model = seeded(Chain(flatten, 60), 0).double()
    graph = float_graph(model, (2, 3, 5))
    assert [type(node.layer) for node in graph.nodes] == [FloatConv2d, FloatFlatten, FloatLinear]
    assert graph.nodes[1].shape == Shape(height=1, width=1, channels=60)
    x = torch.randn(2, 2, 3, 5, dtype=torch.double)
    with torch.no_grad():
        maps = model.conv(x).permute(0, 2, 3, 1).reshape(2, -1).numpy()
        expected = model(x).numpy()
    linear = graph.node("fc").layer
    assert np.allclose(maps @ linear.weight + linear.bias, expected)


def test_identities_and_dropout_vanish() -> None:
    middle = nn.Sequential(nn.Identity(), nn.Dropout(0.5), nn.ReLU(), nn.Dropout2d(0.1))
    graph = float_graph(Chain(middle), (2, 4, 4))
    assert [(node.name, node.relu) for node in graph.nodes] == [("conv", "conv.relu")]


def test_same_padding_by_name_and_names_of_networks() -> None:
    graph = float_graph(Chain(nn.Identity(), kernel_size=5, padding="same"), (2, 4, 7))
    assert graph.nodes[0].layer.padding == (2, 2)
    assert graph.name == "net"
    assert graph.input_shape == Shape(height=4, width=7, channels=2)


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (
            Chain(nn.Identity(), groups=2, dilation=2, padding=2),
            "'conv': convolution with groups=2 (expected 1), dilation=(2, 2) (expected 1), padding (2, 2) (expected "
            "half the kernel, (1, 1)) is not supported",
        ),
        (
            Chain(nn.Identity(), kernel_size=4),
            "'conv': convolution with kernel (4, 4) (expected square and odd), padding (1, 1) (expected half the "
            "kernel, (2, 2)) is not supported",
        ),
        (
            Chain(nn.Identity(), stride=3),
            "'conv': convolution with stride (3, 3) (expected 1 or 2, both ways the same) is not supported",
        ),
        (
            Chain(nn.Identity(), padding_mode="reflect"),
            "'conv': convolution with padding_mode 'reflect' (expected 'zeros') is not supported",
        ),
        (Chain(nn.MaxPool2d(2)), "'middle': a MaxPool2d layer is not supported"),
        (Chain(torch.sigmoid), "'sigmoid': the operation sigmoid is not supported"),
        (Chain(lambda x: x * 2), "'mul': the operation mul is not supported"),
        (Chain(lambda x: x + 1), "'add': the operation add is not supported"),
        (
            Chain(lambda x: F.pad(x, (1, 1))),
            "'pad': padding (as in option A shortcuts) is not supported",
        ),
        (
            Chain(nn.AdaptiveAvgPool2d(2)),
            "'middle': average pooling to 2 is not supported; only global average pooling, to 1",
        ),
        (
            Chain(nn.AvgPool2d(2)),
            "'middle': average pooling with kernel (2, 2) of a 4x4 map is not supported; only global average "
            "pooling, over the whole map",
        ),
        (
            Chain(lambda x: x.mean(1)),
            "'mean': mean over 1 is not supported; only over height and width, mean([2, 3])",
        ),
        (
            Chain(lambda x: x.flatten(2)),
            "'flatten': the operation flatten from (4, 4, 4) to (4, 16) is not supported; flatten to (N, -1)",
        ),
        (
            Chain(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4))),
            "'middle.1': batch norm can only be folded directly behind a convolution or linear layer",
        ),
        (
            nn.Sequential(nn.ReLU(), nn.Conv2d(2, 4, 1)),
            "'0': a ReLU must follow a convolution, a linear layer or a sum",
        ),
        (Chain(lambda x: x, 4), "'fc': its input (4, 4, 4) is no vector; flatten or pool it before"),
    ],
)
def test_refused_layers(model: nn.Module, problem: str) -> None:
    with pytest.raises(GraphError) as error:
        float_graph(model, (2, 4, 4))
    assert str(error.value) == f"network 'net' cannot be imported: {problem}{SUPPORTED}"


class Branching(nn.Module):
    """A ReLU and a sum that both read the convolution itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 2, 3, padding=1)
        self.conv2 = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        return self.conv2(x.relu()) + x


def test_relu_that_shares_its_input() -> None:
    with pytest.raises(GraphError) as error:
        float_graph(Branching(), (2, 4, 4))
    assert str(error.value) == (
        "network 'net' cannot be imported: 'conv1.relu': the ReLU cannot be fused: 'conv1' is also read elsewhere "
        f"('conv1.relu', 'skip.add'){SUPPORTED}"
    )


def test_all_problems_come_at_once() -> None:
    middle = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, groups=4, padding=1), nn.Sigmoid())
    with pytest.raises(GraphError) as error:
        float_graph(Chain(middle), (2, 4, 4))
    assert str(error.value) == (
        "network 'net' cannot be imported: 'middle.0': a MaxPool2d layer is not supported; 'middle.1': convolution "
        "with groups=4 (expected 1) is not supported; 'middle.2': a Sigmoid layer is not supported" + SUPPORTED
    )


class Projecting(Block):
    """A skip branch of a 3x3 convolution."""

    def __init__(self) -> None:
        super().__init__(2, 4, 1, 3, post=False)
        self.downsample = nn.Conv2d(2, 4, 3, padding=1)


def test_projection_must_be_1x1() -> None:
    model = nn.Sequential(nn.Conv2d(2, 2, 1), Projecting())
    message = "skip '1' must be an identity or one 1x1 convolution without ReLU"
    with pytest.raises(GraphError, match=f"^{re.escape(message)}$"):
        float_graph(model, (2, 4, 4))


def test_input_shape_must_be_a_map() -> None:
    from generator.frontend.torch_fx import import_model
    from tests.generator.networks import deploy

    message = "network 'net': the input shape must be channels,height,width, got (2,)"
    with pytest.raises(GraphError, match=f"^{re.escape(message)}$"):
        import_model(deploy(nn.Sequential(nn.Linear(2, 2)), (2,)), "net", (2,))


def test_network_without_layers() -> None:
    with pytest.raises(GraphError) as error:
        float_graph(nn.Sequential(nn.Dropout(0.5)), (2, 4, 4))
    assert str(error.value) == (
        "network 'net' cannot be imported: the network has no layers between its input and its output" + SUPPORTED
    )
