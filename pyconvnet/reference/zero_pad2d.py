"""Rows and columns of zeros around images."""

from __future__ import annotations

import numpy as np

from pyconvnet.reference.shape import Array

Padding = int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]


def zero_pad2d(x: Array, padding: Padding) -> Array:
    """Put zeros around images.

    Args:
        x: [n, h, w, c].
        padding: one number, (rows, columns), or ((top, bottom), (left, right)).

    Returns:
        y: [n, top + h + bottom, left + w + right, c].

    Example:
        >>> zero_pad2d(np.ones((1, 1, 1, 1)), ((1, 0), (0, 2)))[0, :, :, 0].tolist()
        [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]

    Formula: Keras `ZeroPadding2D`.
    """
    rows, columns = _sides(padding)
    return np.pad(x, ((0, 0), rows, columns, (0, 0)))


def zero_pad2d_backward(dy: Array, padding: Padding) -> Array:
    """Take the frame off the gradient.

    Args:
        dy: gradient of the output.
        padding: as in `zero_pad2d`.

    Returns:
        dx: [n, h, w, c], a copy.

    Example:
        >>> zero_pad2d_backward(np.ones((1, 5, 6, 2)), ((1, 0), (0, 2))).shape
        (1, 4, 4, 2)
    """
    (top, bottom), (left, right) = _sides(padding)
    return dy[:, top : dy.shape[1] - bottom, left : dy.shape[2] - right, :].copy()


def _sides(padding: Padding) -> tuple[tuple[int, int], tuple[int, int]]:
    """((top, bottom), (left, right)) from any of the three forms."""
    rows, columns = (padding, padding) if isinstance(padding, int) else padding
    return (rows, rows) if isinstance(rows, int) else rows, (columns, columns) if isinstance(columns, int) else columns
