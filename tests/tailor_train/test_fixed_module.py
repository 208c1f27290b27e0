"""The PyTorch fixed-point executor against rational numbers, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tailor_train.errors import TrainError
from tailor_train.fixed_module import FixedPointModule
from tailor_train.fixed_point import Overflow, Rounding, parse_format
from tailor_train.fixed_steps import MAX_PIECES
from tailor_train.models import build_model, split_builtin_args
from tailor_train.plan import SkipChoice, SkipState
from tailor_train.surgery import Deployed, apply_plan
from tests.tailor_train import slow_arithmetic as slow

SKIPS = ("traditional", "shortened", "removed", "traditional post", "shortened post")
MODES = [f"{rounding},{overflow}" for rounding in Rounding for overflow in Overflow]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def deploy(factory: str, skips: str, **args: Any) -> Deployed:
    state, _, style = skips.partition(" ")
    rest, plan = split_builtin_args(factory, args | {"skips": state, "style": style or "pre"})
    size = (args.get("filters", args.get("in_channels")), args["image_size"], args["image_size"])
    return apply_plan(build_model(factory, rest, 3), plan, size)


def block_formats(draw: Any) -> dict[str, dict[str, str]]:
    """Narrow formats of every mode, so that rounding, saturation and wrapping all happen."""

    def fmt(low: int, high: int) -> str:
        width = draw(st.integers(low, high))
        return f"ap_fixed<{width},{draw(st.integers(1, 4))},{draw(st.sampled_from(MODES))}>"

    layers = ("block.conv1", "block.conv2")
    weights = {layer: {"weight": fmt(4, 9), "bias": fmt(4, 14), "result": fmt(3, 9)} for layer in layers}
    return {"input": {"result": fmt(4, 8)}} | weights | {f"{layer}.relu": {"result": fmt(3, 9)} for layer in layers}


def folded(conv: Any, norm: Any, formats: Mapping[str, str]) -> tuple[Any, list[Fraction]]:
    """Weights and biases as the formats make them, from float64 numbers."""
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    weight = conv.weight.double() * scale[:, None, None, None]
    bias = (0.0 - norm.running_mean.double()) * scale + norm.bias.double()
    return rational(weight, formats["weight"]), rational(bias, formats["bias"])


def rational(values: Tensor, fmt: str | None = None) -> Any:
    """Nested lists of exact numbers, on a format's grid if one is given."""
    if values.dim() == 0:
        exact = Fraction(float(values))
        return exact if fmt is None else slow.snap(exact, parse_format(fmt))
    return [rational(value, fmt) for value in values.detach()]


def by_hand(deployed: Deployed, skips: str, formats: Mapping[str, Any], image: Tensor) -> slow.Map:
    """A skip block: T adds the input after the second conv, S each conv's own input, R nothing.

    Style pre adds before the ReLU, post behind it; then the sum takes the conv's own result format.
    """
    state, _, post = skips.partition(" ")
    block: Any = deployed.module.get_submodule("block")
    x: slow.Map = rational(image, formats["input"]["result"])

    def join(sums: slow.Map, skip: slow.Map | None, layer: str) -> slow.Map:
        sums = slow.relu(sums) if skip is None or post else sums
        sums = sums if skip is None else slow.add(sums, skip)
        owner = layer if skip is not None and post else f"{layer}.relu"
        return slow.to(parse_format(formats[owner]["result"]), sums if post else slow.relu(sums))

    first = slow.convolve(x, *folded(block.conv1, block.bn1, formats["block.conv1"]), 1, 1)
    hidden = join(first, x if state == "shortened" else None, "block.conv1")
    second = slow.convolve(hidden, *folded(block.conv2, block.bn2, formats["block.conv2"]), 1, 1)
    return join(second, {"traditional": x, "shortened": hidden}.get(state), "block.conv2")


@pytest.mark.parametrize("skips", SKIPS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_block_equals_rational_arithmetic_in_all_modes(skips: str, data: st.DataObject) -> None:
    deployed = deploy("skip_block", skips, filters=2, image_size=4)
    formats = block_formats(data.draw)
    image = torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(data.draw(st.integers(0, 99)))) * 3
    expected = by_hand(deployed, skips, formats, image)
    assert rational(FixedPointModule(deployed, formats)(image[None])[0]) == expected


