"""From images to rows and back. In the plan a flatten is another name of its input and costs nothing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, float_array, same_shape


def flatten(x: ArrayLike) -> FloatArray:
    """Writes every image as one row: line by line, pixel by pixel, channel by channel (Keras's `Flatten`).

    Args:
        x: [n, ...], any numeric dtype.

    Returns:
        float32 [n, product of the other axes], a copy.

    Raises:
        ValueError, TypeError: not an array of numbers with at least one axis.

    Example:
        >>> import numpy as np
        >>> from pyconvnet import ops
        >>> ops.flatten(np.zeros((2, 3, 4, 5))).shape
        (2, 60)
    """
    array = float_array("flatten", "x", x)
    if np.ndim(x) == 0:
        raise ValueError("flatten: x must have at least one axis (the rows), got a single number")
    return array.reshape(len(array), math.prod(array.shape[1:])).copy()


def flatten_backward(dy: ArrayLike, input_shape: tuple[int, ...]) -> FloatArray:
    """Writes every row of dy [n, k] as an image again: float32 of `input_shape` (n first), a copy."""
    who = "flatten_backward"
    array = float_array(who, "dy", dy, 2)
    shape = tuple(input_shape)
    same_shape(who, "dy", array.shape, (shape[0], math.prod(shape[1:])))
    return array.reshape(shape).copy()
