"""Skip connections of an imported network: the records of the alteration in terms of the float graph."""

from __future__ import annotations

from collections.abc import Mapping

from generator.errors import GraphError
from generator.float_graph import FloatConv2d, FloatNode
from generator.graph import SkipEdge
from tailor_train.surgery import SkipRecord, SkipState


def skip_edges(
    records: tuple[SkipRecord, ...], nodes: tuple[FloatNode, ...], values: Mapping[str, str]
) -> tuple[SkipEdge, ...]:
    """The skips that are present, in execution order of their forks.

    Args:
        records: of the deployed network.
        nodes: of the float graph.
        values: name of an fx node -> float node (or input) whose result it is.

    Raises:
        GraphError: a skip that is neither an identity nor one 1x1 convolution; every such skip in one message.
    """
    by_name = {node.name: node for node in nodes}
    order = {node.name: place for place, node in enumerate(nodes)}
    edges: list[SkipEdge] = []
    problems: list[str] = []
    for record in records:
        if record.fork is None or record.join is None:
            continue
        fork, join = values[record.fork], values[record.join]
        main, skip = by_name[join].inputs
        projection = None if skip == fork else skip
        if projection is not None and not _is_projection(by_name[projection], fork):
            problems.append(f"skip '{record.name}' must be an identity or one 1x1 convolution without ReLU")
        edges.append(
            SkipEdge(
                name=record.name,
                parent=record.parent,
                fork=fork,
                join=join,
                main=_span(by_name, fork, main),
                projection=projection,
                short=record.state is SkipState.SHORTENED,
            )
        )
    if problems:
        raise GraphError("; ".join(problems))
    return tuple(sorted(edges, key=lambda edge: (order.get(edge.fork, -1), order[edge.join])))


def _is_projection(node: FloatNode, fork: str) -> bool:
    layer = node.layer
    return isinstance(layer, FloatConv2d) and layer.kernel == (1, 1) and node.relu is None and node.inputs == (fork,)


def _span(by_name: Mapping[str, FloatNode], fork: str, main: str) -> tuple[str, ...]:
    """The convolutions between fork and join, following main operands only."""
    convs: list[str] = []
    current = main
    while current != fork and current in by_name:
        node = by_name[current]
        if isinstance(node.layer, FloatConv2d):
            convs.append(current)
        current = node.inputs[0]
    return tuple(reversed(convs))
