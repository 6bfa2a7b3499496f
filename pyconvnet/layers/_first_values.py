"""How weights are made: with their initializer's values, or of zeros where a file's values will follow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from pyconvnet import initializers, regularizers
from pyconvnet.variables import Variable

# How many more numbers may be made of zeros; None where initializers make the values.
_room: ContextVar[int | None] = ContextVar("room", default=None)


@dataclass(frozen=True)
class WeightSpec:
    """A weight before it is made."""

    name: str
    shape: tuple[int, ...]
    initializer: initializers.Initializer
    regularizer: regularizers.Regularizer | None = None
    trainable: bool = True


@contextmanager
def values_follow(numbers: int) -> Iterator[None]:
    """Inside, weights begin as zeros, and together they have at most so many numbers: a file cannot hold more."""
    token = _room.set(numbers)
    try:
        yield
    finally:
        _room.reset(token)


def new_variable(who: str, layer: str, spec: WeightSpec, trainable: bool) -> Variable:
    """A weight of a layer.

    Args:
        who: the layer's class and name, for messages.
        layer: its name.
        spec: what the weight is.
        trainable: whether the layer is.

    Raises:
        ValueError: the weight is larger than the file that should hold it.
    """
    path, trained = f"{layer}/{spec.name}", trainable and spec.trainable
    room = _room.get()
    if room is None:
        first = spec.initializer(spec.shape)
        return Variable(first, name=spec.name, path=path, trainable=trained, regularizer=spec.regularizer)
    if math.prod(spec.shape) > room:
        raise ValueError(
            f"{who}: its {spec.name} of shape {spec.shape} must fit into the file, which has room for {room} numbers"
        )
    _room.set(room - math.prod(spec.shape))
    return Variable.zeros(spec.shape, name=spec.name, path=path, trainable=trained, regularizer=spec.regularizer)
