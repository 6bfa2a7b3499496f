"""The metrics of `compile`: their names, which kernel computes them, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable

from pyconvnet._suggest import unknown

# kernel name: its other names
_KERNELS = {
    "sparse_categorical_accuracy": ("SparseCategoricalAccuracy",),
    "categorical_accuracy": ("CategoricalAccuracy",),
    "binary_accuracy": ("BinaryAccuracy",),
    "sparse_categorical_crossentropy": ("SparseCategoricalCrossentropy",),
    "categorical_crossentropy": ("CategoricalCrossentropy",),
    "binary_crossentropy": ("BinaryCrossentropy", "bce", "BCE"),
    "mean_squared_error": ("MeanSquaredError", "mse", "MSE"),
    "mean_absolute_error": ("MeanAbsoluteError", "mae", "MAE"),
}
_KERNEL_OF = {name: kernel for kernel, others in _KERNELS.items() for name in (kernel, *others)}
_ACCURACY = ("accuracy", "acc")


def names(metrics: object) -> tuple[str, ...]:
    """The names given to ``compile(metrics=...)``, checked.

    Args:
        metrics: None, a name, or a list of names.

    Returns:
        Each name once, in the order given.

    Raises:
        TypeError: something is not a name.
        ValueError: an unknown name.

    Example:
        >>> names("accuracy")
        ('accuracy',)
    """
    given = [metrics] if isinstance(metrics, str) else metrics
    if given is None:
        return ()
    if not isinstance(given, Iterable) or isinstance(given, dict):
        raise TypeError(f"compile: metrics must be a name or a list of names, got {metrics!r}")
    found = tuple(dict.fromkeys(given))
    for name in found:
        if not isinstance(name, str):
            raise TypeError(
                f"compile: metrics must be names such as 'accuracy', got {name!r}; "
                "compute your own from predict() at the end of an epoch"
            )
        if name.lower() not in _ACCURACY and name not in _KERNEL_OF:
            raise ValueError(unknown("compile", "metric", name, [*_ACCURACY, *_KERNEL_OF]))
    return found


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
    if name.lower() in _ACCURACY:
        if output_shape[-1] == 1 and not sparse:
            return name, "binary_accuracy"
        return name, "sparse_categorical_accuracy" if sparse else "categorical_accuracy"
    kernel = _KERNEL_OF[name]
    if kernel.startswith("sparse_") != sparse:
        labels = "class numbers" if sparse else f"arrays of the model's output shape {output_shape}"
        raise ValueError(f"compile: metric {name!r} does not fit the loss, whose labels are {labels}; use 'accuracy'")
    return name, kernel


def direction(kernel: str) -> str:
    """Whether less or more of a metric is better.

    Returns:
        "min" or "max".

    Example:
        >>> direction("mean_squared_error"), direction("binary_accuracy")
        ('min', 'max')
    """
    return "max" if kernel.endswith("accuracy") else "min"
