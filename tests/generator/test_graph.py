"""The graph's invariants, each broken on purpose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.errors import GraphError
from generator.fixed_point import FixedPoint
from generator.graph import Graph, Shape, check_graph
from generator.passes.quantize import quantize, resolve_formats
from tests.generator.networks import Net, config, float_graph, seeded


@pytest.fixture(scope="module")
def graph() -> Graph:
    imported = float_graph(seeded(Net(2, (3, 4), (2,), "pool"), 0), (2, 6, 4))
    return quantize(imported, resolve_formats(imported, config()))


def edit(graph: Graph, node: str, /, **changes: object) -> Graph:
    """The graph with one node changed."""
    return replace(graph, nodes=tuple(replace(n, **changes) if n.name == node else n for n in graph.nodes))


def problem_of(graph: Graph) -> str:
    with pytest.raises(GraphError) as error:
        check_graph(graph)
    return str(error.value)


def test_a_sound_graph_passes(graph: Graph) -> None:
    check_graph(graph)


def test_names(graph: Graph) -> None:
    broken = edit(replace(graph, name="my net"), "blocks.0.conv2", name="stem")
    assert problem_of(broken) == (
        "graph 'my net': its name is no safe identifier; the name 'stem' is used twice; node 'blocks.0.add' reads "
        "'blocks.0.conv2', which no node before it produces"
    )


def test_order(graph: Graph) -> None:
    first, second, *rest = graph.nodes
    assert problem_of(replace(graph, nodes=(second, first, *rest))) == (
        "graph 'net': node 'blocks.0.conv1' reads 'stem', which no node before it produces"
    )


def test_output(graph: Graph) -> None:
    assert problem_of(replace(graph, output="mean")) == (
        "graph 'net': the output 'mean' is not its last node 'fc'; nothing reads 'fc'; the output 'mean' is read "
        "inside the graph"
    )


def test_dead_node(graph: Graph) -> None:
    extra = replace(graph.node("stem"), name="extra")
    assert problem_of(replace(graph, nodes=(extra, *graph.nodes))) == "graph 'net': nothing reads 'extra'"


def test_empty_graph(graph: Graph) -> None:
    assert problem_of(replace(graph, nodes=())) == "graph 'net': it has no nodes; nothing reads 'input'"


def test_shapes_formats_and_means(graph: Graph) -> None:
    broken = edit(graph, "stem", shape=Shape(height=6, width=4, channels=5))
    broken = edit(broken, "blocks.0.conv2", accumulator=FixedPoint(width=40, integer_bits=20))
    broken = edit(broken, "mean", result=None)
    needed = graph.node("blocks.0.conv2").accumulator
    assert problem_of(broken) == (
        "graph 'net': node 'stem': its shape is (6,4,5), the layer gives (6,4,3); "
        "node 'blocks.0.conv1': the convolution's weights expect 3 input channels, its input (6,4,5) has 5; "
        f"node 'blocks.0.conv2': its accumulator is ap_fixed<40,20>, the layer needs {needed}; "
        "node 'blocks.0.downsample.0': the convolution's weights expect 3 input channels, its input (6,4,5) has 5; "
        f"node 'blocks.0.add': its accumulator is {graph.node('blocks.0.add').accumulator}, the layer needs "
        "ap_fixed<44,24>; "
        "node 'mean': a mean has no exact result, it needs a result format; "
        f"node 'fc': its accumulator is {graph.node('fc').accumulator}, the layer needs ap_fixed<32,12>"
    )


def test_operands(graph: Graph) -> None:
    broken = edit(graph, "fc", inputs=("mean", "mean"))
    assert problem_of(broken) == (
        "graph 'net': node 'fc': it cannot take 2 inputs; node 'fc' is the join of 0 skip connections, expected 1"
    )


def test_skips(graph: Graph) -> None:
    (skip,) = graph.skips
    assert problem_of(replace(graph, skips=())) == (
        "graph 'net': node 'blocks.0.add' is the join of 0 skip connections, expected 1"
    )
    assert problem_of(replace(graph, skips=(replace(skip, main=("nowhere",)),))) == (
        "graph 'net': skip 'blocks.0' mentions nowhere, which the graph does not have"
    )
    assert problem_of(replace(graph, skips=(replace(skip, main=()),))) == (
        "graph 'net': skip 'blocks.0' spans no convolution"
    )
    assert problem_of(replace(graph, skips=(replace(skip, projection=None),))) == (
        "graph 'net': skip 'blocks.0': 'stem' is not the second operand of 'blocks.0.add'"
    )
    assert problem_of(replace(graph, skips=(replace(skip, fork="fc"),))) == (
        "graph 'net': skip 'blocks.0': the main operand 'blocks.0.conv2' does not come from the fork 'fc'; "
        "skip 'blocks.0': the projection 'blocks.0.downsample.0' does not read the fork 'fc'"
    )


def test_lookups(graph: Graph) -> None:
    assert graph.shape_of("input") == Shape(height=6, width=4, channels=2)
    assert graph.format_of("mean") == graph.node("mean").result
    assert [node.name for node in graph.consumers("stem")] == ["blocks.0.conv1", "blocks.0.downsample.0"]
    with pytest.raises(GraphError, match=r"^graph 'net': there is no node 'nowhere'$"):
        graph.node("nowhere")
