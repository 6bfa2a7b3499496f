"""How far to the right each node of a graph stands: the second half of a layered layout.

Lanes and the main way through a network are made straight first: nodes that stand below each other become one *column*.
Then every column moves, as far as its neighbours let it, to the mean of those that it is connected with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pyconvnet.plot.graph_rows import Rows, Segment

_BOX_GAP, _LANE_GAP = 30.0, 16.0
_SWEEPS = 60
_LANE_PULL = 0.1  # a box follows boxes rather than lines that pass
_STILL = 0.25

Offsets = Mapping[tuple[int, int], float]


def in_columns(placed: Rows, widths: Sequence[float], upper: Offsets, lower: Offsets) -> dict[int, float]:
    """The x of every node's middle.

    Args:
        placed: nodes in rows, in order.
        widths: of the nodes that are no lanes.
        upper: where an edge leaves a node, to the right of its middle, by node and end; in the middle if not given.
        lower: where an edge enters a node, likewise.

    Returns:
        x by node, lanes among them; the leftmost edge of a box lies at 0.
    """
    shift = {s: lower.get(s[2:], 0.0) - upper.get(s[:2], 0.0) for s in placed.segments}
    column, inside = _columns(placed, shift)
    half = [width / 2 for width in widths]
    walls = _walls(placed, half, column, inside)
    x = _leftmost(max(column.values(), default=-1) + 1, walls)
    _settle(x, walls, _pulls(placed, shift, column, inside))
    found = {node: x[column[node]] + inside[node] for node in column}
    left = min((found[node] - _half(half, node) for node in found), default=0.0)
    return {node: value - left for node, value in found.items()}


def _half(half: Sequence[float], node: int) -> float:
    return half[node] if node < len(half) else 0.0


def _columns(placed: Rows, shift: Mapping[Segment, float]) -> tuple[dict[int, int], dict[int, float]]:
    """The column of every node, and its x within the column."""
    straight = {segment.lower: segment for segment in _straight(placed)}
    column: dict[int, int] = {}
    inside: dict[int, float] = {}
    count = 0
    for node in (node for row in placed.rows for node in row):
        segment = straight.get(node)
        if segment is None:
            column[node], inside[node] = count, 0.0
            count += 1
        else:
            column[node] = column[segment.upper]
            inside[node] = inside[segment.upper] - shift[segment]
    return column, inside


def _straight(placed: Rows) -> list[Segment]:
    """The segments that are drawn straight down: lanes, then those that both ends like best; none crosses another."""
    below: dict[int, list[Segment]] = {}
    above: dict[int, list[Segment]] = {}
    for segment in placed.segments:
        below.setdefault(segment.upper, []).append(segment)
        above.setdefault(segment.lower, []).append(segment)
    down = {node: _favourite(node, [s.lower for s in found], placed.height) for node, found in below.items()}
    up = {node: _favourite(node, [s.upper for s in found], placed.depth) for node, found in above.items()}
    wanted = [s for s in placed.segments if down[s.upper] == s.lower and up[s.lower] == s.upper]
    wanted.sort(key=lambda s: sum(node >= placed.count for node in (s.upper, s.lower)))
    row_of = {node: i for i, row in enumerate(placed.rows) for node in row}
    place = {node: i for row in placed.rows for i, node in enumerate(row)}
    taken: dict[int, list[Segment]] = {}
    for segment in wanted:
        others = taken.setdefault(row_of[segment.upper], [])
        a, b = place[segment.upper], place[segment.lower]
        if all((place[o.upper] - a) * (place[o.lower] - b) > 0 for o in others):
            others.append(segment)
    return [segment for found in taken.values() for segment in found]


def _favourite(node: int, others: Sequence[int], length: Sequence[int]) -> int | None:
    """The neighbour to be straight with: for a lane its lane, else the only one, the only box, or of two boxes that
    with the longer way."""
    count = len(length)
    lanes = [other for other in others if other >= count]
    if lanes and (node >= count or len(others) == 1):
        return lanes[0]
    boxes = sorted({other for other in others if other < count}, key=lambda other: -length[other])
    if len(boxes) == 1 or (len(boxes) == 2 and length[boxes[0]] > length[boxes[1]]):
        return boxes[0]
    return None


def _walls(
    placed: Rows, half: Sequence[float], column: Mapping[int, int], inside: Mapping[int, float]
) -> dict[tuple[int, int], float]:
    """How far a column must stay to the right of another one: by (left, right)."""
    walls: dict[tuple[int, int], float] = {}
    for row in placed.rows:
        for left, right in pairwise(row):
            gap = _BOX_GAP if max(left, right) < placed.count else _LANE_GAP
            apart = _half(half, left) + gap + _half(half, right) + inside[left] - inside[right]
            key = (column[left], column[right])
            walls[key] = max(walls.get(key, apart), apart)
    return walls


def _leftmost(count: int, walls: Mapping[tuple[int, int], float]) -> list[float]:
    """Every column as far left as it can stand."""
    waits_for = [0] * count
    right_of: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for (left, right), apart in walls.items():
        waits_for[right] += 1
        right_of[left].append((right, apart))
    x = [0.0] * count
    ready = [c for c in range(count) if not waits_for[c]]
    while ready:
        left = ready.pop()
        for right, apart in right_of[left]:
            x[right] = max(x[right], x[left] + apart)
            waits_for[right] -= 1
            if not waits_for[right]:
                ready.append(right)
    return x


def _pulls(
    placed: Rows, shift: Mapping[Segment, float], column: Mapping[int, int], inside: Mapping[int, float]
) -> dict[int, list[tuple[int, float, float]]]:
    """Where each column is drawn to: (other column, distance from it, strength)."""
    pulls: dict[int, list[tuple[int, float, float]]] = {}
    for segment in placed.segments:
        a, b = column[segment.upper], column[segment.lower]
        if a == b:
            continue
        apart = (
            inside[segment.upper] - shift[segment] - inside[segment.lower]
        )  # of b from a, where the edge is straight
        strength = 1.0 if max(segment.upper, segment.lower) < placed.count else _LANE_PULL
        pulls.setdefault(b, []).append((a, apart, strength))
        pulls.setdefault(a, []).append((b, -apart, strength))
    return pulls


def _settle(
    x: list[float],
    walls: Mapping[tuple[int, int], float],
    pulls: Mapping[int, Sequence[tuple[int, float, float]]],
) -> None:
    """Moves one column after the other to the mean of what it is drawn to, between its walls.

    Each move makes the sum of squared distances smaller, so this ends.
    """
    left_of: dict[int, list[tuple[int, float]]] = {}
    right_of: dict[int, list[tuple[int, float]]] = {}
    for (left, right), apart in walls.items():
        left_of.setdefault(right, []).append((left, apart))
        right_of.setdefault(left, []).append((right, apart))
    for sweep in range(_SWEEPS):
        furthest = 0.0
        # From the right first: what wants to move right is not held up by a neighbour that wants it too.
        for c in sorted(pulls, key=lambda c: x[c], reverse=sweep % 2 == 0):
            total = sum(strength for _, _, strength in pulls[c])
            wish = sum(strength * (x[other] + apart) for other, apart, strength in pulls[c]) / total
            wish = max([wish, *(x[left] + apart for left, apart in left_of.get(c, ()))])
            wish = min([wish, *(x[right] - apart for right, apart in right_of.get(c, ()))])
            furthest = max(furthest, abs(wish - x[c]))
            x[c] = wish
        if furthest < _STILL:
            break
