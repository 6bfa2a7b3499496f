"""Gradients made smaller before a step. Nothing is changed in place: new arrays come back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pyconvnet.reference.shape import Array


def clip_by_value(gradient: Array, *, limit: float) -> Array:
    """Put every number into [-limit, limit].

    Args:
        gradient: any shape.
        limit: above 0.

    Returns:
        The same shape.

    Example:
        >>> clip_by_value(np.array([-3.0, 0.5]), limit=1.0).tolist()
        [-1.0, 0.5]

    Formula: Keras `clipvalue`.
    """
    return np.clip(gradient, -limit, limit)


def clip_by_norm(gradient: Array, *, limit: float) -> Array:
    """Shorten a gradient that is longer than `limit`; its direction stays.

    Args:
        gradient: any shape.
        limit: the longest that it may be, above 0.

    Returns:
        The same shape.

    Example:
        >>> clip_by_norm(np.array([3.0, 4.0]), limit=1.0).tolist()
        [0.6, 0.8]

    Formula: Keras `clipnorm`: g * limit / max(norm, limit).
    """
    norm = math.sqrt(np.sum(gradient**2))
    return gradient * limit / max(norm, limit)


def clip_by_global_norm(gradients: Sequence[Array], *, limit: float) -> list[Array]:
    """Shorten several gradients by one factor, so that all together are not longer than `limit`.

    Args:
        gradients: each of any shape.
        limit: the longest that they may be together, above 0.

    Returns:
        The same shapes.

    Example:
        >>> [g.tolist() for g in clip_by_global_norm([np.array([3.0]), np.array([4.0])], limit=1.0)]
        [[0.6], [0.8]]

    Formula: Keras `global_clipnorm`: g * limit * min(1 / norm, 1 / limit).
    """
    norm = math.sqrt(sum(np.sum(gradient**2) for gradient in gradients))
    return [gradient * limit / max(norm, limit) for gradient in gradients]
