"""Optimizers with Keras's names, defaults and formulas: their settings and what they remember of each weight.

Who does what:
    base         ``Optimizer``: the learning rate, the slots, clipping, weight decay, moving averages
    rules        ``SGD``, ``Adam``, ``AdamW``, ``RMSprop``
    schedules    learning rates that change from step to step
"""

from __future__ import annotations

from typing import Any

from pyconvnet._identifiers import resolve

from . import schedules
from .base import Optimizer
from .rules import SGD, Adam, AdamW, RMSprop

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "get", "schedules"]

_TABLE: dict[str, type[Optimizer]] = {"adam": Adam, "adamw": AdamW, "sgd": SGD, "rmsprop": RMSprop}
_TABLE |= {cls.__name__: cls for cls in _TABLE.values()}


def get(identifier: Any) -> Optimizer:
    """The optimizer that a name, a class, an instance or a config dictionary stands for.

    Args:
        identifier: such as "adam", `Adam`, `Adam(learning_rate=0.01)`; names in any case.

    Returns:
        The optimizer; a name makes a new one with default settings.

    Raises:
        ValueError, TypeError: an unknown name, or no optimizer.

    Example:
        >>> get("sgd").learning_rate
        0.01
    """
    if isinstance(identifier, str) and identifier.lower() in _TABLE:
        identifier = identifier.lower()
    return resolve("compile", "optimizer", identifier, _TABLE, Optimizer)
