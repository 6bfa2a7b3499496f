"""What a network takes for something else: wrong ones as a list and as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pyconvnet._suggest import unknown
from pyconvnet.ops._check import integer
from pyconvnet.plot import _images, _models, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ORDERS = ("first", "confident")


class Mistake(NamedTuple):
    """One sample that a model takes for something else.

    Attributes:
        sample: its index in x.
        label: its true class.
        prediction: the class that the model takes it for.
        probability: that the model gives its prediction.
    """

    sample: int
    label: int
    prediction: int
    probability: float


def list_mistakes(model: Any, x: Any, y: Any, *, order: str = "first", batch_size: int = 256) -> list[Mistake]:
    """All samples that a model gets wrong.

    Args:
        model: built, with one output that scores classes (or a single score for yes or no).
        x: [n, ...], as for `predict`; read batch by batch, never copied as a whole.
        y: class numbers [n] or [n, 1], or one-hot rows [n, classes].
        order: "first": as they come in x; "confident": the surest first.
        batch_size: rows at a time.

    Returns:
        Named tuples (sample, label, prediction, probability).

    Raises:
        TypeError, ValueError: no model, not built, samples or labels that do not fit, another order.

    Example:
        >>> for sample, label, prediction, _ in plot.list_mistakes(model, x_test, y_test)[:10]:  # doctest: +SKIP
        ...     print(sample, label, prediction)
    """
    return _found(_judged("plot.list_mistakes", model, x, y, order, batch_size), order)


def mistakes(
    model: Any,
    x: Any,
    y: Any,
    *,
    order: str = "first",
    most: int = 16,
    class_names: Sequence[str] | None = None,
    batch_size: int = 256,
    title: str | None = None,
) -> Figure:
    """Draws images that a model gets wrong, with what it took them for, how sure it was, what they are, and where.

    Args:
        model, x, y, order, batch_size: as for `list_mistakes`; x holds images [n, h, w], [n, h, w, 1] or [n, h, w, 3].
        most: at most so many are drawn, up to 100.
        class_names: names of the classes; numbers where None.
        title: written above; how many are wrong if None.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it. It needs no display.

    Raises:
        ImportError: matplotlib is missing.
        TypeError, ValueError: as `list_mistakes`; `most` out of range, samples that are no images.

    Example:
        >>> plot.mistakes(model, x_test, y_test, order="confident").savefig("mistakes.png")  # doctest: +SKIP
    """
    who = "plot.mistakes"
    if integer(who, "most", most) > _images.MOST_IMAGES:
        raise ValueError(f"{who}: most must be at most {_images.MOST_IMAGES}, got {most}")
    judged = _judged(who, model, x, y, order, batch_size)
    names = _images.check_names(who, class_names, judged.classes)
    found = _found(judged, order)
    heading = title or f"{style.word('wrong')}: {len(found)} / {len(judged.truth)}"
    style.import_matplotlib()
    with style.applied():
        if not found:
            return _nothing_wrong(heading)
        shown = found[:most]
        pictures = _images.check_images(who, _models.images_at(judged.x, [row.sample for row in shown]))
        columns = _images.square_columns(len(shown))
        figure, places = _images.grid(len(shown), columns, width=1.8, height=2.4, title=heading)
        for axes, picture, row in zip(places, pictures, shown, strict=True):
            _images.draw(axes, picture)
            _images.caption(
                axes,
                f"{names[row.prediction]}  {row.probability:.0%}",
                f"{style.word('actually')}: {names[row.label]}\n#{row.sample}",
                style.WRONG,
            )
    return figure


def _judged(who: str, model: Any, x: Any, y: Any, order: str, batch_size: int) -> _models.Judged:
    if order not in _ORDERS:
        raise ValueError(unknown(who, "order", order, _ORDERS))
    return _models.judge(who, model, x, y, batch_size)


def _found(judged: _models.Judged, order: str) -> list[Mistake]:
    rows = np.flatnonzero(judged.guesses != judged.truth)
    if order == "confident":
        rows = rows[np.argsort(-judged.probabilities[rows], kind="stable")]
    return [Mistake(int(i), int(judged.truth[i]), int(judged.guesses[i]), float(judged.probabilities[i])) for i in rows]


def _nothing_wrong(title: str) -> Figure:
    figure = style.new_figure(4.0, 1.4)
    axes = figure.subplots()
    axes.axis("off")
    axes.text(0.0, 0.5, style.word("nothing is wrong"), color=style.RIGHT, fontsize=12, va="center")
    style.set_title(figure, title)
    return figure
