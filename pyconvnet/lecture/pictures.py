"""The pictures of an experiment and of a study: how they learned, and what they take test images for."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pyconvnet import plot
from pyconvnet.datasets import cifar10, fashion_mnist
from pyconvnet.lecture import comparison
from pyconvnet.lecture._files import whole_file
from pyconvnet.lecture.description import DataSet, Study
from pyconvnet.lecture.losses import BIN_WIDTH, BINS
from pyconvnet.lecture.records import Group, Record, shown_images
from pyconvnet.lecture.rising_loss import Moment, moments
from pyconvnet.plot import curves, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(folder: Path, group: Group) -> None:
    """Writes ``NAME_curves.png`` and ``NAME_predictions.png``; ``NAME_mistakes.png`` and ``NAME_loss.png`` where the
    experiment lists its mistakes or watches its losses.

    Args:
        folder: where to.
        group: the runs; all their curves are drawn, and the predictions, mistakes and losses of the first.

    Raises:
        ImportError: matplotlib is missing; the message says what to do.
    """
    style.import_matplotlib()
    name, record = group.experiment.name, group.records[0]
    save(folder / f"{name}_curves.png", plot.history([one["history"] for one in group.records], title=_title(group)))
    save(folder / f"{name}_predictions.png", _predictions(group))
    if record.get("mistakes", {}).get("rows"):
        save(folder / f"{name}_mistakes.png", _mistakes(group))
    watched = moments(record)
    if watched is not None:
        save(folder / f"{name}_loss.png", _losses(name, record, *watched))


def draw_study(folder: Path, study: Study, groups: Sequence[Group]) -> None:
    """Writes ``STUDY.png``: the curves of its runs side by side, on the same axes.

    Args:
        folder: where to.
        study: which.
        groups: its members.

    Raises:
        ImportError: matplotlib is missing; the message says what to do.
    """
    style.import_matplotlib()
    with style.applied():
        figure = style.new_figure(max(7.2, 3.5 * len(groups)), 6.4)
        grid = figure.subplots(2, len(groups), squeeze=False)
        for column, group in zip(grid.T, groups, strict=True):
            for axes, name in zip(column, ("loss", "accuracy"), strict=True):
                curves.panel(axes, name, [record["history"] for record in group.records])
                axes.set_title("")
        for row, name in zip(grid, ("loss", "accuracy"), strict=True):
            _share_height(row)
            row[0].set_ylabel(style.word(name))
        for column, group in zip(grid.T, groups, strict=True):
            column[0].set_title(_caption(study, group), linespacing=1.4)
        style.set_title(figure, study.name)
    save(folder / f"{study.name}.png", figure)


def _caption(study: Study, group: Group) -> str:
    found = comparison.figures(group)
    return "\n".join(
        [
            " · ".join([style.word(study.members[group.experiment.name]), *_shortened(group)]),
            f"{style.word('test accuracy')} {found.test[1]:.4f}",
            f"{style.word('training - validation accuracy')} {found.gap:+.4f}",
        ]
    )


def _share_height(row: Sequence[Axes]) -> None:
    """The same scale for all, with its numbers at the first; matplotlib's own sharing would take the first's scale."""
    low, high = zip(*(axes.get_ylim() for axes in row), strict=True)
    for axes in row:
        axes.set_ylim(min(low), max(high))
        axes.tick_params(labelleft=axes is row[0])


def save(path: Path, figure: Figure) -> None:
    """Writes a picture as a whole."""
    with whole_file(path) as beside:
        figure.savefig(beside)


def _title(group: Group) -> str:
    accuracy = statistics.fmean(group.accuracies())
    parts = [group.experiment.name, f"{style.word(f'{group.experiment.compared_on} accuracy')} {accuracy:.4f}"]
    if len(group.records) > 1:
        parts.append(f"{style.word('seed')} " + ", ".join(str(record["seed"]) for record in group.records))
    return " · ".join([*parts, *_shortened(group)])


def _shortened(group: Group) -> list[str]:
    if group.source == "whole":
        return []
    which = "quick run on a sample" if group.quick else "sample" if group.source == "sample" else "other images"
    return [style.word(which)]


def class_names(dataset: DataSet) -> Sequence[str] | None:
    """The names of its classes, in Korean where they can be drawn; None where they are numbers."""
    if dataset == "mnist":
        return None
    module = cifar10 if dataset == "cifar10" else fashion_mnist
    return module.CLASS_NAMES_KO if style.korean_font() else module.CLASS_NAMES


def _predictions(group: Group) -> Figure:
    shown = group.records[0]["shown"]
    probabilities = np.array(shown["probabilities"])
    right = probabilities.argmax(axis=1) == np.array(shown["labels"])
    correct = int((right & ~np.isnan(probabilities).any(axis=1)).sum())
    heading = f"{style.word('predictions')}: {correct} / {len(shown['labels'])} {style.word('correct')}"
    return _images(group, shown, heading)


def _mistakes(group: Group) -> Figure:
    mistakes = group.records[0]["mistakes"]
    return _images(group, mistakes["shown"], f"{style.word('mistakes')}: {len(mistakes['rows'])}")


def _images(group: Group, shown: Record, heading: str) -> Figure:
    return plot.predictions(
        shown_images(shown),
        np.array(shown["probabilities"]),
        np.array(shown["labels"]),
        class_names=class_names(group.experiment.dataset),
        title=f"{group.experiment.name} · {heading}",
    )


def _losses(name: str, record: Record, best: Moment, last: Moment) -> Figure:
    """Loss and accuracy by epoch; who carries the loss; how it is spread over the images."""
    with style.applied():
        figure = style.new_figure(9.6, 7.4)
        (loss, accuracy), (parts, histogram) = figure.subplots(2, 2)
        for axes, key in ((loss, "loss"), (accuracy, "accuracy")):
            curves.panel(axes, key, [record["history"]])
        _draw_parts(parts, record)
        _draw_histogram(histogram, best, last)
        style.set_title(figure, f"{name} · {style.word('why the loss rises while the accuracy stays')}")
    return figure


def _draw_parts(axes: Axes, record: Record) -> None:
    spreads = record["spreads"]
    epochs = range(1, len(spreads) + 1)
    wrong = [spread["loss_of_wrong"] for spread in spreads]
    right = [spread["loss_of_right"] for spread in spreads]
    captions = [style.word("of wrong images"), style.word("of right images")]
    axes.stackplot(epochs, wrong, right, colors=[style.WRONG, style.RIGHT], alpha=0.55, labels=captions)
    axes.set_title(style.word("who carries the validation loss"))
    axes.set_ylabel(style.word("loss"))
    axes.set_xlabel(style.word("epoch"))
    axes.set_xlim(1, max(2, len(spreads)))
    axes.set_ylim(0, 1.35 * max(a + b for a, b in zip(wrong, right, strict=True)))  # room for the legend
    axes.legend(loc="upper left")


def _draw_histogram(axes: Axes, best: Moment, last: Moment) -> None:
    edges = BIN_WIDTH * np.arange(BINS + 1)
    shown = (
        [(best, style.TRAINING, False)]
        if best.epoch == last.epoch
        else [
            (last, style.WRONG, True),
            (best, style.TRAINING, False),
        ]
    )
    for moment, colour, filled in shown:
        spread = moment.spread
        caption = (
            f"{style.word('epoch')} {moment.epoch}: {spread.wrong:,} {style.word('wrong')}, "
            f"{style.word('sure to')} {spread.confidence:.0%}"
        )
        counts = np.maximum(spread.counts, 0.5)  # a logarithm has no zero
        axes.stairs(counts, edges, baseline=0.5, color=colour, fill=filled, alpha=0.45 if filled else 1, label=caption)
        if not filled:
            axes.patches[-1].set_linewidth(1.8)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7, top=4 * best.spread.images)
    axes.set_xlim(0, edges[-1])
    axes.set_title(style.word("validation images by their loss"))
    axes.set_xlabel(style.word("loss = -log(probability of the true class)"))
    axes.set_ylabel(style.word("images"))
    axes.legend(loc="upper right")
