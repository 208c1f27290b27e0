"""From a quantized graph to a design: pure steps, each a module with one public function."""

from __future__ import annotations

from dataclasses import dataclass

from generator.config import HardwareConfig
from generator.design import ConvStage, Design, SkipPlacement, Storage
from generator.device import Device
from generator.graph import Graph
from generator.passes.build_stages import StageNetwork
from generator.passes.choose_stages import choose_stages
from generator.passes.place_skips import PlacedSkip
from generator.passes.size_fifos import size_fifos


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltDesign:
    """A design and what the user should know about the choices."""

    design: Design
    warnings: tuple[str, ...]


def build_design(graph: Graph, config: HardwareConfig, device: Device) -> BuiltDesign:
    """Fold, place and size: every choice of hardware, in the order of the data.

    Raises:
        FoldingError, PlacementError: the configuration asks for what cannot be built.
    """
    choices = choose_stages(graph, config)
    sized = size_fifos(choices.network, choices.skips)
    network = sized.network
    design = Design(
        name=graph.name,
        graph=graph,
        device=device,
        stages=network.stages,
        streams=network.streams,
        skips=tuple(_placement(skip, network, choices.network) for skip in choices.skips),
        sizings=sized.sizings,
    )
    return BuiltDesign(design=design, warnings=choices.warnings)


def _placement(skip: PlacedSkip, network: StageNetwork, unsized: StageNetwork) -> SkipPlacement:
    """What a placed skip costs in memory: its FIFO, its shift register, and what its tap adds to the ring."""
    storage, depth, bits, stream_name = Storage.AUTO, 0, 0, None
    if skip.name in network.skip_streams:
        stream_name = network.skip_streams[skip.name]
        stream = next(stream for stream in network.streams if stream.name == stream_name)
        storage, depth = stream.storage, -(-stream.depth_words // stream.words_per_pixel)
        bits = depth * stream.shape.channels * stream.format.width
    for stage, before in zip(network.stages, unsized.stages, strict=True):
        if not isinstance(stage, ConvStage) or not isinstance(before, ConvStage):
            continue
        pixel_bits = stage.in_shape.channels * stage.in_format.width
        if stage.join is not None and stage.join.name == skip.name and stream_name is None:
            storage, depth = stage.join.storage, stage.join.depth_pixels
            bits = depth * pixel_bits
        if stage.tap is not None and network.tap_streams[stage.tap][0] == skip.name:
            depth += stage.ring_pixels - before.ring_pixels
            bits += (stage.ring_pixels - before.ring_pixels) * pixel_bits
    return SkipPlacement(
        name=skip.name,
        implementation=skip.implementation,
        storage=storage,
        depth_pixels=depth,
        stored_bits=bits,
        stream=stream_name,
    )
