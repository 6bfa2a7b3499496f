"""Learning rates that change from step to step: what an optimizer takes as its ``learning_rate``.

Each formula is computed in float32 in Keras 3's order; powers, cosines and logarithms are rounded to the nearest
float32, where TensorFlow's may be one unit in the last place away.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet._identifiers import Configurable, resolve
from pyconvnet._suggest import unknown
from pyconvnet.ops._check import FloatArray, integer, real

Steps = NDArray[np.int64]

_PI = np.float32(np.pi)
_ONE = np.float32(1)


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


class _Formula(LearningRateSchedule, ABC):
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


class ExponentialDecay(_Formula):
    """initial_learning_rate * decay_rate ^ (step / decay_steps).

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: steps after which the rate is decay_rate times what it was.
        decay_rate: see above.
        staircase: only change after whole `decay_steps`.
        name: kept, and nothing else.

    Raises:
        ValueError, TypeError: `decay_steps` of 0 or less, or something that is no number.

    Example:
        >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
        0.02500000037252903
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps(self, "decay_steps", decay_steps)
        self.decay_rate = real(type(self).__name__, "decay_rate", decay_rate)
        self.staircase = bool(staircase)

    def _rates(self, steps: Steps) -> FloatArray:
        share = _share(steps, self.decay_steps, self.staircase)
        return np.float32(self.initial_learning_rate) * _rounded(np.power, np.float32(self.decay_rate), share)


class InverseTimeDecay(_Formula):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Args:
        initial_learning_rate, decay_steps, decay_rate: see above.
        staircase: only change after whole `decay_steps`.
        name: kept, and nothing else.

    Raises:
        ValueError, TypeError: `decay_steps` of 0 or less, or something that is no number.

    Example:
        >>> InverseTimeDecay(1.0, decay_steps=1, decay_rate=0.5)(2)
        0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps(self, "decay_steps", decay_steps)
        self.decay_rate = real(type(self).__name__, "decay_rate", decay_rate)
        self.staircase = bool(staircase)

    def _rates(self, steps: Steps) -> FloatArray:
        share = _share(steps, self.decay_steps, self.staircase)
        return np.float32(self.initial_learning_rate) / (_ONE + np.float32(self.decay_rate) * share)


class PiecewiseConstantDecay(_Formula):
    """values[0] up to and including step boundaries[0], values[1] up to boundaries[1], ..., then values[-1].

    Args:
        boundaries: steps, rising; fractions are cut off.
        values: one rate more than there are boundaries.
        name: kept, and nothing else.

    Raises:
        ValueError, TypeError: another number of values, boundaries that do not rise, or something that is no number.

    Example:
        >>> PiecewiseConstantDecay([100, 200], [1.0, 0.5, 0.25])([100, 101, 201])
        array([1.  , 0.5 , 0.25], dtype=float32)
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        super().__init__(name)
        who = "PiecewiseConstantDecay"
        self.boundaries, self.values = list(boundaries), [_rate(self, "a value", value) for value in values]
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"{who}: values must be one more than boundaries, "
                f"got {len(self.values)} values and {len(self.boundaries)} boundaries"
            )
        edges = [real(who, "a boundary", boundary) for boundary in self.boundaries]
        if any(high <= low for low, high in pairwise(edges)):
            raise ValueError(f"{who}: boundaries must rise, got {self.boundaries}")

    def _rates(self, steps: Steps) -> FloatArray:
        edges = np.array(self.boundaries, np.float64).astype(np.int64)
        return np.array(self.values, np.float32)[np.searchsorted(edges, steps)]


class PolynomialDecay(_Formula):
    """(initial - end) * (1 - step / decay_steps) ^ power + end, and end behind decay_steps.

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: steps to the end.
        end_learning_rate: the rate from there on.
        power: of the polynomial; 1 is a straight line.
        cycle: do not stay at the end: `decay_steps` doubles, trebles, ... when it is passed.
        name: kept, and nothing else.

    Raises:
        ValueError, TypeError: `decay_steps` of 0 or less, or something that is no number.

    Example:
        >>> PolynomialDecay(1.0, decay_steps=4, end_learning_rate=0.5)([0, 2, 4, 9])
        array([1.  , 0.75, 0.5 , 0.5 ], dtype=float32)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps(self, "decay_steps", decay_steps)
        self.end_learning_rate = _rate(self, "end_learning_rate", end_learning_rate)
        self.power = real("PolynomialDecay", "power", power)
        self.cycle = bool(cycle)

    def _rates(self, steps: Steps) -> FloatArray:
        step, length = steps.astype(np.float32), np.float32(self.decay_steps)
        if self.cycle:
            length = length * np.where(step == 0, _ONE, np.ceil(step / length))
        else:
            step = np.minimum(step, length)
        first, last = np.float32(self.initial_learning_rate), np.float32(self.end_learning_rate)
        return (first - last) * _rounded(np.power, _ONE - step / length, np.float32(self.power)) + last


