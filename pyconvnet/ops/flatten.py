"""From images to rows and back. In the plan a flatten is another name of its input and costs nothing."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, float_array, numbers, same_shape, sizes


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
    if numbers(x).ndim == 0:
        raise ValueError("flatten: x must have at least one axis (the rows), got a single number")
    return array.reshape(len(array), math.prod(array.shape[1:])).copy()


def flatten_backward(dy: ArrayLike, input_shape: tuple[int, ...]) -> FloatArray:
    """Gradient of `flatten` with respect to its input: every row of dy as an image again.

    Args:
        dy: gradient of the output [n, k].
        input_shape: shape of x, n first.

    Returns:
        float32 of `input_shape`, a copy.

    Raises:
        ValueError, TypeError: shapes that do not fit, not numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.flatten_backward([[1, 2, 3, 4]], (1, 2, 2))
        array([[[1., 2.],
                [3., 4.]]], dtype=float32)
    """
    who = "flatten_backward"
    array = float_array(who, "dy", dy, 2)
    shape = sizes(who, "input_shape", input_shape)
    if not shape:
        raise ValueError(f"{who}: input_shape must have at least one axis (the rows), got ()")
    same_shape(who, "dy", array.shape, (shape[0], math.prod(shape[1:])))
    return array.reshape(shape).copy()
