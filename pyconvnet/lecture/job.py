"""The main job: trains the lecture's networks and writes the table, the curves, the predictions and the numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyconvnet import config
from pyconvnet._terminal import say
from pyconvnet.lecture import estimate, experiments, pictures, records, table
from pyconvnet.lecture._files import write_text
from pyconvnet.lecture.data import Images, load_images, split_sizes
from pyconvnet.lecture.experiments import Experiment
from pyconvnet.lecture.records import Group, Record
from pyconvnet.lecture.runner import train
from pyconvnet.ops._check import integer
from pyconvnet.training.progress import verbosity

DEFAULT_FOLDER = "runs/lecture"


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes:
        experiments: in order.
        epochs: the most for each, by name.
        seeds: 0, 1, ... below this number.
        quick: whether it is the quick preset.
        folder: where everything is written.
    """

    experiments: tuple[Experiment, ...]
    epochs: dict[str, int]
    seeds: int
    quick: bool
    folder: Path


def run_lecture(
    names: Sequence[str] = (),
    *,
    epochs: int | None = None,
    seeds: int = 1,
    out: str | os.PathLike[str] = DEFAULT_FOLDER,
    verbose: Any = "auto",
) -> list[Record]:
    """Trains experiments and writes ``results.json``, ``table.md`` and two pictures for each.

    Runs that are finished already are kept; a stopped one goes on from its last epoch.

    Args:
        names: experiments with the lecture's settings on the whole Fashion-MNIST; none stands for the quick preset:
            all of them for a few epochs on the embedded sample.
        epochs: at most so many.
        seeds: trains with the seeds 0 to ``seeds - 1``.
        out: the folder.
        verbose: as for `fit`.

    Returns:
        The records of all finished runs in the folder.

    Raises:
        ValueError: an unknown name, or numbers out of range.
        OSError: the folder cannot be written.

    Example:
        >>> records = run_lecture(["mlp"], epochs=2)  # doctest: +SKIP
    """
    verbosity("lecture", verbose)
    job = _job(names, epochs, seeds, Path(out))
    job.folder.mkdir(parents=True, exist_ok=True)
    images = load_images("sample" if job.quick else "whole")
    _announce(job, images)
    drawn = True
    pairs = [(experiment, seed) for experiment in job.experiments for seed in range(job.seeds)]
    for number, (experiment, seed) in enumerate(pairs, 1):
        _run_pair(job, experiment, seed, images, f"[{number}/{len(pairs)}] {experiment.name}, seed {seed}", verbose)
        _write_results(job.folder)
        if seed == job.seeds - 1:
            drawn = _draw(job.folder, experiment) and drawn
    finished = records.read_all(job.folder)
    say("\n" + table.table(records.grouped(finished)))
    drawings = ", NAME_curves.png, NAME_predictions.png" if drawn else ""
    say(f"Written to {job.folder}: table.md, results.json{drawings}")
    return finished


def _job(names: Sequence[str], epochs: int | None, seeds: int, folder: Path) -> Job:
    chosen = tuple(experiments.selected(names))
    integer("lecture", "seeds", seeds)
    most = None if epochs is None else integer("lecture", "epochs", epochs)
    quick = not names
    limits = {one.name: one.quick_epochs if quick else one.epochs for one in chosen}
    return Job(chosen, {name: min(limit, most or limit) for name, limit in limits.items()}, seeds, quick, folder)


def _announce(job: Job, images: Images) -> None:
    if images.note:
        say(images.note)
    say(f"Data: {images}.")
    if job.quick:
        say("Quick preset: a few epochs on the sample; `pyconvnet lecture mlp conv ...` trains as the lecture does.")
    left = _left(job, images)
    if left and job.quick:
        seconds = estimate.total(left, images, job.epochs, job.seeds)
        say(f"This takes about {estimate.in_words(seconds)} on this machine.")
    elif left:
        pace = estimate.paces(left, images)
        lengths = [f"{one.name} {estimate.in_words(pace[one.name].epoch(one, images))}" for one in left]
        say(f"An epoch takes about: {', '.join(lengths)}. Early stopping decides how many there are.")


def _left(job: Job, images: Images) -> list[Experiment]:
    """The experiments with runs that are not finished."""
    return [one for one in job.experiments if any(not _finished(job, one, s, images) for s in range(job.seeds))]


def _finished(job: Job, experiment: Experiment, seed: int, images: Images) -> Record | None:
    name = records.stem(experiment, images.source, job.epochs[experiment.name], seed)
    return records.read(records.path_of(job.folder, name))


def _run_pair(job: Job, experiment: Experiment, seed: int, images: Images, header: str, verbose: Any) -> None:
    epochs = job.epochs[experiment.name]
    name = records.stem(experiment, images.source, epochs, seed)
    path, checkpoint = records.path_of(job.folder, name), records.checkpoint_of(job.folder, name)
    if records.read(path) is not None:
        say(f"\n{header}: finished before and kept ({path})")
        return
    training, validating = split_sizes(experiment, images)
    size = f"{training:,} + {validating:,} images, {experiment.parameters:,} parameters"
    say(f"\n{header}: {size}, up to {epochs} epochs")
    if experiment.remark:
        say(f"({experiment.remark})")
    run = train(experiment, images, seed=seed, epochs=epochs, verbose=verbose, checkpoint=checkpoint)
    records.write(path, records.record_of(run, images, job.quick))
    checkpoint.unlink(missing_ok=True)
    say(f"test loss {run.test.loss:.4f}, accuracy {run.test.accuracy:.4f}; {1e3 * run.step_seconds:.2f} ms a step")


def _write_results(folder: Path) -> None:
    finished = records.read_all(folder)
    groups = records.grouped(finished)
    numbers = [{key: value for key, value in record.items() if key != "shown"} for record in finished]
    summary = [_summary(group) for group in groups]
    content = {"config": config.describe(), "summary": summary, "runs": numbers}
    write_text(folder / "results.json", json.dumps(records.plain(content), indent=1, allow_nan=False) + "\n")
    text = "\n".join(filter(None, [table.table(groups), table.first_epochs(groups)]))
    environment = config.describe()
    made = f"pyconvnet {environment['pyconvnet']}, {environment['processor']}, {environment['threads']} threads"
    write_text(folder / "table.md", f"{text}\n{made}; batch 32.\n")


def _summary(group: Group) -> dict[str, Any]:
    return {
        "name": group.experiment.name,
        "source": group.source,
        "quick": group.quick,
        "epochs_cap": group.epochs_cap,
        "seeds": [record["seed"] for record in group.records],
        "compared_on": group.experiment.compared_on,
        "accuracy": group.accuracies(),
        "loss": group.losses(),
        "published": [[scores.loss, scores.accuracy] for scores in group.experiment.published],
        "note": table.note(group),
    }


def _draw(folder: Path, experiment: Experiment) -> bool:
    """Draws the most faithful runs of an experiment in the folder; False where matplotlib is missing."""
    groups = records.grouped(records.read_all(folder))
    group = next(group for group in groups if group.experiment is experiment)
    try:
        pictures.draw(folder, group)
    except ImportError as reason:
        say(f"No pictures: {reason}")
        return False
    return True