@pytest.mark.parametrize("skips", SKIPS)
def test_sixteen_bits_wrap_like_the_hardware(skips: str) -> None:
    deployed = deploy("skip_block", skips, filters=2, image_size=4)
    names = ("input", "block.conv1", "block.conv2", "block.conv1.relu", "block.conv2.relu")
    formats = {name: dict.fromkeys(("weight", "bias", "result"), "ap_fixed<16,6>") for name in names}
    image = torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(5)) * 40
    module = FixedPointModule(deployed, formats)
    y = module(image[None])
    assert rational(y[0]) == by_hand(deployed, skips, formats, image)
    assert bool((y < 0).any()), "nothing wrapped: without a sum behind it a ReLU can only be negative by wrapping"
    assert module.output_integers(y)[0, 1, 2].tolist() == [float(value[1, 2]) * 1024 for value in y[0]]


class DownNet(nn.Module):
    """A downsampling block with a projection, mean over 3 x 2 pixels, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 3, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(3, 3, 3, padding=1)
        self.shortcut = nn.Conv2d(2, 3, 1, stride=2)
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.conv1(x))
        y = torch.relu(self.conv2(h) + self.shortcut(x))
        result: Tensor = self.fc(y.mean((2, 3)))
        return result


def down_net() -> tuple[DownNet, Deployed]:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = DownNet()
    return net, apply_plan(net, {}, (2, 6, 4))


def down_formats(mode: str) -> dict[str, dict[str, str]]:
    weights = {"weight": f"ap_fixed<7,1,{mode}>", "bias": "ap_fixed<12,2,AP_RND,AP_SAT>"}
    formats: dict[str, dict[str, str]] = {name: dict(weights) for name in ("conv1", "conv2", "shortcut", "fc")}
    results = {
        "input": "ap_fixed<6,2",
        "conv1.relu": "ap_ufixed<5,1",
        "conv2.relu": "ap_ufixed<5,2",
        "mean": "ap_fixed<7,2",
    }
    return formats | {name: {"result": f"{text},{mode}>"} for name, text in results.items()}


@pytest.mark.parametrize("mode", MODES)
def test_projection_mean_and_linear_equal_rational_arithmetic(mode: str) -> None:
    net, deployed = down_net()
    formats = down_formats(mode)
    image = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(7)) * 1.5

    def parameters(name: str) -> tuple[Any, Any]:
        layer = net.get_submodule(name)
        return rational(layer.weight.double(), formats[name]["weight"]), rational(  # type: ignore[operator]
            layer.bias.double(),
            formats[name]["bias"],  # type: ignore[operator]
        )

    x = rational(image, formats["input"]["result"])
    h = slow.relu(slow.convolve(x, *parameters("conv1"), 2, 1))
    h = slow.to(parse_format(formats["conv1.relu"]["result"]), h)
    y = slow.add(slow.convolve(h, *parameters("conv2"), 1, 1), slow.convolve(x, *parameters("shortcut"), 2, 0))
    y = slow.to(parse_format(formats["conv2.relu"]["result"]), slow.relu(y))
    pooled = [slow.snap(value, parse_format(formats["mean"]["result"])) for value in slow.mean(y)]
    weight, bias = parameters("fc")
    expected = [sum(w * p for w, p in zip(row, pooled, strict=True)) + b for row, b in zip(weight, bias, strict=True)]
    module = FixedPointModule(deployed, formats)
    assert rational(module(image[None])[0]) == expected
    assert module.output_integers(module(image[None])).shape == (1, 1, 1, 2)


@pytest.mark.parametrize("skips", SKIPS)
def test_wide_formats_come_close_to_floating_point(skips: str) -> None:
    deployed = deploy("resnet8", skips, width=4, in_channels=1, image_size=8)
    module = FixedPointModule(deployed, formats_of(deployed, "ap_fixed<26,12,AP_RND_CONV,AP_SAT>"))
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(module(x), deployed.module.double()(x.double()), atol=0.02)


def formats_of(deployed: Deployed, text: str) -> dict[str, dict[str, str]]:
    """One format for everything a built-in network may need."""
    roles = dict.fromkeys(("weight", "bias", "result"), text)
    names = ["input", *(name for name, _ in deployed.module.named_modules())]
    return {name: dict(roles) for name in (*names, *(f"{name}.relu" for name in names))}


@pytest.mark.parametrize("skips", SKIPS)
def test_float32_where_it_is_proved_changes_nothing(skips: str) -> None:
    deployed = deploy("resnet8", skips, width=4, in_channels=1, image_size=8)
    module = FixedPointModule(deployed, formats_of(deployed, "ap_fixed<9,4,AP_RND,AP_WRAP>"))
    assert module.largest_sum < 2**24
    x = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2
    single = module.observe(x)
    assert_same(single, in_float64(module).observe(x))


def in_float64(module: FixedPointModule) -> FixedPointModule:
    """The same module without any float32."""
    for step in module.steps:
        step.dtype = torch.float64
        step.pieces = 99
        for name, buffer in list(step.named_buffers()):
            setattr(step, name, buffer.double())
    return module


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("text", ["ap_fixed<16,6>", "ap_fixed<18,3,AP_RND,AP_SAT_SYM>"])
def test_wide_inputs_in_float32_pieces_change_nothing(text: str) -> None:
    deployed = deploy("resnet8", "traditional", width=4, in_channels=1, image_size=8)
    formats = formats_of(deployed, text) | {"input": {"result": "ap_fixed<16,6>"}}
    module = FixedPointModule(deployed, formats)
    x = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 9
    pieces = [step.pieces for step in module.steps if step.dtype is torch.float64 and hasattr(step, "pieces")]
    assert any(1 < count <= MAX_PIECES for count in pieces)
    cut = module.observe(x)
    assert_same(cut, in_float64(module).observe(x))


def test_observe_names_every_node_and_goes_channels_last() -> None:
    deployed = deploy("resnet8", "shortened", width=4, in_channels=1, image_size=8)
    module = FixedPointModule(deployed, formats_of(deployed, "ap_fixed<16,6>"))
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    observed = module.observe(x)
    assert {"input", "conv1", "layer1.0.conv1", "layer1.0.0.add", "layer1.0.1.add", "avgpool", "fc"} <= set(observed)
    assert observed["layer2.0.1.add"].shape == (2, 4, 4, 8)
    assert observed["layer2.0.1.add"].dtype == torch.int64
    assert torch.equal(observed["fc"], module.output_integers(module(x)))
    assert torch.equal(observed["input"], module.input_integers(x))
    assert torch.equal(module.input_integers(x), torch.floor(x * 1024).to(torch.int64).permute(0, 2, 3, 1))


def test_integers_given_are_used_as_they_are() -> None:
    deployed = deploy("skip_block", "traditional", filters=2, image_size=4)
    formats = formats_of(deployed, "ap_fixed<12,4,AP_RND_CONV,AP_SAT>")
    floats = FixedPointModule(deployed, formats)
    again = FixedPointModule(deployed, formats, floats.integers())
    x = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again(x), floats(x))
    changed = floats.integers()
    changed["block.conv2.bias"] += 64
    assert not torch.equal(FixedPointModule(deployed, formats, changed)(x), floats(x))


class Shared(nn.Module):
    """One convolution and one batch norm called twice, and a layer whose name the second call might take."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU()
        self.conv_2 = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.conv(x)))
        x = self.relu(self.norm(self.conv(x)) + x)
        result: Tensor = self.relu(self.conv_2(x))
        return result


