"""Solves for reuse factors: every stage as slow as a target allows, or as fast as a budget of DSP slices.

Stages of a dataflow network work at once, so a frame costs what the slowest does, and every multiplier of
the others that does not keep it busy is wasted. Balanced stages take, one by one, the fewest slices with
which they meet the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from generator.design import Multiplier
from generator.errors import FoldingError
from generator.multipliers import can_pack, dsp_slices, signed_bits
from generator.passes.mac_layer import Folding, MacLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A layer with one of its foldings and what it costs."""

    folding: Folding
    cycles: int
    dsp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChoices:
    """What a layer can be: for each reuse factor its cheapest folding."""

    name: str
    choices: tuple[Choice, ...]

    def within(self, cycles: int) -> Choice | None:
        """The choice with the fewest slices that needs at most `cycles` a frame."""
        fitting = [choice for choice in self.choices if choice.cycles <= cycles]
        return min(fitting, key=lambda choice: (choice.dsp, -choice.folding.reuse_factor), default=None)

    @property
    def fastest(self) -> Choice:
        """The choice with the fewest cycles."""
        return min(self.choices, key=lambda choice: choice.cycles)


def dsp_of(layer: MacLayer, folding: Folding, multiplier: Multiplier) -> int:
    """DSP slices of a folding; multipliers where these are built of LUTs."""
    products = folding.pe * folding.simd
    if multiplier is Multiplier.LUT:
        return products
    slices = products * dsp_slices(signed_bits(layer.in_format), signed_bits(layer.weight_format))
    packed = multiplier is Multiplier.PACKED and can_pack(layer.in_format, layer.weight_format, folding.pe)
    return slices // 2 if packed else slices


def solve_cycles(layers: Sequence[LayerChoices], cycles: int, origin: str) -> dict[str, Folding]:
    """The folding of every layer with the fewest slices that meets a target.

    Args:
        cycles: most cycles of a frame in any stage.
        origin: the configuration's key, for messages.

    Raises:
        FoldingError: layers that cannot be that fast; all of them.
    """
    problems = [
        f"{origin}: layer {layer.name} needs at least {layer.fastest.cycles:,} cycles a frame, with reuse factor "
        f"{layer.fastest.folding.reuse_factor}; {cycles:,} are asked for"
        for layer in layers
        if layer.within(cycles) is None
    ]
    if problems:
        raise FoldingError("\n".join(problems))
    return _foldings(layers, cycles)


def solve_dsp(layers: Sequence[LayerChoices], budget: int) -> dict[str, Folding]:
    """The foldings whose slowest stage is fastest among those that take at most `budget` slices.

    Raises:
        FoldingError: the slowest foldings take more.
    """
    targets = sorted({choice.cycles for layer in layers for choice in layer.choices})
    targets = [target for target in targets if all(layer.within(target) is not None for layer in layers)]
    if _slices(layers, targets[-1]) > budget:
        raise FoldingError(
            f"Model.MaxDSP: the layers need at least {_slices(layers, targets[-1])} DSP slices with their largest "
            f"reuse factors, {budget} are there for them; allow more"
        )
    low, high = 0, len(targets) - 1  # the fewest slices fall with the target
    while low < high:
        middle = (low + high) // 2
        if _slices(layers, targets[middle]) <= budget:
            high = middle
        else:
            low = middle + 1
    return _foldings(layers, targets[low])


def _slices(layers: Sequence[LayerChoices], cycles: int) -> int:
    return sum(choice.dsp for layer in layers if (choice := layer.within(cycles)) is not None)


def _foldings(layers: Sequence[LayerChoices], cycles: int) -> dict[str, Folding]:
    return {layer.name: choice.folding for layer in layers if (choice := layer.within(cycles)) is not None}


def slowest_cycles(layers: Sequence[LayerChoices], foldings: Mapping[str, Folding]) -> int:
    """Cycles of a frame in the slowest of some layers with given foldings; 0 without layers."""
    cycles = [choice.cycles for layer in layers for choice in layer.choices if choice.folding == foldings[layer.name]]
    return max(cycles, default=0)
