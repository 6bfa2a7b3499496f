"""Guard bytes: kernels that are called alone get each of their buffers between two walls of poison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pyconvnet import _core

RunKernel = Callable[..., None]

_WALL = 37  # numbers on each side: no vector is aligned behind so many, and none reaches across
_POISON = 0xFF  # as bytes of a float a NaN that no arithmetic makes, of a class number -1


def between_walls(run_kernel: RunKernel) -> RunKernel:
    """Make `_core.run_kernel` look after the memory around its buffers.

    What lies beside a buffer spoils every result that it gets into. What a kernel promises to write is poison when the
    kernel gets it, so that a number that it forgets shows as NaN or -1.

    Raises:
        AssertionError: (from the answered function) the kernel wrote beside a buffer, or into one that it only reads.
    """

    def run(kernel: str, attributes: dict[str, Any], arrays: Mapping[str, np.ndarray], rows: int, *rest: Any) -> None:
        roles, scratch = {}, {}
        for name, dtype, count, for_each_row, role in _core.describe_kernel(kernel, attributes):
            roles[name] = role
            if role == "scratch":
                scratch[name] = np.empty(count * (rows if for_each_row else 1), dtype)
        arrays = {**arrays, **scratch}
        blocks = {_memory(array): _block(array) for array in arrays.values()}  # what works in place does so here too
        inside = {
            name: blocks[_memory(array)][_WALL : _WALL + array.size].reshape(array.shape)
            for name, array in arrays.items()
        }
        for name, array in arrays.items():
            if "input" in roles[name] or "update" in roles[name]:
                inside[name][...] = array
        run_kernel(kernel, attributes, inside, rows, *rest)
        for name, array in arrays.items():
            block = blocks[_memory(array)]
            for side, wall in (("before", block[:_WALL]), ("behind", block[_WALL + array.size :])):
                assert (wall.view(np.uint8) == _POISON).all(), f"{kernel} wrote {side} its '{name}'"
            if "input" not in roles[name]:
                array[...] = inside[name]
        for name, array in arrays.items():
            assert inside[name].tobytes() == array.tobytes(), f"{kernel} wrote into its '{name}', which it only reads"

    return run


def _memory(array: np.ndarray) -> tuple[int, int, str]:
    """Tell buffers apart: by address, bytes and dtype."""
    return array.ctypes.data, array.nbytes, array.dtype.str


def _block(array: np.ndarray) -> np.ndarray:
    """Make room for an array and its walls, all of it poison."""
    block = np.empty(array.size + 2 * _WALL, array.dtype)
    block.view(np.uint8).fill(_POISON)
    return block