def test_a_layer_that_is_called_twice_is_two_layers_with_formats_of_their_own() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        net = Shared().eval()
    deployed = apply_plan(net, {}, (2, 4, 4))
    formats = {name: dict.fromkeys(("weight", "bias"), "ap_fixed<14,4>") for name in ("conv", "conv_2", "conv_3")}
    results = {"input": "ap_fixed<14,4>", "conv.relu": "ap_fixed<14,4>", "conv_3.relu": "ap_fixed<14,4>"}
    formats |= {name: {"result": text} for name, text in results.items()}
    formats["conv_2.relu"] = {"result": "ap_fixed<14,4>"}
    module = FixedPointModule(deployed, formats)
    assert module.names == ("input", "conv", "conv_3", "skip.add", "conv_2")
    x = torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(module(x), net.double()(x.double()), atol=0.02)
    integers = module.integers()
    assert torch.equal(integers["conv.weight"], integers["conv_3.weight"])
    integers["conv_3.bias"] += 256
    other = FixedPointModule(deployed, formats, integers).observe(x)
    assert torch.equal(other["conv"], module.observe(x)["conv"])
    assert not torch.equal(other["conv_3"], module.observe(x)["conv_3"])


def refusal(deployed: Deployed, formats: Mapping[str, Any], integers: Mapping[str, Tensor] | None = None) -> str:
    with pytest.raises(TrainError) as error:
        FixedPointModule(deployed, formats, integers)
    return str(error.value)


