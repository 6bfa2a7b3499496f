"""The metrics of `compile` as objects: what each computes, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet import losses
from pyconvnet._identifiers import Configurable, argument_names, refuse_methods
from pyconvnet._on_arrays import accuracy_values
from pyconvnet._running_mean import RunningMean
from pyconvnet.ops._check import FloatArray, check_dtype, check_last_axis, integer, rate, real
from pyconvnet.ops.metric import with_settings

# The values of settings that the kernels of a metric have without being told.
_NEUTRAL = {"from_logits": 0, "label_smoothing": 0.0, "threshold": 0.5}
M = TypeVar("M", bound="Metric")
N = TypeVar("N", bound="_Named")
F = TypeVar("F", bound="MeanMetricWrapper")
Function = Callable[[Any, Any], Any]


class Metric(Configurable, RunningMean, str):
    """A metric as an object: the name under which it is reported, which knows how it is computed.

    It can be used alone too: `update_state` with each batch, then `result`. Training does not change that state.

    Args:
        kernel: as `pyconvnet.ops.metric` names it, without its settings.
        name: under which it is reported; None: the kernel's.
        dtype: only "float32".
        settings: the arguments that it keeps besides.

    Example:
        >>> metric = SparseCategoricalAccuracy()
        >>> metric.update_state([1, 0], [[0.1, 0.9], [0.2, 0.8]])
        >>> metric.result()
        0.5
    """

    kernel: str

    def __init_subclass__(cls) -> None:
        """Refuses a metric with methods of its own, which training would not call."""
        instead = "give compile a function of (y_true, y_pred), or derive from MeanMetricWrapper with one"
        refuse_methods(cls, ("update_state", "result", "reset_state"), instead)

    def __new__(cls: type[M], kernel: str, name: str | None, dtype: Any = None, **settings: Any) -> M:
        """A string with a kernel."""
        if not isinstance(name, str | None):
            raise TypeError(f"{cls.__name__}: name must be a text, got {name!r}")
        check_dtype(cls.__name__, dtype)
        metric = str.__new__(cls, kernel if name is None else name)
        numbers = {key: int(value) if isinstance(value, bool) else value for key, value in settings.items()}
        metric.kernel = with_settings(kernel, **{key: v for key, v in numbers.items() if v != _NEUTRAL.get(key)})
        metric.__dict__ |= settings
        return metric

    @property
    def name(self) -> str:
        """The name under which it is reported."""
        return str.__str__(self)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments that are kept, as plain Python values."""
        return {key: getattr(self, key) for key in argument_names(type(self)) if key == "name" or key in vars(self)}

    def _batch(self, y_true: ArrayLike, y_pred: ArrayLike) -> Iterable[float]:
        if direction(self.kernel) == "max":
            right = accuracy_values(type(self).__name__, self.kernel, y_true, y_pred)
            return right.sum(dtype=np.float64) / math.prod(right.shape[1:]), len(np.atleast_1d(right))
        settings = {key: value for key, value in self.get_config().items() if key != "name"}
        loss = losses.get({"class_name": self.kernel.split()[0], "config": settings})
        values = loss.values(y_true, y_pred)
        return values.sum(dtype=np.float64), len(values)

    def __reduce__(self) -> tuple[Callable[..., Metric], tuple[Any, ...]]:
        return _again, (type(self), self.get_config())


def _again(cls: type[Metric], config: dict[str, Any]) -> Metric:
    return cls(**config)


class _Named(Metric):
    """A metric of a kernel; a class may have settings besides."""

    _kernel: ClassVar[str]

    def __new__(cls: type[N], name: str | None = None, dtype: Any = None) -> N:
        """The metric under a name of one's own, or its kernel's."""
        return Metric.__new__(cls, cls._kernel, name, dtype)


class _TopK(_Named):
    """The share of samples whose class is among the `k` with the largest predictions."""

    k: int

    def __new__(cls: type[N], k: int = 5, name: str | None = None, dtype: Any = None) -> N:
        """The metric for one `k`, under a name of one's own or its kernel's."""
        return Metric.__new__(cls, cls._kernel, name, dtype, k=integer(cls.__name__, "k", k))


class SparseCategoricalAccuracy(_Named):
    """The share of samples whose largest prediction is that of their class number.

    Example:
        >>> SparseCategoricalAccuracy(name="right")
        SparseCategoricalAccuracy(name='right')
    """

    _kernel = "sparse_categorical_accuracy"


class CategoricalAccuracy(_Named):
    """The share of samples whose largest prediction is where their one-hot label is largest."""

    _kernel = "categorical_accuracy"


class BinaryAccuracy(_Named):
    """The share of predictions on their label's side of a threshold.

    Args:
        name: under which it is reported.
        dtype: only "float32".
        threshold: a prediction above it says 1, any other 0.

    Example:
        >>> BinaryAccuracy(threshold=0.0)([[1.0], [0.0]], [[0.5], [-2.0]])
        1.0
    """

    _kernel = "binary_accuracy"

    def __new__(cls: type[N], name: str | None = None, dtype: Any = None, threshold: float = 0.5) -> N:
        """The metric with a threshold."""
        return Metric.__new__(cls, cls._kernel, name, dtype, threshold=real(cls.__name__, "threshold", threshold))


class SparseTopKCategoricalAccuracy(_TopK):
    """The share of samples whose class number is among the `k` largest predictions; equal ones count as one place.

    Args:
        k: how many.
        name: under which it is reported.
        dtype: only "float32".

    Example:
        >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=[SparseTopKCategoricalAccuracy(k=3)])
        ... # doctest: +SKIP
    """

    _kernel = "sparse_top_k_categorical_accuracy"


