"""The main job: trains the lecture's networks and writes the table, the pictures and the numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyconvnet import devices
from pyconvnet._plain import json_text
from pyconvnet._terminal import counted, say
from pyconvnet.lecture import comparison, estimate, experiments, lessons, pictures, records, rising_loss, table
from pyconvnet.lecture._files import write_text
from pyconvnet.lecture.data import Images, load_images, split_sizes
from pyconvnet.lecture.description import DataSet, Experiment
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
        device: where the models run.
    """

    experiments: tuple[Experiment, ...]
    epochs: dict[str, int]
    seeds: int
    quick: bool
    folder: Path
    device: str


def run_lecture(
    names: Sequence[str] = (),
    *,
    epochs: int | None = None,
    seeds: int = 1,
    out: str | os.PathLike[str] = DEFAULT_FOLDER,
    device: str = "auto",
    verbose: Any = "auto",
) -> list[Record]:
    """Trains experiments and writes ``results.json``, ``table.md``, pictures of each and a picture of each study.

    A lesson has no training of its own and writes pictures only. Runs that are finished already are kept; a stopped
    one goes on from its last epoch.

    Args:
        names: experiments and studies with the lecture's settings on the whole data sets, and lessons; none stands
            for the quick preset: those on Fashion-MNIST for a few epochs on the embedded sample.
        epochs: at most so many.
        seeds: trains with the seeds 0 to ``seeds - 1``.
        out: the folder.
        device: as for `compile`.
        verbose: as for `fit`.

    Returns:
        The records of all finished runs in the folder.

    Raises:
        ValueError: an unknown name, numbers out of range, or a device that is not there.
        DatasetNotFoundError: MNIST or CIFAR-10 cannot be had; the message says which files to put where.
        OSError: the folder cannot be written.
        ImportError: a lesson is wanted and matplotlib is missing.

    Example:
        >>> records = run_lecture(["mlp"], epochs=2)  # doctest: +SKIP
    """
    verbosity("lecture", verbose)
    wanted_lessons = lessons.selected(names)
    others = [name for name in names if name not in (*lessons.LESSONS, lessons.ALL)]
    job = _job(others, epochs, seeds, Path(out), device)
    if others or not names:
        _train_all(job, verbose)
    if wanted_lessons:
        job.folder.mkdir(parents=True, exist_ok=True)
        lessons.give(wanted_lessons, job.folder)
    return records.read_all(job.folder)


def _train_all(job: Job, verbose: Any) -> None:
    """All runs of a job, with what is written of them."""
    # before anything is made: a data set may be missing
    wanted = dict.fromkeys(experiment.dataset for experiment in job.experiments)
    images = {dataset: load_images("sample" if job.quick else "whole", dataset) for dataset in wanted}
    job.folder.mkdir(parents=True, exist_ok=True)
    _announce(job, images)
    drawn = True
    pairs = [(experiment, seed) for experiment in job.experiments for seed in range(job.seeds)]
    for number, (experiment, seed) in enumerate(pairs, 1):
        header = f"[{number}/{len(pairs)}] {experiment.name}, seed {seed}"
        _run_pair(job, experiment, seed, images[experiment.dataset], header, verbose)
        _write_results(job.folder)
        if seed == job.seeds - 1:
            drawn = _draw(job.folder, experiment) and drawn
    groups = records.grouped(records.read_all(job.folder))
    say("\n" + "\n".join(filter(None, [table.table(groups), _studies(groups)])))
    drawings = ", NAME_curves.png, NAME_predictions.png and more pictures" if drawn else ""
    say(f"Written to {job.folder}: table.md, results.json{drawings}")


def _job(names: Sequence[str], epochs: int | None, seeds: int, folder: Path, device: str) -> Job:
    chosen = tuple(experiments.selected(names, also=(*lessons.LESSONS, lessons.ALL)))
    integer("lecture", "seeds", seeds)
    devices.get(device, "lecture")
    most = None if epochs is None else integer("lecture", "epochs", epochs)
    quick = not names
    limits = {one.name: one.quick_epochs if quick and one.quick_epochs else one.epochs for one in chosen}
    return Job(
        chosen, {name: min(limit, most or limit) for name, limit in limits.items()}, seeds, quick, folder, device
    )


