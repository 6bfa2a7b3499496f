"""From images to rows and back."""

from __future__ import annotations

import math

from pyconvnet.reference.shape import Array


def flatten(x: Array) -> Array:
    """Write every image as one row, channel by channel within a pixel, pixel by pixel within a line.

    Args:
        x: [n, ...].

    Returns:
        y: [n, product of the other axes], a copy.

    Example:
        >>> import numpy as np
        >>> flatten(np.zeros((2, 3, 4, 5))).shape
        (2, 60)

    Formula: Keras `Flatten` (row-major).
    """
    return x.reshape(len(x), math.prod(x.shape[1:])).copy()


def flatten_backward(dy: Array, input_shape: tuple[int, ...]) -> Array:
    """Write every row as an image again.

    Args:
        dy: gradient of the output [n, k].
        input_shape: shape of the input of `flatten`, n first.

    Returns:
        dx: of shape input_shape, a copy.

    Raises:
        ValueError: if the number of cells differs.

    Example:
        >>> import numpy as np
        >>> flatten_backward(np.zeros((2, 60)), (2, 3, 4, 5)).shape
        (2, 3, 4, 5)
    """
    return dy.reshape(tuple(input_shape)).copy()
