"""Small helpers with Keras's names."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.ops._check import integer
from pyconvnet.random import set_random_seed
from pyconvnet.utils.model_picture import plot_model
from pyconvnet.utils.sequence import PyDataset, Sequence

__all__ = ["PyDataset", "Sequence", "plot_model", "set_random_seed", "to_categorical"]


def to_categorical(labels: ArrayLike, num_classes: int | None = None) -> NDArray[np.float64]:
    """Class numbers as one-hot rows.

    Args:
        labels: whole numbers from 0, any shape; a last axis of length 1 is dropped.
        num_classes: length of a row; the largest label + 1 if None.

    Returns:
        float64 [*labels.shape, num_classes], as Keras 3 answers.

    Raises:
        ValueError, TypeError: no numbers, not whole, negative, or not below num_classes.

    Example:
        >>> to_categorical([0, 2], 3)
        array([[1., 0., 0.],
               [0., 0., 1.]])
    """
    who = "to_categorical"
    array = np.asarray(labels)
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{who}: labels must be whole numbers, got dtype {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{who}: labels must not be empty, got shape {array.shape}")
    if array.ndim > 1 and array.shape[-1] == 1:
        array = array[..., 0]
    if not np.isfinite(array).all() or (array != np.floor(array)).any():
        raise ValueError(f"{who}: labels must be whole numbers, got a fraction, infinity or NaN")
    classes = integer(who, "num_classes", int(array.max()) + 1 if num_classes is None else num_classes)
    if array.min() < 0 or array.max() >= classes:
        raise ValueError(
            f"{who}: labels must be from 0 to {classes - 1} (num_classes={classes}), "
            f"got {array.min():g} to {array.max():g}"
        )
    return np.eye(classes)[array.astype(np.int64)]
