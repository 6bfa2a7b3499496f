"""Penalties on weights and on outputs: l1 * sum|w| + l2 * sum(w^2), with Keras's names and defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconvnet._identifiers import Configurable, refuse_methods, resolve
from pyconvnet.ops._check import real


class Regularizer(Configurable):
    """A penalty that is added to the loss.

    Attributes:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares (no half, as in Keras).
    """

    l1: float = 0.0
    l2: float = 0.0

    def __init_subclass__(cls) -> None:
        """Refuses a penalty written in Python, which nothing would call."""
        refuse_methods(cls, ("__call__",), "use L1, L2 or L1L2")


class L1(Regularizer):
    """l1 * sum|w|: draws weights to exactly zero.

    Args:
        l1: the factor, at least 0.
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = real("L1", "l1", l1, minimum=0)


class L2(Regularizer):
    """l2 * sum(w^2): weight decay through the loss.

    Args:
        l2: the factor, at least 0.
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = real("L2", "l2", l2, minimum=0)


class L1L2(Regularizer):
    """l1 * sum|w| + l2 * sum(w^2).

    Args:
        l1: factor of the absolute values, at least 0.
        l2: factor of the squares, at least 0.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = real("L1L2", "l1", l1, minimum=0)
        self.l2 = real("L1L2", "l2", l2, minimum=0)


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """Both penalties; unlike the class, which follows Keras 3, this name of Keras 2 defaults to 0.01."""
    return L1L2(l1, l2)


# Keras's names in lower case stand for the classes.
l1, l2 = L1, L2

_TABLE: dict[str, Callable[[], Regularizer]] = {"l2": L2, "l1": L1, "l1_l2": l1_l2, "L1": L1, "L2": L2, "L1L2": L1L2}


def get(identifier: Any, who: str = "regularizers.get") -> Regularizer | None:
    """The regularizer that a name, a class, an instance or a config dictionary stands for; None stays None.

    Args:
        identifier: such as "l2", `L2`, `l2(0.001)`, or {"class_name": ..., "config": ...}.
        who: who asks, for messages.

    Returns:
        The regularizer or None.

    Raises:
        ValueError, TypeError: an unknown name, or no regularizer.

    Example:
        >>> get("l2")
        L2(l2=0.01)
    """
    return None if identifier is None else resolve(who, "regularizer", identifier, _TABLE, Regularizer)
