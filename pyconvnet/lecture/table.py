"""The lecture's figures, Keras's and ours side by side, as Markdown."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

from pyconvnet._terminal import counted
from pyconvnet.lecture.description import BATCH_SIZE, Experiment, Scores
from pyconvnet.lecture.experiments import EXPERIMENTS, keras_runs
from pyconvnet.lecture.records import Group

_HEAD = (
    "experiment",
    "published",
    "Keras 3 (range)",
    "pyconvnet (range)",
    "epochs",
    "parameters",
    "ms a step",
    "note",
)
_NUMERIC = range(1, 7)


def table(groups: Sequence[Group]) -> str:
    """The table of results, and below it what the reader of its rows must know.

    Args:
        groups: the rows.

    Returns:
        Markdown that is aligned, so that it reads as plain text too.
    """
    rows = [
        (
            group.experiment.name,
            published(group.experiment),
            keras(group.experiment),
            _measured(group.losses(), group.accuracies()),
            _range([record["epochs"] for record in group.records]),
            f"{group.experiment.parameters:,}",
            _milliseconds([record["ms_per_step"] for record in group.records]),
            note(group),
        )
        for group in groups
    ]
    parts = [markdown(_HEAD, rows)]
    shown = dict.fromkeys(group.experiment for group in groups)
    others = ", ".join(f"`{one.name}`" for one in shown if one.compared_on == "validation")
    of_others = f", of {others} on validation images" if others else ""
    parts += ["", f"Loss / accuracy on the test images{of_others}; means over the seeds."]
    parts += [f"- {experiment.name}: {experiment.remark}." for experiment in shown if experiment.remark]
    parts += [f"- {remark}" for remark in [*_sample_remarks(groups), *order_remarks(groups)]]
    return "\n".join(parts) + "\n"


def _sample_remarks(groups: Sequence[Group]) -> list[str]:
    remarks = {
        "sample": "quick, sample: trained on a tenth of Fashion-MNIST, so the figures stay below the published ones.",
        "other": "other images: trained on files that do not hold the published number of images.",
    }
    present = {group.source for group in groups}
    return [remark for source, remark in remarks.items() if source in present]


def first_epochs(groups: Sequence[Group]) -> str:
    """The first epoch of each faithful run beside the published one, as Markdown; "" where there are none."""
    rows = []
    for group in groups:
        mark = group.experiment.first_epoch
        if mark is None or not group.faithful:
            continue
        theirs = [run["first_epoch"] for run in keras_runs(group.experiment.name)]
        ours = [{key: values[0] for key, values in record["history"].items()} for record in group.records]
        rows.append(
            (
                group.experiment.name,
                f"{_pair(mark.training)}, {_pair(mark.validation)}",
                _first(theirs),
                _first(ours),
            )
        )
    if not rows:
        return ""
    head = ("first epoch: training, validation", "published", "Keras 3, mean", "pyconvnet, mean")
    return markdown(head, rows) + "\n"


def published(experiment: Experiment) -> str:
    """The best of the lecture's figures, or "-"."""
    return _pair(experiment.published[-1]) if experiment.published else "-"


def keras(experiment: Experiment) -> str:
    """What Keras reaches with the same settings: means over its runs, and the range of the accuracy; or "-"."""
    part = "val" if experiment.compared_on == "validation" else "test"
    runs = [run[part] for run in keras_runs(experiment.name)]
    return _measured([run[0] for run in runs], [run[1] for run in runs]) if runs else "-"


def note(group: Group) -> str:
    """Settings in which a row differs from the lecture's, and how it compares."""
    seeds = len(group.records)
    parts = [f"{seeds} seeds" if seeds > 1 else f"seed {group.records[0]['seed']}"]
    if group.quick:
        parts.insert(0, "quick")
    elif group.source != "whole":
        parts.insert(0, "sample" if group.source == "sample" else "other images")
    if not group.quick and group.epochs_cap < group.experiment.epochs:
        parts.append(f"at most {counted(group.epochs_cap, 'epoch')}")
    if group.experiment.saves == "last":
        parts += _reloaded(group)
    if group.diverged:
        parts.append("diverged" if group.diverged == seeds else f"{group.diverged} of them diverged")
    elif group.faithful:
        parts += _verdict(group)
    return ", ".join(parts)


def _reloaded(group: Group) -> list[str]:
    """Whether the saved models reach the same once they are loaded again."""
    loaded = [(record["saved"]["loss"], record["test"]["loss"]) for record in group.records if "saved" in record]
    changes = [abs(saved - trained) for saved, trained in loaded if not math.isnan(saved + trained)]
    if not changes:
        return []
    worst = max(changes)
    return ["the same after saving and loading" if worst == 0 else f"loss {worst:.1e} off after saving and loading"]


