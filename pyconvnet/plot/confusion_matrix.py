"""Which classes a network takes for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyconvnet.plot import _images, _models, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_CLASSES = 100
_MOST_WITH_NUMBERS = 25


def confusion_matrix(
    model: Any,
    x: Any,
    y: Any,
    *,
    class_names: Sequence[str] | None = None,
    batch_size: int = 256,
    title: str | None = None,
) -> Figure:
    """Draws how often each class (a row) is taken for each class (a column).

    The numbers are counts; the colour is their share of the row, which is what recall and its failures are. Right ones
    lie on the diagonal, in another colour than the mistakes.

    Args:
        model: built, with one output that scores classes (or a single score for yes or no).
        x: [n, ...], as for `predict`; read batch by batch, never copied as a whole.
        y: class numbers [n] or [n, 1], or one-hot rows [n, classes].
        class_names: names of the classes; numbers where None.
        batch_size: rows at a time.
        title: written above; the accuracy if None.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it. It needs no display.

    Raises:
        ImportError: matplotlib is missing.
        TypeError, ValueError: no model, not built, samples or labels that do not fit, more than 100 classes.

    Example:
        >>> plot.confusion_matrix(model, x_test, y_test, class_names=CLASS_NAMES)  # doctest: +SKIP
    """
    who = "plot.confusion_matrix"
    judged = _models.judge(who, model, x, y, batch_size)
    names = _images.check_names(who, class_names, judged.classes)
    if judged.classes > _MOST_CLASSES:
        raise ValueError(f"{who}: at most {_MOST_CLASSES} classes can be drawn, got {judged.classes}")
    counts = np.zeros((judged.classes, judged.classes), np.int64)
    np.add.at(counts, (judged.truth, judged.guesses), 1)
    right = int(counts.trace())
    style.import_matplotlib()
    with style.applied():
        numbers = judged.classes <= _MOST_WITH_NUMBERS
        side = 2.0 + judged.classes * (0.62 if numbers else 0.11)
        figure = style.new_figure(side + 0.4, side + 0.3)
        _matrix(figure.subplots(), counts, names, numbers)
        accuracy = f"{style.word('accuracy')} {right / len(judged.truth):.4f} ({right} / {len(judged.truth)})"
        style.set_title(figure, title or accuracy)
    return figure


def _matrix(axes: Axes, counts: NDArray[np.int64], names: list[str], numbers: bool) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    diagonal = np.eye(len(counts), dtype=bool)
    for cmap, hidden in (("Blues", ~diagonal), ("Oranges", diagonal | (counts == 0))):
        # A class that is taken for another one in a tenth of all cases should be seen: the square root of the share.
        axes.imshow(np.ma.masked_array(np.sqrt(shares), hidden), cmap=cmap, vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(style.word("prediction"))
    axes.set_ylabel(style.word("true class"))
    axes.grid(False)
    axes.tick_params(length=0)
    _images.frame(axes, style.GRID, 1.0)
    if not numbers:
        return
    for row, column in np.ndindex(counts.shape):
        dark = np.sqrt(shares[row, column]) > 0.6
        colour = "white" if dark else style.INK if counts[row, column] else "#cbd5e1"
        axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", fontsize=9, color=colour)
