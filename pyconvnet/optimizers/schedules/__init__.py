"""Learning rates that change from step to step: what an optimizer takes as its ``learning_rate``.

Who does what:
    base      ``LearningRateSchedule``, for schedules of your own too
    decay     ``ExponentialDecay``, ``InverseTimeDecay``, ``PiecewiseConstantDecay``, ``PolynomialDecay``
    cosine    ``CosineDecay``, ``CosineDecayRestarts``
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyconvnet._identifiers import resolve
from pyconvnet._suggest import unknown

from .base import LearningRateSchedule
from .cosine import CosineDecay, CosineDecayRestarts
from .decay import ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

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
