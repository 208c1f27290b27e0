"""Skips of many shapes: spans of one to ten convs, strides, and several forks at one tensor."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from generator.config import HardwareConfig, SkipConfig
from generator.design import CloneStage, ConvStage, Implementation, JoinSource, Stage, StreamRole
from generator.errors import PlacementError
from generator.passes.build_stages import StageNetwork
from generator.passes.choose_stages import ChosenStages, choose_stages
from generator.passes.formats import resolve_formats
from generator.passes.quantize import quantize
from tests.generator.networks import config, float_graph, seeded

CLONE, TAP, RING = Implementation.CLONE_FIFO, Implementation.LINE_BUFFER_TAP, Implementation.RING_EXTEND


def convs(count: int, kernel: int, stride: int) -> nn.ModuleList:
    return nn.ModuleList(nn.Conv2d(4, 4, kernel, 1 if place else stride, kernel // 2) for place in range(count))


class Span(nn.Module):
    """A skip over some convs, with a projection where the first has a stride."""

    def __init__(self, count: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.convs = convs(count, kernel, stride)
        self.side = nn.Conv2d(4, 4, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv in self.convs[:-1]:
            y = torch.relu(conv(y))
        return torch.relu(self.convs[-1](y) + self.side(x))


class Nested(nn.Module):
    """Two skips that fork at the input: over two convs, and over those and two more."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = convs(4, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        first, second, third, fourth = self.convs
        inner = torch.relu(second(torch.relu(first(x))) + x)
        return torch.relu(fourth(torch.relu(third(inner))) + x)


class Inside(nn.Module):
    """A skip over two convs inside one over four."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = convs(4, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        first, second, third, fourth = self.convs
        fork = torch.relu(first(x))
        inner = torch.relu(third(torch.relu(second(fork))) + fork)
        return torch.relu(fourth(inner) + x)


def chosen(model: nn.Module, way: Implementation | None, reuse_factor: int = 36, **options: object) -> ChosenStages:
    floats = float_graph(seeded(model, 0), (4, 12, 12))
    wanted: HardwareConfig = config()
    graph = quantize(floats, resolve_formats(floats, wanted))
    skip = SkipConfig(implementation=way)
    wanted = replace(wanted, reuse_factor=reuse_factor, skip_default=skip, **options)  # type: ignore[arg-type]
    return choose_stages(graph, wanted)


def conv_stages(network: StageNetwork) -> list[ConvStage]:
    return [stage for stage in network.stages if isinstance(stage, ConvStage)]


def check_order(stages: tuple[Stage, ...], network: StageNetwork) -> None:
    place = {stage.name: index for index, stage in enumerate(stages)}
    for stream in network.streams:
        if stream.source and stream.sink:
            assert place[stream.source] < place[stream.sink]


@pytest.mark.parametrize("way", [None, CLONE, TAP, RING])
@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_a_skip_over_many_convs_joins_in_the_last(count, way):
    network = chosen(Span(count), way).network
    check_order(network.stages, network)
    *others, last = conv_stages(network)
    assert [stage.join for stage in others] == [None] * (count - 1)
    assert last.join is not None
    assert last.join.source is JoinSource.STREAM
    assert network.skip_streams == {"convs": last.join.stream}
    tapped = way is not CLONE
    assert (others[0].tap == last.join.stream) == tapped
    assert len(network.stages) == count + (not tapped)


@pytest.mark.parametrize("way", [None, CLONE])
def test_a_skip_over_one_conv(way):
    (stage, *rest) = conv_stages(chosen(Span(1), way).network)
    assert rest == []
    assert (stage.join is None) == (way is None)  # auto folds it


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("way", [CLONE, TAP, RING])
def test_a_projection_waits_behind_the_tap_or_the_clone(kernel, way):
    network = chosen(Span(2, kernel, 2), way, reuse_factor=16 * kernel * kernel // 4).network
    check_order(network.stages, network)
    stages = {stage.name: stage for stage in conv_stages(network)}
    side, last = stages["side"], stages["convs.1"]
    assert last.join is not None
    assert last.join.stream == side.output
    assert last.join.format == side.accumulator == side.out_format
    first = stages["convs.0"]
    if way is CLONE:
        assert first.tap is None
        assert isinstance(network.stages[0], CloneStage)
    else:
        assert first.tap == side.input
        assert network.tap_streams == {side.input: ("convs",)}
    roles = {stream.name: stream.role for stream in network.streams}
    assert roles[side.input] is (StreamRole.DATA if way is CLONE else StreamRole.SKIP)
    assert roles[side.output] is StreamRole.SKIP


def test_skips_that_fork_at_one_tensor_share_a_tap():
    network = chosen(Nested(), TAP).network
    check_order(network.stages, network)
    first, second, _, fourth = conv_stages(network)
    (clone,) = (stage for stage in network.stages if isinstance(stage, CloneStage))
    assert clone.input == first.tap
    assert second.join is not None
    assert fourth.join is not None
    assert set(clone.outputs) == {second.join.stream, fourth.join.stream}
    assert network.tap_streams == {first.tap: ("convs", "convs_2")}
    assert network.skip_streams == {"convs": second.join.stream, "convs_2": fourth.join.stream}


def test_a_ring_cannot_keep_two_skips():
    with pytest.raises(PlacementError) as caught:
        chosen(Nested(), None, skips={"convs": SkipConfig(implementation=RING)})
    assert str(caught.value) == (
        "Skip.convs: another skip forks at input too and would leave through the same tap, where each needs a FIFO of "
        "its own; use line_buffer_tap"
    )
    assert [skip.implementation for skip in chosen(Nested(), None).skips] == [TAP, TAP]


def test_one_of_two_skips_at_a_tensor_can_be_cloned():
    ways = {"convs": SkipConfig(implementation=CLONE), "convs_2": SkipConfig(implementation=TAP)}
    network = chosen(Nested(), None, skips=ways).network
    check_order(network.stages, network)
    first, second, _, fourth = conv_stages(network)
    assert second.join is not None
    assert fourth.join is not None
    assert fourth.join.stream == first.tap
    (clone,) = (stage for stage in network.stages if isinstance(stage, CloneStage))
    assert clone.outputs == (first.input, second.join.stream)


@pytest.mark.parametrize("way", [None, CLONE, TAP, RING])
def test_a_skip_inside_another(way):
    network = chosen(Inside(), way).network
    check_order(network.stages, network)
    first, second, third, fourth = conv_stages(network)
    assert third.join is not None
    assert fourth.join is not None
    if way is not CLONE:
        assert (first.tap, second.tap) == (fourth.join.stream, third.join.stream)
    names = [stream.name for stream in network.streams]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("model", [Span(3), Nested(), Inside()])
def test_pixel_wide_streams_add_in_stages_of_their_own(model):
    network = chosen(model, None, lanes=0).network
    check_order(network.stages, network)
    assert all(stage.join is None and stage.tap is None for stage in conv_stages(network))
