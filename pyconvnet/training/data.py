"""What `fit`, `evaluate` and `predict` accept, checked once. Nothing here copies a data set: views only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyconvnet import devices
from pyconvnet.datasets.scaled import ScaledArray
from pyconvnet.ops._check import contiguous, empty, integer, numbers, real, refuse_masked
from pyconvnet.plan.build import place

if TYPE_CHECKING:
    from pyconvnet.devices import Device

Array = npt.NDArray[Any]
Rows = Array | ScaledArray
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Dataset:
    """Rows that fit a model.

    Attributes:
        x: for each input [rows, *input shape], any numeric dtype and strides.
        y: labels [rows, *label shape] for each output that has a loss.
        weights: [rows], or None.
        given: `y` in the shapes in which they were given, for metrics in Python.
    """

    x: tuple[Rows, ...]
    y: tuple[Array, ...] = ()
    weights: Array | None = None
    given: tuple[Array, ...] = ()
    _placed: dict[str, list[Rows] | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.x[0])

    def feeds(self) -> list[Rows]:
        """The arrays in the order in which a plan takes them."""
        return [*self.x, *self.y, *(() if self.weights is None else (self.weights,))]

    def on(self, device: Device) -> list[Rows] | None:
        """The arrays in the memory of a device, copied there once; None where they do not all fit."""
        if device.name not in self._placed:
            feeds = self.feeds()
            elsewhere = [_lying(feed) for feed in feeds if devices.of(_lying(feed)).memory != device.memory]
            fit = device.is_host or sum(array.nbytes for array in elsewhere) <= device.room()
            self._placed[device.name] = [place(feed, device) for feed in feeds] if fit else None
        return self._placed[device.name]

    def beside(self, shape: Shape) -> Any:
        """A float32 array with anything in it, where the first input lies."""
        return empty(_lying(self.x[0]), shape)

    def any_on_gpu(self) -> bool:
        """Whether one of the arrays lies in a GPU's memory."""
        return any(devices.on_gpu(_lying(feed)) for feed in self.feeds())

    def taken(self, rows: npt.NDArray[np.int64]) -> list[Rows]:
        """The arrays with these rows alone, uint8 ones still uint8."""
        found: list[Rows] = []
        for feed in self.feeds():
            with devices.of(_lying(feed)).current():
                cut = _lying(feed)[rows]
            found.append(ScaledArray(cut, feed.divisor) if isinstance(feed, ScaledArray) else cut)
        return found


def _lying(feed: Rows) -> Array:
    return feed.array if isinstance(feed, ScaledArray) else feed


def rows_of(who: str, name: str, value: Any) -> Rows:
    """`value` as an array of numbers that the plan can read: itself where possible, a list converted once.

    Raises:
        TypeError: not an array of real numbers.
        ValueError: no rows, or rows of different lengths.
    """
    if isinstance(value, ScaledArray):
        refuse_masked(who, name, value.array)
        array: Rows = value
    else:
        array = _numbers(who, name, value)
    if array.ndim == 0:
        raise TypeError(f"{who}: {name} must be an array or a list with one entry for each sample, got {value!r}")
    if len(array) == 0:
        raise ValueError(f"{who}: {name} is empty (shape {array.shape}); at least one sample is needed")
    return array


def _numbers(who: str, name: str, value: Any) -> Array:
    if value is None or hasattr(value, "__next__"):
        raise TypeError(f"{who}: {name} must be a NumPy array or a list of numbers, got {type(value).__name__}")
    refuse_masked(who, name, value)
    try:
        array = numbers(value)
    except ValueError as reason:
        raise ValueError(f"{who}: {name} must be a regular array of numbers: {reason}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{who}: {name} must hold real numbers, got {type(value).__name__} of dtype {array.dtype}")
    if array.dtype.itemsize > 8:
        return array.astype(np.float64)
    if not array.dtype.isnative:
        return array.astype(array.dtype.newbyteorder("="))
    return array


