"""Why a validation loss can rise while the accuracy stays: answered with the numbers of a run that watched for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pyconvnet.lecture.comparison import best_epoch
from pyconvnet.lecture.losses import Spread
from pyconvnet.lecture.records import Group, Record

# What counts as the same accuracy: a change that other seeds would bring, too.
_SAME = 0.01


@dataclass(frozen=True)
class Moment:
    """The validation after an epoch.

    Attributes:
        epoch: the first is 1.
        loss, accuracy: as `fit` measured them.
        spread: how the loss was spread over the images.
    """

    epoch: int
    loss: float
    accuracy: float
    spread: Spread


def moments(record: Record) -> tuple[Moment, Moment] | None:
    """The epoch of the lowest validation loss, and the last one; None where the run did not watch or diverged."""
    history, spreads = record["history"], record.get("spreads", [])
    if not spreads or any(map(math.isnan, history["val_loss"])):
        return None
    best, last = (
        Moment(i + 1, history["val_loss"][i], history["val_accuracy"][i], Spread(**spreads[i]))
        for i in (best_epoch(record), len(spreads) - 1)
    )
    return best, last


def answers(groups: Sequence[Group]) -> str:
    """The answer for each group that watched its losses, as Markdown with headings; "" where there is none."""
    parts = []
    for group in groups:
        found = moments(group.records[0])
        if found is not None:
            heading = f"## {group.experiment.name}: can the loss rise while the accuracy stays?"
            parts.append(f"{heading}\n\n{answer(*found)}\n")
    return "\n".join(parts)


def answer(best: Moment, last: Moment) -> str:
    """The answer in plain words.

    Args:
        best: the epoch of the lowest validation loss.
        last: the last epoch.

    Returns:
        One paragraph.
    """
    if best.epoch == last.epoch:
        share, wrong = last.spread.share_of_wrong, last.spread.wrong / last.spread.images
        return (
            f"Not in this run: the validation loss is lowest in its last epoch, {last.epoch} ({last.loss:.4f}). Train "
            f"for more epochs to see it rise. The {wrong:.1%} of the images that are wrong carry {share:.0%} of it."
        )
    return " ".join([_what_happened(best, last), _why(best.spread, last.spread), _conclusion(best, last)])


def _what_happened(best: Moment, last: Moment) -> str:
    change = last.accuracy - best.accuracy
    how = "stayed about the same" if abs(change) <= _SAME else "even rose" if change > 0 else "fell, too"
    return (
        f"The validation loss was lowest after epoch {best.epoch}: {best.loss:.4f}. After epoch {last.epoch} it is "
        f"{last.loss:.4f}, {last.loss / best.loss:.2f} times as much. The accuracy {how}: {best.accuracy:.4f}, then "
        f"{last.accuracy:.4f}."
    )


def _why(before: Spread, after: Spread) -> str:
    surer = after.confidence > before.confidence
    growth = "the network became surer of its mistakes" if surer else "the network did not become surer of its mistakes"
    return (
        "Accuracy only asks which class comes first; the loss of an image is -log of the probability that its true "
        f"class was given, and has no upper end. Wrong were {before.wrong:,} of {after.images:,} images, then "
        f"{after.wrong:,}, but {growth}: the mean probability of the class that it wrongly names went from "
        f"{before.confidence:.0%} to {after.confidence:.0%}, and the mean loss of a wrong image from "
        f"{before.cost_of_wrong:.2f} to {after.cost_of_wrong:.2f}. To the change of {after.loss - before.loss:+.4f} "
        f"the wrong images add {after.loss_of_wrong - before.loss_of_wrong:+.4f}, the right ones "
        f"{after.loss_of_right - before.loss_of_right:+.4f}: the {after.wrong / after.images:.1%} that are wrong now "
        f"carry {after.share_of_wrong:.0%} of the loss, after {before.share_of_wrong:.0%}."
    )


def _conclusion(best: Moment, last: Moment) -> str:
    if last.accuracy < best.accuracy - _SAME:
        return "So the loss tells of overfitting before the accuracy does, and here the accuracy followed."
    return (
        "So it is overfitting that the accuracy does not show: early stopping on val_loss would have ended soon after "
        f"epoch {best.epoch}."
    )
