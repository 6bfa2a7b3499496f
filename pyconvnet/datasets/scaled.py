"""A uint8 array that reads as float32, so that a data set is never copied whole to floating point."""

from __future__ import annotations

import math
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pyconvnet.devices import Device

__all__ = ["ScaledArray"]

_ELEMENTS_AT_A_TIME = 1 << 20

Index = int | np.integer[Any] | slice | EllipsisType | None | npt.NDArray[np.integer[Any]] | npt.NDArray[np.bool_]
Key = Index | list[int] | tuple[Index, ...]


class ScaledArray:
    """A lazy view of a uint8 array: element v reads as ``float32(v / divisor)``.

    The 256 quotients are rounded once from float64, so the values equal ``(array / divisor).astype(np.float32)`` bit
    for bit. Indexing with a slice gives another view; any other index gives a float32 NumPy array.

    Args:
        array: uint8, any shape with at least one dimension; not copied.
        divisor: finite and positive, for example 255.0.

    Attributes:
        array: the uint8 array.
        divisor: the divisor as a float.
        table: float32 [256], read-only: ``v / divisor`` for each v.

    Raises:
        TypeError: `array` is not a NumPy array of uint8.
        ValueError: `array` has no dimension, or `divisor` is not finite and positive.

    Example:
        >>> x = ScaledArray(np.array([[0, 51], [102, 255]], np.uint8), 255.0)
        >>> x[1:]
        ScaledArray(shape=(1, 2), divisor=255.0)
        >>> x[0]
        array([0. , 0.2], dtype=float32)
    """

    __slots__ = ("array", "divisor", "table")

    def __init__(self, array: npt.NDArray[np.uint8], divisor: float) -> None:
        if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
            got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"ScaledArray: array must be a NumPy array of uint8, got {got}")
        if array.ndim == 0:
            raise ValueError("ScaledArray: array must have at least one dimension, got a scalar")
        if not (math.isfinite(divisor) and divisor > 0):
            raise ValueError(f"ScaledArray: divisor must be finite and positive, got {divisor}")
        self.array = array
        self.divisor = float(divisor)
        self.table: npt.NDArray[np.float32] = (np.arange(256) / self.divisor).astype(np.float32)
        self.table.flags.writeable = False

    def on(self, device: Device) -> ScaledArray:
        """This view in the memory of a device: itself where it is there."""
        array = device.put(self.array)
        if array is self.array:
            return self
        moved = ScaledArray.__new__(ScaledArray)
        moved.array, moved.divisor, moved.table = array, self.divisor, device.put(self.table)
        return moved

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.array.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """float32: what the elements read as."""
        return self.table.dtype

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, key: Key) -> ScaledArray | npt.NDArray[np.float32] | np.float32:
        if isinstance(key, slice):
            return ScaledArray(self.array[key], self.divisor)
        return self._look_up(self.array[key])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("ScaledArray: NumPy asked for a view of float32 data, but there is none: allow a copy")
        values = np.asarray(self._look_up(self.array))
        return values if dtype is None else values.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"ScaledArray(shape={self.shape}, divisor={self.divisor})"

    def _look_up(self, values: npt.NDArray[np.uint8] | np.uint8) -> npt.NDArray[np.float32] | np.float32:
        if np.ndim(values) == 0:
            return self.table[values]
        rows = np.asarray(values)
        scaled = np.empty(rows.shape, np.float32)
        # NumPy widens indices to 8 bytes each: some rows at a time keep that small
        step = max(1, _ELEMENTS_AT_A_TIME * len(rows) // max(1, rows.size))
        for first in range(0, len(rows), step):
            scaled[first : first + step] = self.table[rows[first : first + step]]
        return scaled
