"""Losses by Keras's names: what `compile(loss=...)` takes. A loss says what is computed; kernels compute it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet._answer import AnsweredNumber
from pyconvnet._identifiers import Configurable, argument_names, refuse_methods, resolve
from pyconvnet._on_arrays import loss_values, position_losses
from pyconvnet.ops._check import FloatArray, check_dtype, check_last_axis, rate

# The arguments that a loss keeps; the others are only there because Keras has them.
_KEPT = ("from_logits", "label_smoothing", "reduction")


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
    """A loss with Keras's name: the mean over the samples of a batch.

    Example:
        >>> MeanSquaredError()([[1.0], [2.0]], [[1.5], [2.5]])
        0.25
    """

    name: ClassVar[str]
    reduction: ClassVar[str] = "sum_over_batch_size"

    def __init_subclass__(cls) -> None:
        """Refuses a loss written in Python, which nothing would call."""
        refuse_methods(cls, ("call", "__call__"), "use a loss of pyconvnet.losses; metrics can be functions")

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> AnsweredNumber:
        """The loss of arrays.

        Args:
            y_true: class numbers [n] or [n, 1] for `SparseCategoricalCrossentropy`, else labels like `y_pred`.
            y_pred: [n, ...], what a model answers.
            sample_weight: [n], multiplied by each sample's loss, or None.

        Raises:
            ValueError, TypeError: shapes that do not fit, class numbers out of range.
        """
        return AnsweredNumber(self.values(y_true, y_pred, sample_weight).mean(dtype=np.float64))

    def values(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> FloatArray:
        """The loss of each sample, float32 [n]; arguments as for a call."""
        return loss_values(type(self).__name__, self, y_true, y_pred, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments that are kept, as plain Python values."""
        return {name: getattr(self, name) for name in argument_names(type(self)) if name in _KEPT}

    def _check(self, reduction: str, dtype: Any, axis: int = -1) -> None:
        check_dtype(type(self).__name__, dtype)
        check_last_axis(type(self).__name__, axis)
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
        ignore_class, name, dtype, axis: as in Keras, but None, "float32" and the last axis only; they change nothing.

    Raises:
        ValueError: another reduction.

    Example:
        >>> SparseCategoricalCrossentropy(from_logits=True).sparse
        True

    Formula: -log(p[label]), Keras `SparseCategoricalCrossentropy`.
    """

    name = "sparse_categorical_crossentropy"

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: None = None,
        reduction: str = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        if ignore_class is not None:
            raise ValueError(
                f"{type(self).__name__}: ignore_class must be None, got {ignore_class!r}; give sample_weight 0 instead"
            )
        super().__init__("cross_entropy", sparse=True, from_logits=bool(from_logits))
        self._check(reduction, dtype, axis)


class CategoricalCrossentropy(Loss):
    """Cross-entropy of one-hot (or soft) labels: labels and output [n, classes].

    Args:
        from_logits: the output has no softmax.
        label_smoothing: share of each label that is spread evenly over the classes, from 0 to 1.
        reduction: "sum_over_batch_size", the mean (also Keras 2's "auto").
        name, dtype, axis: as in Keras, but "float32" and the last axis only; they change nothing.

    Raises:
        ValueError: another reduction, or a label smoothing out of range.

    Example:
        >>> CategoricalCrossentropy(label_smoothing=0.1).label_smoothing
        0.1

    Formula: -sum(y * log(p)) with y (1 - smoothing) + smoothing / classes for y, Keras `CategoricalCrossentropy`.
    """

    name = "categorical_crossentropy"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        smoothing = rate(type(self).__name__, "label_smoothing", label_smoothing)
        super().__init__("cross_entropy", from_logits=bool(from_logits), label_smoothing=smoothing)
        self._check(reduction, dtype, axis)


class BinaryCrossentropy(Loss):
    """Cross-entropy of yes-or-no labels: labels and output of one shape, each value from 0 to 1.

    Args:
        from_logits: the output has no sigmoid.
        label_smoothing: share of each label that is drawn to 1/2, from 0 to 1.
        reduction: "sum_over_batch_size", the mean (also Keras 2's "auto").
        name, dtype, axis: as in Keras, but "float32" and the last axis only; they change nothing.

    Raises:
        ValueError: another reduction, or a label smoothing out of range.

    Example:
        >>> BinaryCrossentropy(from_logits=True).from_logits
        True

    Formula: -mean(y * log(p) + (1 - y) * log(1 - p)) with y (1 - smoothing) + smoothing / 2 for y,
    Keras `BinaryCrossentropy`.
    """

    name = "binary_crossentropy"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        smoothing = rate(type(self).__name__, "label_smoothing", label_smoothing)
        super().__init__("binary_cross_entropy", from_logits=bool(from_logits), label_smoothing=smoothing)
        self._check(reduction, dtype, axis)


class MeanSquaredError(Loss):
    """mean((y - p)^2) over the output's values, labels and output of one shape.

    Args:
        reduction: "sum_over_batch_size", the mean (also Keras 2's "auto").
        name, dtype: as in Keras, but "float32" only; they change nothing.

    Raises:
        ValueError: another reduction.

    Example:
        >>> MeanSquaredError().kind
        'mean_squared_error'

    Formula: Keras `MeanSquaredError`.
    """

    name = "mean_squared_error"

    def __init__(self, reduction: str = "sum_over_batch_size", name: str | None = None, dtype: Any = None) -> None:
        super().__init__("mean_squared_error")
        self._check(reduction, dtype)


class MeanAbsoluteError(Loss):
    """mean(|y - p|) over the output's values, labels and output of one shape.

    Args:
        reduction: "sum_over_batch_size", the mean (also Keras 2's "auto").
        name, dtype: as in Keras, but "float32" only; they change nothing.

    Raises:
        ValueError: another reduction.

    Example:
        >>> MeanAbsoluteError().kind
        'mean_absolute_error'

    Formula: Keras `MeanAbsoluteError`.
    """

    name = "mean_absolute_error"

    def __init__(self, reduction: str = "sum_over_batch_size", name: str | None = None, dtype: Any = None) -> None:
        super().__init__("mean_absolute_error")
        self._check(reduction, dtype)


def sparse_categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, ignore_class: None = None, axis: int = -1
) -> FloatArray:
    """The cross-entropies of class numbers [...] and outputs [..., classes], float32 [...].

    Like all functions of this module it can be given to `compile` too; arguments as those of the loss.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
        array([0.6931472], dtype=float32)
    """
    loss = SparseCategoricalCrossentropy(from_logits=from_logits, ignore_class=ignore_class, axis=axis)
    return position_losses(loss.name, loss, y_true, y_pred)


def categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> FloatArray:
    """The cross-entropies of one-hot labels and outputs, both [..., classes], float32 [...]."""
    loss = CategoricalCrossentropy(from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)
    return position_losses(loss.name, loss, y_true, y_pred)


def binary_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> FloatArray:
    """The mean cross-entropies of yes-or-no labels and outputs, both [..., values], float32 [...]."""
    loss = BinaryCrossentropy(from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)
    return position_losses(loss.name, loss, y_true, y_pred)


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """The means of the squared differences of labels and outputs, both [..., values], float32 [...]."""
    return position_losses("mean_squared_error", MeanSquaredError(), y_true, y_pred)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """The means of the absolute differences of labels and outputs, both [..., values], float32 [...]."""
    return position_losses("mean_absolute_error", MeanAbsoluteError(), y_true, y_pred)


mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error

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
        identifier: such as "mse", `mean_squared_error`, `MeanSquaredError` or an object of it.

    Returns:
        The loss.

    Raises:
        ValueError: an unknown name.
        TypeError: anything else, a function of one's own too: kernels are compiled.

    Example:
        >>> get("mse")
        MeanSquaredError(reduction='sum_over_batch_size')
        >>> get("sparse_categorical_entropy")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: compile: unknown loss 'sparse_categorical_entropy'; did you mean ...
    """
    if inspect.isfunction(identifier) and identifier.__module__ == __name__:
        identifier = identifier.__name__
    return resolve("compile", "loss", identifier, _TABLE, Loss)
