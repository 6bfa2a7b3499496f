"""Learning curves: what the lecture draws after every `fit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any

import numpy as np

from pyconvnet.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curves = Mapping[str, Sequence[float]]


def history(histories: Any, *, title: str | None = None) -> Figure:
    """Draws the loss and each metric by epoch, training beside validation.

    Args:
        histories: what `fit` answered, or its ``.history`` dictionary, or several of them; the first is drawn in
            full, the others faintly behind it.
        title: written above.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it. It needs no display.

    Raises:
        ImportError: matplotlib is missing.
        TypeError: no history.
        ValueError: there are no epochs, values of the validation only, or a dictionary whose lists differ in length: it
            does not say to which epochs the shorter ones belong, as what `fit` answers does.

    Example:
        >>> figure = history({"loss": [0.9, 0.5], "val_loss": [0.8, 0.6]})  # doctest: +SKIP
        >>> figure.savefig("curves.png")  # doctest: +SKIP
    """
    runs = _runs(histories)
    style.import_matplotlib()
    names = [name for name in runs[0] if not name.startswith("val_")]
    if not names:
        raise ValueError(f"plot.history: there is no 'loss' beside {', '.join(runs[0])}; pass all that fit kept")
    names.sort(key=lambda name: name != "loss")
    with style.applied():
        figure = style.new_figure(max(5.0, 4.8 * len(names)), 3.9)
        for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
            panel(axes, name, runs)
        style.set_title(figure, title)
    return figure


def _runs(histories: Any) -> list[Curves]:
    several = histories if isinstance(histories, (list, tuple)) else [histories]
    runs: list[Curves] = []
    for given in several:
        curves = getattr(given, "history", given)
        if not isinstance(curves, Mapping):
            raise TypeError(f"plot.history: expected what fit() answers or its dictionary, got {type(given).__name__}")
        wrong = next((name for name, values in curves.items() if not isinstance(values, Sized)), None)
        if wrong is not None:
            raise TypeError(
                f"plot.history: {wrong!r} must be a list of numbers, got {type(curves[wrong]).__name__}; "
                "pass several histories as a list"
            )
        runs.append(curves if getattr(given, "places", None) is None else _by_epoch(curves, given.places))
    if not runs or not all(len(values) for curves in runs for values in curves.values()) or not runs[0]:
        raise ValueError("plot.history: the history holds no epochs; train first")
    for curves in runs:
        lengths = {name: len(values) for name, values in curves.items()}
        short = min(lengths, key=lambda name: lengths[name])
        longest = max(lengths.values())
        if lengths[short] < longest:
            raise ValueError(
                f"plot.history: {short} has {lengths[short]} values for {longest} epochs; pass what fit() answers, "
                "which knows to which epochs they belong"
            )
    return runs


def _by_epoch(curves: Curves, places: Mapping[str, Sequence[int]]) -> Curves:
    """A number for each epoch, NaN where there is none."""
    longest = max(map(len, curves.values()), default=0)
    whole = dict(curves)
    for name, values in curves.items():
        if len(places.get(name, ())) == len(values) < longest:
            numbers = np.full(longest, np.nan)
            numbers[list(places[name])] = np.asarray(values, float)
            whole[name] = numbers.tolist()
    return whole


def panel(axes: Axes, name: str, runs: Sequence[Curves]) -> None:
    """Draws one number of an epoch, training beside validation: the first run in full, the others faintly behind it.

    Args:
        axes: where.
        name: such as "loss".
        runs: their ``.history`` dictionaries.
    """
    from matplotlib.ticker import MaxNLocator

    for i, curves in reversed(list(enumerate(runs))):  # the first run lies on top
        for key, colour, dashes, who in (
            (name, style.TRAINING, "-", "training"),
            (f"val_{name}", style.VALIDATION, "--", "validation"),
        ):
            if key in curves:
                _curve(axes, curves[key], colour, dashes, style.word(who) if i == 0 else None)
    if name == "loss" and "val_loss" in runs[0]:
        _mark_lowest(axes, runs[0]["val_loss"])
    axes.set_title(style.word(name))
    axes.set_xlabel(style.word("epoch"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    longest = max(len(curves[name]) for curves in runs if name in curves)
    beside = max(0.5, 0.02 * longest)
    axes.set_xlim(1 - beside, longest + beside)
    axes.margins(y=0.12)
    axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]))
    axes.legend(loc="best")


def _curve(axes: Axes, values: Sequence[float], colour: str, dashes: str, label: str | None) -> None:
    first = label is not None
    numbers = np.asarray(values, float)
    known = np.flatnonzero(~np.isnan(numbers))
    # Dots only where they do not hide the line: at least for one epoch, which has no line.
    axes.plot(
        known + 1,
        numbers[known],
        dashes,
        color=colour,
        linewidth=2 if first else 1.2,
        alpha=1.0 if first else 0.28,
        marker="o" if len(known) <= 25 else None,
        markersize=4 if first else 2.5,
        label=label,
    )


def _mark_lowest(axes: Axes, values: Sequence[float]) -> None:
    numbers = np.asarray(values, float)
    if np.isnan(numbers).all():
        return
    best = int(np.nanargmin(numbers))
    axes.plot(
        best + 1,
        numbers[best],
        "o",
        markersize=10,
        markerfacecolor="none",
        markeredgecolor=style.VALIDATION,
        markeredgewidth=1.5,
        label=f"{style.word('lowest validation')} {numbers[best]:.4f}",
    )
