"""A laid-out model as a drawing: boxes with coloured titles, curved edges with arrows, dashed frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyconvnet.plot.drawing import Drawing, Outline, Point, Step, Text, rounded
from pyconvnet.plot.graph_layout import Graph, Layout, Placed
from pyconvnet.plot.model_graph import ROW_HEIGHT, ROW_SIZE, TITLE_HEIGHT, TITLE_SIZE, LayerBox, text_width
from pyconvnet.plot.style import INK

_MARGIN = 14.0
_EDGE, _FRAME, _FRAME_FILL = "#6b7280", "#94a3b8", "#f8fafc"
_RADIUS = 5.0
_ARROW_LENGTH, _ARROW_HALF = 7.0, 3.2


def model_drawing(layout: Layout, title: str) -> Drawing:
    """Everything that is drawn of a model.

    Args:
        layout: of the graph that `model_graph` answers.
        title: for those who cannot see the picture.
    """
    drawing = Drawing(layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN, title)
    for frame in layout.frames:
        outline = rounded(frame.x + _MARGIN, frame.y + _MARGIN, frame.width, frame.height, _RADIUS, _RADIUS)
        drawing.items.append(Outline(outline, fill=_FRAME_FILL, stroke=_FRAME, dashes=4.0))
    for route in layout.routes:
        points = [(x + _MARGIN, y + _MARGIN) for x, y in route.points]
        drawing.items += _edge(points, layout.sideways)
    for frame in layout.frames:
        drawing.items += _label(frame)
    for placed in layout.boxes:
        drawing.items += _box(placed)
    return drawing


def _edge(points: Sequence[Point], sideways: bool) -> Iterator[Outline]:
    """A line that bends where its points lie apart, and the arrow at its end."""
    axis = 0 if sideways else 1
    tip = points[-1]
    ahead = 1.0 if tip[axis] > points[-2][axis] else -1.0
    back = _along(tip, axis, -ahead * _ARROW_LENGTH)
    steps: list[Step] = [("M", (points[0],))]
    for a, b in zip(points, [*points[1:-1], back], strict=False):
        if a[1 - axis] == b[1 - axis]:
            steps.append(("L", (b,)))
        else:
            half = (b[axis] - a[axis]) / 2
            steps.append(("C", (_along(a, axis, half), _along(b, axis, -half), b)))
    yield Outline(steps, stroke=_EDGE, width=1.3)
    sides = (_along(back, 1 - axis, _ARROW_HALF), _along(back, 1 - axis, -_ARROW_HALF))
    yield Outline([("M", (tip,)), ("L", (sides[0],)), ("L", (sides[1],)), ("Z", ())], fill=_EDGE)


def _along(point: Point, axis: int, distance: float) -> Point:
    x, y = point
    return (x + distance, y) if axis == 0 else (x, y + distance)


def _label(frame: Placed) -> Iterator[Outline | Text]:
    graph: Graph = frame.item
    x, y = frame.x + _MARGIN + 8, frame.y + _MARGIN + 4
    width = text_width(graph.label, ROW_SIZE, bold=True)
    yield Outline(rounded(x - 3, y, width + 6, ROW_SIZE + 5, 3, 3), fill=_FRAME_FILL)
    yield Text(graph.label, x, y + ROW_SIZE + 1, ROW_SIZE, INK, bold=True)


def _box(placed: Placed) -> Iterator[Outline | Text]:
    box: LayerBox = placed.item
    x, y = placed.x + _MARGIN, placed.y + _MARGIN
    whole = rounded(x, y, placed.width, placed.height, _RADIUS, _RADIUS)
    yield Outline(whole, fill="white")
    head = rounded(x, y, placed.width, TITLE_HEIGHT, _RADIUS, 0.0 if box.rows else _RADIUS)
    yield Outline(head, fill=box.colour)
    yield Outline(whole, stroke=box.colour, width=1.2)
    middle = x + placed.width / 2
    yield Text(
        box.title, middle, y + TITLE_HEIGHT / 2 + 0.36 * TITLE_SIZE, TITLE_SIZE, "white", bold=True, centred=True
    )
    for i, (text, colour) in enumerate(box.rows):
        base = y + TITLE_HEIGHT + 4 + ROW_HEIGHT * (i + 0.5) + 0.36 * ROW_SIZE
        yield Text(text, middle, base, ROW_SIZE, colour, centred=True)
