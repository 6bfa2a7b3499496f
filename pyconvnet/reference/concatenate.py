"""Arrays side by side along one axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pyconvnet.reference.shape import Array


def concatenate(first: Array, second: Array, *more: Array, axis: int = -1) -> Array:
    """Put arrays side by side.

    Args:
        first: [n, ...].
        second: like first but along `axis`.
        *more: further ones.
        axis: along which, not the first.

    Returns:
        y: the sizes along `axis` added up.

    Raises:
        ValueError: if sizes differ along another axis.

    Example:
        >>> concatenate(np.array([[1.0, 2.0]]), np.array([[3.0]])).tolist()
        [[1.0, 2.0, 3.0]]
    """
    return np.concatenate([first, second, *more], axis)


def concatenate_backward(dy: Array, sizes: Sequence[int], *, axis: int = -1) -> tuple[Array, ...]:
    """Cut the gradient into the parts of which the output was made.

    Args:
        dy: gradient of the output.
        sizes: of the parts along `axis`.
        axis: as in `concatenate`.

    Returns:
        One gradient a part, copies.

    Example:
        >>> [part.tolist() for part in concatenate_backward(np.array([[1.0, 2.0, 3.0]]), [2, 1])]
        [[[1.0, 2.0]], [[3.0]]]
    """
    return tuple(part.copy() for part in np.split(dy, np.cumsum(sizes)[:-1], axis))
