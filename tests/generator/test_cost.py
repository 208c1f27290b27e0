"""Predictions: shapes of memories, DSP slices, and a whole network against what Yosys found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.backends.rtl_stages import stage_instances
from generator.config import HardwareConfig
from generator.cost import predict
from generator.design import ConvStage, Design, Multiplier
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


@pytest.mark.parametrize(
    ("source", "args", "options", "dsp", "bram36"),
    [
        (
            "resnet8",
            {"width": 8, "in_channels": 1, "image_size": 8, "skips": "shortened"},
            {"reuse_factor": 72},
            262,
            3.0,
        ),
        (
            "skip_block",
            {"filters": 16, "skips": "removed"},
            {"reuse_factor": 96, "multiplier": Multiplier.PACKED},
            24,
            3.0,
        ),
    ],
)
def test_designs_as_yosys_synthesised_them(
    source: str, args: dict[str, object], options: dict[str, object], dsp: int, bram36: float
) -> None:
    """Measured with `synth_xilinx -family xcup`, stage by stage: folded skips, and packed products read by rows."""
    predicted = predict(_design(source, args, options))
    assert (predicted.dsp, predicted.bram36) == (dsp, bram36)
    assert (predicted.lut, predicted.ff) == (None, None)
    assert set(predicted.as_dict()) == {"lut", "ff", "dsp", "bram36", "latency_cycles", "interval_cycles"}


def test_the_interval_is_that_of_the_slowest_stage() -> None:
    design = _design(
        "resnet8", {"width": 8, "in_channels": 1, "image_size": 8, "skips": "removed"}, {"reuse_factor": 72}
    )
    slowest = max(stage.cycles for stage in design.stages if isinstance(stage, ConvStage))
    interval = predict(design).interval_cycles
    assert interval is not None
    assert slowest <= interval <= 1.01 * slowest


def test_rings_are_kept_where_the_rtl_keeps_them() -> None:
    design = _design("resnet8", {"width": 8, "in_channels": 1, "image_size": 8}, {"reuse_factor": 72})
    for stage, instance in zip(design.stages, stage_instances(design), strict=True):
        if instance.module != "conv_stage":
            continue
        bits = stage.ring_pixels * stage.in_shape.channels * stage.in_format.width
        expected = "lutram" if bits <= LUTRAM_BITS else "bram"
        assert dict(instance.parameters)["RingStorage"] == expected


def _design(source: str, args: dict[str, object], options: dict[str, object]) -> Design:
    """A built-in network with eight bits everywhere, on a U200."""
    config = replace(
        HardwareConfig(
            backend="RTL",
            part="xcu200-fsgd2104-2-e",
            clock_ns=5.0,
            precision=parse_format("ap_fixed<8,3,AP_RND_CONV,AP_SAT>"),
        ),
        **options,  # type: ignore[arg-type]
    )
    quantized = quantize_network(load_source(source, args=args), config)
    return build_design(quantized.graph, config, find_device(config.part, config.clock_ns)).design
