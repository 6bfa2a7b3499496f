"""Arrays as they lie in a file, and how they get into variables: shapes are compared before anything is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pyconvnet.variables import Variable


class StoredArray(Protocol):
    """An array of a file whose declaration was checked against the file's size, and that was not read yet."""

    name: str
    shape: tuple[int, ...]
    kind: str  # "f" for float32, "i" for whole numbers

    def read_into(self, out: NDArray[np.float32]) -> None:
        """Reads all numbers into a C-contiguous float32 array of this shape."""

    def read_number(self) -> float | int:
        """The only number of an array without axes."""


Pair = tuple[Variable, StoredArray]


def pair_up(who: str, what: str, variables: Sequence[Variable], stored: Sequence[StoredArray]) -> list[Pair]:
    """Which stored array belongs to which variable, by order.

    Args:
        who: who loads what, for messages.
        what: whose variables they are.
        variables: those of the model.
        stored: those of the file.

    Raises:
        ValueError: another number of arrays, another shape, or no float32.
    """
    if len(variables) != len(stored):
        raise ValueError(
            f"{who}: {what} needs {len(variables)} arrays ({_listed(variables) or 'none'}), "
            f"the file has {len(stored)} ({_listed(stored) or 'none'})"
        )
    for variable, array in zip(variables, stored, strict=True):
        check_shape(who, variable.path, variable.shape, array)
    return list(zip(variables, stored, strict=True))


def check_shape(who: str, what: str, shape: tuple[int, ...], array: StoredArray) -> None:
    """Refuses a stored array of another shape or type.

    Raises:
        ValueError: the shape is another, or it holds no float32 numbers.
    """
    if array.shape != shape:
        raise ValueError(f"{who}: {what} must have shape {shape}, the file has {array.shape} in '{array.name}'")
    if array.kind != "f":
        raise ValueError(f"{who}: {what} must be float32, the file has whole numbers in '{array.name}'")


def read_new(pairs: Sequence[Pair]) -> None:
    """Reads straight into the variables of a model that nobody has seen yet."""
    for variable, array in pairs:
        array.read_into(variable.buffer)  # in the processor's memory, as nothing has run
        variable.version += 1


def read_first(pairs: Sequence[Pair]) -> Callable[[], None]:
    """Reads everything, so that a file that breaks off changes nothing; answers what writes it into the variables."""
    values = []
    for variable, array in pairs:
        values.append(np.empty(variable.shape, np.float32))
        array.read_into(values[-1])

    def write() -> None:
        for (variable, _), value in zip(pairs, values, strict=True):
            variable.assign(value)

    return write


def count_numbers(arrays: Sequence[StoredArray]) -> int:
    """How many numbers the arrays hold together."""
    return sum(math.prod(array.shape) for array in arrays)


def _listed(items: Sequence[Variable] | Sequence[StoredArray], most: int = 6) -> str:
    words = [f"{getattr(item, 'path', None) or getattr(item, 'name', '')} {item.shape}" for item in items[:most]]
    return ", ".join(words) + (", ..." if len(items) > most else "")