def _announce(job: Job, images: Mapping[DataSet, Images]) -> None:
    for one in images.values():
        if one.note:
            say(one.note)
        say(f"Data: {one}.")
    if job.quick:
        say("Quick preset: a few epochs on the sample; `pyconvnet lecture mlp conv ...` trains as the lecture does.")
    left = _left(job, images)
    if left and job.quick:
        seconds = estimate.total(left, images, job.epochs)
        say(f"This takes about {estimate.in_words(seconds)} on this machine.")
    elif left:
        pace = estimate.paces(left, images)
        epochs = {one.name: pace[one.name].epoch(one, images[one.dataset]) for one in left}
        lengths = [f"{one.name} {estimate.in_words(epochs[one.name])} (up to {job.epochs[one.name]})" for one in left]
        say(f"An epoch takes about: {', '.join(lengths)}. Early stopping may end a run sooner where it has one.")


def _left(job: Job, images: Mapping[DataSet, Images]) -> dict[Experiment, int]:
    """The experiments with runs that are not finished, and how many these are."""
    counts = {one: sum(not _finished(job, one, s, images) for s in range(job.seeds)) for one in job.experiments}
    return {one: count for one, count in counts.items() if count}


def _finished(job: Job, experiment: Experiment, seed: int, images: Mapping[DataSet, Images]) -> Record | None:
    name = records.stem(experiment, images[experiment.dataset].key, job.epochs[experiment.name], seed)
    return records.read(records.path_of(job.folder, name))


def _run_pair(job: Job, experiment: Experiment, seed: int, images: Images, header: str, verbose: Any) -> None:
    epochs = job.epochs[experiment.name]
    name = records.stem(experiment, images.key, epochs, seed)
    path, checkpoint = records.path_of(job.folder, name), records.checkpoint_of(job.folder, name)
    if records.read(path) is not None:
        say(f"\n{header}: finished before and kept ({path})")
        return
    training, validating = split_sizes(experiment, images)
    size = f"{training:,} + {validating:,} images, {experiment.parameters:,} parameters"
    say(f"\n{header}: {size}, up to {counted(epochs, 'epoch')}")
    if experiment.remark:
        say(f"({experiment.remark})")
    file = records.model_of(job.folder, name)
    run = train(
        experiment, images, seed=seed, epochs=epochs, device=job.device, verbose=verbose, checkpoint=checkpoint,
        model_file=file,
    )  # fmt: skip
    records.write(path, records.record_of(run, images, job.quick))
    checkpoint.unlink(missing_ok=True)
    pace = f"{1e3 * run.step_seconds:.2f} ms a step, {run.training_seconds:.1f} s of training"
    say(f"test loss {run.test.loss:.4f}, accuracy {run.test.accuracy:.4f}; {pace}")


def _write_results(folder: Path) -> None:
    finished = records.read_all(folder)
    groups = records.grouped(finished)
    numbers = [records.numbers_of(record) for record in finished]
    summary = [_summary(group) for group in groups]
    write_text(folder / "results.json", json_text({"summary": summary, "runs": numbers}))
    _write_mistakes(folder, groups)
    text = "\n".join(filter(None, [table.table(groups), table.first_epochs(groups), _studies(groups)]))
    write_text(folder / "table.md", f"{text}\n{table.made_with(groups)}; {table.batch_sizes(groups)}.\n")


def _write_mistakes(folder: Path, groups: Sequence[Group]) -> None:
    """Writes index, label and prediction of each wrong test image, of the run whose mistakes are drawn."""
    for name in {group.experiment.name for group in groups if group.experiment.lists_mistakes}:
        group = next(group for group in groups if group.experiment.name == name)
        rows = [("index", "label", "prediction"), *group.records[0].get("mistakes", {}).get("rows", [])]
        write_text(folder / f"{name}_mistakes.csv", "".join(",".join(map(str, row)) + "\n" for row in rows))


def _studies(groups: Sequence[Group]) -> str:
    """What stands below the table: the studies, and why a loss may rise while the accuracy stays."""
    return "\n".join(filter(None, [comparison.comparisons(groups), rising_loss.answers(groups)]))


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
    """Draws the most faithful runs of an experiment in the folder, and the studies in which it takes part.

    Returns:
        False where matplotlib is missing.
    """
    groups = records.grouped(records.read_all(folder))
    group = next(group for group in groups if group.experiment is experiment)
    try:
        pictures.draw(folder, group)
        for study in experiments.studies_of(experiment.name):
            members = records.compared(study, groups)
            if members:
                pictures.draw_study(folder, study, members)
    except ImportError as reason:
        say(f"No pictures: {reason}")
        return False
    return True