def fit_input(who: str, value: Any, input_shape: Shape, name: str = "x") -> Rows:
    """Checks `x`, and adds or drops a last axis of length 1 as Keras does.

    Args:
        who: for messages.
        value: [rows, ...].
        input_shape: of one sample.
        name: the argument's name.

    Returns:
        [rows, *input_shape], a view.

    Raises:
        TypeError: not numbers.
        ValueError: another shape, or no rows.
    """
    x = rows_of(who, name, value)
    got = x.shape[1:]
    if got != input_shape and (*got, 1) == input_shape:
        return _with_axis(x)
    if got != input_shape and got == (*input_shape, 1):
        return _without_axis(x)
    if got != input_shape:
        hint = f"; for a single sample add an axis in front: {name}[None]" if x.shape == input_shape else ""
        raise ValueError(f"{who}: {name} must have shape (samples, {_inside(input_shape)}), got {x.shape}{hint}")
    return x


def _with_axis(x: Rows) -> Rows:
    return ScaledArray(x.array[..., None], x.divisor) if isinstance(x, ScaledArray) else x[..., None]


def _without_axis(x: Rows) -> Rows:
    return ScaledArray(x.array[..., 0], x.divisor) if isinstance(x, ScaledArray) else x[..., 0]


def _inside(shape: Shape) -> str:
    return ", ".join(map(str, shape))


def fit_labels(who: str, value: Any, rows: int, sparse: bool, output_shape: Shape, name: str = "y") -> Array:
    """Checks `y` against the loss and the model's output.

    Args:
        who: for messages.
        value: class numbers [rows] or [rows, 1] where `sparse`, else [rows, *output_shape].
        rows: of `x`.
        sparse: whether the loss takes class numbers.
        output_shape: of one sample.
        name: the argument's name.

    Returns:
        [rows, *output_shape[:-1]] where `sparse`, else [rows, *output_shape]; a view.

    Raises:
        TypeError: not numbers.
        ValueError: another length or shape, or class numbers out of range.
    """
    y = np.asarray(rows_of(who, name, devices.to_numpy(value)))
    if len(y) != rows:
        raise ValueError(f"{who}: {name} must have as many entries as x: {rows}, got {len(y)}")
    expected = output_shape[:-1] if sparse else output_shape
    got = y.shape[1:]
    if got == (*expected, 1) and got != expected:
        y = y[..., 0]
    elif not sparse and (*got, 1) == expected:
        y = y[..., None]
    elif got != expected:
        raise ValueError(f"{who}: {_wrong_labels(name, y.shape, sparse, output_shape)}")
    if sparse:
        _check_classes(who, name, y, output_shape[-1])
    return y


def _wrong_labels(name: str, got: Shape, sparse: bool, output_shape: Shape) -> str:
    if sparse:
        places = f" {_inside(output_shape[:-1])}" if output_shape[1:] else ""
        wanted = f"class numbers of shape (samples,{places})"
        hint = f"; for one-hot labels use loss='categorical_crossentropy' or {name}.argmax(-1)"
        return f"{name} must be {wanted}, got shape {got}{hint if got[1:] == output_shape else ''}"
    hint = ""
    if got[1:] in ((), (1,)) and output_shape[-1] > 1:
        hint = (
            "; for class numbers use loss='sparse_categorical_crossentropy' "
            f"or pyconvnet.utils.to_categorical({name}, {output_shape[-1]})"
        )
    elif got[1:-1] == output_shape[:-1]:
        hint = f"; the model has {output_shape[-1]} outputs and {name} has {got[-1]}"
    return f"{name} must have the shape of the model's output, (samples, {_inside(output_shape)}), got {got}{hint}"


def _labels(name: str) -> str:
    return "labels" if name == "y" else f"labels {name}"


def _check_classes(who: str, name: str, y: Array, classes: int) -> None:
    low, high = y.min(), y.max()
    if not (low >= 0 and high < classes):  # also refuses NaN
        row = tuple(int(i) for i in np.argwhere(~((y >= 0) & (y < classes)))[0])
        raise ValueError(
            f"{who}: {_labels(name)} must be from 0 to {classes - 1} (the model has {classes} outputs), "
            f"got {y[row]} at sample {row[0]}"
        )
    if y.dtype.kind == "f" and not (y == np.floor(y)).all():
        row = tuple(int(i) for i in np.argwhere(y != np.floor(y))[0])
        raise ValueError(f"{who}: {_labels(name)} must be whole numbers, got {y[row]} at sample {row[0]}")


