"""Images beside what a network took them for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, float_array
from pyconvnet.plot import _images, _models, style

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
        probabilities: [n, classes], or [n, 1] for yes or no: what `predict` answers; logits are taken through softmax
            or sigmoid.
        labels: the true classes, numbers [n] or [n, 1], or one-hot rows [n, classes]; nothing is marked where they are
            None.
        class_names: names of the classes; numbers where None.
        title: written above.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it. It needs no display.

    Raises:
        ImportError: matplotlib is missing.
        ValueError, TypeError: shapes or lengths that do not fit, labels that are no classes.

    Example:
        >>> figure = predictions(x_test[:16], model.predict(x_test[:16]), y_test[:16])  # doctest: +SKIP
        >>> figure.savefig("predictions.png")  # doctest: +SKIP
    """
    who = "plot.predictions"
    pictures = _images.check_images(who, images)
    scores = _check(who, len(pictures), probabilities)
    classes = max(2, scores.shape[1])
    truth = None if labels is None else _models.class_numbers(who, "labels", labels, len(pictures), classes)
    names = _images.check_names(who, class_names, classes)
    guesses, shares = _models.guess(scores)
    style.import_matplotlib()
    with style.applied():
        columns = _images.square_columns(len(pictures))
        figure, places = _images.grid(len(pictures), columns, width=1.8, height=2.2, title=title)
        for i, (axes, picture) in enumerate(zip(places, pictures, strict=True)):
            _images.draw(axes, picture)
            _caption(axes, names, int(guesses[i]), float(shares[i]), None if truth is None else int(truth[i]))
    return figure


def _check(who: str, count: int, probabilities: ArrayLike) -> FloatArray:
    scores = float_array(who, "probabilities", probabilities)
    if scores.ndim != 2 or len(scores) != count or scores.size == 0:
        raise ValueError(f"{who}: probabilities must be [{count}, classes], a row an image, got shape {scores.shape}")
    return scores


def _caption(axes: Axes, names: list[str], guess: int, probability: float, true: int | None) -> None:
    words = f"{names[guess]}  {probability:.0%}"
    if true is None:
        _images.caption(axes, words)
    elif true == guess:
        _images.caption(axes, f"✓ {words}", colour=style.RIGHT)
    else:
        _images.caption(axes, f"✗ {words}", f"{style.word('actually')}: {names[true]}", style.WRONG)
        _images.frame(axes, style.WRONG, 2.0)
