"""Layouts of graphs as data: where boxes stand and how edges run."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet.plot.graph_layout import Box, End, Graph, Layout, Placed, lay_out
from pyconvnet.plot.graph_routes import Point
from pyconvnet.plot.graph_rows import Link, in_rows

DIRECTIONS = ("TB", "BT", "LR", "RL")
CLOSE = 1e-6


@dataclass(frozen=True)
class Sized:
    """A box."""

    name: str
    width: float = 60.0
    height: float = 24.0


def chain(count: int, *more: tuple[int, int]) -> Graph:
    """Boxes in a row, with further edges."""
    edges = [(End(i), End(i + 1)) for i in range(count - 1)]
    return Graph([Sized(str(i)) for i in range(count)], edges + [(End(a), End(b, 1)) for a, b in more])


def within(a: Placed, b: Placed) -> bool:
    return (
        a.x >= b.x - CLOSE
        and a.y >= b.y - CLOSE
        and a.x + a.width <= b.x + b.width + CLOSE
        and a.y + a.height <= b.y + b.height + CLOSE
    )


def overlap(a: Placed, b: Placed) -> bool:
    return (
        a.x < b.x + b.width - CLOSE
        and b.x < a.x + a.width - CLOSE
        and a.y < b.y + b.height - CLOSE
        and b.y < a.y + a.height - CLOSE
    )


def around(a: Point, b: Point) -> Placed:
    """What a piece of an edge can cover, however it bends between its two points."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    return Placed(None, *low, *(high - low))


def assert_sound(layout: Layout) -> None:
    """Nothing overlaps, everything lies inside, and edges run forward, around boxes and strange frames."""
    everything = Placed(None, 0.0, 0.0, layout.width, layout.height)
    assert all(within(placed, everything) for placed in [*layout.boxes, *layout.frames])
    for a, b in itertools.combinations(layout.boxes, 2):
        assert not overlap(a, b)
    for frame in layout.frames:
        for other in [*layout.boxes, *layout.frames]:
            assert within(other, frame) or within(frame, other) or not overlap(other, frame)
    for route in layout.routes:
        ends = layout.boxes[route.source], layout.boxes[route.target]
        assert_ends_lie_on(ends, route.points, layout.sideways)
        strange = [box for box in layout.boxes if box not in ends]
        strange += [f for f in layout.frames if not any(within(end, f) for end in ends)]
        for a, b in itertools.pairwise(route.points):
            piece = around(a, b)
            assert within(piece, Placed(None, -1, -1, layout.width + 2, layout.height + 2))
            assert not any(overlap(piece, box) for box in strange)
            assert not any(
                overlap(piece, Placed(None, e.x + 0.1, e.y + 0.1, e.width - 0.2, e.height - 0.2)) for e in ends
            )


def assert_ends_lie_on(ends: tuple[Placed, Placed], points: list[Point], sideways: bool) -> None:
    axis = 0 if sideways else 1
    steps = np.diff([point[axis] for point in points])
    assert (steps > 0).all() or (steps < 0).all()
    forward = steps[0] > 0
    for box, point, far in ((ends[0], points[0], forward), (ends[1], points[-1], not forward)):
        start, size = (box.x, box.width) if sideways else (box.y, box.height)
        assert point[axis] == pytest.approx(start + size if far else start)
        start, size = (box.y, box.height) if sideways else (box.x, box.width)
        assert start < point[1 - axis] < start + size


def flat_edges(graph: Graph) -> list[tuple[str, str]]:
    """The edges between boxes, through frames."""

    def sources(inside: Graph, end: End) -> str:
        node = inside.nodes[end.node]
        return sources(node, node.exits[end.port]) if isinstance(node, Graph) else name_of(node)

    def targets(inside: Graph, end: End) -> list[str]:
        node = inside.nodes[end.node]
        if isinstance(node, Graph):
            return [name for deeper in node.entries[end.port] for name in targets(node, deeper)]
        return [name_of(node)]

    found = [(sources(graph, a), name) for a, b in graph.edges for name in targets(graph, b)]
    for node in graph.nodes:
        if isinstance(node, Graph):
            found += flat_edges(node)
    return sorted(found)


def name_of(box: Box) -> str:
    assert isinstance(box, Sized)
    return box.name


def edges_of(layout: Layout) -> list[tuple[str, str]]:
    return sorted((layout.boxes[r.source].item.name, layout.boxes[r.target].item.name) for r in layout.routes)


def test_a_row_stands_in_one_line() -> None:
    layout = lay_out(chain(5))
    assert_sound(layout)
    assert len({box.x for box in layout.boxes}) == 1
    assert all(len(route.points) == 2 for route in layout.routes)


def test_the_main_way_is_straight_and_skips_run_beside_it() -> None:
    layout = lay_out(chain(8, (0, 3), (3, 6), (1, 7)))
    assert_sound(layout)
    assert len({box.x for box in layout.boxes}) == 1
    skips = [route for route in layout.routes if len(route.points) > 2]
    assert len(skips) == 3
    for route in skips:
        aside = [x for x, _ in route.points[1:-1]]
        assert max(aside) - min(aside) < CLOSE  # a lane is straight
        assert not 0 <= aside[0] <= 60


def test_equal_branches_are_centred_and_a_longer_one_goes_straight_on() -> None:
    two = Graph(
        [Sized(str(i)) for i in range(4)],
        [(End(a), End(b, p)) for a, b, p in ((0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 1))],
    )
    first, left, right, last = lay_out(two).boxes
    assert first.x == pytest.approx((left.x + right.x) / 2) and last.x == pytest.approx(first.x)
    longer = chain(5)
    longer.nodes.append(Sized("side"))
    longer.nodes.append(Sized("sum"))
    longer.edges += [(End(0), End(5)), (End(4), End(6)), (End(5), End(6, 1))]
    layout = lay_out(longer)
    assert_sound(layout)
    assert len({box.x for box in layout.boxes if box.item.name != "side"}) == 1