class CosineDecay(_Formula):
    """Down along half a cosine, from the initial rate to alpha times it; first up along a line, where wanted.

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: steps down.
        alpha: share of the rate that is left at the end.
        name: kept, and nothing else.
        warmup_target: the rate to climb to from `initial_learning_rate` before going down from there.
        warmup_steps: steps up.

    Raises:
        ValueError, TypeError: `decay_steps` of 0 or less, or something that is no number.

    Example:
        >>> CosineDecay(0.0, 4, warmup_target=1.0, warmup_steps=2)([0, 1, 2, 4, 6]).round(6)
        array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)

    Formula: Loshchilov and Hutter, "SGDR" (2017), without restarts.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps(self, "decay_steps", decay_steps)
        self.alpha = real("CosineDecay", "alpha", alpha)
        self.warmup_target = None if warmup_target is None else _rate(self, "warmup_target", warmup_target)
        self.warmup_steps = integer("CosineDecay", "warmup_steps", warmup_steps, minimum=0)

    def _rates(self, steps: Steps) -> FloatArray:
        step, length = steps.astype(np.float32), np.float32(self.decay_steps)
        first = np.float32(self.initial_learning_rate)
        if self.warmup_target is None:
            return self._down(np.minimum(step, length), length, first)
        top, climb = np.float32(self.warmup_target), np.float32(self.warmup_steps)
        step = np.minimum(step, length + climb)
        up = (top - first) * (step / np.maximum(climb, _ONE)) + first
        return np.where(step < climb, up, self._down(step - climb, length, top))

    def _down(self, step: FloatArray, length: np.float32, start: np.float32) -> FloatArray:
        wave = np.float32(0.5) * (_ONE + _rounded(np.cos, _PI * (step / length)))
        return start * (np.float32(1 - self.alpha) * wave + np.float32(self.alpha))


class CosineDecayRestarts(_Formula):
    """Down along half a cosine again and again: each time t_mul as long and from m_mul as high.

    Args:
        initial_learning_rate: the rate of the first step.
        first_decay_steps: steps of the first way down.
        t_mul: see above, for the steps.
        m_mul: see above, for the rate.
        alpha: share of the rate that is left at the end of each way.
        name: kept, and nothing else.

    Raises:
        ValueError, TypeError: `first_decay_steps` of 0 or less, or something that is no number.

    Example:
        >>> CosineDecayRestarts(1.0, 2, m_mul=0.5)([0, 1, 2, 4, 6]).round(6)
        array([1.  , 0.5 , 0.5 , 0.25, 0.25], dtype=float32)

    Formula: Loshchilov and Hutter, "SGDR" (2017).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = _steps(self, "first_decay_steps", first_decay_steps)
        self.t_mul = real("CosineDecayRestarts", "t_mul", t_mul, minimum=0)
        self.m_mul = real("CosineDecayRestarts", "m_mul", m_mul, minimum=0)
        self.alpha = real("CosineDecayRestarts", "alpha", alpha)

    def _rates(self, steps: Steps) -> FloatArray:
        longer, alpha = np.float32(self.t_mul), np.float32(self.alpha)
        done = steps.astype(np.float32) / np.float32(self.first_decay_steps)
        if longer == 1:
            restarts = np.floor(done)
            done = done - restarts
        else:
            inside = _ONE - done * (_ONE - longer)
            restarts = np.floor(_rounded(np.log, inside) / _rounded(np.log, longer))
            length = _rounded(np.power, longer, restarts)
            done = (done - (_ONE - length) / (_ONE - longer)) / length
        height = np.float32(0.5) * _rounded(np.power, np.float32(self.m_mul), restarts)
        wave = height * (_ONE + _rounded(np.cos, _PI * done))
        return np.float32(self.initial_learning_rate) * ((_ONE - alpha) * wave + alpha)


_TABLE: dict[str, type[LearningRateSchedule]] = {
    cls.__name__: cls
    for cls in (
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
        CosineDecay,
        CosineDecayRestarts,
    )
}


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """A schedule as Keras 3 writes it.

    Example:
        >>> serialize(PiecewiseConstantDecay([5], [1.0, 0.5]))["config"]["boundaries"]
        [5]
    """
    return {
        "module": "keras.optimizers.schedules",
        "class_name": type(learning_rate_schedule).__name__,
        "config": learning_rate_schedule.get_config(),
        "registered_name": None,
    }


def deserialize(config: Mapping[str, Any]) -> LearningRateSchedule:
    """The schedule that `serialize` wrote, or Keras.

    Raises:
        ValueError: an unknown class.
        TypeError: no such dictionary, or arguments that the class does not have.

    Example:
        >>> deserialize(serialize(ExponentialDecay(0.1, 10, 0.5)))(10)
        0.05000000074505806
    """
    name = config.get("class_name") if isinstance(config, Mapping) else None
    if isinstance(name, str) and name not in _TABLE:
        raise ValueError(unknown("schedules", "schedule", name, _TABLE))
    return resolve("schedules", "schedule", config, _TABLE, LearningRateSchedule)


def _rate(schedule: LearningRateSchedule, name: str, value: Any) -> float:
    return real(type(schedule).__name__, name, value, minimum=0)


def _steps(schedule: LearningRateSchedule, name: str, value: Any) -> float:
    """A number of steps above 0, whole or not, as it was given."""
    if real(type(schedule).__name__, name, value) <= 0:
        raise ValueError(f"{type(schedule).__name__}: {name} must be positive, got {value!r}")
    number: float = value
    return number


def _share(steps: Steps, length: float, whole: bool) -> FloatArray:
    """steps / length, or its whole part."""
    share = steps.astype(np.float32) / np.float32(length)
    return np.floor(share) if whole else share


def _rounded(function: Callable[..., Any], *values: Any) -> FloatArray:
    """The float32 nearest to a function of float32 numbers."""
    return np.asarray(function(*(np.asarray(value, np.float64) for value in values))).astype(np.float32)
