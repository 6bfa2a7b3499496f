"""Losses with their gradients: eager functions, and the kernel call of a loss in the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, contiguous, empty, float_array, numbers, same_shape
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.elementwise import emit_rescale
from pyconvnet.ops.rule import Emitter, Tensor

LossAndGradient = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class LossKernels:
    """The kernel of a loss on a model's outputs, and on the logits behind its softmax or sigmoid (None: no such)."""

    outputs: str
    logits: str | None = None


LOSS_KERNELS: dict[str, LossKernels] = {
    "cross_entropy": LossKernels("categorical_cross_entropy", "softmax_cross_entropy"),
    "binary_cross_entropy": LossKernels("binary_cross_entropy", "sigmoid_cross_entropy"),
    "mean_squared_error": LossKernels("mean_squared_error"),
    "mean_absolute_error": LossKernels("mean_absolute_error"),
}

_CLASS_KERNELS = frozenset({"categorical_cross_entropy", "softmax_cross_entropy"})
_LOGIT_KERNELS = frozenset({"softmax_cross_entropy", "sigmoid_cross_entropy"})


def softmax_cross_entropy(
    logits: ArrayLike, labels: ArrayLike, sample_weight: ArrayLike | None = None
) -> LossAndGradient:
    """Compares the softmax of logits with the true class; stable for logits of any size.

    Args:
        logits: [n, ..., c], before the softmax.
        labels: class numbers 0 .. c-1, integers [n, ...], or one-hot or soft rows like logits.
        sample_weight: [n] or None.

    Returns:
        loss float32 [n], weight * mean over the positions of a row of -sum t log(softmax), and dlogits like logits:
        the gradient of the sum of the losses divided by n (Keras's "sum_over_batch_size"). It is weight *
        (softmax - t) / n even for soft rows whose sum is not 1, as in TensorFlow.

    Raises:
        ValueError, TypeError: shapes that do not fit, class numbers out of range or not whole.

    Example:
        >>> from pyconvnet import ops
        >>> loss, dlogits = ops.softmax_cross_entropy([[0, 0]], [0])
        >>> loss, dlogits
        (array([0.6931472], dtype=float32), array([[-0.5,  0.5]], dtype=float32))
    """
    return _class_loss("softmax_cross_entropy", "logits", logits, labels, sample_weight)


def categorical_cross_entropy(
    probabilities: ArrayLike, labels: ArrayLike, sample_weight: ArrayLike | None = None
) -> LossAndGradient:
    """Compares probabilities that come from elsewhere with the true class.

    Args:
        probabilities: [n, ..., c]. For class numbers they are clipped to [1e-7, 1 - 1e-7] and then normalized, for
            one-hot rows the other way round, as Keras does on TensorFlow; what is clipped has no gradient.
        labels: class numbers 0 .. c-1, integers [n, ...], or one-hot or soft rows like probabilities.
        sample_weight: [n] or None.

    Returns:
        loss float32 [n] and dprobabilities like probabilities (see `softmax_cross_entropy`).

    Raises:
        ValueError, TypeError: shapes that do not fit, class numbers out of range or not whole.

    Example:
        >>> from pyconvnet import ops
        >>> ops.categorical_cross_entropy([[0.2, 0.2, 0.1]], [1])[0].round(4)
        array([0.9163], dtype=float32)
    """
    return _class_loss("categorical_cross_entropy", "probabilities", probabilities, labels, sample_weight)


def sigmoid_cross_entropy(
    logits: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None
) -> LossAndGradient:
    """Compares the sigmoid of logits with yes-or-no targets; stable for logits of any size.

    Args:
        logits: [n, ...], before the sigmoid.
        targets: like logits, 0 .. 1.
        sample_weight: [n] or None.

    Returns:
        loss float32 [n], weight * mean over a row of log(1 + exp(x)) - x t, and dlogits like logits.

    Raises:
        ValueError, TypeError: shapes that do not fit.

    Example:
        >>> from pyconvnet import ops
        >>> ops.sigmoid_cross_entropy([[0, 0]], [[0, 1]])[1]
        array([[ 0.25, -0.25]], dtype=float32)
    """
    return _value_loss("sigmoid_cross_entropy", "logits", logits, targets, sample_weight)