def check_probabilities(who: str, y: Array, name: str = "y") -> None:
    """Refuses labels of a cross-entropy that are no probabilities, one-hot or soft.

    Raises:
        ValueError: a label below 0, above 1 or NaN.
    """
    low, high = y.min(), y.max()
    if not (low >= 0 and high <= 1):  # also refuses NaN
        raise ValueError(
            f"{who}: a cross-entropy takes {_labels(name)} from 0 to 1 (one-hot or soft), got {low} to {high}; "
            "for class numbers compile with 'sparse_categorical_crossentropy'"
        )


def fit_weights(who: str, value: Any, rows: int) -> Array:
    """Checks sample weights.

    Returns:
        [rows], a view.

    Raises:
        TypeError: not numbers.
        ValueError: another length or shape, or not finite.
    """
    weights = np.asarray(rows_of(who, "sample_weight", devices.to_numpy(value)))
    if weights.shape == (rows, 1):
        weights = weights[:, 0]
    if weights.shape != (rows,):
        raise ValueError(f"{who}: sample_weight must hold one number a sample, shape ({rows},), got {weights.shape}")
    if not np.isfinite(weights).all():
        raise ValueError(f"{who}: sample_weight must be finite, got {weights[~np.isfinite(weights)][0]}")
    return weights


def weights_of_classes(who: str, y: Array, class_weight: Any, output_shape: Shape) -> npt.NDArray[np.float32]:
    """Sample weights from a weight for each class; a class that is not named weighs 1.

    Args:
        who: for messages.
        y: labels as `fit_labels` gives them.
        class_weight: dict from class number to weight.
        output_shape: of one sample.

    Returns:
        float32 [rows].

    Raises:
        TypeError: not a dict, or a class that is not a whole number.
        ValueError: a class that the model does not have, or several labels a sample.
    """
    if not isinstance(class_weight, dict):
        raise TypeError(f"{who}: class_weight must be a dict from class number to weight, got {class_weight!r}")
    if len(output_shape) != 1:
        raise ValueError(f"{who}: class_weight needs one label a sample, but the model's output is {output_shape}")
    table = {}
    for key, weight in class_weight.items():
        number = integer(who, "a class of class_weight", key, minimum=0)
        if 1 < output_shape[0] <= number:
            raise ValueError(
                f"{who}: class_weight names class {number}, but the classes are 0 to {output_shape[0] - 1}"
            )
        table[number] = real(who, f"class_weight[{key}]", weight)
    if y.ndim == 2:
        y = y[:, 0] if y.shape[1] == 1 else y.argmax(axis=-1)
    labels, positions = np.unique(np.rint(y), return_inverse=True)
    return np.array([table.get(int(label), 1.0) for label in labels], np.float32)[positions.reshape(-1)]


def training_rows(rows: int, share: float) -> int:
    """How many of so many rows train, where a share of them validates."""
    return int(rows * (1.0 - share))


def split(data: Dataset, share: Any) -> tuple[Dataset, Dataset | None]:
    """The first part for training and the last for validation: ``floor(rows * (1 - share))`` rows, then the rest.

    A share of 0 leaves everything for training.

    Raises:
        ValueError: `share` outside [0, 1), or one part would be empty.
    """
    fraction = real("fit", "validation_split", share)
    if not 0.0 <= fraction < 1.0:
        raise ValueError(f"fit: validation_split must be from 0 to 1 (1 excluded), got {share!r}")
    if fraction == 0.0:
        return data, None
    rows = len(data)
    at = training_rows(rows, fraction)
    if at in (0, rows):
        raise ValueError(
            f"fit: validation_split={share!r} of {rows} samples leaves {at} for training and {rows - at} for "
            "validation; both need at least one"
        )
    return _part(data, slice(0, at)), _part(data, slice(at, rows))


def _part(data: Dataset, rows: slice) -> Dataset:
    cut: Any = tuple(x[rows] for x in data.x)
    labels, given = (tuple(y[rows] for y in ys) for ys in (data.y, data.given))
    return Dataset(cut, labels, None if data.weights is None else data.weights[rows], given)


def apart(rows: npt.NDArray[np.float32], shapes: Sequence[Shape]) -> list[npt.NDArray[np.float32]]:
    """The outputs of a model, which lie side by side in each row.

    Args:
        rows: [rows, numbers of all outputs].
        shapes: of one sample of each output.

    Returns:
        [rows, *shape] for each output, contiguous.
    """
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    return [
        contiguous(rows[:, end - math.prod(shape) : end]).reshape(len(rows), *shape)
        for shape, end in zip(shapes, ends, strict=True)
    ]
