"""The memory of interpreted PTX, with a check on every access."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

SHARED_WINDOW = 1 << 60  # where generic addresses show shared memory: beyond all that a process has
_NOBODY, _MANY = -1, -2  # in place of a thread's number


class PtxError(RuntimeError):
    """A kernel did what it must not do, or something that is not interpreted."""


class Memory(Protocol):
    """What all blocks see: each access is for some lanes, `size` bytes at the address of each."""

    def outside(self, address: np.ndarray, size: int, store: bool) -> np.ndarray:
        """Say which lanes must not do this."""

    def load(self, address: np.ndarray, size: int, threads: np.ndarray) -> np.ndarray:
        """Give the bytes [lanes, size] to threads of the grid."""

    def store(self, address: np.ndarray, data: np.ndarray, threads: np.ndarray) -> None:
        """Write bytes [lanes, size]."""


class GlobalMemory:
    """Arrays with gaps of invalid bytes between them."""

    def __init__(self, size: int = 1 << 22) -> None:
        self.data, self.valid, self.top = np.zeros(size, np.uint8), np.zeros(size, bool), 4096
        self.arrays: dict[int, np.ndarray] = {}

    def put(self, array: np.ndarray) -> int:
        """Copy an array into memory; its address."""
        array, begin = np.ascontiguousarray(array), self.top
        end = begin + array.nbytes
        self.data[begin:end] = array.view(np.uint8).ravel()
        self.valid[begin:end] = True
        self.top = -(-(end + 512) // 256) * 256
        self.arrays[begin] = array
        return begin

    def get(self, begin: int) -> np.ndarray:
        """Give what an array holds by now."""
        array = self.arrays[begin]
        return self.data[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape).copy()

    def outside(self, address: np.ndarray, size: int, store: bool) -> np.ndarray:
        cells = address[:, None] + np.arange(size)
        inside = (cells >= 0) & (cells < self.data.size)
        return ~(inside & self.valid[np.where(inside, cells, 0)]).all(1)

    def load(self, address: np.ndarray, size: int, threads: np.ndarray) -> np.ndarray:
        return self.data[address[:, None] + np.arange(size)]

    def store(self, address: np.ndarray, data: np.ndarray, threads: np.ndarray) -> None:
        self.data[address[:, None] + np.arange(data.shape[1])] = data


@dataclass
class Span:
    """The bytes of one array, whether kernels may write them, and which threads of a launch have touched them."""

    begin: int
    data: np.ndarray
    writable: bool
    writer: np.ndarray = field(init=False)
    reader: np.ndarray = field(init=False)

    def forget(self) -> None:
        """Begin a launch, before which all others have ended."""
        self.writer, self.reader = np.full((2, self.data.size), _NOBODY)

    def holds(self, address: np.ndarray, size: int) -> np.ndarray:
        """Say of each address whether `size` bytes from there are all in here."""
        return (address >= self.begin) & (address + size <= self.begin + self.data.size)

    def touch(self, address: np.ndarray, size: int, threads: np.ndarray, store: bool) -> np.ndarray:
        """Give the cells [lanes, size] of an access. What a thread writes is no other thread's business."""
        cells, who = (address - self.begin)[:, None] + np.arange(size), threads[:, None]
        for others, did in ((self.writer, "wrote"), (self.reader, "read"))[: 1 + store]:
            if (hit := (others[cells] != _NOBODY) & (others[cells] != who)).any():
                verb, thread = "writes" if store else "reads", threads[hit.any(1)][0]
                raise PtxError(f"race: thread {thread} of a grid {verb} global memory that another one {did}")
        if store:
            self.writer[cells] = who
            if (self.writer[cells] != who).any():
                raise PtxError("race: two threads of a grid write the same global memory")
        else:
            before = self.reader[cells]
            self.reader[cells] = who
            alone = ((before == _NOBODY) | (before == who)) & (self.reader[cells] == who)
            self.reader[cells[~alone]] = _MANY
        return cells