def binary_cross_entropy(
    probabilities: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None
) -> LossAndGradient:
    """Compares probabilities that come from elsewhere with yes-or-no targets.

    Args:
        probabilities: [n, ...], clipped to [1e-7, 1 - 1e-7]; what is clipped has no gradient.
        targets: like probabilities, 0 .. 1.
        sample_weight: [n] or None.

    Returns:
        loss float32 [n], weight * mean over a row of -t log(p) - (1 - t) log(1 - p), and dprobabilities.

    Raises:
        ValueError, TypeError: shapes that do not fit.

    Example:
        >>> from pyconvnet import ops
        >>> ops.binary_cross_entropy([[0.5]], [[1]])[1]
        array([[-2.]], dtype=float32)
    """
    return _value_loss("binary_cross_entropy", "probabilities", probabilities, targets, sample_weight)


def mean_squared_error(
    predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None
) -> LossAndGradient:
    """Takes the mean of the squared differences of each row.

    Args:
        predictions: [n, ...].
        targets: like predictions.
        sample_weight: [n] or None.

    Returns:
        loss float32 [n] and dpredictions like predictions: the gradient of the sum of the losses divided by n.

    Raises:
        ValueError, TypeError: shapes that do not fit.

    Example:
        >>> from pyconvnet import ops
        >>> ops.mean_squared_error([[1, 4]], [[1, 2]])
        (array([2.], dtype=float32), array([[0., 2.]], dtype=float32))
    """
    return _value_loss("mean_squared_error", "predictions", predictions, targets, sample_weight)


def mean_absolute_error(
    predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None
) -> LossAndGradient:
    """Takes the mean of the absolute differences of each row; equal values have no gradient.

    Args:
        predictions: [n, ...].
        targets: like predictions.
        sample_weight: [n] or None.

    Returns:
        loss float32 [n] and dpredictions like predictions: the gradient of the sum of the losses divided by n.

    Raises:
        ValueError, TypeError: shapes that do not fit.

    Example:
        >>> from pyconvnet import ops
        >>> ops.mean_absolute_error([[1, 4]], [[1, 2]])
        (array([1.], dtype=float32), array([[0. , 0.5]], dtype=float32))
    """
    return _value_loss("mean_absolute_error", "predictions", predictions, targets, sample_weight)


