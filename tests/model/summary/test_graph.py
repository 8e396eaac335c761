from __future__ import annotations

import pytest

from tests.support.summaries import PLATFORM, a_large_stack, a_layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.summary.graph import LABELS, Graph, layout
from venvstacks_rules.model.summary.stack import Overview, StackSummary
from venvstacks_rules.model.summary.treemap import Rectangle

SHAPES = [(1, 0), (1, 1), (3, 2), (5, 6), (15, 34), (40, 3)]
each_shape = pytest.mark.parametrize(("frameworks", "applications"), SHAPES)


def a_graph(frameworks: int, applications: int) -> tuple[StackSummary, Graph]:
    (stack,) = a_large_stack(frameworks, applications).stacks
    return stack, layout(stack, box_width=200, width=1080)


def overlap(one: Rectangle, other: Rectangle) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@each_shape
def test_every_layer_has_a_box_of_its_own(frameworks: int, applications: int) -> None:
    stack, graph = a_graph(frameworks, applications)
    assert set(graph.boxes) == {layer.address for layer in stack.layers}
    boxes = list(graph.boxes.values())
    for i, box in enumerate(boxes):
        assert box.x >= LABELS
        assert box.x + box.width < graph.width <= 1080
        assert box.y >= 0
        assert box.y + box.height <= graph.height
        assert not any(overlap(box, other) for other in boxes[i + 1 :])


@each_shape
def test_layers_stand_above_those_that_they_lie_on(frameworks: int, applications: int) -> None:
    stack, graph = a_graph(frameworks, applications)
    for layer in stack.layers:
        for _, address in layer.lower:
            below, box = graph.boxes[address], graph.boxes[layer.address]
            assert box.y + box.height < below.y
    tops = {kind: [graph.boxes[x.address].y for x in stack.of_kind(kind)] for kind in LayerKind}
    if tops[LayerKind.APPLICATION]:
        assert max(tops[LayerKind.APPLICATION]) < min(tops[LayerKind.FRAMEWORK])
    assert max(tops[LayerKind.FRAMEWORK]) < min(tops[LayerKind.RUNTIME])


@each_shape
def test_edges_join_boxes_and_pass_through_none(frameworks: int, applications: int) -> None:
    stack, graph = a_graph(frameworks, applications)
    assert [(edge.upper, edge.lower) for edge in graph.edges] == list(stack.edges)
    for edge in graph.edges:
        upper, lower = graph.boxes[edge.upper], graph.boxes[edge.lower]
        (x, y), (x1, y1) = edge.points[0], edge.points[-1]
        assert upper.x < x < upper.x + upper.width
        assert y == upper.y + upper.height
        assert (x1, y1) == (lower.x + lower.width / 2, lower.y)
        # A curve stays between the rows that it joins; a straight piece is beside all boxes.
        for i, (start, end) in enumerate(zip(edge.points, edge.points[1:])):
            left, right = min(start[0], end[0]), max(start[0], end[0])
            piece = Rectangle(left, start[1], right - left + 0.1, end[1] - start[1])
            assert piece.height > 0
            assert i % 2 == 0 or start[0] == end[0]
            assert left > 0
            assert right < graph.width
            assert not any(overlap(piece, box) for box in graph.boxes.values())


def test_kinds_have_labels() -> None:
    _, graph = a_graph(2, 2)
    assert [name for name, _ in graph.labels] == ["runtimes", "frameworks", "applications"]
    assert [y for _, y in graph.labels] == sorted((y for _, y in graph.labels), reverse=True)


def test_layers_are_ordered_so_that_edges_need_not_cross() -> None:
    runtime = a_layer(LayerKind.RUNTIME, "py")
    frameworks = [a_layer(LayerKind.FRAMEWORK, f"f{i}", [runtime]) for i in range(4)]
    # By name, every edge would cross every other one.
    layers = [
        a_layer(LayerKind.APPLICATION, f"a{3 - i}", [framework, runtime])
        for i, framework in enumerate(frameworks)
    ]
    (stack,) = Overview.of(PLATFORM, [runtime, *frameworks, *layers]).stacks
    graph = layout(stack, box_width=200, width=1080)
    ends = sorted((e.points[0][0], e.points[-1][0]) for e in graph.edges if ":a" in e.upper)
    assert [x for _, x in ends] == sorted({x for _, x in ends})


def test_boxes_of_any_width_get_a_column() -> None:
    (stack,) = a_large_stack(5, 6).stacks
    graph = layout(stack, box_width=900, width=1080)
    assert len({box.x for box in graph.boxes.values()}) == 1
