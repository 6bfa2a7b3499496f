"""The two pictures of an experiment: how it learned, and what it takes test images for."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np

from pyconvnet import plot
from pyconvnet.datasets.fashion_mnist import CLASS_NAMES, CLASS_NAMES_KO
from pyconvnet.lecture._files import whole_file
from pyconvnet.lecture.records import Group, shown_images
from pyconvnet.plot import style


def draw(folder: Path, group: Group) -> None:
    """Writes ``NAME_curves.png`` and ``NAME_predictions.png``.

    Args:
        folder: where to.
        group: the runs; all their curves are drawn, and the predictions of the first.

    Raises:
        ImportError: matplotlib is missing; the message says what to do.
    """
    style.import_matplotlib()
    name = group.experiment.name
    curves = plot.history([record["history"] for record in group.records], title=_title(group))
    with whole_file(folder / f"{name}_curves.png") as path:
        curves.savefig(path)
    record = group.records[0]
    probabilities, labels = np.array(record["shown"]["probabilities"]), np.array(record["shown"]["labels"])
    correct = int((probabilities.argmax(axis=1) == labels).sum())
    predictions = plot.predictions(
        shown_images(record),
        probabilities,
        labels,
        class_names=CLASS_NAMES_KO if style.korean_font() else CLASS_NAMES,
        title=f"{name} · {style.word('predictions')}: {correct} / {len(labels)} {style.word('correct')}",
    )
    with whole_file(folder / f"{name}_predictions.png") as path:
        predictions.savefig(path)


def _title(group: Group) -> str:
    accuracy = statistics.fmean(group.accuracies())
    parts = [group.experiment.name, f"{style.word(f'{group.experiment.compared_on} accuracy')} {accuracy:.4f}"]
    if len(group.records) > 1:
        parts.append(f"{style.word('seed')} " + ", ".join(str(record["seed"]) for record in group.records))
    if group.source == "sample":
        parts.append(style.word("quick run on a sample" if group.quick else "sample"))
    return " · ".join(parts)
