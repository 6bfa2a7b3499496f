"""The fully connected layer y = x W + b and its gradients."""

from __future__ import annotations

import math

from pyconvnet.reference.shape import Array


def dense(x: Array, kernel: Array, bias: Array | None = None) -> Array:
    """Multiply rows by a matrix.

    Args:
        x: rows [..., k].
        kernel: matrix [k, m].
        bias: [m] or None.

    Returns:
        y: [..., m].

    Raises:
        ValueError: if the last axis of x is not k.

    Example:
        >>> import numpy as np
        >>> dense(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([0.5])).tolist()
        [[11.5]]

    Formula: Keras `Dense`, which works on the last axis.
    """
    y = x @ kernel
    return y if bias is None else y + bias


def dense_backward_data(dy: Array, kernel: Array) -> Array:
    """Bring the gradient of the output back to the rows.

    Args:
        dy: gradient of the output [..., m].
        kernel: matrix [k, m].

    Returns:
        dx: [..., k].

    Raises:
        ValueError: if the last axis of dy is not m.

    Example:
        >>> import numpy as np
        >>> dense_backward_data(np.array([[2.0]]), np.array([[3.0], [4.0]])).tolist()
        [[6.0, 8.0]]

    Formula: dx = dy W^T, the chain rule for y = x W + b.
    """
    return dy @ kernel.T


def dense_backward_weights(x: Array, dy: Array) -> tuple[Array, Array]:
    """Sum the gradient of the matrix and of the bias over all rows.

    Args:
        x: rows [..., k].
        dy: gradient of the output [..., m].

    Returns:
        (dkernel [k, m], dbias [m]).

    Raises:
        ValueError: if x and dy have different numbers of rows.

    Example:
        >>> import numpy as np
        >>> dkernel, dbias = dense_backward_weights(np.array([[1.0, 2.0]]), np.array([[3.0]]))
        >>> dkernel.tolist(), dbias.tolist()
        ([[3.0], [6.0]], [3.0])

    Formula: dW = x^T dy, db = sum of the rows of dy.
    """
    rows = math.prod(x.shape[:-1])
    x = x.reshape(rows, x.shape[-1])
    dy = dy.reshape(rows, dy.shape[-1])
    return x.T @ dy, dy.sum(axis=0)