def emit_loss(
    emit: Emitter,
    kernel: str,
    predictions: Tensor,
    labels: Tensor | None,
    targets: Tensor | None,
    weights: Tensor | None,
    *,
    vectors: int,
    features: int,
    want_gradient: bool,
    want_probabilities: bool,
    label: str = "loss",
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Adds the kernel call of a loss.

    Args:
        emit: where calls go.
        kernel: one of the names in `LOSS_KERNELS`.
        predictions: the model's outputs, or the logits behind them for the kernels on logits.
        labels: int32 class numbers, or None; the two cross-entropies over classes take either these or targets.
        targets: float32 like predictions, or None.
        weights: sample weights, or None.
        vectors: label positions of a row.
        features: classes, or numbers at each position.
        want_gradient: ask for the gradient of predictions.
        want_probabilities: ask for the softmax or sigmoid; only kernels on logits have it.
        label: the name of the call and of its result in the plan.

    Returns:
        loss (one a row), the gradient and the probabilities; None where not wanted or not to be had.
    """
    loss = emit.tensor(label, ())
    gradient = emit.tensor(f"d_{predictions.name}", predictions.shape) if want_gradient else None
    buffers: dict[str, Tensor | None] = dict(predictions=predictions, weights=weights, loss=loss, dpredictions=gradient)
    attributes: dict[str, Any] = dict(features=vectors * features)
    if kernel in _CLASS_KERNELS:
        attributes = dict(features=features, vectors=vectors, sparse=labels is not None)
    buffers["targets" if labels is None else "labels"] = targets if labels is None else labels
    probabilities = None
    if want_probabilities and kernel in _LOGIT_KERNELS:
        probabilities = buffers["probabilities"] = emit.tensor("probabilities", predictions.shape)
    emit.call(kernel, attributes, label, **buffers)
    return loss, gradient, probabilities


def emit_smoothing(emit: Emitter, kind: str, targets: Tensor, share: float) -> Tensor:
    """Adds the kernel call that smooths labels, and answers the smoothed ones.

    Args:
        emit: where calls go.
        kind: "cross_entropy" spreads the share over the classes, "binary_cross_entropy" over yes and no.
        targets: float32 (..., classes).
        share: from 0 to 1; 0 adds nothing.

    Formula: Keras `label_smoothing`: y (1 - share) + share / classes, or + share / 2.
    """
    if share == 0:
        return targets
    offset = 0.5 * share if kind == "binary_cross_entropy" else share / targets.shape[-1]
    smoothed = emit.tensor(f"smoothed_{targets.name}", targets.shape)
    emit_rescale(emit, targets.name, targets, smoothed, scale=1.0 - share, offset=offset)
    return smoothed


def _rows(who: str, name: str, values: ArrayLike, axes: int) -> FloatArray:
    """Outputs [n, ...] of at least `axes` axes; only n may be 0."""
    array = float_array(who, name, values)
    if array.ndim < axes or 0 in array.shape[1:]:
        wanted = "(rows, ..., classes)" if axes == 2 else "(rows, ...)"
        raise ValueError(f"{who}: {name} must have shape {wanted} with nothing empty in a row, got {array.shape}")
    return array


def _weights(who: str, sample_weight: ArrayLike | None, rows: int) -> FloatArray | None:
    if sample_weight is None:
        return None
    weights = float_array(who, "sample_weight", sample_weight)
    same_shape(who, "sample_weight", weights.shape, (rows,))
    return weights


def _class_numbers(who: str, labels: np.ndarray, classes: int) -> np.ndarray:
    """int32 class numbers, each one in range."""
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{who}: class numbers must be integers, got dtype {labels.dtype}; use labels.astype('int32')")
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"{who}: labels must be from 0 to {classes - 1}, got {labels.min()} to {labels.max()}")
    return contiguous(labels, np.int32)


def _class_loss(
    who: str, name: str, predictions: ArrayLike, labels: ArrayLike, sample_weight: ArrayLike | None
) -> LossAndGradient:
    outputs, truth = _rows(who, name, predictions, 2), numbers(labels)
    n, classes = len(outputs), outputs.shape[-1]
    buffers: dict[str, Any]
    if truth.shape == outputs.shape[:-1]:
        buffers = {"labels": _class_numbers(who, truth, classes)}
    elif truth.shape == outputs.shape:
        buffers = {"targets": float_array(who, "labels", truth)}
    else:
        raise ValueError(
            f"{who}: labels must be class numbers of shape {outputs.shape[:-1]} or one-hot rows of shape "
            f"{outputs.shape}, got shape {truth.shape}"
        )
    vectors = int(np.prod(outputs.shape[1:-1], dtype=np.int64))
    attributes = dict(features=classes, vectors=vectors, sparse="labels" in buffers)
    buffers["weights"] = _weights(who, sample_weight, n)
    return _run(who, attributes, outputs, buffers)


def _value_loss(
    who: str, name: str, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None
) -> LossAndGradient:
    outputs, truth = _rows(who, name, predictions, 1), float_array(who, "targets", targets)
    same_shape(who, "targets", truth.shape, outputs.shape)
    attributes = dict(features=int(np.prod(outputs.shape[1:], dtype=np.int64)))
    buffers: dict[str, Any] = {"targets": truth, "weights": _weights(who, sample_weight, len(outputs))}
    return _run(who, attributes, outputs, buffers)


def _run(kernel: str, attributes: dict[str, Any], outputs: FloatArray, buffers: dict[str, Any]) -> LossAndGradient:
    loss, gradient = empty(outputs, (len(outputs),)), empty(outputs, outputs.shape)
    run_kernel(kernel, attributes, rows=len(outputs), predictions=outputs, loss=loss, dpredictions=gradient, **buffers)
    return loss, gradient
