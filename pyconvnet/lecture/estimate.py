"""How long a job will take, from a few timed steps of each network on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pyconvnet.lecture.data import Images, scaled, split_sizes
from pyconvnet.lecture.experiments import BATCH_SIZE, Experiment

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
        return (training * self.training + validating * self.evaluation) / BATCH_SIZE

    def run(self, experiment: Experiment, images: Images, epochs: int) -> float:
        """Seconds of a run with its test."""
        testing = len(images.x_test) * self.evaluation / BATCH_SIZE
        return epochs * self.epoch(experiment, images) + testing


def paces(experiments: Iterable[Experiment], images: Images) -> dict[str, Pace]:
    """The pace of each experiment by name; networks that are the same are timed once."""
    timed: dict[Callable[[], Any], Pace] = {}
    found = {}
    for experiment in experiments:
        if experiment.network not in timed:
            timed[experiment.network] = _timed(experiment, images)
        found[experiment.name] = timed[experiment.network]
    return found


def total(experiments: Iterable[Experiment], images: Images, epochs: dict[str, int], seeds: int) -> float:
    """Seconds for all experiments with all seeds and their pictures."""
    chosen = list(experiments)
    pace = paces(chosen, images)
    training = sum(pace[one.name].run(one, images, epochs[one.name]) for one in chosen)
    return seeds * training + _SECONDS_A_PICTURE_PAIR * len(chosen)


def _timed(experiment: Experiment, images: Images) -> Pace:
    model = experiment.model()
    x, y = scaled(images.x[:BATCH_SIZE]), images.y[:BATCH_SIZE]
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
