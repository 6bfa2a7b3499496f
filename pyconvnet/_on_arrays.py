"""Losses and accuracies of arrays, outside of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet import ops
from pyconvnet.ops._check import FloatArray, float_array
from pyconvnet.ops.loss import LOSS_KERNELS
from pyconvnet.ops.metric import split_settings

if TYPE_CHECKING:
    from pyconvnet.losses import LossSpec


def loss_values(
    who: str, loss: LossSpec, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None
) -> FloatArray:
    """The loss of each row, float32 [n].

    Args:
        who: for messages.
        loss: which one.
        y_true: class numbers where the loss is sparse, else labels of the shape of `y_pred`; a last axis of length 1
            may be there or not.
        y_pred: [n, ...].
        sample_weight: [n], or None.

    Raises:
        ValueError, TypeError: shapes that do not fit, class numbers out of range.
    """
    outputs = float_array(who, "y_pred", y_pred)
    labels = _labels(who, y_true, outputs.shape, loss.sparse)
    share = loss.label_smoothing
    if share:
        labels = labels * (1.0 - share) + share / (2 if loss.kind == "binary_cross_entropy" else outputs.shape[-1])
    kernels = LOSS_KERNELS[loss.kind]
    kernel = kernels.logits if loss.from_logits and kernels.logits else kernels.outputs
    values: FloatArray = getattr(ops, kernel)(outputs, labels, sample_weight)[0]
    return values


def position_losses(who: str, loss: LossSpec, y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """The loss at each position, float32 of the shape of `y_pred` without its last axis.

    Args:
        who, loss, y_true, y_pred: as for `loss_values`.

    Raises:
        ValueError, TypeError: as `loss_values`.
    """
    outputs = float_array(who, "y_pred", y_pred)
    labels = _labels(who, y_true, outputs.shape, loss.sparse)
    rows = outputs.reshape(-1, outputs.shape[-1])
    values = loss_values(who, loss, labels.reshape(rows.shape[: 1 if loss.sparse else 2]), rows, None)
    return values.reshape(outputs.shape[:-1])


def accuracy_values(who: str, metric: str, y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """1 where a prediction is right, else 0; what is right, the kernels of training say in the same way.

    Args:
        who: for messages.
        metric: an accuracy as `pyconvnet.ops.metric` names it.
        y_true, y_pred: as for `loss_values`.

    Returns:
        float32 of the shape of `y_pred`, without its last axis but for a binary accuracy.

    Raises:
        ValueError, TypeError: as `loss_values`.
    """
    name, settings = split_settings(metric)
    sparse = name.startswith("sparse_")
    outputs = float_array(who, "y_pred", y_pred)
    labels = _labels(who, y_true, outputs.shape, sparse)
    if name == "binary_accuracy":
        return ((outputs > np.float32(settings.get("threshold", 0.5))) == labels).astype(np.float32)
    classes = labels if sparse else _first_largest(labels)
    if "k" not in settings:
        return np.asarray(_first_largest(outputs) == classes, np.float32)
    # of equal predictions all are as high, and what is not finite cannot be ranked
    above = outputs > np.take_along_axis(outputs, np.expand_dims(classes, -1), -1)
    return np.asarray((above.sum(axis=-1) < settings["k"]) & np.isfinite(outputs).all(axis=-1), np.float32)


def _first_largest(values: FloatArray) -> np.ndarray:
    """The place of the largest on the last axis, or 0 where the first is NaN: nothing is larger."""
    largest = np.where(np.isnan(values), -np.inf, values).argmax(axis=-1)
    return np.where(np.isnan(values[..., 0]), 0, largest)


def _labels(who: str, y_true: ArrayLike, outputs: tuple[int, ...], sparse: bool) -> np.ndarray:
    labels, shape = float_array(who, "y_true", y_true), outputs[:-1] if sparse else outputs
    if labels.shape != shape:
        if (*labels.shape, 1) != shape and labels.shape != (*shape, 1):
            raise ValueError(f"{who}: y_true must have shape {shape} beside y_pred {outputs}, got {labels.shape}")
        labels = labels.reshape(shape)
    if not sparse:
        return labels
    wrong = labels[~((labels >= 0) & (labels < outputs[-1]) & (labels == np.floor(labels)))]
    if wrong.size:
        raise ValueError(f"{who}: y_true must hold class numbers from 0 to {outputs[-1] - 1}, got {wrong[0]:g}")
    return labels.astype(np.int32)
