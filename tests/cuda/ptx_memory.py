"""The memory of interpreted PTX, with a check on every access."""

from __future__ import annotations

from typing import Any

import numpy as np

SHARED_WINDOW = 1 << 44  # where generic addresses show shared memory


class PtxError(RuntimeError):
    """A kernel did what it must not do, or something that is not interpreted."""


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


class SharedMemory:
    """A block's memory: NaN until it is written, and who touched what since the last barrier."""

    def __init__(self, size: int) -> None:
        self.data, self.written = np.full(size, 0xFF, np.uint8), np.zeros(size, bool)
        self.phase = 0  # barriers passed
        words = size // 4 + 1
        self.writer, self.reader = np.full(words, -1), np.full(words, -1)
        self.write_phase, self.read_phase = np.full(words, -1), np.full(words, -1)

    def check_order(self, words: np.ndarray, threads: np.ndarray, store: bool) -> None:
        """Refuse an access to what another thread wrote (or, for stores, read) without a barrier in between."""
        conflicts = [(self.writer, self.write_phase, "wrote")]
        if store:
            conflicts.append((self.reader, self.read_phase, "read"))
        for who, phase, did in conflicts:
            others = who[words]
            hit = (phase[words] == self.phase) & (others >= 0) & (others != threads)
            if hit.any():
                row, column = np.argwhere(hit)[0]
                verb = "writes" if store else "reads"
                raise PtxError(
                    f"race: thread {threads[row, 0]} {verb} shared memory that thread {others[row, column]} {did}, "
                    "with no barrier between them"
                )
        who, phase = (self.writer, self.write_phase) if store else (self.reader, self.read_phase)
        who[words], phase[words] = np.broadcast_to(threads, words.shape), self.phase


def access(
    space: str, memory: GlobalMemory, shared: SharedMemory, address: np.ndarray, threads: np.ndarray, size: int,
    data: Any = None,
) -> np.ndarray:  # fmt: skip
    """Load `size` bytes for each of `threads`, or store `data` [threads, size]."""
    if (address % size).any():
        raise PtxError(f"misaligned access of {size} bytes by thread {threads[(address % size) != 0][0]}")
    if space == "generic":
        in_shared = bool((address >= SHARED_WINDOW).all())
        space, address = ("shared", address - SHARED_WINDOW) if in_shared else ("global", address)
    cells = address[:, None] + np.arange(size)
    bytes_of = shared.data if space == "shared" else memory.data
    bad = ((cells < 0) | (cells >= bytes_of.size)).any(1)
    if space == "global":
        bad |= ~memory.valid[np.clip(cells, 0, bytes_of.size - 1)].all(1)
    if bad.any():
        raise PtxError(f"{space} memory out of bounds by thread {threads[bad][0]}")
    if space == "shared":
        shared.check_order(cells[:, ::4] // 4, threads[:, None], data is not None)
        if data is None and not shared.written[cells].all():
            unwritten = ~shared.written[cells].all(1)
            raise PtxError(f"thread {threads[unwritten][0]} reads shared memory that nobody wrote")
    if data is None:
        return bytes_of[cells]
    bytes_of[cells] = data
    if space == "shared":
        shared.written[cells] = True
    return data
