"""Learning-rate schedules, as factors of the configured rate."""

from __future__ import annotations

import math
from collections.abc import Callable

from tailor_train.factories import load_factory

RateSchedule = Callable[[float, int, int], float]
"""(epoch with its fraction, epochs, epoch of the last alteration) -> factor of the learning rate."""


def hold_cosine(epoch: float, epochs: int, last_alteration: int) -> float:
    """1 until the last alteration, then half a cosine down to 0."""
    if epoch < last_alteration:
        return 1.0
    return cosine(epoch - last_alteration, epochs - last_alteration, 0)


def cosine(epoch: float, epochs: int, last_alteration: int) -> float:  # noqa: ARG001
    """Half a cosine from 1 to 0 over all epochs."""
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, epoch / epochs)))


def step(epoch: float, epochs: int, last_alteration: int) -> float:  # noqa: ARG001
    """A tenth every 30 epochs."""
    return float(0.1 ** (int(epoch) // 30))


_SCHEDULES: dict[str, RateSchedule] = {"hold_cosine": hold_cosine, "cosine": cosine, "step": step}


def rate_schedule(name: str) -> RateSchedule:
    """A schedule by name, or imported from `package.module:callable`.

    Raises:
        TrainError: the callable cannot be imported.
    """
    return _SCHEDULES[name] if name in _SCHEDULES else load_factory(name, "schedule")
