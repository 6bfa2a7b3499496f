"""Images beside what a network took them for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_IMAGES = 100


def predictions(
    images: ArrayLike,
    probabilities: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draws images in a grid with the predicted class and its probability; wrong ones are marked in red.

    Args:
        images: [n, h, w] or [n, h, w, 1] grey, or [n, h, w, 3] colour (uint8, or floats from 0 to 1); n up to 100.
        probabilities: [n, classes], what `predict` answers.
        labels: [n], the true class numbers; nothing is marked where they are None.
        class_names: names of the classes; numbers where None.
        title: written above.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it. It needs no display.

    Raises:
        ImportError: matplotlib is missing.
        ValueError: shapes or lengths that do not fit.

    Example:
        >>> figure = predictions(x_test[:16], model.predict(x_test[:16]), y_test[:16])  # doctest: +SKIP
        >>> figure.savefig("predictions.png")  # doctest: +SKIP
    """
    pictures, scores, truth = _check(np.asarray(images), np.asarray(probabilities), labels)
    names = [str(i) for i in range(scores.shape[1])] if class_names is None else list(class_names)
    if len(names) != scores.shape[1]:
        raise ValueError(f"plot.predictions: class_names must hold {scores.shape[1]} names, got {len(names)}")
    style.import_matplotlib()
    columns = min(len(pictures), max(4, math.ceil(math.sqrt(len(pictures)))))
    rows = -(-len(pictures) // columns)
    with style.applied():
        figure = style.new_figure(1.8 * columns, 2.2 * rows + (0.4 if title else 0.0))
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid[len(pictures) :]:
            axes.axis("off")
        for i, (axes, picture) in enumerate(zip(grid, pictures, strict=False)):
            guess = int(scores[i].argmax())
            true = None if truth is None else int(truth[i])
            _draw(axes, picture)
            _caption(axes, names, guess, float(scores[i, guess]), true)
        style.set_title(figure, title)
    return figure


def _check(
    images: NDArray[np.generic], probabilities: NDArray[np.generic], labels: ArrayLike | None
) -> tuple[NDArray[np.generic], NDArray[np.generic], NDArray[np.generic] | None]:
    who = "plot.predictions"
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if not (images.ndim == 3 or (images.ndim == 4 and images.shape[-1] == 3)):
        raise ValueError(f"{who}: images must be [n, h, w] or [n, h, w, 1 or 3], got shape {images.shape}")
    if not 1 <= len(images) <= _MOST_IMAGES:
        raise ValueError(f"{who}: images must hold 1 to {_MOST_IMAGES} images, got {len(images)}; pass a slice")
    if probabilities.ndim != 2 or len(probabilities) != len(images):
        raise ValueError(
            f"{who}: probabilities must be [{len(images)}, classes], a row an image, got shape {probabilities.shape}"
        )
    truth = None if labels is None else np.asarray(labels).ravel()
    if truth is not None and len(truth) != len(images):
        raise ValueError(f"{who}: labels must hold a class for each of the {len(images)} images, got {len(truth)}")
    return images, probabilities, truth


def _draw(axes: Axes, picture: NDArray[np.generic]) -> None:
    # The lecture's clothes are bright on black; dark on white prints better and reads the same.
    axes.imshow(picture, cmap="gray_r" if picture.ndim == 2 else None, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)


def _caption(axes: Axes, names: list[str], guess: int, probability: float, true: int | None) -> None:
    right = true is None or true == guess
    colour = style.INK if true is None else style.RIGHT if right else style.WRONG
    sign = "" if true is None else "✓ " if right else "✗ "
    axes.set_title(f"{sign}{names[guess]}  {probability:.0%}", fontsize=9, loc="center", pad=4, color=colour)
    axes.set_xlabel("" if right or true is None else f"{style.word('actually')}: {names[true]}", fontsize=8.5)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(colour if not right else style.GRID)
        spine.set_linewidth(2 if not right else 1)
