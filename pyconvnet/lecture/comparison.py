"""What a study shows: its runs side by side, as a Markdown table and a sentence of what was measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pyconvnet.lecture.experiments import STUDIES, Study
from pyconvnet.lecture.records import Group, Record, compared
from pyconvnet.lecture.table import markdown, note

_HEAD = ("epochs", "training", "validation", "accuracy gap", "lowest validation loss", "test")
_BELOW = (
    "Loss / accuracy after the last epoch, on the training images too with dropout switched off; the gap is training "
    "minus validation accuracy, the sign of overfitting. Means over the seeds."
)


@dataclass(frozen=True)
class Figures:
    """The numbers of a group in a study, means over its seeds; NaN where a run diverged.

    Attributes:
        epochs: how many were run.
        training, validation, test: loss and accuracy at the end.
        lowest: the lowest validation loss.
        lowest_epoch: when it was; the first epoch is 1.
        saved: loss and accuracy of the saved model on the test images, or None.
    """

    epochs: float
    training: tuple[float, float]
    validation: tuple[float, float]
    test: tuple[float, float]
    lowest: float
    lowest_epoch: float
    saved: tuple[float, float] | None

    @property
    def gap(self) -> float:
        """Training minus validation accuracy."""
        return self.training[1] - self.validation[1]


def figures(group: Group) -> Figures:
    """The numbers of a group."""

    def mean(of: Callable[[Record], float]) -> float:
        return statistics.fmean(map(of, group.records))

    def scores(part: str) -> tuple[float, float]:
        return mean(lambda record: record[part]["loss"]), mean(lambda record: record[part]["accuracy"])

    return Figures(
        epochs=mean(lambda record: record["epochs"]),
        training=scores("training"),
        validation=scores("validation"),
        test=scores("test"),
        lowest=mean(lambda record: record["history"]["val_loss"][best_epoch(record)]),
        lowest_epoch=mean(lambda record: best_epoch(record) + 1),
        saved=scores("saved") if all("saved" in record for record in group.records) else None,
    )


def best_epoch(record: Record) -> int:
    """The index of the epoch with the lowest validation loss."""
    losses = [math.inf if math.isnan(loss) else loss for loss in record["history"]["val_loss"]]
    return losses.index(min(losses))


def comparisons(groups: Sequence[Group]) -> str:
    """Each study whose members were all run: a heading, a table, what was measured; "" where there is none.

    Args:
        groups: the rows of the main table.

    Returns:
        Markdown.
    """
    several = [(study, compared(study, groups)) for study in STUDIES.values()]
    parts = [_comparison(study, members) for study, members in several if members]
    return "\n".join([*parts, _BELOW + "\n"]) if parts else ""


def _comparison(study: Study, groups: Sequence[Group]) -> str:
    measured = [figures(group) for group in groups]
    saved = any(found.saved for found in measured)
    head = (study.name, *_HEAD, *(["saved model, test"] if saved else []), "note")
    rows = [
        (
            group.experiment.name,
            f"{found.epochs:g}",
            _pair(found.training),
            _pair(found.validation),
            f"{found.gap:+.4f}",
            f"{found.lowest:.4f} (epoch {found.lowest_epoch:g})",
            _pair(found.test),
            *([_pair(found.saved) if found.saved else "-"] if saved else []),
            note(group),
        )
        for group, found in zip(groups, measured, strict=True)
    ]
    sentence = measured_sentence([group.experiment.name for group in groups], measured)
    return f"## {study.name}\n\n{study.question}\n\n{markdown(head, rows)}\n\n{sentence}\n"


def measured_sentence(names: Sequence[str], measured: Sequence[Figures]) -> str:
    """Which run has the smallest gap and the best test accuracy; a loss may contain penalties that others have not."""
    if len({found.test for found in measured}) == 1:
        return "All end with the same loss and accuracy on the test images."

    def first(values: Iterable[float]) -> str:
        ranked = sorted((value, name) for value, name in zip(values, names, strict=True) if not math.isnan(value))
        return ranked[0][1] if ranked else "none"

    return (
        f"Smallest gap: {first(found.gap for found in measured)}. "
        f"Best test accuracy: {first(-found.test[1] for found in measured)}."
    )


def _pair(scores: tuple[float, float]) -> str:
    return f"{scores[0]:.4f} / {scores[1]:.4f}"
