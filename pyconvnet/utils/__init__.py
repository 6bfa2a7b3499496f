"""Small helpers with Keras's names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from pyconvnet.ops._check import integer
from pyconvnet.random import set_random_seed
from pyconvnet.utils.model_picture import plot_model
from pyconvnet.utils.sequence import PyDataset, Sequence

__all__ = ["PyDataset", "Sequence", "plot_model", "set_random_seed", "to_categorical"]


def to_categorical(
    x: ArrayLike | None = None,
    num_classes: int | None = None,
    dtype: DTypeLike = "float64",
    *,
    y: ArrayLike | None = None,
) -> NDArray[Any]:
    """Class numbers as one-hot rows.

    Args:
        x: class numbers, whole and from 0, any shape; a last axis of length 1 is dropped.
        num_classes: length of a row; the largest label + 1 if None.
        dtype: of the answer; Keras 3's default, where Keras 2 has float32.
        y: Keras 2's name of `x`.

    Returns:
        [*x.shape, num_classes] of that dtype.

    Raises:
        ValueError, TypeError: no numbers, not whole, negative, or not below num_classes.

    Example:
        >>> to_categorical([0, 2], 3)
        array([[1., 0., 0.],
               [0., 0., 1.]])
    """
    who = "to_categorical"
    if (x is None) == (y is None):
        raise TypeError(f"{who}: x must be class numbers" + (", got None" if x is None else ", got y as well"))
    array = np.asarray(y if x is None else x)
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{who}: x must be whole numbers, got dtype {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{who}: x must not be empty, got shape {array.shape}")
    if array.ndim > 1 and array.shape[-1] == 1:
        array = array[..., 0]
    if not np.isfinite(array).all() or (array != np.floor(array)).any():
        raise ValueError(f"{who}: x must be whole numbers, got a fraction, infinity or NaN")
    classes = integer(who, "num_classes", int(array.max()) + 1 if num_classes is None else num_classes)
    if array.min() < 0 or array.max() >= classes:
        raise ValueError(
            f"{who}: x must be from 0 to {classes - 1} (num_classes={classes}), got {array.min():g} to {array.max():g}"
        )
    return np.eye(classes, dtype=dtype)[array.astype(np.int64)]