def _verdict(group: Group) -> list[str]:
    """Where the mean lies: Keras's range is the yardstick, or where there are no runs of it the published figure."""
    mean = statistics.fmean(group.accuracies())
    part = "val" if group.experiment.compared_on == "validation" else "test"
    accuracies = [run[part][1] for run in keras_runs(group.experiment.name)]
    if accuracies:
        low, high = min(accuracies), max(accuracies)
        place = "below" if mean < low else "above" if mean > high else "within"
        return [f"{place} Keras's range"]
    if group.experiment.published:
        best = group.experiment.published[-1].accuracy
        return [f"{mean - best:+.4f} from the published accuracy"]
    return []


def order_remarks(groups: Sequence[Group]) -> list[str]:
    """Sentences on neighbours in the lecture's order of accuracy that come out the other way round."""
    ours = {
        group.experiment.name: statistics.fmean(group.accuracies())
        for group in groups
        if group.faithful and not group.diverged
    }
    ranked = [experiment for experiment in EXPERIMENTS.values() if experiment.name in ours]
    ranked = [experiment for experiment in ranked if experiment.published and experiment.compared_on == "test"]
    ranked.sort(key=lambda experiment: experiment.published[-1].accuracy)
    remarks = []
    for worse, better in itertools.pairwise(ranked):
        if ours[worse.name] <= ours[better.name]:
            continue
        remark = (
            f"The lecture's order does not repeat: {better.name} ({ours[better.name]:.4f}) stays below "
            f"{worse.name} ({ours[worse.name]:.4f})"
        )
        theirs = [[run["test"][1] for run in keras_runs(one.name)] for one in (worse, better)]
        if all(theirs) and statistics.fmean(theirs[0]) > statistics.fmean(theirs[1]):
            remark += ", as it does in Keras"
        remarks.append(remark + ".")
    return remarks


def _pair(scores: Scores) -> str:
    return f"{scores.loss:.4f} / {scores.accuracy:.4f}"


def _measured(losses: Sequence[float], accuracies: Sequence[float]) -> str:
    text = f"{statistics.fmean(losses):.4f} / {statistics.fmean(accuracies):.4f}"
    known = [accuracy for accuracy in accuracies if not math.isnan(accuracy)]
    if len(known) > 1:
        text += f" ({min(known):.4f}-{max(known):.4f})"
    return text


def _first(runs: Sequence[dict[str, float]]) -> str:
    if not runs:
        return "-"
    mean = {key: statistics.fmean(run[key] for run in runs) for key in runs[0]}
    training = Scores(mean["loss"], mean["accuracy"])
    validation = Scores(mean["val_loss"], mean["val_accuracy"])
    return f"{_pair(training)}, {_pair(validation)}"


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}-{high}"


def _milliseconds(values: Sequence[float]) -> str:
    value = statistics.median(values)
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def made_with(groups: Sequence[Group]) -> str:
    """The version and what the runs were made on; where that differs, which rows were made with what."""
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        for record in group.records:
            made = record["config"]
            maker = f"pyconvnet {made['pyconvnet']}, {made['processor']}, {counted(int(made['threads']), 'thread')}"
            if made.get("device", "cpu").startswith("cuda"):
                maker = f"pyconvnet {made['pyconvnet']}, {made['cuda'].partition(' (')[0]} ({made['device']})"
            found.setdefault(maker, {})[group.experiment.name] = None
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{maker} ({', '.join(names)})" for maker, names in found.items())


def batch_sizes(groups: Sequence[Group]) -> str:
    """The batch sizes of the rows: the lecture's, and whose differ."""
    others: dict[int, list[str]] = {}
    for name, size in {group.experiment.name: group.experiment.batch_size for group in groups}.items():
        if size != BATCH_SIZE:
            others.setdefault(size, []).append(name)
    return "; ".join([f"batch {BATCH_SIZE}", *(f"{size} for {', '.join(names)}" for size, names in others.items())])


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that is aligned, so that it reads as plain text too; the first column and those from the eighth on are
    words."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    last = len(head) - 1

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if i in _NUMERIC else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded).rstrip() + " |"

    rule = ["-" * (width - 1) + ":" if i in _NUMERIC and i != last else "-" * width for i, width in enumerate(widths)]
    return "\n".join([line(head), line(rule), *(line(row) for row in rows)])