def test_a_late_input_stands_above_where_it_is_used() -> None:
    graph = chain(5)
    graph.nodes[1:1] = [Sized("late")]
    graph.edges = [(End(0), End(2)), (End(2), End(3)), (End(3), End(4)), (End(4), End(5)), (End(1), End(5, 1))]
    layout = lay_out(graph)
    assert_sound(layout)
    assert layout.boxes[1].y == layout.boxes[4].y


def test_crossings_that_can_be_avoided_are() -> None:
    # Three chains, whose ends are numbered the other way round, and a tree.
    links = [Link(0, 0, 5, 0), Link(1, 0, 4, 0), Link(2, 0, 3, 0), Link(3, 0, 8, 0), Link(4, 0, 7, 0), Link(5, 0, 6, 0)]
    placed = in_rows(9, links)
    place = {node: i for row in placed.rows for i, node in enumerate(row)}
    for a, b in itertools.combinations(placed.segments, 2):
        if (a.upper < 3) == (b.upper < 3):
            assert (place[a.upper] - place[b.upper]) * (place[a.lower] - place[b.lower]) > 0


def twins(name: str, inner: Graph | None = None) -> Graph:
    """Two inputs, two outputs and, in the middle, a graph with one of each."""
    nodes: list[Box | Graph] = [Sized(f"{name}{i}", 50 + 9 * i) for i in range(4)]
    nodes[2:3] = [inner] if inner else nodes[2:3]
    edges = [(End(0), End(2)), (End(1), End(3)), (End(2), End(3, 1))]
    return Graph(nodes, edges, [[End(0)], [End(1)]], [End(3), End(2)], label=name, label_size=(90.0, 20.0))


def single(name: str) -> Graph:
    """Its input goes to two boxes."""
    nodes = [Sized(f"{name}{i}") for i in range(3)]
    edges = [(End(0), End(2)), (End(1), End(2, 1))]
    return Graph(list(nodes), edges, [[End(0), End(1)]], [End(2)], label=name, label_size=(300.0, 20.0))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_graphs_in_graphs(direction: str) -> None:
    outer = Graph(
        [Sized("a"), Sized("b", 90, 70), twins("t", single("s")), twins("u"), Sized("c"), Sized("d")],
        [
            (End(0), End(2, 0)),
            (End(1), End(2, 1)),
            (End(2, 0), End(3, 1)),
            (End(2, 1), End(3, 0)),
            (End(1), End(4)),
            (End(3, 0), End(4, 1)),
            (End(3, 1), End(5)),
            (End(0), End(5, 1)),
        ],
    )
    layout = lay_out(outer, direction)
    assert_sound(layout)
    assert edges_of(layout) == flat_edges(outer)
    assert [frame.item.label for frame in layout.frames] == ["t", "s", "u"]
    assert all(frame.width >= frame.item.label_size[0] for frame in layout.frames)
    names = [box.item.name for box in layout.boxes]
    assert names == ["a", "b", "t0", "t1", "s0", "s1", "s2", "t3", "u0", "u1", "u2", "u3", "c", "d"]


def test_directions_are_the_same_picture_turned() -> None:
    graph = Graph([Sized(str(i), 40, 40) for i in range(5)], chain(5, (0, 2), (1, 4)).edges)
    down, up, right, left = (lay_out(graph, direction) for direction in DIRECTIONS)
    assert [(b.x, b.y) for b in right.boxes] == [(b.y, b.x) for b in down.boxes]
    assert [b.y for b in up.boxes] == pytest.approx([down.height - b.y - 40 for b in down.boxes])
    assert [b.x for b in left.boxes] == pytest.approx([right.width - b.x - 40 for b in right.boxes])


def test_nothing_is_an_empty_layout_and_strangers_stand_side_by_side() -> None:
    empty = lay_out(Graph())
    assert (empty.width, empty.height, empty.boxes, empty.routes) == (0.0, 0.0, [], [])
    alone = lay_out(Graph([Sized("a"), Sized("b")]))
    assert_sound(alone)
    assert alone.boxes[0].y == alone.boxes[1].y


@st.composite
def graphs(draw: st.DrawFn, depth: int = 2) -> Graph:
    """Any graph, with graphs in it."""
    nodes: list[Box | Graph] = []
    outputs: list[int] = []
    edges: list[tuple[End, End]] = []
    for i in range(draw(st.integers(1, 9))):
        inner = draw(graphs(depth - 1)) if depth and draw(st.integers(0, 4)) == 0 else None
        size = st.floats(5, 200)
        nodes.append(inner or Sized(str(draw(st.integers(0, 10**9))), draw(size), draw(size)))
        outputs.append(len(inner.exits) if inner else 1)
        inputs = len(inner.entries) if inner else draw(st.integers(0, 3))
        for port in range(inputs if i else 0):
            source = draw(st.integers(0, i - 1))
            edges.append((End(source, draw(st.integers(0, outputs[source] - 1))), End(i, port)))
    entries = [[End(0, 0)]] if isinstance(nodes[0], Sized) else [[End(0, p)] for p in range(len(nodes[0].entries))]
    last = len(nodes) - 1
    return Graph(nodes, edges, entries, [End(last, p) for p in range(outputs[-1])], label="g", label_size=(40.0, 18.0))


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from(DIRECTIONS))
def test_any_graph_is_sound_and_whole(graph: Graph, direction: str) -> None:
    graph.entries, graph.exits = [], []
    layout = lay_out(graph, direction)
    assert_sound(layout)
    assert edges_of(layout) == flat_edges(graph)
