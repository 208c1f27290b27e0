"""How commands read SOURCE and --data; apart from `common`, so that tools start without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from generator.cli.common import parse_assignments, parse_shape
from generator.source import Network, load_source


def load(source: str, arguments: Sequence[str], weights: Path | None, input_shape: str | None, seed: int) -> Network:
    """The network that SOURCE and its options name."""
    return load_source(
        source,
        args=parse_assignments(arguments, "--arg"),
        weights=weights,
        input_shape=parse_shape(input_shape),
        seed=seed,
    )
