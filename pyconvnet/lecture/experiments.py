"""All experiments and studies by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

from pyconvnet._suggest import known, unknown
from pyconvnet.lecture import experiments_cnn, experiments_exercises, experiments_fashion, speedrun
from pyconvnet.lecture.description import BATCH_SIZE, Experiment, Scores, Study

__all__ = [
    "BATCH_SIZE",
    "EXPERIMENTS",
    "STUDIES",
    "Experiment",
    "Scores",
    "Study",
    "get",
    "keras_runs",
    "selected",
    "studies_of",
]

EXPERIMENTS: dict[str, Experiment] = {
    one.name: one for one in (*experiments_fashion.ALL, *experiments_cnn.ALL, *experiments_exercises.ALL, *speedrun.ALL)
}
STUDIES: dict[str, Study] = {one.name: one for one in (*experiments_cnn.STUDIES, *experiments_exercises.STUDIES)}


def get(who: str, name: str) -> Experiment:
    """The experiment of this name.

    Raises:
        ValueError: there is none, or it is a study of several; the message names the nearest.
    """
    if isinstance(name, str) and name in STUDIES:
        members = ", ".join(STUDIES[name].members)
        raise ValueError(f"{who}: {name!r} is a study of several experiments; take one of them: {members}")
    return EXPERIMENTS[known(who, "experiment", name, EXPERIMENTS)]


def selected(names: Sequence[str], also: Iterable[str] = ()) -> list[Experiment]:
    """The experiments of these names in the lecture's order, each once; those of the quick preset where there are none.

    A study stands for its members. The sound split of `vgg_augmented` always comes with it.

    Args:
        names: of experiments and studies.
        also: other names that the user could have meant, for the message.

    Raises:
        ValueError: an unknown name.
    """
    wanted: set[str] = set()
    for name in names:
        if name not in EXPERIMENTS and name not in STUDIES:
            raise ValueError(unknown("lecture", "experiment", name, [*EXPERIMENTS, *STUDIES, *also]))
        wanted.update(STUDIES[name].members if name in STUDIES else [name])
    if "vgg_augmented" in wanted:
        wanted.add("vgg_augmented_sound")
    if not names:
        wanted = {name for name, experiment in EXPERIMENTS.items() if experiment.quick_epochs is not None}
    return [experiment for name, experiment in EXPERIMENTS.items() if name in wanted]


def studies_of(name: str) -> list[Study]:
    """The studies in which an experiment takes part."""
    return [study for study in STUDIES.values() if name in study.members]


def keras_runs(name: str) -> list[dict[str, Any]]:
    """Keras 3's own runs of an experiment with the same settings: a dictionary for each seed, maybe none."""
    text = resources.files("pyconvnet.lecture").joinpath("keras_runs.json").read_text(encoding="utf-8")
    return [run for run in json.loads(text)["runs"] if run["name"] == name]
