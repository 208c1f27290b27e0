"""Folding and placement together: all choices of hardware but the depths of FIFOs."""

from __future__ import annotations

from dataclasses import dataclass

from generator.config import HardwareConfig
from generator.graph import Graph
from generator.passes.build_stages import StageNetwork, build_stages
from generator.passes.count_slices import count_slices
from generator.passes.place_skips import PlacedSkip, place_skips
from generator.passes.set_folding import set_folding
from generator.passes.set_lanes import mismatched_taps


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenStages:
    """Stages with every choice made, FIFOs one pixel deep; the skips as placed; what the user should know."""

    network: StageNetwork
    skips: tuple[PlacedSkip, ...]
    warnings: tuple[str, ...]


def choose_stages(graph: Graph, config: HardwareConfig) -> ChosenStages:
    """Fold and place: again where a tap fits no stream, and where other products take of a budget of DSP slices.

    Raises:
        FoldingError, PlacementError: the configuration asks for what cannot be built.
    """
    budget = config.max_dsp
    untappable: set[str] = set()
    while True:
        foldings, folding_warnings = set_folding(graph, config, budget)
        skips, skip_warnings = place_skips(graph, config, foldings, untappable)
        network = build_stages(graph, config, foldings, skips)
        unfit = {skip for tap in mismatched_taps(network.stages, network.streams) for skip in network.tap_streams[tap]}
        excess = 0 if config.max_dsp is None else count_slices(network.stages) - config.max_dsp
        if not unfit and (budget is None or excess <= 0):
            return ChosenStages(network=network, skips=skips, warnings=(*folding_warnings, *skip_warnings))
        untappable |= unfit
        if budget is not None:
            budget -= max(excess, 0)
