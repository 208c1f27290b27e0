"""Time to size every FIFO of ResNet-110, and to prove the depths; process time, best of three."""

from __future__ import annotations

import time

from generator.certificate_check import check_certificate
from generator.config import HardwareConfig, SkipConfig
from generator.design import Design, Implementation
from generator.design_json import describe
from generator.device import find_device
from generator.fixed_point import parse_format
from generator.flow import quantize_network
from generator.passes import build_design
from generator.passes.build_stages import build_stages
from generator.passes.certificate import certify
from generator.passes.place_skips import place_skips
from generator.passes.set_folding import set_folding
from generator.passes.size_fifos import size_fifos
from generator.source import load_source

TARGET_SECONDS = 1.0
KINDS = (Implementation.CLONE_FIFO, Implementation.LINE_BUFFER_TAP, Implementation.RING_EXTEND)


def hardware(implementation: Implementation) -> HardwareConfig:
    """`<16,6>` at a reuse factor of 576, every skip built alike."""
    return HardwareConfig(
        backend="Vitis",
        part="xcu200-fsgd2104-2-e",
        clock_ns=5.0,
        reuse_factor=576,
        precision=parse_format("ap_fixed<16,6>"),
        skip_default=SkipConfig(implementation=implementation),
    )


def main() -> None:
    """Print one line an implementation."""
    for source in ("skip_block", "resnet110"):
        for kind in KINDS:
            config = hardware(kind)
            graph = quantize_network(load_source(source, args={}), config).graph
            foldings, _ = set_folding(graph, config)
            skips, _ = place_skips(graph, config, foldings)
            network = build_stages(graph, config, foldings, skips)
            seconds = []
            for _ in range(3):
                start = time.process_time()
                size_fifos(network, skips)
                seconds.append(time.process_time() - start)
            design = build_design(graph, config, find_device(config.part, config.clock_ns)).design
            print(f"{source} {kind}: sized in {min(seconds):.3f} s (target {TARGET_SECONDS}), {proof(design)}")


def proof(design: Design) -> str:
    """How long the certificate takes, and what its checker says."""
    start = time.process_time()
    certificate = certify(design)
    made = time.process_time()
    problems = check_certificate(describe(design, {}), certificate)
    checked = time.process_time()
    return f"certificate {made - start:.3f} s, checked in {checked - made:.3f} s, {len(problems)} problems"


if __name__ == "__main__":
    main()
