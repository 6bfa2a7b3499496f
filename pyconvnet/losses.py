"""Losses by Keras's names: what `compile(loss=...)` takes. A loss says what is computed; kernels compute it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pyconvnet._identifiers import Configurable, resolve
from pyconvnet.ops._check import rate


@dataclass(frozen=True)
class LossSpec:
    """What the plan needs to know of a loss.

    Attributes:
        kind: "cross_entropy" (over classes), "binary_cross_entropy", "mean_squared_error" or "mean_absolute_error".
        sparse: labels are class numbers, not arrays of the output's shape.
        from_logits: the model's output is meant before softmax or sigmoid. Where it is not, and the model ends in
            softmax or sigmoid, the plan takes the logits from before that activation, as Keras does.
        label_smoothing: share of every label that is spread evenly over the classes (or over yes and no); the metrics
            see the labels as they are.
    """

    kind: str
    sparse: bool = False
    from_logits: bool = False
    label_smoothing: float = 0.0


class Loss(Configurable, LossSpec):
    """A loss with Keras's name: the mean over the samples of a batch."""

    name: ClassVar[str]
    reduction: ClassVar[str] = "sum_over_batch_size"

    def _check_reduction(self, reduction: str) -> None:
        if reduction not in (self.reduction, "auto"):
            raise ValueError(
                f"{type(self).__name__}: reduction must be 'sum_over_batch_size' (the mean of the batch), "
                f"got {reduction!r}; scale the learning rate instead"
            )


class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy of class numbers: labels [n], output [n, classes].

    Args:
        from_logits: the output has no softmax.
        reduction: "sum_over_batch_size", the mean (also Keras 2's "auto").

    Raises:
        ValueError: another reduction.

    Example:
        >>> SparseCategoricalCrossentropy(from_logits=True).sparse
        True

    Formula: -log(p[label]), Keras `SparseCategoricalCrossentropy`.
    """

    name = "sparse_categorical_crossentropy"

    def __init__(self, from_logits: bool = False, reduction: str = "sum_over_batch_size") -> None:
        super().__init__("cross_entropy", sparse=True, from_logits=bool(from_logits))
        self._check_reduction(reduction)


class CategoricalCrossentropy(Loss):
    """Cross-entropy of one-hot (or soft) labels: labels and output [n, classes].

    Args:
        from_logits: the output has no softmax.
        label_smoothing: share of each label that is spread evenly over the classes, from 0 to 1.
        reduction: "sum_over_batch_size", the mean (also Keras 2's "auto").

    Raises:
        ValueError: another reduction, or a label smoothing out of range.

    Formula: -sum(y * log(p)) with y (1 - smoothing) + smoothing / classes for y, Keras `CategoricalCrossentropy`.
    """

    name = "categorical_crossentropy"

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, reduction: str = "sum_over_batch_size"
    ) -> None:
        smoothing = rate(type(self).__name__, "label_smoothing", label_smoothing)
        super().__init__("cross_entropy", from_logits=bool(from_logits), label_smoothing=smoothing)
        self._check_reduction(reduction)


class BinaryCrossentropy(Loss):
    """Cross-entropy of yes-or-no labels: labels and output of one shape, each value from 0 to 1.

    Args:
        from_logits: the output has no sigmoid.
        label_smoothing: share of each label that is drawn to 1/2, from 0 to 1.
        reduction: "sum_over_batch_size", the mean (also Keras 2's "auto").

    Raises:
        ValueError: another reduction, or a label smoothing out of range.

    Formula: -mean(y * log(p) + (1 - y) * log(1 - p)) with y (1 - smoothing) + smoothing / 2 for y,
    Keras `BinaryCrossentropy`.
    """

    name = "binary_crossentropy"

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, reduction: str = "sum_over_batch_size"
    ) -> None:
        smoothing = rate(type(self).__name__, "label_smoothing", label_smoothing)
        super().__init__("binary_cross_entropy", from_logits=bool(from_logits), label_smoothing=smoothing)
        self._check_reduction(reduction)


class MeanSquaredError(Loss):
    """mean((y - p)^2) over the output's values, labels and output of one shape.

    Args:
        reduction: "sum_over_batch_size", the mean (also Keras 2's "auto").
    """

    name = "mean_squared_error"

    def __init__(self, reduction: str = "sum_over_batch_size") -> None:
        super().__init__("mean_squared_error")
        self._check_reduction(reduction)


class MeanAbsoluteError(Loss):
    """mean(|y - p|) over the output's values, labels and output of one shape.

    Args:
        reduction: "sum_over_batch_size", the mean (also Keras 2's "auto").
    """

    name = "mean_absolute_error"

    def __init__(self, reduction: str = "sum_over_batch_size") -> None:
        super().__init__("mean_absolute_error")
        self._check_reduction(reduction)


_TABLE: dict[str, type[Loss]] = {
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "bce": BinaryCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mae": MeanAbsoluteError,
}
_TABLE |= {"BCE": BinaryCrossentropy, "MSE": MeanSquaredError, "MAE": MeanAbsoluteError}
_TABLE |= {cls.__name__: cls for cls in _TABLE.values()}


def get(identifier: Any) -> Loss:
    """The loss that a name, a class, an instance or a config dictionary stands for.

    Args:
        identifier: such as "mse", `MeanSquaredError`, `CategoricalCrossentropy(from_logits=True)`.

    Returns:
        The loss.

    Raises:
        ValueError: an unknown name.
        TypeError: anything else, a Python function too: kernels are compiled.

    Example:
        >>> get("mse")
        MeanSquaredError(reduction='sum_over_batch_size')
        >>> get("sparse_categorical_entropy")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: compile: unknown loss 'sparse_categorical_entropy'; did you mean ...
    """
    return resolve("compile", "loss", identifier, _TABLE, Loss)
