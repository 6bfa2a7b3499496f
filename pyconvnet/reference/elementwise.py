"""Sums, products and rescaling, element by element."""

from __future__ import annotations

from pyconvnet.reference.shape import Array


def add(a: Array, b: Array) -> Array:
    """Add two arrays of one shape; the gradient of the sum is that of both.

    Args:
        a: any shape.
        b: like a.

    Returns:
        y: like a.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> import numpy as np
        >>> add(np.array([1.0, 2.0]), np.array([3.0, 4.0])).tolist()
        [4.0, 6.0]
    """
    _check_shapes(a, b)
    return a + b


def multiply(a: Array, b: Array) -> Array:
    """Multiply two arrays of one shape.

    Args:
        a: any shape.
        b: like a.

    Returns:
        y: like a.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> import numpy as np
        >>> multiply(np.array([1.0, 2.0]), np.array([3.0, 4.0])).tolist()
        [3.0, 8.0]
    """
    _check_shapes(a, b)
    return a * b


def multiply_backward(dy: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """Give each factor the gradient times the other factor.

    Args:
        dy: gradient of the product, like a.
        a: the first factor.
        b: the second factor, like a.

    Returns:
        da and db, both like a.

    Example:
        >>> import numpy as np
        >>> da, db = multiply_backward(np.array([1.0]), np.array([2.0]), np.array([3.0]))
        >>> da.tolist(), db.tolist()
        ([3.0], [2.0])
    """
    return dy * b, dy * a


def rescale(x: Array, scale: float, offset: float = 0.0) -> Array:
    """Multiply by a number and add another; the gradient of x is that of y times the scale.

    Args:
        x: any shape.
        scale: the factor.
        offset: what is added.

    Returns:
        y: like x.

    Example:
        >>> import numpy as np
        >>> rescale(np.array([0.0, 2.0]), 0.5, -1.0).tolist()
        [-1.0, 0.0]

    Formula: Keras `Rescaling`.
    """
    return (x * scale + offset).astype(x.dtype)


def _check_shapes(a: Array, b: Array) -> None:
    if a.shape != b.shape:
        raise ValueError(f"both arrays must have the same shape, got {a.shape} and {b.shape}")
