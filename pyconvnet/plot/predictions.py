"""Images beside what a network took them for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.plot import _images, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
        images: [n, h, w] or [n, h, w, 1] grey, or [n, h, w, 3] colour; uint8, or floats from 0 to 1; n up to
            100.
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
    who = "plot.predictions"
    pictures = _images.check_images(who, images)
    scores, truth = _check(who, len(pictures), np.asarray(probabilities), labels)
    names = _images.check_names(who, class_names, scores.shape[1])
    style.import_matplotlib()
    with style.applied():
        columns = _images.square_columns(len(pictures))
        figure, places = _images.grid(len(pictures), columns, width=1.8, height=2.2, title=title)
        for i, (axes, picture) in enumerate(zip(places, pictures, strict=True)):
            guess = int(scores[i].argmax())
            _images.draw(axes, picture)
            _caption(axes, names, guess, float(scores[i, guess]), None if truth is None else int(truth[i]))
    return figure


def _check(
    who: str, count: int, probabilities: NDArray[np.generic], labels: ArrayLike | None
) -> tuple[NDArray[np.generic], NDArray[np.generic] | None]:
    if probabilities.ndim != 2 or len(probabilities) != count:
        raise ValueError(
            f"{who}: probabilities must be [{count}, classes], a row an image, got shape {probabilities.shape}"
        )
    truth = None if labels is None else np.asarray(labels).ravel()
    if truth is not None and len(truth) != count:
        raise ValueError(f"{who}: labels must hold a class for each of the {count} images, got {len(truth)}")
    return probabilities, truth


def _caption(axes: Axes, names: list[str], guess: int, probability: float, true: int | None) -> None:
    words = f"{names[guess]}  {probability:.0%}"
    if true is None:
        _images.caption(axes, words)
    elif true == guess:
        _images.caption(axes, f"✓ {words}", colour=style.RIGHT)
    else:
        _images.caption(axes, f"✗ {words}", f"{style.word('actually')}: {names[true]}", style.WRONG)
        _images.frame(axes, style.WRONG, 2.0)
