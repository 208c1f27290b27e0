"""Predictions: shapes of memories, DSP slices, and a whole network against what Yosys found."""

from __future__ import annotations

import pytest

from generator.backends.rtl_stages import stage_instances
from generator.config import HardwareConfig
from generator.cost import predict
from generator.design import Design
from generator.device import find_device
from generator.fixed_point import parse_format
from generator.flow import quantize_network
from generator.multipliers import dsp_slices
from generator.passes import build_design
from generator.ram import LUTRAM_BITS, ram_blocks
from generator.source import load_source


@pytest.mark.parametrize(
    ("width_bits", "depth_words", "blocks"),
    [(36, 512, 0.5), (72, 512, 1), (73, 512, 1.5), (8, 2048, 0.5), (8, 4096, 1), (144, 12, 2), (1, 1, 0.5)],
)
def test_shapes_of_rams(width_bits: int, depth_words: int, blocks: float) -> None:
    assert ram_blocks(width_bits, depth_words) == blocks


@pytest.mark.parametrize(
    ("a_bits", "b_bits", "slices"),
    [(8, 8, 1), (9, 8, 1), (27, 18, 1), (18, 27, 1), (28, 18, 4), (16, 16, 1), (20, 20, 2), (4, 4, 0), (1, 20, 0)],
)
def test_products_of_a_dsp_slice(a_bits: int, b_bits: int, slices: int) -> None:
    assert dsp_slices(a_bits, b_bits) == slices


@pytest.mark.parametrize(("skips", "dsp", "bram36"), [("shortened", 1014, 39.0), ("removed", 934, 39.0)])
def test_a_resnet_as_yosys_synthesised_it(skips: str, dsp: int, bram36: float) -> None:
    predicted = predict(_resnet20(skips))
    assert (predicted.dsp, predicted.bram36) == (dsp, bram36)
    assert (predicted.lut, predicted.ff) == (None, None)
    assert predicted.interval_cycles == 4608
    assert set(predicted.as_dict()) == {"lut", "ff", "dsp", "bram36", "latency_cycles", "interval_cycles"}


def test_rings_are_kept_where_the_rtl_keeps_them() -> None:
    design = _resnet20("removed")
    for stage, instance in zip(design.stages, stage_instances(design), strict=True):
        if instance.module != "conv_stage":
            continue
        bits = stage.ring_pixels * stage.in_shape.channels * stage.in_format.width
        expected = "lutram" if bits <= LUTRAM_BITS else "bram"
        assert dict(instance.parameters)["RingStorage"] == expected


def _resnet20(skips: str) -> Design:
    """Width 8 on 8x8 images, reuse factor 72, eight bits everywhere."""
    network = load_source("resnet20", args={"skips": skips, "width": 8, "in_channels": 1, "image_size": 8})
    config = HardwareConfig(
        backend="RTL",
        part="xcu200-fsgd2104-2-e",
        clock_ns=5.0,
        reuse_factor=72,
        precision=parse_format("ap_fixed<8,4,AP_RND_CONV,AP_SAT>"),
    )
    quantized = quantize_network(network, config)
    return build_design(quantized.graph, config, find_device(config.part, config.clock_ns)).design
