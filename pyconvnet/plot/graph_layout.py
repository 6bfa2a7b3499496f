"""Where the boxes of a graph stand and how its edges run between them, without anything drawn.

The graph is laid out in rows (`graph_rows`, `graph_columns`); a graph inside a graph is laid out first and is then one
large box, with a place on its border for each of its inputs and outputs. An edge runs straight through the rows that it
passes and bends in the free space between two rows only, so that it never meets a box.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from pyconvnet.plot.graph_columns import in_columns
from pyconvnet.plot.graph_routes import Point, bands, routes, without_needless
from pyconvnet.plot.graph_rows import Link, in_rows

_FRAME_PADDING = 12.0


class Box(Protocol):
    """What is placed: anything with a size."""

    @property
    def width(self) -> float:
        """From left to right."""

    @property
    def height(self) -> float:
        """From top to bottom."""


class End(NamedTuple):
    """Where an edge begins or ends: a node's number, and which of its outputs or inputs."""

    node: int
    port: int = 0


@dataclass
class Graph:
    """Boxes, and graphs in frames, with edges from nodes to later nodes.

    Attributes:
        nodes: what is connected.
        edges: from and to.
        entries: of a graph inside a graph: for each input the ends that it goes to.
        exits: of a graph inside a graph: for each output the end that it comes from.
        label: written on the frame.
        label_size: width and height that are kept free for the label.
    """

    nodes: list[Box | Graph] = field(default_factory=list)
    edges: list[tuple[End, End]] = field(default_factory=list)
    entries: list[list[End]] = field(default_factory=list)
    exits: list[End] = field(default_factory=list)
    label: str = ""
    label_size: tuple[float, float] = (0.0, 0.0)


class Placed(NamedTuple):
    """A box or frame and its place: the upper left corner, and the size."""

    item: Any
    x: float
    y: float
    width: float
    height: float


class Route(NamedTuple):
    """An edge between two boxes of `Layout.boxes`, by number; it is straight or bends once between its points."""

    source: int
    target: int
    points: list[Point]


@dataclass
class Layout:
    """A graph with places.

    Attributes:
        width, height: of everything.
        boxes: from the first to the last node, those of inner graphs in their place.
        frames: around inner graphs, the outer before the inner.
        routes: every edge from box to box.
        sideways: whether edges leave their boxes to the side.
    """

    width: float
    height: float
    boxes: list[Placed]
    frames: list[Placed]
    routes: list[Route]
    sideways: bool


def lay_out(graph: Graph, direction: str = "TB") -> Layout:
    """Places the boxes of a graph and leads its edges around them.

    Args:
        graph: without circles: an edge goes from a node to a later one.
        direction: "TB" from top to bottom, "BT", "LR" from left to right or "RL".

    Returns:
        The layout; no box or frame meets another one outside it, and no edge meets a box other than its two.

    Example:
        >>> from types import SimpleNamespace
        >>> box = SimpleNamespace(width=60, height=20)
        >>> layout = lay_out(Graph([box, box], [(End(0), End(1))]))
        >>> [(box.x, box.y) for box in layout.boxes], layout.routes[0].points
        ([(0.0, 0.0), (0.0, 50.0)], [(30.0, 20.0), (30.0, 50.0)])
    """
    part = _arrange(graph, direction)
    turn = _turn(direction, part.width, part.height)
    sideways = direction in ("LR", "RL")
    return Layout(
        *((part.height, part.width) if sideways else (part.width, part.height)),
        [_turned(turn, box) for box in part.boxes],
        [_turned(turn, frame) for frame in part.frames],
        [Route(source, target, [turn(point) for point in points]) for source, target, points in part.routes],
        sideways,
    )


def _turn(direction: str, width: float, height: float) -> Callable[[Point], Point]:
    """Everything is laid out from top to bottom, with boxes on their side where that is not the direction."""
    return {
        "TB": lambda p: p,
        "BT": lambda p: (p[0], height - p[1]),
        "LR": lambda p: (p[1], p[0]),
        "RL": lambda p: (height - p[1], p[0]),
    }[direction]


def _turned(turn: Callable[[Point], Point], placed: Placed) -> Placed:
    a, b = turn((placed.x, placed.y)), turn((placed.x + placed.width, placed.y + placed.height))
    return Placed(placed.item, min(a[0], b[0]), min(a[1], b[1]), abs(a[0] - b[0]), abs(a[1] - b[1]))


class _Stub(NamedTuple):
    """The part of an edge between a box of an inner graph and the frame."""

    box: int
    points: list[Point]


@dataclass
class _Part:
    """A graph that is laid out from top to bottom; a frame has room for its label already."""

    width: float
    height: float
    first_box: int = 0
    boxes: list[Placed] = field(default_factory=list)
    frames: list[Placed] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    entries: list[list[_Stub]] = field(default_factory=list)
    exits: list[_Stub] = field(default_factory=list)

    def moved(self, x: float, y: float, first_box: int) -> _Part:
        """The same elsewhere, with boxes that are counted from `first_box`."""

        def shifted(points: Sequence[Point]) -> list[Point]:
            return [(px + x, py + y) for px, py in points]

        def stub(old: _Stub) -> _Stub:
            return _Stub(old.box + first_box, shifted(old.points))

        return _Part(
            self.width,
            self.height,
            first_box,
            [box._replace(x=box.x + x, y=box.y + y) for box in self.boxes],
            [frame._replace(x=frame.x + x, y=frame.y + y) for frame in self.frames],
            [Route(a + first_box, b + first_box, shifted(points)) for a, b, points in self.routes],
            [[stub(one) for one in entry] for entry in self.entries],
            [stub(one) for one in self.exits],
        )


