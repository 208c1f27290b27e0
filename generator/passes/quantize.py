"""From a float graph and a table of formats to the integer graph that every executor shares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from generator.errors import NumericsError, SourceError
from generator.fixed_point import MAX_WIDTH, FixedPoint, FloatArray, IntArray, Overflow
from generator.fixed_point import quantize as quantize_values
from generator.float_graph import (
    FloatAdd,
    FloatConv2d,
    FloatFlatten,
    FloatGlobalAveragePool,
    FloatGraph,
    FloatLinear,
    FloatNode,
    integer_layout,
)
from generator.graph import Graph, Layer, Node, check_graph
from generator.layers.accumulation import MAX_SUM_BITS
from generator.layers.add import Add
from generator.layers.conv2d import Conv2d
from generator.layers.flatten import Flatten
from generator.layers.global_average_pool import GlobalAveragePool
from generator.layers.linear import Linear
from generator.passes.formats import FormatTable, NodeFormats, read_formats
from generator.passes.formats import resolve_formats as resolve_formats

IntegerTensors = Mapping[str, npt.ArrayLike]
"""`<layer>.weight` and `<layer>.bias` in PyTorch's axes, in LSBs of the formats in the table."""


def quantize(float_graph: FloatGraph, formats: FormatTable, integers: IntegerTensors | None = None) -> Graph:
    """Put a format on every tensor and integers in place of every weight.

    Args:
        formats: of the input, of every layer with weights, and of every result that is requantized.
        integers: a quantized checkpoint's tensors; None quantizes the float weights to the table.

    Raises:
        NumericsError: missing, unknown or unreadable formats, or an accumulator that is too wide;
            every problem in one message.
        SourceError: checkpoint tensors that are missing, of another shape, or outside their format.
    """
    table = read_formats(float_graph, formats)
    parameters = _parameters(float_graph, table, integers)
    input_format = table[float_graph.input_name].result
    assert input_format is not None  # read_formats needs it
    tensors = {float_graph.input_name: input_format}
    nodes: list[Node] = []
    problems: list[str] = []
    for node in float_graph.nodes:
        try:
            nodes.append(_node(float_graph, node, table[node.name], parameters, tensors))
            tensors[node.name] = nodes[-1].output_format
        except NumericsError as error:
            problems.append(f"node {node.name!r}: {error}")
            # the nodes behind can still be checked where a result format makes them independent of this sum
            tensors[node.name] = table[node.name].result or input_format
    if problems:
        raise NumericsError("; ".join(problems))
    graph = Graph(
        name=float_graph.name,
        input_name=float_graph.input_name,
        input_shape=float_graph.input_shape,
        input_format=input_format,
        nodes=tuple(nodes),
        output=float_graph.output,
        skips=float_graph.skips,
        removed_skips=float_graph.removed_skips,
        folded_skips=float_graph.folded_skips,
    )
    check_graph(graph)
    return graph


def wrapped_parameters(float_graph: FloatGraph, formats: FormatTable) -> dict[str, int]:
    """How many weights and biases of each layer an AP_WRAP overflow changes; layers without any are left out."""
    table = read_formats(float_graph, formats)
    counts: dict[str, int] = {}
    for node in float_graph.nodes:
        own = table[node.name]
        if isinstance(node.layer, FloatConv2d | FloatLinear) and own.weight is not None and own.bias is not None:
            count = _wraps(node.layer.weight, own.weight) + _wraps(node.layer.bias, own.bias)
            if count:
                counts[node.name] = count
    return counts


def _wraps(values: FloatArray, fmt: FixedPoint) -> int:
    if fmt.overflow is not Overflow.WRAP:
        return 0
    saturated = quantize_values(values, fmt.with_modes(fmt.rounding, Overflow.SAT))
    return int(np.count_nonzero(saturated != quantize_values(values, fmt)))


def _parameters(
    float_graph: FloatGraph, table: Mapping[str, NodeFormats], integers: IntegerTensors | None
) -> dict[str, tuple[IntArray, IntArray]]:
    """Weight (in the layer's axes) and bias of every layer that has them, in LSBs of their own formats."""
    found: dict[str, tuple[IntArray, IntArray]] = {}
    problems: list[str] = []
    for node in float_graph.nodes:
        layer, own = node.layer, table[node.name]
        if not isinstance(layer, FloatConv2d | FloatLinear) or own.weight is None or own.bias is None:
            continue
        try:
            if integers is None:
                weight, bias = quantize_values(layer.weight, own.weight), quantize_values(layer.bias, own.bias)
            else:
                weight = integer_layout(_stored(integers, f"{node.name}.weight", own.weight), layer)
                bias = _stored(integers, f"{node.name}.bias", own.bias)
        except (NumericsError, SourceError) as error:
            problems.append(f"layer {node.name!r}: {error}")
            continue
        if weight.shape != layer.weight.shape or bias.shape != layer.bias.shape:
            problems.append(
                f"layer {node.name!r}: the checkpoint's weight and bias give {weight.shape} and {bias.shape}, "
                f"the network needs {layer.weight.shape} and {layer.bias.shape}"
            )
        found[node.name] = (weight, bias)
    if problems:
        raise SourceError("; ".join(problems))
    return found


