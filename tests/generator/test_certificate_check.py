from __future__ import annotations

import copy
import json
from functools import cache

import pytest

from generator.certificate_check import check_certificate
from generator.config import SkipConfig
from generator.design import Implementation
from generator.design_json import describe
from generator.passes.certificate import certify
from tests.generator.passes.designs import design_of, graph_of, hardware
from tests.generator.passes.random_blocks import random_block

KINDS = (Implementation.CLONE_FIFO, Implementation.LINE_BUFFER_TAP, Implementation.RING_EXTEND)


@cache
def certified(kind: Implementation, lanes: int | None = None) -> tuple[dict, dict]:
    """design.json and certificate.json of a small ResNet-20, as they are read back."""
    graph = graph_of("resnet20", width=8, in_channels=1, image_size=8)
    design = design_of(graph, hardware(72, lanes=lanes, skip=SkipConfig(implementation=kind))).design
    return json.loads(json.dumps(describe(design, {}))), json.loads(json.dumps(certify(design)))


@pytest.mark.parametrize(("kind", "lanes"), [(kind, None) for kind in KINDS] + [(KINDS[0], 0)])
def test_certificates_of_a_network_hold_and_prove_equal_blocks_once(kind, lanes):
    design, certificate = certified(kind, lanes)
    assert check_certificate(design, certificate) == ()
    assert [entry["skip"] for entry in certificate["skips"]] == [sizing["skip"] for sizing in design["sizing"]]
    assert 0 < sum("order" in entry for entry in certificate["skips"]) < len(certificate["skips"])


@pytest.mark.parametrize("seed", range(6))
def test_certificates_of_random_blocks_hold(seed):
    design = random_block(seed, KINDS[seed % 3])
    assert check_certificate(json.loads(json.dumps(describe(design, {}))), certify(design)) == ()


def test_a_depth_below_live_cannot_be_proved():
    design, certificate = copy.deepcopy(certified(Implementation.CLONE_FIFO))
    entry, sizing = certificate["skips"][0], design["sizing"][0]
    entry["depth_live"] = sizing["depth_live"] = sizing["depth_live"] - 1
    problems = check_certificate(design, certificate)
    assert (
        f"skip {entry['skip']}: order: layer1.0.conv1 cannot fire number 10 before layer1.0.conv2 fires" in problems[0]
    )


def test_a_circle_of_waits_that_more_room_would_end_is_refused():
    design, certificate = copy.deepcopy(certified(Implementation.CLONE_FIFO))
    entry, sizing = certificate["skips"][0], design["sizing"][0]
    entry["depth_live"] = sizing["depth_live"] = sizing["depth_live"] + 8
    problems = check_certificate(design, certificate)
    assert any("blocked: conv1's firing" in problem for problem in problems)


def test_a_broken_chain_a_wrong_order_and_a_false_twin_are_found():
    design, certificate = copy.deepcopy(certified(Implementation.CLONE_FIFO))
    first, twin = certificate["skips"][0], next(e for e in certificate["skips"] if "equal_to" in e)
    first["blocked"][0]["other"] = first["blocked"][0]["agent"]
    first["order"]["layer1.0.conv1"][0][0] = 0
    stage = next(stage for stage in design["stages"] if stage["name"] == twin["stages"][-1])
    stage["ring_pixels"] += 1
    problems = "\n".join(check_certificate(design, certificate))
    assert f"skip {first['skip']}: order:" in problems
    assert f"skip {first['skip']}: blocked:" in problems
    assert f"skip {twin['skip']}: its block is not equal to that of {twin['equal_to']}" in problems


def test_missing_and_damaged_entries_are_named():
    design, certificate = copy.deepcopy(certified(Implementation.CLONE_FIFO))
    gone = certificate["skips"].pop()
    del certificate["skips"][0]["join"]
    problems = check_certificate(design, certificate)
    assert f"skip {gone['skip']}: has no certificate" in problems
    assert f"skip {certificate['skips'][0]['skip']}: the certificate is damaged (KeyError('join'))" in problems
