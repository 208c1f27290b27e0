"""The dataflow picture: nothing overlaps, skips arch over the main path, every stream is drawn once."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from generator.report.blocks import block_spans, side_stages
from generator.report.dataflow import draw_dataflow
from tests.generator.report.report_samples import sample_design


@pytest.mark.parametrize("depth", [8, 20, 56])
@pytest.mark.parametrize("label", ["T", "S", "R"])
def test_boxes_lie_apart_and_inside(label: str, depth: int) -> None:
    picture = draw_dataflow(sample_design(label, depth))
    for box in picture.boxes:
        assert box.x > 0
        assert box.y > 0
        assert box.right < picture.width
        assert box.y + box.height < picture.height
    for one, two in combinations(picture.boxes, 2):
        apart = one.right < two.x or two.right < one.x or one.y + one.height < two.y or two.y + two.height < one.y
        assert apart, f"{one.tooltip} overlaps {two.tooltip}"


def test_skips_arch_over_the_main_path() -> None:
    design = sample_design("T", 20)
    picture = draw_dataflow(design)
    boxes = {box.tooltip.split(":")[0]: box for box in picture.boxes}
    wires = {wire.tooltip.split(":")[0]: wire for wire in picture.wires}
    skips = [stream for stream in design["streams"] if stream["role"] == "skip"]
    assert len(skips) == 9
    for stream in skips:
        wire = wires[stream["name"]]
        assert wire.kind == "skip"
        block = stream["sink"].removesuffix(".add")
        assert all(label.y < boxes[f"{block}.conv1"].y for label in wire.labels)
    assert wires["layer1_0_clone_to_layer1_0_add"].labels[0].lines == ("skip   8 b × 168 · BRAM · 21 px",)
    assert boxes["layer2.0.downsample.0"].y + boxes["layer2.0.downsample.0"].height < boxes["layer2.0.conv1"].y


def test_every_stream_is_one_wire_with_width_depth_and_storage() -> None:
    design = sample_design("T", 20)
    wires = {wire.tooltip.split(":")[0]: wire for wire in draw_dataflow(design).wires}
    assert len(wires) == len(design["streams"])
    for stream in design["streams"]:
        text = " ".join(line for label in wires[stream["name"]].labels for line in label.lines)
        assert f"{stream['width_bits']} b × {stream['depth_words']}" in text
        assert stream["storage"].upper() in text


def test_short_and_removed_skips_are_drawn() -> None:
    inner = [wire for wire in draw_dataflow(sample_design("S", 20)).wires if wire.kind == "inner"]
    assert [wire.labels[0].lines[0] for wire in inner][:2] == ["SRL 11 px", "SRL 11 px"]
    assert sum(wire.labels[0].lines == ("1×1 · centre tap",) for wire in inner) == 2
    assert len(inner) == 18
    ghosts = [wire for wire in draw_dataflow(sample_design("R", 20)).wires if wire.kind == "removed"]
    assert len(ghosts) == 9


def test_blocks_reach_from_fork_to_join() -> None:
    design = sample_design("T", 20)
    side = side_stages(design)
    assert side == {"layer2.0.downsample.0": "layer2.0.add", "layer3.0.downsample.0": "layer3.0.add"}
    main = [stage["name"] for stage in design["stages"] if stage["name"] not in side]
    spans = block_spans(design, main)
    assert [span.name for span in spans][:3] == ["conv1", "layer1.0", "layer1.1"]
    assert [main[spans[1].first], main[spans[1].last]] == ["layer1.0.clone", "layer1.0.add"]
    assert [place for span in spans for place in range(span.first, span.last + 1)] == list(range(len(main)))


def test_a_block_wider_than_a_row_widens_the_picture() -> None:
    design: dict[str, Any] = sample_design("R", 8)
    stages = [stage for stage in design["stages"] if stage["kind"] == "conv"]
    renamed = {stage["name"]: f"block.{index}" for index, stage in enumerate(stages)}
    for stage in stages:
        stage["name"] = renamed[stage["name"]]
    for stream in design["streams"]:
        stream["source"] = renamed.get(stream["source"], stream["source"])
        stream["sink"] = renamed.get(stream["sink"], stream["sink"])
    design["skips"] = [{"name": "block", "implementation": "none", "depth_pixels": 0}]
    picture = draw_dataflow(design)
    assert picture.width > 1800
    assert max(box.right for box in picture.boxes) < picture.width