def _stored(integers: IntegerTensors, name: str, fmt: FixedPoint) -> IntArray:
    if name not in integers:
        raise SourceError(f"the checkpoint has no tensor {name!r}")
    values = np.asarray(integers[name])
    if not np.issubdtype(values.dtype, np.integer):
        raise SourceError(f"tensor {name!r} must hold integers, it holds {values.dtype}")
    values = values.astype(np.int64)
    if values.min(initial=0) < fmt.min_int or values.max(initial=0) > fmt.max_int:
        raise SourceError(
            f"tensor {name!r} reaches from {values.min()} to {values.max()}, outside its format {fmt} "
            f"({fmt.min_int} to {fmt.max_int}); the checkpoint is damaged"
        )
    return values


def _node(
    float_graph: FloatGraph,
    node: FloatNode,
    own: NodeFormats,
    parameters: Mapping[str, tuple[IntArray, IntArray]],
    tensors: Mapping[str, FixedPoint],
) -> Node:
    formats = tuple(tensors[name] for name in node.inputs)
    shapes = tuple(float_graph.shape_of(name) for name in node.inputs)
    layer = _layer(node, own, parameters, formats[0])
    accumulator = layer.accumulator(formats, shapes)
    if own.result is not None:
        _check_requantization(accumulator, own.result)
    if isinstance(layer, GlobalAveragePool) and own.result is not None:
        layer.division(formats[0], shapes[0], own.result)  # raises where hardware could not divide
    return Node(
        name=node.name,
        layer=layer,
        inputs=node.inputs,
        shape=node.shape,
        relu=node.relu is not None,
        accumulator=accumulator,
        result=own.result,
    )


def _layer(
    node: FloatNode, own: NodeFormats, parameters: Mapping[str, tuple[IntArray, IntArray]], in_format: FixedPoint
) -> Layer:
    match node.layer:
        case FloatAdd():
            return Add()
        case FloatGlobalAveragePool():
            return GlobalAveragePool()
        case FloatFlatten():
            return Flatten()
    assert own.weight is not None  # read_formats needs both for a layer with weights
    assert own.bias is not None
    weight, bias = parameters[node.name]
    product_bits = in_format.fraction_bits + own.weight.fraction_bits
    product_shift = max(own.bias.fraction_bits - product_bits, 0)
    aligned = _align(bias, product_bits + product_shift - own.bias.fraction_bits)
    if isinstance(node.layer, FloatLinear):
        return Linear(weight=weight, weight_format=own.weight, bias=aligned, product_shift=product_shift)
    return Conv2d(
        kernel=node.layer.kernel,
        stride=node.layer.stride,
        padding=node.layer.padding,
        weight=weight,
        weight_format=own.weight,
        bias=aligned,
        product_shift=product_shift,
    )


def _check_requantization(accumulator: FixedPoint, result: FixedPoint) -> None:
    """Raise NumericsError if the sum, shifted onto a finer point, leaves the integers."""
    finer = result.fraction_bits - accumulator.fraction_bits
    if accumulator.width + finer > MAX_WIDTH:
        raise NumericsError(
            f"the result {result} is {finer} bits finer than the exact sum {accumulator}, together more than "
            f"{MAX_WIDTH} bits; use fewer fraction bits"
        )


def _align(bias: IntArray, shift: int) -> IntArray:
    """The bias on the accumulator's point.

    Raises:
        NumericsError: it leaves the accumulator's widest range.
    """
    reach = int(np.abs(bias).max(initial=0)) << shift
    if reach.bit_length() >= MAX_SUM_BITS:
        raise NumericsError(
            f"the bias needs {reach.bit_length() + 1} bits on the accumulator's point, at most {MAX_SUM_BITS} are "
            "supported; use narrower formats"
        )
    return bias << shift if shift < MAX_SUM_BITS else bias  # beyond, every bias is zero
