"""Metrics of an epoch: kernel calls that add to float64 sums [sum of the rows' values, rows]."""

from __future__ import annotations

from pyconvnet.ops.loss import emit_loss
from pyconvnet.ops.rule import Emitter, Tensor

# Losses that may be reported as metrics: the kernel that gives each row's value.
_LOSS_METRICS = {
    "sparse_categorical_crossentropy": "categorical_cross_entropy",
    "categorical_crossentropy": "categorical_cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "mean_squared_error": "mean_squared_error",
    "mean_absolute_error": "mean_absolute_error",
}
_ACCURACIES = ("sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")

_TOP_K = ("sparse_top_k_categorical_accuracy", "top_k_categorical_accuracy")  # followed by " k=5", for example

METRICS: tuple[str, ...] = (*_ACCURACIES, *_TOP_K, *_LOSS_METRICS)


def emit_mean(emit: Emitter, values: Tensor, sums: Tensor, label: str = "loss") -> None:
    """Adds a value a row to the sums: the epoch's mean loss."""
    emit.call("mean_accumulate", {}, label, values=values, sums=sums)


def emit_metric(emit: Emitter, name: str, predictions: Tensor, truth: Tensor, sums: Tensor, features: int) -> None:
    """Adds the kernel calls of a metric.

    Args:
        emit: where calls go.
        name: one of `METRICS`; for "top_k_categorical_accuracy" and its sparse kin with their k behind: "... k=5".
        predictions: the model's outputs, float32.
        truth: int32 class numbers for the sparse metrics, else float32 like predictions.
        sums: float64 [2] that live as long as the epoch.
        features: classes or numbers on the outputs' last axis.

    Raises:
        ValueError: an unknown name.
    """
    kernel, _, number = name.partition(" k=")
    if kernel not in METRICS or bool(number) != (kernel in _TOP_K):
        raise ValueError(f"metric '{name}': must be one of {', '.join(METRICS)}")
    vectors = predictions.size // features
    sparse = name.startswith("sparse_")
    if name in _LOSS_METRICS:
        labels, targets = (truth, None) if sparse else (None, truth)
        values, _, _ = emit_loss(
            emit, _LOSS_METRICS[name], predictions, labels, targets, None,
            vectors=vectors, features=features, want_gradient=False, want_probabilities=False, label=name,
        )  # fmt: skip
        emit_mean(emit, values, sums, name)
    elif name == "binary_accuracy":
        emit.call(name, dict(features=predictions.size), name, predictions=predictions, targets=truth, sums=sums)
    else:
        buffers = {"labels" if sparse else "targets": truth}
        attributes = dict(features=features, vectors=vectors, **({"k": int(number)} if number else {}))
        emit.call(kernel, attributes, name, predictions=predictions, sums=sums, **buffers)