class TopKCategoricalAccuracy(_TopK):
    """As `SparseTopKCategoricalAccuracy`, for one-hot labels."""

    _kernel = "top_k_categorical_accuracy"


class SparseCategoricalCrossentropy(_Named):
    """The mean cross-entropy of class numbers; arguments as those of the loss."""

    _kernel = "sparse_categorical_crossentropy"

    def __new__(
        cls: type[N],
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: None = None,
        axis: int = -1,
    ) -> N:
        """The metric of probabilities or of logits."""
        check_last_axis(cls.__name__, axis)
        if ignore_class is not None:
            raise ValueError(f"{cls.__name__}: ignore_class must be None, got {ignore_class!r}; drop those samples")
        return Metric.__new__(cls, cls._kernel, name, dtype, from_logits=bool(from_logits))


class CategoricalCrossentropy(_Named):
    """The mean cross-entropy of one-hot labels; arguments as those of the loss."""

    _kernel = "categorical_crossentropy"

    def __new__(
        cls: type[N],
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> N:
        """The metric of probabilities or of logits, with smoothed labels if wanted."""
        check_last_axis(cls.__name__, axis)
        share = rate(cls.__name__, "label_smoothing", label_smoothing)
        return Metric.__new__(cls, cls._kernel, name, dtype, from_logits=bool(from_logits), label_smoothing=share)


class BinaryCrossentropy(_Named):
    """The mean cross-entropy of yes-or-no labels; arguments as those of the loss."""

    _kernel = "binary_crossentropy"

    def __new__(
        cls: type[N],
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> N:
        """The metric of probabilities or of logits, with smoothed labels if wanted."""
        share = rate(cls.__name__, "label_smoothing", label_smoothing)
        return Metric.__new__(cls, cls._kernel, name, dtype, from_logits=bool(from_logits), label_smoothing=share)


class MeanSquaredError(_Named):
    """The mean of the squared differences."""

    _kernel = "mean_squared_error"


class MeanAbsoluteError(_Named):
    """The mean of the absolute differences."""

    _kernel = "mean_absolute_error"


class MeanMetricWrapper(Metric):
    """A function of one's own as a metric: the mean over the samples of what it answers.

    It is called with every batch. An answer with an axis of samples counts once for
    each of them, with the mean of its further axes; a single number counts once for the batch. Sample weights are left
    to the loss.

    Args:
        fn: called as ``fn(y_true, y_pred)`` with NumPy arrays: the labels of a batch in the shape in which they were
            given (fractions as float32), and the model's output, float32 [batch, *output shape].
        name: under which it is reported; where `compile` is given the function itself, the function's.

    Example:
        >>> def largest_error(y_true, y_pred):
        ...     return abs(y_true - y_pred).max(axis=-1)
        >>> model.compile("adam", "mse", metrics=[largest_error])  # doctest: +SKIP
    """

    fn: Function

    def __new__(cls: type[F], fn: Function, name: str | None = None, dtype: Any = None) -> F:
        """The metric under a name of one's own."""
        if not callable(fn):
            raise TypeError(f"{cls.__name__}: fn must be a function of (y_true, y_pred), got {fn!r}")
        metric = Metric.__new__(cls, "", "mean_metric_wrapper" if name is None else name, dtype)
        metric.__dict__["fn"] = fn
        return metric

    def _batch(self, y_true: ArrayLike, y_pred: ArrayLike) -> Iterable[float]:
        values = np.asarray(self.fn(np.asarray(y_true), np.asarray(y_pred)), np.float64)
        if values.ndim == 0:
            return float(values), 1
        return values.reshape(len(values), -1).mean(axis=1).sum(), len(values)


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """1 where the largest output is that of the class number, else 0: labels [...], outputs [..., classes].

    Like all functions of this module it can be given to `compile` too.

    Example:
        >>> sparse_categorical_accuracy([1, 1], [[0.1, 0.9], [0.8, 0.2]])
        array([1., 0.], dtype=float32)
    """
    return accuracy_values("sparse_categorical_accuracy", "sparse_categorical_accuracy", y_true, y_pred)


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """1 where the largest output is where the one-hot label is largest, else 0: float32 [...] of [..., classes]."""
    return accuracy_values("categorical_accuracy", "categorical_accuracy", y_true, y_pred)


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> FloatArray:
    """1 for each output on its label's side of the threshold, else 0: float32 like the outputs."""
    return accuracy_values("binary_accuracy", BinaryAccuracy(threshold=threshold).kernel, y_true, y_pred)


def sparse_top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> FloatArray:
    """1 where the class number is among the `k` largest outputs, else 0: float32 like the labels."""
    who = "sparse_top_k_categorical_accuracy"
    right = accuracy_values(who, SparseTopKCategoricalAccuracy(k).kernel, y_true, y_pred)
    return right.reshape(np.shape(y_true))


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> FloatArray:
    """1 where the one-hot label's class is among the `k` largest outputs, else 0: float32 [...] of [..., classes]."""
    return accuracy_values("top_k_categorical_accuracy", TopKCategoricalAccuracy(k).kernel, y_true, y_pred)


sparse_categorical_crossentropy = losses.sparse_categorical_crossentropy
categorical_crossentropy = losses.categorical_crossentropy
binary_crossentropy = losses.binary_crossentropy
mean_squared_error = mse = MSE = losses.mean_squared_error
mean_absolute_error = mae = MAE = losses.mean_absolute_error


def direction(kernel: str) -> str:
    """Whether less or more of a metric is better.

    Returns:
        "min" or "max".

    Example:
        >>> direction("mean_squared_error"), direction("binary_accuracy")
        ('min', 'max')
    """
    return "max" if kernel.split()[0].endswith("accuracy") else "min"
