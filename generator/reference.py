"""The reference: a graph executed in integers, bit for bit what every other executor must produce."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import ThreadpoolController

from generator.errors import GraphError
from generator.fixed_point import FixedPoint, IntArray, Overflow, handle_overflow, round_to
from generator.graph import Graph, Node
from generator.layers.global_average_pool import round_quotient

CHUNK_VALUES = 1 << 15
"""Values of the largest feature map that are worked on at a time: small enough to stay in a cache."""

BLAS = ThreadpoolController()
"""The thread pools of numpy, found once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceResult:
    """What a network computed.

    Attributes:
        outputs: (N, H, W, C) int64, in LSBs of the output node's format (its exact accumulator where it
            is not requantized).
        observed: node name -> its result, likewise; the input under its own name.
        wrapped: node name -> results that an AP_WRAP overflow changed; nodes without any are left out.
    """

    outputs: IntArray
    observed: dict[str, IntArray]
    wrapped: dict[str, int]


def run_reference(graph: Graph, inputs: IntArray, *, observe: Collection[str] = ()) -> ReferenceResult:
    """Execute a graph.

    Args:
        inputs: (N, H, W, C) integers in LSBs of `graph.input_format`, already quantized.
        observe: nodes (or the input) whose results are to be kept.

    Raises:
        GraphError: inputs of another shape or outside the input format, or an unknown node to observe.
    """
    inputs = _checked(graph, inputs, observe)
    largest = max([graph.input_shape.elements, *(node.shape.elements for node in graph.nodes)])
    size = max(CHUNK_VALUES // largest, 1)
    chunks = [inputs[start : start + size] for start in range(0, max(len(inputs), 1), size)]
    keep = {graph.output, *observe}
    workers = min(os.cpu_count() or 1, len(chunks))
    # the products are too small to be worth splitting, and BLAS threads spin against ours
    with BLAS.limit(limits=1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(lambda chunk: _run_chunk(graph, chunk, keep), chunks))
    tensors = {name: np.concatenate([tensors[name] for tensors, _ in parts]) for name in keep}
    wrapped: dict[str, int] = {}
    for _, counts in parts:
        for name, count in counts.items():
            wrapped[name] = wrapped.get(name, 0) + count
    return ReferenceResult(
        outputs=tensors[graph.output],
        observed={name: tensors[name] for name in observe},
        wrapped={node.name: wrapped[node.name] for node in graph.nodes if node.name in wrapped},
    )


def requantize_node(node: Node, sums: IntArray, divisor: int, fraction_bits: int) -> tuple[IntArray, int]:
    """The way from a node's exact sums to its result: ReLU, division, one rounding, overflow.

    Args:
        sums: any shape, int64, in LSBs of ``2**-fraction_bits``.
        divisor: of a mean, else 1.

    Returns:
        The result in LSBs of the node's output format, and how many values a wrap changed.
    """
    if node.relu:
        sums = np.maximum(sums, 0)
    if node.result is None:
        return sums, 0
    if divisor == 1:
        rounded = round_to(sums, fraction_bits, node.result)
    else:
        rounded = round_quotient(sums, divisor, fraction_bits, node.result)
    return _limit(rounded, node.result)


def _limit(rounded: IntArray, to: FixedPoint) -> tuple[IntArray, int]:
    result = handle_overflow(rounded, to)
    if to.overflow is not Overflow.WRAP:
        return result, 0
    return result, int(np.count_nonzero(result != rounded))


def _run_chunk(graph: Graph, inputs: IntArray, keep: Iterable[str]) -> tuple[dict[str, IntArray], dict[str, int]]:
    """Some frames through all nodes: kept tensors, and wrapped results by node."""
    tensors = {graph.input_name: inputs}
    last_reader = {name: node.name for node in graph.nodes for name in node.inputs}
    kept = set(keep)
    wrapped: dict[str, int] = {}
    for node in graph.nodes:
        formats = tuple(graph.format_of(name) for name in node.inputs)
        shapes = tuple(graph.shape_of(name) for name in node.inputs)
        sums = node.layer.execute(tuple(tensors[name] for name in node.inputs), formats)
        divisor = node.layer.divisor(shapes)
        tensors[node.name], count = requantize_node(node, sums, divisor, node.accumulator.fraction_bits)
        if count:
            wrapped[node.name] = count
        for name in node.inputs:
            if last_reader[name] == node.name and name not in kept:
                tensors.pop(name, None)
    return {name: tensors[name] for name in kept}, wrapped


def _checked(graph: Graph, inputs: IntArray, observe: Collection[str]) -> IntArray:
    known = [graph.input_name, *(node.name for node in graph.nodes)]
    unknown = [name for name in observe if name not in known]
    if unknown:
        raise GraphError(f"graph {graph.name!r}: cannot observe {', '.join(unknown)}; it has {', '.join(known)}")
    shape, fmt = graph.input_shape, graph.input_format
    inputs = np.asarray(inputs)
    if inputs.shape[1:] != (shape.height, shape.width, shape.channels) or inputs.dtype.kind not in "iu":
        raise GraphError(
            f"graph {graph.name!r}: inputs must be integers of shape (N,{shape.height},{shape.width},"
            f"{shape.channels}), got {inputs.dtype} of shape {inputs.shape}"
        )
    inputs = inputs.astype(np.int64)
    if inputs.min(initial=0) < fmt.min_int or inputs.max(initial=0) > fmt.max_int:
        raise GraphError(
            f"graph {graph.name!r}: inputs reach from {inputs.min()} to {inputs.max()}, outside {fmt} "
            f"({fmt.min_int} to {fmt.max_int}); quantize them to the input format"
        )
    return inputs
