"""Metrics of an epoch: kernel calls that add to float64 sums [sum of the rows' values, rows]."""

from __future__ import annotations

import numpy as np

from pyconvnet.ops.elementwise import emit_rescale
from pyconvnet.ops.loss import LOSS_KERNELS, emit_loss, emit_smoothing
from pyconvnet.ops.rule import Emitter, Tensor

# Losses that may be reported as metrics: which loss gives each row's value.
_LOSS_METRICS = {
    "sparse_categorical_crossentropy": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "mean_squared_error": "mean_squared_error",
    "mean_absolute_error": "mean_absolute_error",
}
_ACCURACIES = ("sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")

_TOP_K = ("sparse_top_k_categorical_accuracy", "top_k_categorical_accuracy")

# The settings of a metric, which stand behind its name: "top_k_categorical_accuracy k=5".
_SETTINGS = {
    **dict.fromkeys(_TOP_K, ("k",)),
    "binary_accuracy": ("threshold",),
    "sparse_categorical_crossentropy": ("from_logits",),
    "categorical_crossentropy": ("from_logits", "label_smoothing"),
    "binary_crossentropy": ("from_logits", "label_smoothing"),
}

_LARGE = 2.0**100

METRICS: tuple[str, ...] = (*_ACCURACIES, *_TOP_K, *_LOSS_METRICS)


def emit_mean(emit: Emitter, values: Tensor, sums: Tensor, label: str = "loss") -> None:
    """Adds a value a row to the sums: the epoch's mean loss."""
    emit.call("mean_accumulate", {}, label, values=values, sums=sums)


def with_settings(name: str, **settings: float) -> str:
    """A metric's name with its settings behind it.

    Example:
        >>> with_settings("binary_accuracy", threshold=0.25)
        'binary_accuracy threshold=0.25'
    """
    return " ".join([name, *(f"{key}={value!r}" for key, value in settings.items())])


def split_settings(metric: str) -> tuple[str, dict[str, float]]:
    """A metric's name and its settings, from what `with_settings` answered.

    Raises:
        ValueError: an unknown name or setting.

    Example:
        >>> split_settings("binary_accuracy threshold=0.25")
        ('binary_accuracy', {'threshold': 0.25})
    """
    name, *rest = metric.split(" ")
    settings = {key: float(value) for key, _, value in (setting.partition("=") for setting in rest)}
    if (
        name not in METRICS
        or not set(settings) <= set(_SETTINGS.get(name, ()))
        or ("k" in settings) != (name in _TOP_K)
    ):
        raise ValueError(f"metric '{metric}': must be one of {', '.join(METRICS)}")
    return name, settings


def emit_metric(
    emit: Emitter,
    metric: str,
    predictions: Tensor,
    truth: Tensor,
    sums: Tensor,
    features: int,
    logits: Tensor | None = None,
) -> None:
    """Adds the kernel calls of a metric.

    Args:
        emit: where calls go.
        metric: one of `METRICS`, with its settings.
        predictions: the model's outputs, float32.
        truth: int32 class numbers for the sparse metrics, else float32 like predictions.
        sums: float64 [2] that live as long as the epoch.
        features: classes or numbers on the outputs' last axis.
        logits: what lies behind the softmax or sigmoid at the model's end; cross-entropies look at it, as in Keras.

    Raises:
        ValueError: an unknown name.
    """
    name, settings = split_settings(metric)
    vectors = predictions.size // features
    sparse = name.startswith("sparse_")
    if name in _LOSS_METRICS:
        kind = _LOSS_METRICS[name]
        kernels = LOSS_KERNELS[kind]
        kernel, source = kernels.outputs, predictions
        if kernels.logits and (logits is not None or settings.get("from_logits")):
            kernel, source = kernels.logits, predictions if logits is None else logits
        targets = None if sparse else emit_smoothing(emit, kind, truth, settings.get("label_smoothing", 0.0))
        values, _, _ = emit_loss(
            emit, kernel, source, truth if sparse else None, targets, None,
            vectors=vectors, features=features, want_gradient=False, want_probabilities=False, label=name,
        )  # fmt: skip
        emit_mean(emit, values, sums, name)
    elif name == "binary_accuracy":
        threshold = settings.get("threshold", 0.5)
        if threshold != 0.5:
            # The kernel asks for more than 1/2. So much larger, any difference from the threshold is more than that,
            # and its sign is exact.
            scaled = emit.tensor(f"{name}.scaled", predictions.shape)
            offset = -float(np.float32(threshold)) * _LARGE
            emit_rescale(emit, name, predictions, scaled, scale=_LARGE, offset=offset)
            predictions = scaled
        emit.call(name, dict(features=predictions.size), name, predictions=predictions, targets=truth, sums=sums)
    else:
        buffers = {"labels" if sparse else "targets": truth}
        attributes = dict(features=features, vectors=vectors, **{key: int(value) for key, value in settings.items()})
        emit.call(name, attributes, name, predictions=predictions, sums=sums, **buffers)
