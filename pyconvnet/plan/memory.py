"""Where every activation lies: offsets in one arena, from the calls between which each is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT = 64  # bytes


@dataclass(frozen=True)
class Interval:
    """A block of `nbytes` that is needed from call `first` to call `last`, both included."""

    nbytes: int
    first: int
    last: int


def pack(intervals: Sequence[Interval]) -> tuple[list[int], int]:
    """Offsets such that no two blocks needed at the same time overlap.

    The largest first, each at the lowest place that is free during its life.

    Args:
        intervals: the blocks.

    Returns:
        One offset in bytes for each block, all multiples of `ALIGNMENT`, and the size of the arena.

    Example:
        >>> pack([Interval(64, 0, 1), Interval(128, 1, 2), Interval(64, 2, 3)])
        ([128, 0, 128], 192)
    """
    offsets = [0] * len(intervals)
    placed: list[int] = []
    for i in sorted(range(len(intervals)), key=lambda i: (-intervals[i].nbytes, i)):
        block = intervals[i]
        busy = sorted(
            (offsets[j], offsets[j] + _round(intervals[j].nbytes))
            for j in placed
            if intervals[j].first <= block.last and block.first <= intervals[j].last
        )
        offset = 0
        for begin, end in busy:
            if offset + _round(block.nbytes) <= begin:
                break
            offset = max(offset, end)
        offsets[i] = offset
        placed.append(i)
    size = max((offsets[i] + _round(block.nbytes) for i, block in enumerate(intervals)), default=0)
    return offsets, size


def _round(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT
