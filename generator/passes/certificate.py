"""The proof of each skip's live depth, as data: an order of firings that never stops, and the circle of waits below.

`generator.certificate_check` verifies it from design.json alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from generator.design import ConvStage, Design, SkipSizing
from generator.fixed_point import IntArray
from generator.passes.skip_blocks import SkipBlock, find_block, signature
from generator.passes.token_order import Step, TokenOrder

SCHEMA = 1


def certify(design: Design) -> dict[str, Any]:
    """The content of certificate.json: plain values. Equal blocks are proved once."""
    streams = {stream.name: stream for stream in design.streams}
    proved: dict[object, str] = {}
    entries: list[dict[str, Any]] = []
    for sizing in design.sizings:
        block = find_block(design.stages, streams, sizing.stream)
        entry: dict[str, Any] = {
            "skip": sizing.skip,
            "stream": sizing.stream,
            "ring": sizing.ring,
            "join": block.join,
            "stages": [stage.name for stage in block.stages],
        }
        key = (signature(block), sizing.ring is None, sizing.depth_live)
        if key in proved:
            entries.append(entry | {"equal_to": proved[key]})
            continue
        proved[key] = sizing.skip
        entries.append(entry | {"depth_live": sizing.depth_live} | _proof(block, sizing))
    return {"schema": SCHEMA, "skips": entries}


def _proof(block: SkipBlock, sizing: SkipSizing) -> dict[str, Any]:
    """The order at depth_live; where the FIFO stores the skip, also the circle one word below."""
    if sizing.ring is not None:
        stages = tuple(
            replace(stage, ring_pixels=sizing.depth_live)
            if isinstance(stage, ConvStage) and stage.name == sizing.ring
            else stage
            for stage in block.stages
        )
        return {"order": _order(TokenOrder(stages, block.streams), block.join)}
    order = TokenOrder(block.stages, block.streams, {sizing.stream: None})
    live = order.live_depth(sizing.stream)
    assert live is not None  # size_fifos has found it
    below = TokenOrder(block.stages, block.streams, {sizing.stream: sizing.depth_live - 1})
    proof: dict[str, Any] = {"order": _order(order, block.join)}
    if live.words == sizing.depth_live:
        proof["blocked"] = [_link(step) for step in below.circle(live.chain, block.join, sizing.stream)]
    return proof


def _order(order: TokenOrder, join: str) -> dict[str, list[list[int]]]:
    """By agent, how often it has fired before each of the join's firings in two frames."""
    fired = order.fired_before(join, frames=2)
    return {agent: _pack(counts) for agent, counts in fired.items() if agent != join}


def _pack(counts: IntArray) -> list[list[int]]:
    """Runs [increase, times]."""
    steps = np.diff(counts, prepend=0)
    ends = np.flatnonzero(np.diff(steps)) + 1
    bounds = [0, *ends.tolist(), len(steps)]
    return [[int(steps[low]), high - low] for low, high in pairwise(bounds)]


def _link(step: Step) -> Mapping[str, object]:
    return {
        "agent": step.agent,
        "firing": step.firing,
        "waits_for": str(step.reason),
        "stream": step.stream,
        "other": step.other,
        "fired": step.fired,
    }
