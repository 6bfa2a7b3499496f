"""What the pictures of models share: the model, one of its layers, its images and its guesses, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.layers import Conv2D, DepthwiseConv2D, Layer
from pyconvnet.models import Model
from pyconvnet.models.inner import find_layer
from pyconvnet.ops._check import integer
from pyconvnet.training.data import Rows, rows_of

CONVOLUTIONS = (Conv2D, DepthwiseConv2D)
LayerLike = Layer | str | int


def check_model(who: str, model: Any) -> Model:
    """A model that is built.

    Raises:
        TypeError: not a model.
        ValueError: not built.
    """
    if not isinstance(model, Model):
        raise TypeError(f"{who}: expected a model of pyconvnet.models, got {type(model).__name__}")
    if not model.built:
        raise ValueError(
            f"{who}: {model.label} is not built; begin it with Input(shape), or call build((None, 28, 28, 1)) with the "
            "shape of your data"
        )
    return model


def check_scores(who: str, model: Any) -> Model:
    """A model that is built and scores classes.

    Raises:
        TypeError, ValueError: as `check_model`; several outputs, or one that is no row of numbers.
    """
    model = check_model(who, model)
    shapes = model.sample_output_shapes
    if len(shapes) != 1 or len(shapes[0]) != 1:
        raise ValueError(f"{who}: {model.label} must have one output with a score for each class, it has {shapes}")
    return model


def check_layer(who: str, model: Model, layer: LayerLike | None, *, last: bool = False) -> Layer:
    """One of a model's layers: itself, by name or by place; if None the first, or last, convolution.

    Raises:
        ValueError, TypeError: no such layer, or no convolution.
    """
    if layer is not None:
        return find_layer(who, model, layer)
    found = [known for known in model.layers if isinstance(known, CONVOLUTIONS)]
    if not found:
        raise ValueError(f"{who}: {model.label} has no Conv2D or DepthwiseConv2D layer; name another one with layer=")
    return found[-1 if last else 0]


def check_samples(who: str, model: Model, x: ArrayLike, most: int) -> NDArray[Any]:
    """Some samples of a model with one input; a single one without the batch's axis gets it.

    Raises:
        ValueError: none, too many, or a model with several inputs.
        TypeError: not numbers.
    """
    if len(model.sample_shapes) != 1:
        raise ValueError(f"{who}: {model.label} must have one input, it has {len(model.sample_shapes)}")
    rows, shape = rows_of(who, "x", x), model.sample_shapes[0]
    single = rows.shape == shape or (*rows.shape, 1) == shape
    if not single and len(rows) > most:
        wanted = "one sample" if most == 1 else f"1 to {most} samples"
        raise ValueError(f"{who}: x must hold {wanted}, got {len(rows)}; pass x[:{most}], for example")
    return np.asarray(rows)[None] if single else np.asarray(rows)


class Judged(NamedTuple):
    """What a model takes samples for.

    Attributes:
        x: the samples, as they were given.
        truth: [n], the true classes.
        guesses: [n], the predicted classes.
        probabilities: [n], of the predicted classes.
        classes: how many there are.
    """

    x: Rows
    truth: NDArray[np.int64]
    guesses: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    classes: int


def judge(who: str, model: Any, x: Any, y: Any, batch_size: int) -> Judged:
    """Predicts samples batch by batch and compares with their labels.

    Args:
        who: for messages.
        model: of one output with a score for each class, or a single one for yes or no.
        x: [n, ...], as for `predict`; never copied as a whole.
        y: class numbers [n] or [n, 1], or one-hot rows [n, classes].
        batch_size: rows at a time.

    Raises:
        ValueError, TypeError: what does not fit.
    """
    model = check_scores(who, model)
    samples = rows_of(who, "x", x)
    classes = max(2, model.sample_output_shapes[0][0])
    truth = class_numbers(who, "y", y, len(samples), classes)
    scores = model.predict(samples, batch_size=integer(who, "batch_size", batch_size), verbose=0)
    guesses, probabilities = guess(scores)
    return Judged(samples, truth, guesses, probabilities, classes)


def guess(scores: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The class of each row and its probability.

    Args:
        scores: [n, classes], or [n, 1] for yes or no. Where they are not probabilities they are taken as logits.
    """
    values = scores.astype(np.float64)
    inside = bool(((values >= 0.0) & (values <= 1.0)).all())
    if values.shape[1] == 1:
        yes = values[:, 0] if inside else 1.0 / (1.0 + np.exp(-values[:, 0]))
        values = np.stack([1.0 - yes, yes], axis=1)
    elif not (inside and np.allclose(values.sum(axis=1), 1.0, atol=1e-3)):
        values = np.exp(values - values.max(axis=1, keepdims=True))
        values /= values.sum(axis=1, keepdims=True)
    guesses = values.argmax(axis=1)
    return guesses, values[np.arange(len(values)), guesses]


def class_numbers(who: str, name: str, y: Any, rows: int, classes: int) -> NDArray[np.int64]:
    """Labels as class numbers [rows], checked.

    Args:
        who: for messages.
        name: the argument's name.
        y: class numbers [rows] or [rows, 1], or one-hot rows [rows, classes].
        rows: how many there must be.
        classes: how many there are.

    Raises:
        ValueError, TypeError: another shape, or numbers that are no classes.
    """
    labels = np.asarray(rows_of(who, name, y))
    if labels.ndim == 2 and labels.shape[1] == classes:
        labels = labels.argmax(axis=1)
    elif labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (rows,):
        raise ValueError(
            f"{who}: {name} must hold a class number for each of the {rows} samples, or rows of {classes} numbers, "
            f"got shape {np.shape(y)}"
        )
    wrong = np.flatnonzero(~((labels >= 0) & (labels < classes) & (labels == np.floor(labels))))
    if len(wrong):
        raise ValueError(
            f"{who}: labels must be whole numbers from 0 to {classes - 1}, got {labels[wrong[0]]} at sample {wrong[0]}"
        )
    return labels.astype(np.int64)


def images_at(samples: Rows, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[Any]:
    """Some samples as an array, in the order of `rows`."""
    return np.asarray(samples[np.asarray(rows, np.int64)])
