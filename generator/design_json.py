"""A design as JSON: what tools need to know of a project folder, and what people want to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generator.design import AddStage, CloneStage, ConvStage, Design, PoolStage, SkipSizing, Stage, Stream
from generator.graph import Shape
from generator.version import VERSION

SCHEMA = 1
"""Grows with every key that changes its meaning."""


def describe(design: Design, predicted: Mapping[str, Any]) -> dict[str, Any]:
    """The content of design.json: plain values, no weights, no time, no path.

    Args:
        predicted: lut, ff, dsp, bram36, latency_cycles and interval_cycles, or None where unknown.
    """
    return {
        "tailor": VERSION,
        "schema": SCHEMA,
        "name": design.name,
        "part": design.device.part,
        "family": str(design.device.family),
        "clock_ns": design.device.clock_ns,
        "x": _port(design.input_stream),
        "y": _port(design.output_stream),
        "stages": [_stage(stage, design) for stage in design.stages],
        "streams": [_stream(stream) for stream in design.streams],
        "skips": [
            {
                "name": skip.name,
                "implementation": str(skip.implementation),
                "storage": str(skip.storage),
                "depth_pixels": skip.depth_pixels,
                "stored_bits": skip.stored_bits,
                "stream": skip.stream,
            }
            for skip in design.skips
        ],
        "sizing": [_sizing(sizing) for sizing in design.sizings],
        "multipliers": sum(stage.multipliers for stage in design.stages),
        "predicted": dict(predicted),
    }


def _port(stream: Stream) -> dict[str, Any]:
    width = stream.format.width
    return {
        "channels": stream.shape.channels,
        "shape": _shape(stream.shape),
        "lanes": stream.lanes,
        "format": str(stream.format),
        "element_width": width,
        "signed": stream.format.signed,
        "fraction_bits": stream.format.fraction_bits,
        "tdata_bits": -(-stream.lanes * width // 8) * 8,
        "beats_per_frame": stream.words_per_frame,
    }


def _shape(shape: Shape) -> list[int]:
    return [shape.height, shape.width, shape.channels]


def _stream(stream: Stream) -> dict[str, Any]:
    return {
        "name": stream.name,
        "source": stream.source,
        "sink": stream.sink,
        "role": str(stream.role),
        "shape": _shape(stream.shape),
        "format": str(stream.format),
        "width_bits": stream.width_bits,
        "lanes": stream.lanes,
        "words_per_pixel": stream.words_per_pixel,
        "depth_words": stream.depth_words,
        "depth_live": stream.depth_live,
        "depth_full_rate": stream.depth_full_rate,
        "storage": str(stream.storage),
    }


def _join(stage: ConvStage) -> dict[str, Any] | None:
    """The residual add inside a conv stage."""
    join = stage.join
    if join is None:
        return None
    return {
        "name": join.name,
        "source": str(join.source),
        "stream": join.stream,
        "projection": join.projection.name if join.projection else None,
        "after_relu": join.after_relu,
        "sum": str(join.sum),
        "depth_pixels": join.depth_pixels,
    }


def _sizing(sizing: SkipSizing) -> dict[str, Any]:
    return {
        "skip": sizing.skip,
        "stream": sizing.stream,
        "ring": sizing.ring,
        "unit": "words" if sizing.ring is None else "pixels",
        "depth_live": sizing.depth_live,
        "depth_full_rate": sizing.depth_full_rate,
        "interval_cycles": sizing.interval_cycles,
        "path": [{"stream": held.stream, "stage": held.stage, "pixels": held.pixels} for held in sizing.path],
        "slowdown": [[depth, cycles] for depth, cycles in sizing.slowdown],
    }


def _stage(stage: Stage, design: Design) -> dict[str, Any]:
    common = {
        "name": stage.name,
        "reuse_factor": stage.reuse_factor,
        "pe": stage.pe,
        "simd": stage.simd,
        "multipliers": stage.multipliers,
    }
    match stage:
        case ConvStage():
            own = stage.join if stage.join is not None and stage.join.stream is None else None
            return common | {
                "kind": "conv",
                "cycles": stage.cycles,
                "kernel": list(stage.kernel),
                "stride": list(stage.stride),
                "padding": list(stage.padding),
                "in_shape": _shape(stage.in_shape),
                "out_shape": _shape(stage.out_shape),
                "in_format": str(stage.in_format),
                "weight_format": str(stage.weight_format),
                "accumulator": str(stage.accumulator),
                "out_format": str(stage.out_format),
                "relu": stage.relu,
                "ring_pixels": stage.ring_pixels,
                "short_skip": None
                if own is None
                else {
                    "name": own.name,
                    "projection": own.projection.name if own.projection else None,
                    "depth_pixels": own.depth_pixels,
                },
                "read_form": str(stage.form),
                "skip_padding": stage.skip_padding,
                "packed": stage.packed,
                "join": _join(stage),
                "tap": stage.tap,
                "inputs": [stage.input, *([stage.join.stream] if stage.join and stage.join.stream else [])],
                "outputs": [stage.output, *([stage.tap] if stage.tap else [])],
            }
        case CloneStage():
            return common | {
                "kind": "clone",
                "cycles": design.stream(stage.input).words_per_frame,
                "shape": _shape(stage.shape),
                "format": str(stage.format),
                "inputs": [stage.input],
                "outputs": list(stage.outputs),
            }
        case AddStage():
            return common | {
                "kind": "add",
                "cycles": design.stream(stage.main).words_per_frame,
                "shape": _shape(stage.shape),
                "sum": str(stage.sum),
                "out_format": str(stage.out_format),
                "relu": stage.relu,
                "inputs": [stage.main, stage.skip],
                "outputs": [stage.output],
            }
        case PoolStage():
            return common | {
                "kind": "pool",
                "cycles": design.stream(stage.input).words_per_frame,
                "in_shape": _shape(stage.in_shape),
                "accumulator": str(stage.accumulator),
                "out_format": str(stage.result),
                "inputs": [stage.input],
                "outputs": [stage.output],
            }
