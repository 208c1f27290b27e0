"""How many threads a small network can use."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import fx

from tailor_train.tracing import SHAPE

_WORTH_SHARING = 1 << 18
"""Elements of the largest activation of a batch below which threads wait for each other longer than they
compute; on a busy machine two threads are then several times slower than one."""


@contextmanager
def fitting_threads(traced: fx.GraphModule, batch_size: int) -> Iterator[None]:
    """Use one thread inside if the network's activations are too small to be shared, and restore the number after.

    Args:
        traced: graph with shapes, from `tailor_train.tracing.trace` or `tailor_train.surgery.apply_plan`.
        batch_size: samples computed at once.
    """
    shapes = [node.meta.get(SHAPE) for node in traced.graph.nodes]
    largest = batch_size * max(math.prod(shape) for shape in shapes if shape is not None)
    before = torch.get_num_threads()
    if largest < _WORTH_SHARING:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
