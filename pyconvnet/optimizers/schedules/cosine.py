"""Rates that fall along half a cosine, once or again and again."""

from __future__ import annotations

import numpy as np

from pyconvnet.ops._check import FloatArray, integer, real

from .base import ONE, Formula, Steps, positive, rate_of, rounded

_PI = np.float32(np.pi)


class CosineDecay(Formula):
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
        self.initial_learning_rate = rate_of(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive(self, "decay_steps", decay_steps)
        self.alpha = real("CosineDecay", "alpha", alpha)
        self.warmup_target = None if warmup_target is None else rate_of(self, "warmup_target", warmup_target)
        self.warmup_steps = integer("CosineDecay", "warmup_steps", warmup_steps, minimum=0)

    def _rates(self, steps: Steps) -> FloatArray:
        step, length = steps.astype(np.float32), np.float32(self.decay_steps)
        first = np.float32(self.initial_learning_rate)
        if self.warmup_target is None:
            return self._down(np.minimum(step, length), length, first)
        top, climb = np.float32(self.warmup_target), np.float32(self.warmup_steps)
        step = np.minimum(step, length + climb)
        up = (top - first) * (step / np.maximum(climb, ONE)) + first
        return np.where(step < climb, up, self._down(step - climb, length, top))

    def _down(self, step: FloatArray, length: np.float32, start: np.float32) -> FloatArray:
        wave = np.float32(0.5) * (ONE + rounded(np.cos, _PI * (step / length)))
        return start * (np.float32(1 - self.alpha) * wave + np.float32(self.alpha))


class CosineDecayRestarts(Formula):
    """Down along half a cosine again and again.

    Args:
        initial_learning_rate: the rate of the first step.
        first_decay_steps: steps of the first way down.
        t_mul: how many times as long as the one before each further way is; above 0.
        m_mul: how many times as high as the one before each further way begins.
        alpha: share of the rate that is left at the end of each way.
        name: kept, and nothing else.

    Raises:
        ValueError, TypeError: `first_decay_steps` or `t_mul` of 0 or less, or something that is no number.

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
        self.initial_learning_rate = rate_of(self, "initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = positive(self, "first_decay_steps", first_decay_steps)
        self.t_mul = positive(self, "t_mul", t_mul)
        self.m_mul = real("CosineDecayRestarts", "m_mul", m_mul, minimum=0)
        self.alpha = real("CosineDecayRestarts", "alpha", alpha)

    def _rates(self, steps: Steps) -> FloatArray:
        longer, alpha = np.float32(self.t_mul), np.float32(self.alpha)
        done = steps.astype(np.float32) / np.float32(self.first_decay_steps)
        if longer == 1:
            restarts = np.floor(done)
            done = done - restarts
        else:
            inside = ONE - done * (ONE - longer)
            restarts = np.floor(rounded(np.log, inside) / rounded(np.log, longer))
            length = rounded(np.power, longer, restarts)
            done = (done - (ONE - length) / (ONE - longer)) / length
        height = np.float32(0.5) * rounded(np.power, np.float32(self.m_mul), restarts)
        wave = height * (ONE + rounded(np.cos, _PI * done))
        return np.float32(self.initial_learning_rate) * ((ONE - alpha) * wave + alpha)
