"""What is to become of each skip connection of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class SkipState(StrEnum):
    """What has been done to a skip connection of the original network."""

    KEPT = "kept"
    REMOVED = "removed"
    SHORTENED = "shortened"


class SkipStyle(StrEnum):
    """Whether a short skip joins before or after the activation."""

    PRE = "pre"
    POST = "post"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipChoice:
    """The state of one skip connection; the style matters only for a shortened one."""

    state: SkipState = SkipState.KEPT
    style: SkipStyle = SkipStyle.PRE


SkipPlan = Mapping[str, SkipChoice]
"""Choice by skip name. A skip that is not named is kept; an empty plan is the original network."""
