"""How edges run between the rows of a layered layout: straight through rows, bent between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyconvnet.plot.graph_columns import Offsets
from pyconvnet.plot.graph_rows import Link, Rows

_ROW_GAP, _PORT_GAP = 30.0, 12.0
_ROOM_TO_BEND = 0.09  # of the way to the side
_MOST_ROOM = 60.0
_END_GAP = 16.0  # between the arrows that enter one box
_STRAIGHT = 0.5  # what is less aside is drawn straight
_NOTHING = 1e-6  # rounding

Point = tuple[float, float]
Bands = list[tuple[float, float]]


def bands(placed: Rows, heights: Sequence[float], x: Mapping[int, float]) -> Bands:
    """Top and bottom of each row; the further edges go to the side, the more room they get to bend.

    Args:
        placed: nodes in rows.
        heights: of the nodes that are no lanes.
        x: the middle of every node.
    """
    row_of = {node: i for i, row in enumerate(placed.rows) for node in row}
    aside = [0.0] * len(placed.rows)
    for segment in placed.segments:
        row = row_of[segment.upper]
        aside[row] = max(aside[row], abs(x[segment.upper] - x[segment.lower]))
    high = [max(heights[node] for node in row if node < placed.count) for row in placed.rows]
    found: Bands = []
    y = 0.0
    for i, height in enumerate(high):
        found.append((y, y + height))
        gap = _PORT_GAP if 0.0 in high[i : i + 2] else _ROW_GAP
        y += height + gap + min(_MOST_ROOM, _ROOM_TO_BEND * aside[i])
    return found


def routes(
    placed: Rows,
    links: Sequence[Link],
    sizes: Sequence[tuple[float, float]],
    x: Mapping[int, float],
    rows: Bands,
    upper: Offsets,
    lower: Offsets,
) -> list[list[Point]]:
    """The points of every link, from the lower border of its source to the upper border of its target.

    Args:
        placed: nodes in rows, with the chain of each link.
        links: the edges.
        sizes: width and height of the nodes that are no lanes; each stands in the middle of its row.
        x: the middle of every node.
        rows: what `bands` answers.
        upper: where edges leave nodes that say so, as for `in_columns`; other nodes spread the ends of their edges.
        lower: where edges enter nodes that say so.
    """
    row_of = {node: i for i, row in enumerate(placed.rows) for node in row}
    starts = [(link.source, link.source_end) for link in links]
    leaves = _spread(starts, [x[chain[1]] for chain in placed.chains], sizes, x, upper)
    ends = [(link.target, i) for i, link in enumerate(links)]
    fixed = {(link.target, i): lower[link[2:]] for i, link in enumerate(links) if link[2:] in lower}
    enters = _spread(ends, [x[chain[-2]] for chain in placed.chains], sizes, x, fixed)
    found = []
    for start, end, chain in zip(starts, ends, placed.chains, strict=True):
        aside = {chain[0]: leaves[start], chain[-1]: enters[end]}
        points: list[Point] = []
        for node in chain:
            top, bottom = rows[row_of[node]]
            middle, half = (top + bottom) / 2, sizes[node][1] / 2 if node < placed.count else 0.0
            first = middle + half if node == chain[0] else top
            last = middle - half if node == chain[-1] else bottom
            points += [(x[node] + aside.get(node, 0.0), first), (x[node] + aside.get(node, 0.0), last)]
        found.append(without_needless(points))
    return found


def _spread(
    ends: Sequence[tuple[int, int]],
    comes_from: Sequence[float],
    sizes: Sequence[tuple[float, float]],
    x: Mapping[int, float],
    fixed: Offsets,
) -> dict[tuple[int, int], float]:
    """How far from a node's middle each of its ends lies: in the order of where they come from, a straight one in the
    middle.

    Args:
        ends: node and end of every link; equal ones share a place.
        comes_from: x of what each link is connected with there.
        sizes, x: of the nodes.
        fixed: what is given already.
    """
    found = {end: fixed[end] for end in ends if end in fixed}
    free: dict[int, dict[tuple[int, int], list[float]]] = {}
    for end, other in zip(ends, comes_from, strict=True):
        if end not in fixed:
            free.setdefault(end[0], {}).setdefault(end, []).append(other - x[end[0]])
    for node, mine in free.items():
        order = sorted(mine, key=lambda end: sum(mine[end]) / len(mine[end]))
        straight = [i for i, end in enumerate(order) if abs(sum(mine[end]) / len(mine[end])) < _STRAIGHT]
        middle = straight[0] if len(straight) == 1 else (len(order) - 1) / 2
        gap = min(_END_GAP, 0.4 * sizes[node][0] / max(1.0, middle, len(order) - 1 - middle))
        found.update((end, (i - middle) * gap) for i, end in enumerate(order))
    return found


def without_needless(points: Sequence[Point]) -> list[Point]:
    """The same line without points that add nothing, and without bends that nobody would see."""
    found = [points[0]]
    for x, y in points[1:]:
        if abs(x - found[-1][0]) < _STRAIGHT:
            x = found[-1][0]
        if abs(y - found[-1][1]) < _NOTHING and x == found[-1][0]:
            continue
        if len(found) > 1 and found[-2][0] == found[-1][0] == x:
            found[-1] = (x, y)
        else:
            found.append((x, y))
    return found
