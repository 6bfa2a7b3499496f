"""The metrics of `compile` by their names: what is reported under which name, and which kernel computes it."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterable

from pyconvnet import metrics
from pyconvnet._identifiers import snake_case
from pyconvnet._suggest import unknown
from pyconvnet.metrics import MeanMetricWrapper, Metric

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


def names(given: object) -> tuple[str, ...]:
    """The names given to ``compile(metrics=...)``, checked.

    Args:
        given: None, a name, a `Metric` or a function, or a list of them.

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
    if given is None:
        return ()
    if not callable(given) and (not isinstance(given, Iterable) or isinstance(given, dict)):
        raise TypeError(f"compile: metrics must be a name or a list of names, got {given!r}")
    found: list[str] = []
    for metric in [given] if isinstance(given, str) or callable(given) else given:
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
    named = (vars(metrics).get(other) for other in _KERNELS[_KERNEL_OF[metric]])
    cls = next(found for found in named if isinstance(found, type))
    renamed: Metric = cls(name=name)
    return renamed


def _named(metric: object, taken: Iterable[str]) -> str:
    """A metric by its name; `taken` are the names before it."""
    if isinstance(metric, type) and issubclass(metric, Metric) and not issubclass(metric, MeanMetricWrapper):
        make: Callable[[], Metric] = metric
        return make()
    function = metric.__name__ if inspect.isfunction(metric) else ""
    if function and vars(metrics).get(function) is metric:
        metric = function
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