def test_missing_formats_are_named() -> None:
    deployed = deploy("skip_block", "removed", filters=2, image_size=4)
    formats = formats_of(deployed, "ap_fixed<12,4>")
    del formats["block.conv2"]["bias"]
    assert refusal(deployed, formats) == "layer 'block.conv2': the formats table has no 'bias' format for it"


def test_sums_beyond_float64_are_refused() -> None:
    deployed = deploy("skip_block", "removed", filters=2, image_size=4)
    message = refusal(deployed, formats_of(deployed, "ap_fixed<30,4>"))
    assert message.startswith("layer 'block.conv1': its sums reach ")
    assert message.endswith(" LSBs, but float64 is exact only below 2**53; use narrower formats")


def test_damaged_integers_are_refused() -> None:
    deployed = deploy("skip_block", "removed", filters=2, image_size=4)
    formats = formats_of(deployed, "ap_fixed<8,4>")
    integers = FixedPointModule(deployed, formats).integers()
    outside = integers | {"block.conv1.weight": integers["block.conv1.weight"] + 300}
    assert refusal(deployed, formats, outside) == (
        "tensor 'block.conv1.weight' holds integers outside its format ap_fixed<8,4>; the checkpoint is damaged"
    )
    short = integers | {"block.conv1.bias": integers["block.conv1.bias"][:1]}
    assert refusal(deployed, formats, short) == "tensor 'block.conv1.bias': expected shape (2,), got (1,)"
    del integers["block.conv2.weight"]
    assert refusal(deployed, formats, integers) == (
        "the quantized checkpoint has no tensor 'block.conv2.weight'; was it made for another model?"
    )


def refused_layer(net: nn.Module) -> str:
    return refusal(apply_plan(net, {}, (2, 4, 4)), {"input": {"result": "ap_fixed<8,4>"}})


def test_layers_without_fixed_point_form_are_named() -> None:
    assert refused_layer(nn.Sequential(nn.Sigmoid(), nn.Conv2d(2, 2, 1))) == (
        "layer '0': Sigmoid cannot be executed in fixed point; supported are Conv2d, BatchNorm2d, ReLU, Linear, add, "
        "global average pooling and flatten"
    )
    assert refused_layer(nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1))) == (
        "batch norm '0' cannot be folded: it must directly follow a Conv2d or Linear that nothing else reads, but it "
        "reads 'input'"
    )
    assert refused_layer(nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(2, 2, 1))) == (
        "pooling '0': only global average pooling over height and width is supported, got (2, 4, 4) -> (2, 2, 2) by "
        "windows of (2, 2)"
    )
    assert refused_layer(nn.Sequential(nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"))) == (
        "layer '0': padding mode 'reflect' is not supported; use zeros"
    )


def test_a_mean_over_six_pixels_needs_a_format() -> None:
    _, deployed = down_net()
    formats = down_formats("AP_RND,AP_SAT")
    del formats["mean"]
    assert refusal(deployed, formats) == (
        "layer 'mean': a mean over 6 pixels is no fixed-point number; give it a result format"
    )


def test_a_kept_plan_is_the_traditional_network() -> None:
    args = {"filters": 2, "image_size": 4}
    kept = apply_plan(build_model("skip_block", args, 3), {"block": SkipChoice(state=SkipState.KEPT)}, (2, 4, 4))
    formats = formats_of(kept, "ap_fixed<8,4>")
    x = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    plain = FixedPointModule(deploy("skip_block", "traditional", **args), formats)
    assert torch.equal(FixedPointModule(kept, formats)(x), plain(x))