class ProcessMemory:
    """Arrays of this process at their own addresses; all others are out of bounds."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def allow(self, array: np.ndarray, writable: bool = False) -> None:
        """Let kernels read an array of any strides, and write it."""
        if array.size == 0:
            return
        reach = [(length - 1) * stride for length, stride in zip(array.shape, array.strides, strict=True)]
        begin = array.ctypes.data + sum(min(0, step) for step in reach)
        size = sum(map(abs, reach)) + array.itemsize
        same = [span for span in self.spans if (span.begin, span.data.size) == (begin, size)]
        if same:  # what works in place is one array under two names
            same[0].writable |= writable
            return
        data = np.frombuffer((ctypes.c_uint8 * size).from_address(begin), np.uint8)
        self.spans.append(Span(begin, data, writable))

    def begin_launch(self) -> None:
        """Forget who touched what."""
        for span in self.spans:
            span.forget()

    def outside(self, address: np.ndarray, size: int, store: bool) -> np.ndarray:
        inside = np.zeros(address.size, bool)
        for _, lanes in self._parts(address, size, store):
            inside[lanes] = True
        return ~inside

    def load(self, address: np.ndarray, size: int, threads: np.ndarray) -> np.ndarray:
        result = np.empty((address.size, size), np.uint8)
        for span, lanes in self._parts(address, size, False):
            result[lanes] = span.data[span.touch(address[lanes], size, threads[lanes], False)]
        return result

    def store(self, address: np.ndarray, data: np.ndarray, threads: np.ndarray) -> None:
        for span, lanes in self._parts(address, data.shape[1], True):
            span.data[span.touch(address[lanes], data.shape[1], threads[lanes], True)] = data[lanes]

    def _parts(self, address: np.ndarray, size: int, store: bool) -> Iterator[tuple[Span, np.ndarray]]:
        """List each span that lanes are in, with their numbers."""
        rest = np.arange(address.size)
        for span in self.spans:
            if rest.size and (span.writable or not store):
                inside = span.holds(address[rest], size)
                if inside.any():
                    yield span, rest[inside]
                    rest = rest[~inside]


class SharedMemory:
    """A block's memory: NaN until it is written, and who touched what since the last barrier.

    `first_thread` of the block: its number in the grid.
    """

    def __init__(self, size: int, first_thread: int) -> None:
        self.first_thread = first_thread
        self.data, self.written = np.full(size, 0xFF, np.uint8), np.zeros(size, bool)
        self.phase = 0  # barriers passed
        words = size // 4 + 1
        self.writer, self.reader = np.full(words, -1), np.full(words, -1)
        self.write_phase, self.read_phase = np.full(words, -1), np.full(words, -1)

    def check_order(self, words: np.ndarray, threads: np.ndarray, store: bool) -> None:
        """Refuse an access to what another thread wrote (or, for stores, read) without a barrier in between."""
        who, verb = np.broadcast_to(threads, words.shape), "writes" if store else "reads"
        touched = ((self.writer, self.write_phase, "wrote"), (self.reader, self.read_phase, "read"))
        for owners, phases, did in touched[: 1 + store]:
            others = np.where(phases[words] == self.phase, owners[words], _NOBODY)
            hit = (others != _NOBODY) & (others != who)
            if hit.any():
                row, column = np.argwhere(hit)[0]
                other = others[row, column]
                raise PtxError(
                    f"race: thread {who[row, column]} {verb} shared memory that "
                    f"{'several threads' if other == _MANY else f'thread {other}'} {did}, with no barrier between them"
                )
        owners, phases, _ = touched[not store]
        before = np.where(phases[words] == self.phase, owners[words], _NOBODY)
        owners[words], phases[words] = who, self.phase
        alone = owners[words] == who
        if not store:
            owners[words[~(alone & ((before == _NOBODY) | (before == who)))]] = _MANY
        elif not alone.all():
            raise PtxError(f"race: thread {who[~alone][0]} writes shared memory that another one writes")


def access(
    space: str, memory: Memory, shared: SharedMemory, address: np.ndarray, threads: np.ndarray, size: int,
    data: Any = None,
) -> np.ndarray:  # fmt: skip
    """Load `size` bytes for each of `threads`, or store `data` [threads, size]."""
    if (address % size).any():
        raise PtxError(f"misaligned access of {size} bytes by thread {threads[(address % size) != 0][0]}")
    if space == "generic":
        in_shared = bool((address >= SHARED_WINDOW).all())
        space, address = ("shared", address - SHARED_WINDOW) if in_shared else ("global", address)
    if space == "global":
        bad = memory.outside(address, size, data is not None)
    else:
        bad = (address < 0) | (address + size > shared.data.size)
    if bad.any():
        raise PtxError(f"{space} memory out of bounds by thread {threads[bad][0]}")
    if space == "global":
        if data is None:
            return memory.load(address, size, threads + shared.first_thread)
        memory.store(address, data, threads + shared.first_thread)
        return data
    cells = address[:, None] + np.arange(size)
    shared.check_order(cells[:, ::4] // 4, threads[:, None], data is not None)
    if data is None:
        if not shared.written[cells].all():
            unwritten = ~shared.written[cells].all(1)
            raise PtxError(f"thread {threads[unwritten][0]} reads shared memory that nobody wrote")
        return shared.data[cells]
    shared.data[cells] = data
    shared.written[cells] = True
    return data
