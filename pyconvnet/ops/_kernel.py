"""One eager call of a kernel on NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyconvnet import _core

_NO_INDICES = np.empty(0, np.int64)


def run_kernel(
    kernel: str,
    attributes: Mapping[str, Any],
    /,
    *,
    rows: int,
    seed: int = 0,
    iteration: int = 0,
    learning_rate: float = 0.0,
    feed: np.ndarray | None = None,
    indices: np.ndarray = _NO_INDICES,
    **buffers: np.ndarray | None,
) -> None:
    """Runs `kernel` once; `buffers` are C-contiguous arrays by the kernel's own names, outputs written in place.

    A missing optional buffer is None. A kernel that gathers reads the rows `indices`
    int64 [rows] of `feed`, an array of any numeric dtype and strides.
    """
    given = {name: array for name, array in buffers.items() if array is not None}
    sources: list[tuple[np.ndarray, np.ndarray | None]] = [] if feed is None else [(feed, None)]
    _core.run_kernel(kernel, dict(attributes), given, rows, seed, iteration, learning_rate, sources, indices)
