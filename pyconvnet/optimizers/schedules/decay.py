"""Rates that fall by powers, by division, in stairs or along a polynomial."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pyconvnet.ops._check import FloatArray, real

from .base import ONE, Formula, Steps, positive, rate_of, rounded


class ExponentialDecay(Formula):
    """initial_learning_rate * decay_rate ^ (step / decay_steps).

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: steps in which the rate is multiplied with `decay_rate`.
        decay_rate: the factor.
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
        self.initial_learning_rate = rate_of(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive(self, "decay_steps", decay_steps)
        self.decay_rate = real(type(self).__name__, "decay_rate", decay_rate)
        self.staircase = bool(staircase)

    def _rates(self, steps: Steps) -> FloatArray:
        share = _share(steps, self.decay_steps, self.staircase)
        return np.float32(self.initial_learning_rate) * rounded(np.power, np.float32(self.decay_rate), share)


class InverseTimeDecay(Formula):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: steps in which the divisor grows by `decay_rate`; it is 1 at first.
        decay_rate: what is added to the divisor.
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
        self.initial_learning_rate = rate_of(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive(self, "decay_steps", decay_steps)
        self.decay_rate = real(type(self).__name__, "decay_rate", decay_rate)
        self.staircase = bool(staircase)

    def _rates(self, steps: Steps) -> FloatArray:
        share = _share(steps, self.decay_steps, self.staircase)
        return np.float32(self.initial_learning_rate) / (ONE + np.float32(self.decay_rate) * share)


class PiecewiseConstantDecay(Formula):
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
        self.boundaries, self.values = list(boundaries), [rate_of(self, "a value", value) for value in values]
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


class PolynomialDecay(Formula):
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
        self.initial_learning_rate = rate_of(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive(self, "decay_steps", decay_steps)
        self.end_learning_rate = rate_of(self, "end_learning_rate", end_learning_rate)
        self.power = real("PolynomialDecay", "power", power)
        self.cycle = bool(cycle)

    def _rates(self, steps: Steps) -> FloatArray:
        step, length = steps.astype(np.float32), np.float32(self.decay_steps)
        if self.cycle:
            length = length * np.where(step == 0, ONE, np.ceil(step / length))
        else:
            step = np.minimum(step, length)
        first, last = np.float32(self.initial_learning_rate), np.float32(self.end_learning_rate)
        return (first - last) * rounded(np.power, ONE - step / length, np.float32(self.power)) + last


def _share(steps: Steps, length: float, whole: bool) -> FloatArray:
    """steps / length, or its whole part."""
    share = steps.astype(np.float32) / np.float32(length)
    return np.floor(share) if whole else share
