from __future__ import annotations

import pytest

from generator.config import LayerConfig
from generator.errors import FoldingError
from generator.passes.set_folding import divisors, mac_layer, ring_pixels, set_folding
from tests.generator.passes.designs import graph_of, hardware


def test_divisors_are_all_and_ascending():
    assert divisors(12) == (1, 2, 3, 4, 6, 12)
    assert divisors(1) == (1,)


def test_every_layer_takes_its_largest_legal_reuse_factor_below_the_bound():
    graph = graph_of("resnet8", width=8, in_channels=1, image_size=8)
    foldings, warnings = set_folding(graph, hardware(72))
    assert warnings == ()
    for node in graph.nodes:
        layer = mac_layer(graph, node)
        if layer is None:
            assert node.name not in foldings
            continue
        folding = foldings[node.name]
        assert folding.reuse_factor == max(rf for rf in layer.legal_reuse_factors if rf <= 72)
        products = layer.taps * layer.in_channels * layer.out_channels
        assert folding.pe * folding.simd * folding.reuse_factor == products
    assert foldings["layer2.0.downsample.0"].reuse_factor == 64


def test_the_wide_line_buffer_is_avoided_before_accumulators_are_saved():
    graph = graph_of("skip_block", filters=16, image_size=32)
    foldings, _ = set_folding(graph, hardware(144))
    assert (foldings["block.conv1"].pe, foldings["block.conv1"].simd) == (4, 4)


def test_a_bound_below_every_legal_value_warns_and_takes_the_smallest():
    graph = graph_of("skip_block", filters=4, image_size=8)
    foldings, warnings = set_folding(graph, hardware(3))
    assert foldings["block.conv1"].reuse_factor == 9
    assert warnings[0] == "layer block.conv1: its smallest legal reuse factor is 9, above the bound 3"


def test_a_value_that_no_layer_can_take_is_refused_with_its_neighbours():
    graph = graph_of("skip_block", filters=16, image_size=8)
    with pytest.raises(FoldingError) as caught:
        set_folding(graph, hardware(577))
    assert str(caught.value) == (
        "Model.ReuseFactor: 577 is legal for no layer; the nearest legal values are 576 and 1152"
    )


def test_an_illegal_value_of_a_layer_is_refused_with_its_neighbours():
    graph = graph_of("skip_block", filters=16, image_size=8)
    with pytest.raises(FoldingError) as caught:
        set_folding(graph, hardware(576, layers={"block.conv2": LayerConfig(reuse_factor=100)}))
    assert str(caught.value) == (
        "LayerName.block.conv2.ReuseFactor: 100 is not legal for this layer; the nearest legal values are 72 and 144"
    )


def test_the_ring_holds_the_window_span_and_one_pixel():
    assert ring_pixels((3, 3), 32) == 68
    assert ring_pixels((1, 1), 32) == 2
