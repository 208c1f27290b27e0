"""Reuse factors from a target, against a search through every folding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.config import HardwareConfig, LayerConfig
from generator.design import ConvStage, Multiplier, ReadForm
from generator.errors import FoldingError
from generator.fixed_point import parse_format
from generator.flow import quantize_network
from generator.graph import Graph
from generator.multipliers import can_pack, dsp_slices
from generator.passes.choose_stages import choose_stages
from generator.passes.count_slices import count_slices
from generator.passes.mac_layer import mac_layer
from generator.passes.set_folding import set_folding
from generator.source import load_source
from tests.generator.passes.designs import hardware


def target(multiplier: Multiplier = Multiplier.AUTO, **goal: object) -> HardwareConfig:
    """A configuration that searches, for 8 bits."""
    base = replace(hardware(1), reuse_factor=None, precision=parse_format("ap_fixed<8,3,AP_RND_CONV,AP_SAT>"))
    return replace(base, multiplier=multiplier, **goal)  # type: ignore[arg-type]


def graph_8_bits(source: str, **args: object) -> Graph:
    return quantize_network(load_source(source, args=args), target(target_cycles=1)).graph


@pytest.fixture(scope="module")
def resnet20() -> Graph:
    return graph_8_bits("resnet20", skips="removed")


def stages_of(graph: Graph, config: HardwareConfig) -> list[ConvStage]:
    return [stage for stage in choose_stages(graph, config).network.stages if isinstance(stage, ConvStage)]


def test_every_layer_is_as_slow_as_the_target_allows():
    graph = graph_8_bits("resnet8", width=8, in_channels=1, image_size=8)
    foldings, warnings = set_folding(graph, target(target_cycles=5000))
    assert warnings == ()
    for node in graph.nodes:
        layer = mac_layer(graph, node)
        if layer is None:
            continue
        chosen = foldings[node.name]
        fitting = [folding for folding in layer.foldings if layer.cycles(folding) <= 5000]
        assert layer.cycles(chosen) <= 5000
        assert chosen.pe * chosen.simd == min(folding.pe * folding.simd for folding in fitting)


def test_frames_a_second_are_cycles_at_the_clock(resnet20):
    by_rate, _ = set_folding(resnet20, target(target_fps=1000.0))  # 5 ns: 200,000 cycles
    by_cycles, _ = set_folding(resnet20, target(target_cycles=200_000))
    assert by_rate == by_cycles


def test_a_target_out_of_reach_names_the_layer_and_its_fastest():
    graph = graph_8_bits("skip_block", filters=4, image_size=8)
    with pytest.raises(FoldingError) as caught:
        set_folding(graph, target(target_cycles=60))
    assert str(caught.value) == (
        "Model.TargetCycles: layer block.conv1 needs at least 64 cycles a frame, with reuse factor 1; "
        "60 are asked for\n"
        "Model.TargetCycles: layer block.conv2 needs at least 64 cycles a frame, with reuse factor 1; "
        "60 are asked for"
    )


@pytest.mark.parametrize(("multiplier", "most_cycles"), [(Multiplier.AUTO, 200_000), (Multiplier.PACKED, 100_000)])
def test_resnet20_fits_a_small_zynq_and_keeps_its_multipliers_busy(resnet20, multiplier, most_cycles):
    stages = stages_of(resnet20, target(multiplier, max_dsp=220))
    assert count_slices(stages) <= 220
    slowest = max(stage.cycles for stage in stages)
    assert slowest <= most_cycles
    products = sum(stage.out_shape.pixels * stage.multipliers * stage.reuse_factor for stage in stages)
    assert products >= 0.9 * slowest * sum(stage.multipliers for stage in stages)
    assert {stage.form for stage in stages} == {ReadForm.SERIAL, ReadForm.ROWS}


def test_no_budget_is_left_that_would_make_the_slowest_stage_faster(resnet20):
    config = target(max_dsp=150)
    stages = stages_of(resnet20, config)
    slowest = max(stage.cycles for stage in stages)
    faster = stages_of(resnet20, target(target_cycles=slowest - 1))
    assert count_slices(stages) <= 150 < count_slices(faster)


def test_slices_beside_the_layers_count_too():
    """The short skip's projection multiplies in its conv's stage, and the mean takes a slice for its division."""
    graph = graph_8_bits("resnet8", width=8, image_size=24, skips="shortened")
    stages = choose_stages(graph, target(max_dsp=40)).network.stages
    assert 30 < count_slices(stages) <= 40


def test_too_small_a_budget_is_refused(resnet20):
    with pytest.raises(FoldingError) as caught:
        set_folding(resnet20, target(max_dsp=10), 10)
    assert str(caught.value) == (
        "Model.MaxDSP: the layers need at least 20 DSP slices with their largest reuse factors, "
        "10 are there for them; allow more"
    )


def test_a_layers_own_reuse_factor_holds_beside_a_target(resnet20):
    config = target(target_cycles=205_000, layers={"layer1.0.conv1": LayerConfig(reuse_factor=36)})
    assert set_folding(resnet20, config)[0]["layer1.0.conv1"].reuse_factor == 36


def test_pairs_of_channels_share_a_slice_where_both_weights_have_eight_bits(resnet20):
    for stage in stages_of(resnet20, target(Multiplier.PACKED, target_cycles=110_000)):
        assert stage.packed == (stage.pe % 2 == 0)
        assert stage.multiplier is Multiplier.DSP
    for stage in stages_of(resnet20, target(target_cycles=110_000)):
        assert not stage.packed
    nine = parse_format("ap_fixed<9,3>")
    eight = parse_format("ap_fixed<8,3>")
    assert can_pack(eight, eight, 2)
    assert not can_pack(eight, nine, 2)
    assert not can_pack(nine, eight, 2)
    assert dsp_slices(8, 8) == 1
