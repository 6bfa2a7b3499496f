"""Which row each node of a graph stands in, and in which order: the first half of a layered layout.

Nodes are numbers. An edge that passes rows gets a *lane* in each of them: a node without a size that keeps a place free
between the boxes. The method is that of Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical
System Structures" (1981): rows by longest paths, then orders with few crossings by the means of neighbours.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_TURNS = 24  # up and down through the rows; few networks need more than four


class Link(NamedTuple):
    """An edge; ends are counted from the left of a node."""

    source: int
    source_end: int
    target: int
    target_end: int


class Segment(NamedTuple):
    """A part of an edge, between a row and the next."""

    upper: int
    upper_end: int
    lower: int
    lower_end: int


@dataclass
class Rows:
    """Nodes in rows.

    Attributes:
        count: nodes from this number on are lanes.
        rows: the nodes of each row from left to right, lanes among them.
        segments: everything that connects a row with the next, each once.
        chains: of each link its source, its lanes, its target.
        depth: of each node that is no lane, edges on the longest way from a node without edges into it.
        height: the same to a node without edges out of it.
    """

    count: int
    rows: list[list[int]]
    segments: list[Segment]
    chains: list[list[int]]
    depth: list[int]
    height: list[int]


def in_rows(count: int, links: Sequence[Link], first: Collection[int] = (), last: Collection[int] = ()) -> Rows:
    """Places nodes in rows, each below all that it reads, with few crossings.

    Args:
        count: of the nodes; they are numbered so that every link goes from a lower to a higher number.
        links: the edges.
        first: nodes that must stand in the first row.
        last: nodes that must stand in the last row.

    Returns:
        The rows.
    """
    depth, height = [0] * count, [0] * count
    for link in sorted(links, key=lambda link: link.source):
        depth[link.target] = max(depth[link.target], depth[link.source] + 1)
    for link in sorted(links, key=lambda link: -link.target):
        height[link.source] = max(height[link.source], height[link.target] + 1)
    rank = _ranks(depth, links, first, last)
    placed = Rows(count, [[] for _ in range(max(rank, default=-1) + 1)], [], [], depth, height)
    _lay_lanes(placed, rank, links)
    _first_order(placed)
    _fewer_crossings(placed)
    return placed


def _ranks(depth: Sequence[int], links: Sequence[Link], first: Collection[int], last: Collection[int]) -> list[int]:
    """Rows by the longest way from the start; a branch with inputs of its own moves down to where it is used."""
    rank = list(depth)
    bottom = max((rank[node] for node in range(len(rank)) if node not in last), default=-1) + 1
    for node in last:
        rank[node] = bottom
    below: dict[int, set[int]] = {}
    for link in links:
        below.setdefault(link.source, set()).add(link.target)
    # Whether everything above a node is there for it alone.
    feeds = [node not in first for node in range(len(rank))]
    for node in sorted(below):
        for target in below[node]:
            feeds[target] &= feeds[node] and len(below[node]) == 1
    for node in sorted(below, reverse=True):
        if feeds[node]:
            rank[node] = min(rank[target] for target in below[node]) - 1
    return rank


def _lay_lanes(placed: Rows, rank: Sequence[int], links: Sequence[Link]) -> None:
    """Lanes for edges that pass rows; the edges of one tensor share theirs."""
    lanes: dict[tuple[int, int, int], int] = {}
    segments: dict[Segment, None] = {}
    for node, row in enumerate(rank):
        placed.rows[row].append(node)
    for link in links:
        chain, end = [link.source], link.source_end
        for row in range(rank[link.source] + 1, rank[link.target]):
            key = (link.source, link.source_end, row)
            if key not in lanes:
                lanes[key] = placed.count + len(lanes)
                placed.rows[row].append(lanes[key])
            segments[Segment(chain[-1], end, lanes[key], 0)] = None
            chain.append(lanes[key])
            end = 0
        segments[Segment(chain[-1], end, link.target, link.target_end)] = None
        placed.chains.append([*chain, link.target])
    placed.segments = list(segments)


def _first_order(placed: Rows) -> None:
    """As nodes are met on the way down from the first node, along the longest paths first, lanes last."""
    below: dict[int, list[int]] = {}
    for segment in placed.segments:
        below.setdefault(segment.upper, []).append(segment.lower)
    met: dict[int, int] = {}
    everything = sorted(node for row in placed.rows for node in row)
    waiting = everything[::-1]
    while waiting:
        node = waiting.pop()
        if node in met:
            continue
        met[node] = len(met)
        lower = below.get(node, [])
        lower.sort(key=lambda other: 1 if other >= placed.count else -placed.height[other])
        waiting += reversed(lower)
    for row in placed.rows:
        row.sort(key=lambda node: met[node])


class _Order:
    """The places of nodes in their rows, and who is connected with whom."""

    def __init__(self, placed: Rows) -> None:
        self.rows = placed.rows
        self.above: dict[int, list[tuple[int, float]]] = {}
        self.below: dict[int, list[tuple[int, float]]] = {}
        # Ends of one node are apart by less than its place.
        part = 1 / (1 + max((max(s.upper_end, s.lower_end) for s in placed.segments), default=0))
        for upper, upper_end, lower, lower_end in placed.segments:
            self.above.setdefault(lower, []).append((upper, part * upper_end))
            self.below.setdefault(upper, []).append((lower, part * lower_end))
        self.own = {segment: (part * segment.upper_end, part * segment.lower_end) for segment in placed.segments}
        self.place: dict[int, float] = {}
        for row in self.rows:
            self.number(row)

    def number(self, row: list[int]) -> None:
        """Notes the places in a row."""
        self.place.update((node, i) for i, node in enumerate(row))

    def crossings(self) -> int:
        """How often edges cross."""
        ends: dict[int, list[tuple[float, float]]] = {}
        row_of = {node: i for i, row in enumerate(self.rows) for node in row}
        for segment, (upper, lower) in self.own.items():
            line = (self.place[segment.upper] + upper, self.place[segment.lower] + lower)
            ends.setdefault(row_of[segment.upper], []).append(line)
        found = 0
        for lines in ends.values():
            passed: list[float] = []
            for _, lower in sorted(lines):
                found += len(passed) - bisect_right(passed, lower)
                insort(passed, lower)
        return found

    def by_means(self, row: list[int], neighbours: dict[int, list[tuple[int, float]]]) -> None:
        """Sorts a row by the mean places of neighbours; who has none stays about where it is."""

        def mean(node: int) -> float:
            near = neighbours.get(node)
            return sum(self.place[other] + end for other, end in near) / len(near) if near else self.place[node]

        row.sort(key=mean)
        self.number(row)

    def swap_neighbours(self, row: list[int]) -> None:
        """Swaps nodes that stand side by side where that leaves fewer crossings."""
        for i in range(len(row) - 1):
            a, b = row[i], row[i + 1]
            if self._crossings_of(a, b) > self._crossings_of(b, a):
                row[i], row[i + 1] = b, a
        self.number(row)

    def _crossings_of(self, left: int, right: int) -> int:
        found = 0
        for neighbours in (self.above, self.below):
            ends = [self.place[other] + end for other, end in neighbours.get(right, ())]
            for other, end in neighbours.get(left, ()):
                found += sum(self.place[other] + end > place for place in ends)
        return found


def _fewer_crossings(placed: Rows) -> None:
    order = _Order(placed)
    best, fewest = [list(row) for row in placed.rows], order.crossings()
    for turn in range(_TURNS):
        if fewest == 0:
            break
        down = turn % 2 == 0
        for row in placed.rows if down else placed.rows[::-1]:
            order.by_means(row, order.above if down else order.below)
        for row in placed.rows:
            order.swap_neighbours(row)
        found = order.crossings()
        if found < fewest:
            best, fewest = [list(row) for row in placed.rows], found
    placed.rows = best