def _arrange(graph: Graph, direction: str) -> _Part:
    """Lays out a graph; its entries and exits are nodes without a size in a row of their own."""
    sideways = direction in ("LR", "RL")
    parts = [_framed(node, direction) if isinstance(node, Graph) else _single(node, sideways) for node in graph.nodes]
    first, count = len(graph.entries), len(graph.entries) + len(parts) + len(graph.exits)
    last = first + len(parts)
    links = [Link(e, 0, end.node + first, end.port) for e, ends in enumerate(graph.entries) for end in ends]
    links += [Link(a.node + first, a.port, b.node + first, b.port) for a, b in graph.edges]
    links += [Link(end.node + first, end.port, last + e, 0) for e, end in enumerate(graph.exits)]
    placed = in_rows(count, links, range(first), range(last, count))
    sizes = [(0.0, 0.0)] * first + [(p.width, p.height) for p in parts] + [(0.0, 0.0)] * len(graph.exits)
    upper: dict[tuple[int, int], float] = {}
    lower: dict[tuple[int, int], float] = {}
    for i, part in enumerate(parts, first):
        lower.update(((i, e), entry[0].points[0][0] - part.width / 2) for e, entry in enumerate(part.entries))
        upper.update(((i, e), stub.points[-1][0] - part.width / 2) for e, stub in enumerate(part.exits))
    x = in_columns(placed, [width for width, _ in sizes], upper, lower)
    rows = bands(placed, [height for _, height in sizes], x)
    paths = routes(placed, links, sizes, x, rows, upper, lower)
    width = max((x[i] + size[0] / 2 for i, size in enumerate(sizes)), default=0.0)
    whole = _Part(max([width, *x.values()]), rows[-1][1] if rows else 0.0)
    row_of = {node: i for i, row in enumerate(placed.rows) for node in row}
    moved = []
    for i, part in enumerate(parts, first):
        middle = sum(rows[row_of[i]]) / 2
        moved.append(part.moved(x[i] - part.width / 2, middle - part.height / 2, len(whole.boxes)))
        whole.boxes += moved[-1].boxes
        whole.frames += moved[-1].frames
        whole.routes += moved[-1].routes
    whole.entries = [[] for _ in graph.entries]
    for link, path in zip(links, paths, strict=True):
        _connect(whole, link, path, dict(enumerate(moved, first)), first, last)
    return whole


def _connect(whole: _Part, link: Link, path: list[Point], parts: Mapping[int, _Part], first: int, last: int) -> None:
    """Adds an edge to the whole, through the frames in which it begins and ends."""
    ends = [_Stub(-1, [])]
    if link.target < last:
        part = parts[link.target]
        ends = part.entries[link.target_end] if part.entries else [_Stub(part.first_box, [])]
    start = _Stub(-1, [])
    if link.source >= first:
        part = parts[link.source]
        start = part.exits[link.source_end] if part.exits else _Stub(part.first_box, [])
    for end in ends:
        points = without_needless([*start.points, *path, *end.points])
        if link.source < first:
            whole.entries[link.source].append(_Stub(end.box, points))
        elif link.target >= last:
            whole.exits.append(_Stub(start.box, points))
        else:
            whole.routes.append(Route(start.box, end.box, points))


def _single(box: Box, sideways: bool) -> _Part:
    width, height = (box.height, box.width) if sideways else (box.width, box.height)
    return _Part(width, height, 0, [Placed(box, 0.0, 0.0, width, height)])


def _framed(graph: Graph, direction: str) -> _Part:
    """An inner graph with a frame around it and room for the label at what becomes the frame's top."""
    inner = _arrange(graph, direction)
    sideways = direction in ("LR", "RL")
    wide, high = graph.label_size
    before, after = (high, 0.0) if direction == "TB" else (0.0, high if direction == "BT" else 0.0)
    left = _FRAME_PADDING + (high if sideways else 0.0)
    width = left + inner.width + _FRAME_PADDING
    height = before + inner.height + after
    if sideways:
        before += max(0.0, wide - height) / 2
        height = max(height, wide)
    elif width < wide:
        left += (wide - width) / 2
        width = wide
    part = inner.moved(left, before, 0)
    for entry in part.entries:
        for stub in entry:
            stub.points.insert(0, (stub.points[0][0], 0.0))
    for stub in part.exits:
        stub.points.append((stub.points[-1][0], height))
    frames = [Placed(graph, 0.0, 0.0, width, height), *part.frames]
    return _Part(width, height, 0, part.boxes, frames, part.routes, part.entries, part.exits)
