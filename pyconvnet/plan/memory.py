"""Where every activation lies, in one arena: offsets from the calls between which each is needed; and its size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ALIGNMENT = 64  # bytes


@dataclass(frozen=True)
class Interval:
    """A block of `nbytes` that is needed from call `first` to call `last`, both included."""

    nbytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Memory:
    """What a plan needs, in bytes; the data are the caller's.

    Attributes:
        arena: activations, gradients and scratch, each in its place.
        live: of these, at the call that needs most of them at once: no arena for these calls can be smaller.
        kept: the same without scratch.
        weights: parameters and moving statistics.
        slots: what the optimizer keeps of each parameter, and the sums of the loss and the metrics.
        thread: what each thread works in; the thread pool's, and the same for all plans that fit into it.
    """

    arena: int
    live: int
    kept: int
    weights: int
    slots: int
    thread: int

    @property
    def total(self) -> int:
        """All of it but what the threads work in."""
        return self.weights + self.slots + self.arena

    @property
    def needed(self) -> int:
        """What must be live at the worst call, whatever works in between."""
        return self.weights + self.slots + self.kept


def most_live(intervals: Iterable[Interval]) -> int:
    """The bytes that are needed at once, at the worst call: no arena for these blocks can be smaller.

    Args:
        intervals: the blocks.

    Example:
        >>> most_live([Interval(60, 0, 1), Interval(100, 1, 2), Interval(60, 2, 3)])
        160
    """
    blocks = list(intervals)
    worst = 0
    for call in {block.first for block in blocks}:  # it only grows where a block begins
        worst = max(worst, sum(block.nbytes for block in blocks if block.first <= call <= block.last))
    return worst


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
