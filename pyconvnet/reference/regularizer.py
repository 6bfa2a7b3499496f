"""Penalties on large weights (or activities)."""

from __future__ import annotations

import numpy as np

from pyconvnet.reference.shape import Array


def l1_l2(weights: Array, *, l1: float = 0.0, l2: float = 0.0) -> tuple[Array, Array]:
    """Penalise the sum of sizes and of squares.

    Args:
        weights: any shape.
        l1: factor of the sum of |w|.
        l2: factor of the sum of w^2 (without a half).

    Returns:
        (penalty: a scalar array, gradient like weights); the gradient of |w| at 0 is 0.

    Example:
        >>> penalty, gradient = l1_l2(np.array([-2.0, 0.0, 3.0]), l1=1.0, l2=0.5)
        >>> float(penalty), gradient.tolist()
        (11.5, [-3.0, 0.0, 4.0])

    Formula: Keras `L1L2`.
    """
    penalty = l1 * np.abs(weights).sum() + l2 * (weights**2).sum()
    return np.asarray(penalty), l1 * np.sign(weights) + 2 * l2 * weights
