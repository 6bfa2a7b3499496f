"""Batch normalization over all axes but the last: inference, training, and the gradient.

The formulas:

    y = gamma * normal + beta,   normal = (x - mean) / sqrt(variance + epsilon)
"""

from __future__ import annotations

import math

import numpy as np

from pyconvnet.reference.shape import Array


def batch_norm(
    x: Array, gamma: Array, beta: Array, moving_mean: Array, moving_variance: Array, *, epsilon: float = 1e-3
) -> Array:
    """Normalize with given statistics, as a trained model does.

    Args:
        x: [..., c].
        gamma: scale [c].
        beta: offset [c].
        moving_mean: [c].
        moving_variance: [c].
        epsilon: added to the variance.

    Returns:
        y: like x.

    Example:
        >>> one = np.ones(1)
        >>> batch_norm(np.array([[5.0]]), 3 * one, one, one, 4 * one, epsilon=0.0).tolist()
        [[7.0]]

    Formula: Ioffe and Szegedy, "Batch Normalization" (2015); Keras `BatchNormalization`.
    """
    return gamma * (x - moving_mean) / np.sqrt(moving_variance + epsilon) + beta


def batch_norm_training(x: Array, gamma: Array, beta: Array, *, epsilon: float = 1e-3) -> tuple[Array, Array, Array]:
    """Normalize with the statistics of the batch itself.

    Args:
        x: [..., c] with at least one row.
        gamma: scale [c].
        beta: offset [c].
        epsilon: added to the variance.

    Returns:
        (y like x, mean [c], variance [c]); the variance is the biased one, divided by the number of rows.

    Example:
        >>> y, mean, variance = batch_norm_training(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1), epsilon=0.0)
        >>> y.tolist(), mean.tolist(), variance.tolist()
        ([[-1.0], [1.0]], [2.0], [1.0])

    Formula: as `batch_norm`; the biased variance is Keras 3's choice.
    """
    rows = _all_but_last(x)
    mean = x.mean(axis=rows)
    variance = ((x - mean) ** 2).mean(axis=rows)
    return batch_norm(x, gamma, beta, mean, variance, epsilon=epsilon), mean, variance


def batch_norm_backward(
    dy: Array, x: Array, gamma: Array, mean: Array, variance: Array, *, epsilon: float = 1e-3
) -> tuple[Array, Array, Array]:
    """Bring the gradient back through `batch_norm_training`; mean and variance depend on x too.

    Args:
        dy: gradient of the output, like x.
        x: [..., c].
        gamma: scale [c].
        mean: of the batch [c].
        variance: of the batch [c], biased.
        epsilon: added to the variance.

    Returns:
        (dx like x, dgamma [c], dbeta [c]).

    Example:
        >>> one = np.ones(1)
        >>> dx, dgamma, dbeta = batch_norm_backward(np.ones((2, 1)), np.array([[1.0], [3.0]]), one, 2 * one, one)
        >>> dx.ravel().round(12).tolist(), dbeta.tolist()
        ([0.0, 0.0], [2.0])

    Formula: dx = gamma / sqrt(variance + epsilon) * (dy - mean of dy - normal * mean of (dy * normal)); the two means
    over the m rows are what mean and variance of the batch send back.
    """
    rows = _all_but_last(x)
    m = math.prod(x.shape[:-1])
    deviation = np.sqrt(variance + epsilon)
    normal = (x - mean) / deviation
    dgamma = (dy * normal).sum(axis=rows)
    dbeta = dy.sum(axis=rows)
    dx = gamma / deviation * (dy - dbeta / m - normal * dgamma / m)
    return dx, dgamma, dbeta


def _all_but_last(x: Array) -> tuple[int, ...]:
    """Name the axes that the statistics run over."""
    return tuple(range(x.ndim - 1))
