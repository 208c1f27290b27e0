"""From a quantized graph to a design: pure steps, each a module with one public function."""

from __future__ import annotations

from dataclasses import dataclass

from generator.config import HardwareConfig
from generator.design import ConvStage, Design, Implementation, SkipPlacement, Storage
from generator.device import Device
from generator.graph import Graph
from generator.passes.build_stages import StageNetwork, build_stages
from generator.passes.place_skips import PlacedSkip, place_skips
from generator.passes.set_folding import set_folding
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
    foldings, folding_warnings = set_folding(graph, config)
    skips, skip_warnings = place_skips(graph, config)
    network = size_fifos(build_stages(graph, config, foldings, skips), skips)
    design = Design(
        name=graph.name,
        graph=graph,
        device=device,
        stages=network.stages,
        streams=network.streams,
        skips=tuple(_placement(skip, network) for skip in skips),
    )
    return BuiltDesign(design=design, warnings=(*folding_warnings, *skip_warnings))


def _placement(skip: PlacedSkip, network: StageNetwork) -> SkipPlacement:
    """What a placed skip costs in memory, read off the finished network."""
    if skip.implementation is Implementation.CLONE_FIFO and skip.edge is not None:
        join = skip.edge.join
        stream = next(stream for stream in network.streams if stream.sink == join and stream.role == "skip")
        bits = stream.shape.channels * stream.format.width
        depth = -(-stream.depth_words // stream.words_per_pixel)
        return SkipPlacement(
            name=skip.name,
            implementation=skip.implementation,
            storage=stream.storage,
            depth_pixels=depth,
            stored_bits=depth * bits,
            stream=stream.name,
        )
    for stage in network.stages:
        if isinstance(stage, ConvStage) and stage.join is not None and stage.join.name == skip.name:
            bits = stage.in_shape.channels * stage.in_format.width
            depth = stage.join.depth_pixels
            return SkipPlacement(
                name=skip.name,
                implementation=skip.implementation,
                storage=stage.join.storage,
                depth_pixels=depth,
                stored_bits=depth * bits,
                stream=None,
            )
    return SkipPlacement(
        name=skip.name,
        implementation=skip.implementation,
        storage=Storage.AUTO,
        depth_pixels=0,
        stored_bits=0,
        stream=None,
    )
