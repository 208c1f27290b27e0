"""Images a second of the reference alone, on the two networks whose speed is promised.

    python bench/reference_speed.py

Prints one JSON object. Run it on an idle machine.
"""

from __future__ import annotations

import json
import time

import numpy as np

from generator.config import HardwareConfig
from generator.fixed_point import parse_format
from generator.frontend.torch_fx import import_model
from generator.passes.quantize import quantize, resolve_formats
from generator.reference import run_reference
from tailor_train.models import build_model, input_shape_of
from tailor_train.surgery import apply_plan

CASES = (
    (
        "resnet20 width 8, 1x8x8, 8 bits",
        {"width": 8, "image_size": 8, "in_channels": 1},
        "ap_fixed<8,3,RND_CONV,SAT>",
        797,
    ),
    ("resnet20 width 16, 3x32x32, ap_fixed<16,6>", {"width": 16}, "ap_fixed<16,6>", 200),
)


def images_per_second(args: dict[str, int], precision: str, images: int) -> float:
    """The better of three runs over `images` random frames, after one warm-up batch."""
    shape = input_shape_of("resnet20", args)
    assert shape is not None
    graph = import_model(apply_plan(build_model("resnet20", args, 0), {}, shape), "resnet20", shape)
    config = HardwareConfig(
        backend="RTL", part="xcu200-fsgd2104-2-e", clock_ns=5.0, reuse_factor=1, precision=parse_format(precision)
    )
    network = quantize(graph, resolve_formats(graph, config))
    fmt = network.input_format
    channels, height, width = shape
    inputs = np.random.default_rng(0).integers(fmt.min_int, fmt.max_int + 1, (images, height, width, channels))
    run_reference(network, inputs[:16])
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        run_reference(network, inputs)
        seconds.append(time.perf_counter() - start)
    return images / min(seconds)


if __name__ == "__main__":
    print(json.dumps({name: round(images_per_second(*case)) for name, *case in CASES}, indent=1))
