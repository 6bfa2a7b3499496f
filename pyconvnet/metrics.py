"""The metrics of `compile`: their names, which kernel computes them, and which way is better."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

from pyconvnet._identifiers import Configurable, snake_case
from pyconvnet._suggest import unknown
from pyconvnet.ops._check import integer

# kernel, as `pyconvnet.ops.metric` names it: the names that users write for it
_KERNELS = {
    "sparse_categorical_accuracy": ("SparseCategoricalAccuracy",),
    "categorical_accuracy": ("CategoricalAccuracy",),
    "binary_accuracy": ("BinaryAccuracy",),
    "sparse_top_k_categorical_accuracy k=5": ("sparse_top_k_categorical_accuracy", "SparseTopKCategoricalAccuracy"),
    "top_k_categorical_accuracy k=5": ("top_k_categorical_accuracy", "TopKCategoricalAccuracy"),
    "sparse_categorical_crossentropy": ("SparseCategoricalCrossentropy",),
    "categorical_crossentropy": ("CategoricalCrossentropy",),
    "binary_crossentropy": ("BinaryCrossentropy", "bce", "BCE"),
    "mean_squared_error": ("MeanSquaredError", "mse", "MSE"),
    "mean_absolute_error": ("MeanAbsoluteError", "mae", "MAE"),
}
_KERNEL_OF = {name: kernel for kernel, others in _KERNELS.items() for name in (kernel, *others) if " " not in name}
_ACCURACY = ("accuracy", "acc")
M = TypeVar("M", bound="Metric")
P = TypeVar("P", bound="_Plain")
T = TypeVar("T", bound="_TopK")
F = TypeVar("F", bound="MeanMetricWrapper")
Function = Callable[[Any, Any], Any]


class Metric(Configurable, str):
    """A metric as an object: the name under which it is reported, which knows how it is computed.

    Args:
        kernel: as `pyconvnet.ops.metric` names it.
        name: under which it is reported.
    """

    kernel: str

    def __new__(cls: type[M], kernel: str, name: str) -> M:
        """A string with a kernel."""
        if not isinstance(name, str):
            raise TypeError(f"{cls.__name__}: name must be a text, got {name!r}")
        metric = str.__new__(cls, name)
        metric.kernel = kernel
        return metric

    @property
    def name(self) -> str:
        """The name under which it is reported."""
        return str.__str__(self)

    def __reduce__(self) -> tuple[Callable[..., Metric], tuple[Any, ...]]:
        return _again, (type(self), self.get_config())


def _again(cls: type[Metric], config: dict[str, Any]) -> Metric:
    return cls(**config)


class _Plain(Metric):
    """A metric that has nothing to set but its name."""

    _kernel: ClassVar[str]

    def __new__(cls: type[P], name: str | None = None) -> P:
        """The metric under a name of one's own, or its kernel's."""
        return Metric.__new__(cls, cls._kernel, cls._kernel if name is None else name)


class _TopK(Metric):
    """The share of samples whose class is among the `k` with the largest predictions."""

    _kernel: ClassVar[str]
    k: int

    def __new__(cls: type[T], k: int = 5, name: str | None = None) -> T:
        """The metric for one `k`, under a name of one's own or its kernel's."""
        number = integer(cls.__name__, "k", k)
        metric = Metric.__new__(cls, f"{cls._kernel} k={number}", cls._kernel if name is None else name)
        metric.__dict__["k"] = number
        return metric


class SparseCategoricalAccuracy(_Plain):
    """The share of samples whose largest prediction is that of their class number.

    Example:
        >>> SparseCategoricalAccuracy(name="right")
        SparseCategoricalAccuracy(name='right')
    """

    _kernel = "sparse_categorical_accuracy"


class CategoricalAccuracy(_Plain):
    """The share of samples whose largest prediction is where their one-hot label is largest."""

    _kernel = "categorical_accuracy"


class BinaryAccuracy(_Plain):
    """The share of predictions on their label's side of 1/2."""

    _kernel = "binary_accuracy"


class SparseTopKCategoricalAccuracy(_TopK):
    """The share of samples whose class number is among the `k` largest predictions; equal ones count as one place.

    Args:
        k: how many.
        name: under which it is reported.

    Example:
        >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=[SparseTopKCategoricalAccuracy(k=3)])
        ... # doctest: +SKIP
    """

    _kernel = "sparse_top_k_categorical_accuracy"


class TopKCategoricalAccuracy(_TopK):
    """As `SparseTopKCategoricalAccuracy`, for one-hot labels."""

    _kernel = "top_k_categorical_accuracy"


class SparseCategoricalCrossentropy(_Plain):
    """The mean cross-entropy of class numbers."""

    _kernel = "sparse_categorical_crossentropy"


class CategoricalCrossentropy(_Plain):
    """The mean cross-entropy of one-hot labels."""

    _kernel = "categorical_crossentropy"


class BinaryCrossentropy(_Plain):
    """The mean cross-entropy of yes-or-no labels."""

    _kernel = "binary_crossentropy"


class MeanSquaredError(_Plain):
    """The mean of the squared differences."""

    _kernel = "mean_squared_error"


