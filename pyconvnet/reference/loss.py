"""The losses with their gradients.

Every loss answers one number for each row, [n], multiplied by the row's `sample_weight`; what is minimized is their sum
divided by n, whatever the weights are (Keras's "sum_over_batch_size"). The gradient that comes with it is the gradient
of that mean. Batches without rows have an empty loss and an empty gradient.

A *probability* that comes from elsewhere may be 0 or 1, where the logarithm or the gradient has no value; like Keras,
these losses first clip it to [1e-7, 1 - 1e-7] (the upper end is 1 - 2^-23 in float32). Where it is clipped it does not
move the loss, so its gradient is 0. A model whose last layer is a softmax or a sigmoid should use the losses on logits,
which need no clipping.
"""

from __future__ import annotations

import math

import numpy as np

from pyconvnet.reference.activation import sigmoid, softmax, softplus
from pyconvnet.reference.shape import Array

CLIP = 1e-7


def softmax_cross_entropy(logits: Array, labels: Array, sample_weight: Array | None = None) -> tuple[Array, Array]:
    """Compare the softmax of logits with the true class.

    Args:
        logits: [n, c].
        labels: class numbers, int [n], or one-hot or soft rows [n, c] whose sum is 1.
        sample_weight: [n] or None.

    Returns:
        (loss [n], dlogits [n, c]).

    Raises:
        ValueError: if the labels fit neither [n] nor [n, c], or a class number is out of range.

    Example:
        >>> loss, dlogits = softmax_cross_entropy(np.zeros((1, 2)), np.array([0]))
        >>> loss.round(6).tolist(), dlogits.tolist()
        ([0.693147], [[-0.5, 0.5]])

    Formula: loss = log(sum of exp(logits)) - logit of the true class; dlogits = (softmax - one-hot) / n.
    """
    one_hot = _one_hot(labels, logits)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    loss = -(one_hot * log_softmax).sum(axis=-1)
    return _weighted(loss, softmax(logits) - one_hot, sample_weight)


def categorical_cross_entropy(
    probabilities: Array, labels: Array, sample_weight: Array | None = None
) -> tuple[Array, Array]:
    """Compare probabilities with the true class.

    Args:
        probabilities: [n, c]; a row that does not sum to 1 is normalized.
        labels: class numbers, int [n], or one-hot or soft rows [n, c].
        sample_weight: [n] or None.

    Returns:
        (loss [n], dprobabilities [n, c]).

    Raises:
        ValueError: if the labels fit neither [n] nor [n, c], or a class number is out of range.

    Example:
        >>> p = np.array([[0.2, 0.2, 0.1]])
        >>> categorical_cross_entropy(p, np.array([1]))[0].round(4).tolist()
        [0.9163]

    Formula: -log(p of the true class). Keras on TensorFlow clips and then normalizes for class numbers, and normalizes
    and then clips for one-hot rows.
    """
    one_hot = _one_hot(labels, probabilities)
    total = probabilities.sum(axis=-1, keepdims=True)
    if labels.ndim == 1:
        p, inside = _clip(probabilities)
        total = p.sum(axis=-1, keepdims=True)
        loss = -(one_hot * np.log(p / total)).sum(axis=-1)
        gradient = (1 / total - one_hot / p) * inside
    else:
        q = probabilities / total
        p, inside = _clip(q)
        loss = -(one_hot * np.log(p)).sum(axis=-1)
        dq = -one_hot / p * inside
        gradient = (dq - (dq * q).sum(axis=-1, keepdims=True)) / total  # through the normalization
    return _weighted(loss, gradient, sample_weight)


def sigmoid_cross_entropy(logits: Array, targets: Array, sample_weight: Array | None = None) -> tuple[Array, Array]:
    """Compare the sigmoid of logits with yes-or-no targets.

    Args:
        logits: [n, c].
        targets: [n, c] with values in 0 .. 1.
        sample_weight: [n] or None.

    Returns:
        (loss [n], the mean over the c outputs; dlogits [n, c]).

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> loss, dlogits = sigmoid_cross_entropy(np.zeros((1, 2)), np.array([[0.0, 1.0]]))
        >>> loss.round(6).tolist(), dlogits.tolist()
        ([0.693147], [[0.25, -0.25]])

    Formula: loss = log(1 + exp(x)) - x t; dlogits = (sigmoid - t) / (n c).
    """
    _check_same_shape("sigmoid_cross_entropy", logits, targets)
    return _mean_over_outputs(softplus(logits) - logits * targets, sigmoid(logits) - targets, sample_weight)


