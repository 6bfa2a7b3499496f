"""Checks that the lessons share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def number_table(who: str, name: str, value: ArrayLike) -> NDArray[np.float64]:
    """A float64 copy of a table [rows, columns] of finite numbers, which has cells.

    Raises:
        ValueError, TypeError: anything else.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{who}: {name} must be a table, and its rows have different lengths") from None
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{who}: {name} must hold real numbers, got dtype {array.dtype}")
    if array.ndim != 2 or not array.size:
        raise ValueError(f"{who}: {name} must have shape (rows, columns), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{who}: {name} must hold finite numbers, got infinity or NaN")
    return array.astype(np.float64)


def number_row(who: str, name: str, value: ArrayLike) -> NDArray[np.float64]:
    """The same for a row [numbers]."""
    row = np.asarray(value)
    if row.ndim != 1:
        raise ValueError(f"{who}: {name} must be a row of numbers, got shape {row.shape}")
    return number_table(who, name, row[None])[0]