class MeanAbsoluteError(_Plain):
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

    def __new__(cls: type[F], fn: Function, name: str | None = None) -> F:
        """The metric under a name of one's own."""
        if not callable(fn):
            raise TypeError(f"{cls.__name__}: fn must be a function of (y_true, y_pred), got {fn!r}")
        metric = Metric.__new__(cls, "", "mean_metric_wrapper" if name is None else name)
        metric.__dict__["fn"] = fn
        return metric


def names(metrics: object) -> tuple[str, ...]:
    """The names given to ``compile(metrics=...)``, checked.

    Args:
        metrics: None, a name, a `Metric` or a function, or a list of them.

    Returns:
        Each metric once, in the order given, with a number where another one has its name; functions as
        `MeanMetricWrapper`.

    Raises:
        TypeError: something is not a name.
        ValueError: an unknown name.

    Example:
        >>> names("accuracy")
        ('accuracy',)
    """
    given = [metrics] if isinstance(metrics, str) or callable(metrics) else metrics
    if given is None:
        return ()
    if not isinstance(given, Iterable) or isinstance(given, dict):
        raise TypeError(f"compile: metrics must be a name or a list of names, got {metrics!r}")
    found: list[str] = []
    for metric in given:
        name = _named(metric, found)
        if name not in found:
            found.append(name)
        elif _is_another(name, found):
            found.append(_renamed(name, _free(name, found)))
    return tuple(found)


def _is_another(name: str, taken: Iterable[str]) -> bool:
    """Whether a metric computes something else than those that have its name or name_1, ..."""
    known = isinstance(name, Metric) or name in _KERNEL_OF  # what "accuracy" is, the labels say
    return known and _kernel_of(name) not in (_kernel_of(other) for other in taken if _is_under(name, other))


def _free(name: str, taken: Iterable[str]) -> str:
    """The name, or the first of name_1, name_2, ... that is not taken."""
    tries = (f"{name}_{number}" if number else name for number in itertools.count())
    return next(attempt for attempt in tries if attempt not in taken)


def _is_under(name: str, reported: str) -> bool:
    """Whether a metric called `name` may be reported under the other one, name_1 for example."""
    return reported == name or re.fullmatch(rf"{re.escape(name)}_\d+", reported) is not None


def _kernel_of(name: str) -> object:
    """What a metric computes."""
    if isinstance(name, MeanMetricWrapper):
        return name.fn
    return name.kernel if isinstance(name, Metric) else _KERNEL_OF.get(name, name)


def _renamed(metric: str, name: str) -> Metric:
    """A metric, given as an object or by its name, under another name."""
    if isinstance(metric, Metric):
        return type(metric).from_config({**metric.get_config(), "name": name})
    kernel = _KERNEL_OF[metric].split()[0]
    known: list[type[_Plain | _TopK]] = [*_Plain.__subclasses__(), *_TopK.__subclasses__()]
    return next(cls for cls in known if cls._kernel == kernel)(name=name)


def _named(metric: object, taken: Iterable[str]) -> str:
    """A metric by its name; `taken` are the names before it."""
    if isinstance(metric, type) and issubclass(metric, _Plain | _TopK):
        return metric()
    if isinstance(metric, str):
        if not isinstance(metric, Metric) and metric.lower() not in _ACCURACY and metric not in _KERNEL_OF:
            raise ValueError(unknown("compile", "metric", metric, [*_ACCURACY, *_KERNEL_OF]))
        return metric
    if not callable(metric) or isinstance(metric, type):
        raise TypeError(
            "compile: metrics must be names such as 'accuracy', objects of pyconvnet.metrics or functions of "
            f"(y_true, y_pred), got {metric!r}"
        )
    name = snake_case(getattr(metric, "__name__", type(metric).__name__))
    others = [other for other in taken if getattr(other, "fn", None) is not metric]
    return MeanMetricWrapper(metric, _free(name, others))


def resolve(name: str, sparse: bool, output_shape: tuple[int, ...]) -> tuple[str, str]:
    """Which kernel a metric stands for, given the labels and the model's output.

    ``accuracy`` becomes binary for one output, sparse for class numbers and categorical otherwise, as in Keras.

    Args:
        name: as given to `compile`.
        sparse: whether labels are class numbers.
        output_shape: of the model, without the batch.

    Returns:
        The name under which it is reported, and the kernel's.

    Raises:
        ValueError: the metric does not fit the labels.

    Example:
        >>> resolve("accuracy", True, (10,))
        ('accuracy', 'sparse_categorical_accuracy')
    """
    if not isinstance(name, Metric) and name.lower() in _ACCURACY:
        if output_shape[-1] == 1 and not sparse:
            return name, "binary_accuracy"
        return name, "sparse_categorical_accuracy" if sparse else "categorical_accuracy"
    kernel = name.kernel if isinstance(name, Metric) else _KERNEL_OF[name]
    if kernel.startswith("sparse_") != sparse:
        labels = "class numbers" if sparse else f"arrays of the model's output shape {output_shape}"
        raise ValueError(f"compile: metric '{name}' does not fit the loss, whose labels are {labels}; use 'accuracy'")
    return name, kernel


def direction(kernel: str) -> str:
    """Whether less or more of a metric is better.

    Returns:
        "min" or "max".

    Example:
        >>> direction("mean_squared_error"), direction("binary_accuracy")
        ('min', 'max')
    """
    return "max" if kernel.split()[0].endswith("accuracy") else "min"
