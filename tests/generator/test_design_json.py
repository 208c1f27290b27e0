"""design.json: what it tells of stages that join, tap and pack."""

from __future__ import annotations

import json
from dataclasses import replace

from generator.config import SkipConfig
from generator.design import Design, Implementation, Multiplier
from generator.design_json import describe
from generator.device import find_device
from generator.passes.choose_stages import choose_stages
from tests.generator.passes.designs import graph_of, hardware

CONV_KEYS = {
    "name", "reuse_factor", "pe", "simd", "multipliers", "kind", "cycles", "kernel", "stride", "padding", "in_shape",
    "out_shape", "in_format", "weight_format", "accumulator", "out_format", "relu", "ring_pixels", "short_skip",
    "inputs", "outputs", "read_form", "skip_padding", "packed", "join", "tap",
}  # fmt: skip


def described(skips: str, implementation: Implementation | None = None, **options: object) -> dict[str, dict]:
    """The conv stages of a small block, FIFOs not sized."""
    graph = graph_of("skip_block", filters=8, image_size=8, skips=skips)
    config = replace(hardware(72, skip=SkipConfig(implementation=implementation)), **options)
    network = choose_stages(graph, config).network
    design = Design(
        name="net",
        graph=graph,
        device=find_device(config.part, config.clock_ns),
        stages=network.stages,
        streams=network.streams,
        skips=(),
    )
    stages = json.loads(json.dumps(describe(design, {})))["stages"]
    return {stage["name"]: stage for stage in stages if stage["kind"] == "conv"}


def test_keys_of_a_conv_stage_only_grow():
    for stage in described("traditional").values():
        assert stage.keys() >= CONV_KEYS


def test_a_tap_is_an_output_and_a_joined_stream_an_input():
    stages = described("traditional", Implementation.LINE_BUFFER_TAP)
    first, second = stages["block.conv1"], stages["block.conv2"]
    tap = "block_conv1_to_block_add"
    assert (first["tap"], first["join"], second["tap"]) == (tap, None, None)
    assert first["outputs"] == ["block_conv1_to_block_conv2", tap]
    assert second["inputs"] == ["block_conv1_to_block_conv2", tap]
    assert second["join"] == {
        "name": "block",
        "source": "stream",
        "stream": tap,
        "projection": None,
        "after_relu": False,
        "sum": "ap_fixed<36,16>",
        "depth_pixels": 0,
    }
    assert second["short_skip"] is None
    assert (second["read_form"], second["skip_padding"], second["packed"]) == ("serial", True, False)


def test_a_join_of_the_stages_own_pixels_is_a_short_skip():
    second = described("shortened", Implementation.SHIFT_REGISTER)["block.conv2"]
    assert second["join"]["source"] == "shift_register"
    assert second["short_skip"] == {"name": "block.1", "projection": None, "depth_pixels": 12}
    centre = described("shortened", Implementation.CENTRE_TAP)["block.conv2"]
    assert (centre["join"]["source"], centre["short_skip"]["depth_pixels"]) == ("centre", 0)
    assert centre["inputs"] == ["block_conv1_to_block_conv2"]


def test_sixteen_bits_are_never_packed():
    for stage in described("removed", multiplier=Multiplier.PACKED).values():
        assert stage["packed"] is False
