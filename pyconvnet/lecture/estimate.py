"""How long a job will take, from a few timed steps of each network on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyconvnet.lecture.data import Images, labels, scaled, split_sizes
from pyconvnet.lecture.description import DataSet, Experiment

_TIMED_STEPS = 3
_SECONDS_A_PICTURE_PAIR = 2.0


@dataclass(frozen=True)
class Pace:
    """Seconds of a training step and of an evaluation step of a network."""

    training: float
    evaluation: float

    def epoch(self, experiment: Experiment, images: Images) -> float:
        """Seconds of an epoch with its validation."""
        training, validating = split_sizes(experiment, images)
        if experiment.watches_losses:
            validating *= 2  # they are predicted once more
        return (training * self.training + validating * self.evaluation) / experiment.batch_size

    def run(self, experiment: Experiment, images: Images, epochs: int) -> float:
        """Seconds of a run with its test."""
        testing = len(images.x_test) * self.evaluation / experiment.batch_size
        return epochs * self.epoch(experiment, images) + testing


def paces(experiments: Iterable[Experiment], images: Mapping[DataSet, Images]) -> dict[str, Pace]:
    """The pace of each experiment by name; what differs in nothing that costs time is timed once."""
    timed: dict[Hashable, Pace] = {}
    found = {}
    for experiment in experiments:
        key = (experiment.network, experiment.optimizer, experiment.batch_size, experiment.one_hot)
        if key not in timed:
            timed[key] = _timed(experiment, images[experiment.dataset])
        found[experiment.name] = timed[key]
    return found


def total(runs: Mapping[Experiment, int], images: Mapping[DataSet, Images], epochs: Mapping[str, int]) -> float:
    """Seconds for so many runs of each experiment and their pictures."""
    pace = paces(runs, images)
    training = sum(n * pace[one.name].run(one, images[one.dataset], epochs[one.name]) for one, n in runs.items())
    return training + _SECONDS_A_PICTURE_PAIR * len(runs)


def _timed(experiment: Experiment, images: Images) -> Pace:
    model, rows = experiment.model(), experiment.batch_size
    x, y = scaled(images.x[:rows]), labels(experiment, images.y[:rows])
    return Pace(_fastest(lambda: model.train_on_batch(x, y)), _fastest(lambda: model.test_on_batch(x, y)))


def _fastest(step: Callable[[], Any]) -> float:
    step()  # builds the plan and warms up
    seconds = []
    for _ in range(_TIMED_STEPS):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def in_words(seconds: float) -> str:
    """A duration for a sentence.

    Example:
        >>> in_words(8), in_words(100), in_words(4000)
        ('8 s', '1 min 40 s', '1 h 6 min')
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
