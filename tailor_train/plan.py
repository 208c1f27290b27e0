"""What is to become of each skip connection of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class SkipState(StrEnum):
    """What has been done to a skip connection of the original network."""

    KEPT = "kept"
    REMOVED = "removed"
    SHORTENED = "shortened"


class SkipStyle(StrEnum):
    """Whether a skip joins before or after the activation.

    `pre` leaves a kept skip as the network was written; `post` puts its sum behind the activation, the network
    from which short skips of that style are trained.
    """

    PRE = "pre"
    POST = "post"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipChoice:
    """The state of one skip connection.

    Attributes:
        state: what was done to it.
        style: where it joins; that of a removed one does not matter.
        folded: whether the short skips in its place are part of the convolutions' weights.
    """

    state: SkipState = SkipState.KEPT
    style: SkipStyle = SkipStyle.PRE
    folded: bool = False


SkipPlan = Mapping[str, SkipChoice]
"""Choice by skip name. A skip that is not named is kept; an empty plan is the original network."""


def with_folds(plan: SkipPlan) -> SkipPlan:
    """The plan with every short skip in its convolution's weights."""
    return {name: replace(choice, folded=choice.state is SkipState.SHORTENED) for name, choice in plan.items()}