def binary_cross_entropy(
    probabilities: Array, targets: Array, sample_weight: Array | None = None
) -> tuple[Array, Array]:
    """Compare probabilities with yes-or-no targets.

    Args:
        probabilities: [n, c].
        targets: [n, c] with values in 0 .. 1.
        sample_weight: [n] or None.

    Returns:
        (loss [n], the mean over the c outputs; dprobabilities [n, c]).

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> loss, gradient = binary_cross_entropy(np.array([[0.5]]), np.array([[1.0]]))
        >>> loss.round(6).tolist(), gradient.tolist()
        ([0.693147], [[-2.0]])

    Formula: loss = -t log(p) - (1 - t) log(1 - p); its derivative is (1 - t) / (1 - p) - t / p.
    """
    _check_same_shape("binary_cross_entropy", probabilities, targets)
    p, inside = _clip(probabilities)
    loss = -targets * np.log(p) - (1 - targets) * np.log1p(-p)
    return _mean_over_outputs(loss, ((1 - targets) / (1 - p) - targets / p) * inside, sample_weight)


def mean_squared_error(predictions: Array, targets: Array, sample_weight: Array | None = None) -> tuple[Array, Array]:
    """Take the mean of the squared differences of each row.

    Args:
        predictions: [n, ...].
        targets: like predictions.
        sample_weight: [n] or None.

    Returns:
        (loss [n], dpredictions like predictions).

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> loss, gradient = mean_squared_error(np.array([[1.0, 4.0]]), np.array([[1.0, 2.0]]))
        >>> loss.tolist(), gradient.tolist()
        ([2.0], [[0.0, 2.0]])
    """
    _check_same_shape("mean_squared_error", predictions, targets)
    difference = predictions - targets
    return _mean_over_outputs(difference**2, 2 * difference, sample_weight)


def mean_absolute_error(predictions: Array, targets: Array, sample_weight: Array | None = None) -> tuple[Array, Array]:
    """Take the mean of the absolute differences of each row.

    Args:
        predictions: [n, ...].
        targets: like predictions.
        sample_weight: [n] or None.

    Returns:
        (loss [n], dpredictions like predictions); the gradient of equal values is 0.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> loss, gradient = mean_absolute_error(np.array([[1.0, 4.0]]), np.array([[1.0, 2.0]]))
        >>> loss.tolist(), gradient.tolist()
        ([1.0], [[0.0, 0.5]])
    """
    _check_same_shape("mean_absolute_error", predictions, targets)
    difference = predictions - targets
    return _mean_over_outputs(np.abs(difference), np.sign(difference), sample_weight)


def _one_hot(labels: Array, outputs: Array) -> Array:
    """Turn class numbers [n] into rows [n, c] with a single one; rows stay as they are."""
    n, classes = outputs.shape
    if labels.shape == (n, classes):
        return labels
    if labels.shape != (n,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be ints [{n}] or rows [{n}, {classes}], got {labels.dtype} of shape {labels.shape}"
        )
    if n and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"labels must lie in 0 .. {classes - 1}, got {labels.min()} .. {labels.max()}")
    return (labels[:, None] == np.arange(classes)).astype(outputs.dtype)


def _check_same_shape(name: str, outputs: Array, targets: Array) -> None:
    """Refuse targets that NumPy would silently stretch."""
    if outputs.shape != targets.shape:
        raise ValueError(f"{name}: targets must have the shape of the outputs, {outputs.shape}, got {targets.shape}")


def _clip(probabilities: Array) -> tuple[Array, Array]:
    """Clip to [1e-7, 1 - 1e-7]; the second array is 1 where nothing was clipped and 0 elsewhere."""
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)
    return clipped, (clipped == probabilities).astype(probabilities.dtype)


def _weighted(loss: Array, gradient: Array, sample_weight: Array | None) -> tuple[Array, Array]:
    """Weight the rows' losses, and make the rows' gradients the gradient of the mean over the rows."""
    n = len(loss)
    weight = np.ones_like(loss) if sample_weight is None else sample_weight
    per_row = (n,) + (1,) * (gradient.ndim - 1)
    return loss * weight, gradient * weight.reshape(per_row) / max(n, 1)


def _mean_over_outputs(loss: Array, gradient: Array, sample_weight: Array | None) -> tuple[Array, Array]:
    """Take the mean over all outputs of a row, then weight."""
    outputs = math.prod(loss.shape[1:])
    return _weighted(loss.reshape(len(loss), outputs).mean(axis=1), gradient / outputs, sample_weight)
