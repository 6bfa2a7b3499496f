"""What a schedule is, and what Keras's have in common.

Each formula is computed in float32 in Keras 3's order; powers, cosines and logarithms are rounded to the nearest
float32, where TensorFlow's may be one unit in the last place away.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet._identifiers import Configurable
from pyconvnet.ops._check import FloatArray, real

Steps = NDArray[np.int64]

ONE = np.float32(1)


class LearningRateSchedule(Configurable):
    """Base class: override ``__call__(step)``; it answers the rate of a step, the first of which is 0.

    Example:
        >>> class Inverse(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.1 / (step + 1)
        >>> Inverse().rates(0, 2)
        array([0.1 , 0.05], dtype=float32)
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step.

        Args:
            step: steps finished before it.
        """
        raise NotImplementedError(f"{type(self).__name__}: must override __call__(self, step)")

    def rates(self, first: int, count: int) -> FloatArray:
        """The rates of `count` steps from step `first` on, float32 [count]."""
        return np.array([float(self(step)) for step in range(first, first + count)], np.float32)


class Formula(LearningRateSchedule, ABC):
    """A schedule that is computed for many steps at once."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, step: ArrayLike) -> Any:
        """The learning rate of a step, or of each step of an array."""
        steps = np.asarray(step)
        values = self._rates(steps.reshape(-1).astype(np.int64)).reshape(steps.shape)
        return float(values) if steps.ndim == 0 else values

    def rates(self, first: int, count: int) -> FloatArray:
        """The rates of `count` steps from step `first` on, float32 [count]."""
        return self._rates(np.arange(first, first + count))

    @abstractmethod
    def _rates(self, steps: Steps) -> FloatArray:
        """The rates of these steps, float32."""


def rate_of(schedule: LearningRateSchedule, name: str, value: Any) -> float:
    """A checked rate, at least 0."""
    return real(type(schedule).__name__, name, value, minimum=0)


def positive(schedule: LearningRateSchedule, name: str, value: Any) -> float:
    """A checked number above 0, whole or not, as it was given."""
    if real(type(schedule).__name__, name, value) <= 0:
        raise ValueError(f"{type(schedule).__name__}: {name} must be positive, got {value!r}")
    number: float = value
    return number


def rounded(function: Callable[..., Any], *values: Any) -> FloatArray:
    """The float32 nearest to a function of float32 numbers."""
    return np.asarray(function(*(np.asarray(value, np.float64) for value in values))).astype(np.float32)
