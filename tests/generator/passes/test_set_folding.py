from __future__ import annotations

import pytest

from generator.config import LayerConfig
from generator.design import ReadForm
from generator.errors import FoldingError
from generator.passes.mac_layer import divisors, mac_layer
from generator.passes.set_folding import set_folding
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
        products = layer.products
        assert folding.pe * folding.simd * folding.reuse_factor == products
    assert foldings["layer2.0.downsample.0"].reuse_factor == 64


def test_pixel_wide_streams_avoid_the_wide_line_buffer_before_they_save_accumulators():
    graph = graph_of("skip_block", filters=16, image_size=32)
    foldings, _ = set_folding(graph, hardware(144, lanes=0))
    assert (foldings["block.conv1"].pe, foldings["block.conv1"].simd) == (4, 4)


@pytest.mark.parametrize(
    ("reuse_factor", "form", "pe", "simd"),
    [
        (576, ReadForm.SERIAL, 4, 1),
        (144, ReadForm.SERIAL, 16, 1),
        (72, ReadForm.SERIAL, 16, 2),
        (192, ReadForm.ROWS, 4, 3),
        (3, ReadForm.ROWS, 16, 48),
        (16, ReadForm.WINDOW, 16, 9),
        (1, ReadForm.WINDOW, 16, 144),
    ],
)
def test_narrow_streams_give_every_output_channel_its_multiplier(reuse_factor, form, pe, simd):
    graph = graph_of("skip_block", filters=16, image_size=32)
    folding = set_folding(graph, hardware(reuse_factor))[0]["block.conv1"]
    assert (folding.reuse_factor, folding.form, folding.pe, folding.simd) == (reuse_factor, form, pe, simd)


def test_a_ring_that_cannot_be_loaded_in_time_gets_wider_words():
    """A 1x1 conv with stride 2 reads four pixels for one: with one channel a beat the loading would rule."""
    graph = graph_of("resnet8", width=8, in_channels=1, image_size=8)
    folding = set_folding(graph, hardware(16))[0]["layer2.0.downsample.0"]
    layer = mac_layer(graph, graph.node("layer2.0.downsample.0"))
    assert layer is not None
    assert folding.simd > 1
    assert layer.cycles(folding) == layer.beats(folding)


def test_a_bound_below_every_legal_value_warns_and_takes_the_smallest():
    graph = graph_of("skip_block", filters=4, image_size=8)
    foldings, warnings = set_folding(graph, hardware(3, lanes=0))
    assert foldings["block.conv1"].reuse_factor == 9
    assert warnings[0] == "layer block.conv1: its smallest legal reuse factor is 9, above the bound 3"


def test_a_value_that_no_layer_can_take_is_refused_with_its_neighbours():
    graph = graph_of("skip_block", filters=16, image_size=8)
    with pytest.raises(FoldingError) as caught:
        set_folding(graph, hardware(577))
    assert str(caught.value) == (
        "Model.ReuseFactor: 577 is legal for no layer; the nearest legal values are 576 and 768"
    )


def test_an_illegal_value_of_a_layer_is_refused_with_its_neighbours():
    graph = graph_of("skip_block", filters=16, image_size=8)
    with pytest.raises(FoldingError) as caught:
        set_folding(graph, hardware(576, layers={"block.conv2": LayerConfig(reuse_factor=100)}))
    assert str(caught.value) == (
        "LayerName.block.conv2.ReuseFactor: 100 is not legal for this layer; the nearest legal values are 96 and 128"
    )
