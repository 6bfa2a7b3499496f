"""One experiment with one seed: trained, measured, and able to go on where it was stopped."""

from __future__ import annotations

import os
import statistics
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconvnet._terminal import say
from pyconvnet.callbacks import Callback, EarlyStopping, History
from pyconvnet.lecture import data as lecture_data
from pyconvnet.lecture import experiments
from pyconvnet.lecture.checkpoint import Checkpoint, EpochTimer, Watchers
from pyconvnet.lecture.data import Images, Rows, scaled, split_sizes
from pyconvnet.lecture.experiments import BATCH_SIZE, Experiment, Scores
from pyconvnet.models import Sequential
from pyconvnet.ops._check import integer
from pyconvnet.random import next_seed, set_random_seed
from pyconvnet.training.one_call import TrainResult
from pyconvnet.training.progress import verbosity

SHOWN_IMAGES = 16


@dataclass
class Run:
    """A finished training.

    Attributes:
        experiment, seed: what was trained.
        epochs_cap: the most epochs it was allowed.
        model: trained.
        history: losses and accuracies of every epoch, those before an interruption included.
        validation, test: measured at the end.
        stopped_early: by the early stopping, not by the cap.
        step_seconds: of a training step: median over the epochs.
        seconds: of all epochs.
        probabilities: float32 [16, 10], predicted for the first test images.
    """

    experiment: Experiment
    seed: int
    epochs_cap: int
    model: Sequential
    history: History
    validation: Scores
    test: Scores
    stopped_early: bool
    step_seconds: float
    seconds: float
    probabilities: npt.NDArray[np.float32]


def run_experiment(
    name: str,
    *,
    epochs: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    verbose: Any = "auto",
    out: str | os.PathLike[str] | None = None,
) -> TrainResult:
    """Trains one of the lecture's experiments on Fashion-MNIST with the lecture's settings.

    Where the whole set cannot be had, the sample that comes with the package is taken, with a warning.

    Args:
        name: such as "conv" (`pyconvnet.lecture.EXPERIMENTS`).
        epochs: at most so many; the lecture's number if None.
        seed: makes the run repeatable (`set_random_seed`); drawn if None.
        device: "auto" or "cpu".
        verbose: as for `fit`.
        out: a folder for `TrainResult.save`.

    Returns:
        The model, its history, and what it reaches on the test images.

    Raises:
        ValueError: an unknown name, or a setting out of range.

    Example:
        >>> result = run_experiment("mlp", epochs=3, seed=0)  # doctest: +SKIP
        >>> result.evaluation["accuracy"]  # doctest: +SKIP
        0.86
    """
    experiment = experiments.get("train", name)
    verbosity("train", verbose)
    cap = experiment.epochs if epochs is None else min(integer("train", "epochs", epochs), experiment.epochs)
    chosen = next_seed() >> 32 if seed is None else integer("train", "seed", seed, minimum=0)
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)  # better known before the training than after
    images = lecture_data.load_images("whole")
    if images.note:
        warnings.warn(images.note, stacklevel=2)
    run = train(experiment, images, seed=chosen, epochs=cap, device=device, verbose=verbose)
    evaluation = {"loss": run.test.loss, "accuracy": run.test.accuracy}
    result = TrainResult(run.model, run.history, evaluation, chosen, run.seconds)
    if out is not None:
        result.save(out)
    return result


def train(
    experiment: Experiment,
    images: Images,
    *,
    seed: int,
    epochs: int,
    device: str = "auto",
    verbose: Any = "auto",
    checkpoint: Path | None = None,
    callbacks: tuple[Callback, ...] = (),
) -> Run:
    """Trains an experiment; everything about the result follows from the seed.

    Args:
        experiment: what to train.
        images: on what.
        seed: for weights, order, dropout and augmentation.
        epochs: at most so many.
        device, verbose: as for `compile` and `fit`.
        checkpoint: a file that is written after every epoch, and from which a stopped run goes on.
        callbacks: called last.

    Returns:
        The trained model and its numbers.
    """
    set_random_seed(seed)
    training = lecture_data.training_data(experiment, images)
    model = experiment.model(device)
    stopping = EarlyStopping("val_loss", patience=experiment.patience, restore_best_weights=experiment.restore_best)
    watchers = Watchers(History(), stopping, EpochTimer())
    watching: list[Callback] = [*watchers, *callbacks]
    first = 0
    if checkpoint is not None:
        keeper = Checkpoint(checkpoint, {"name": experiment.name, "seed": seed, "source": images.source}, watchers)
        first = keeper.resume(model, epochs)
        if keeper.epochs_done and verbosity("train", verbose):
            say(f"Going on after epoch {keeper.epochs_done}, where it was stopped.")
        watching.insert(len(list(watchers)), keeper)
    model.fit(
        training.x,
        training.y,
        BATCH_SIZE,
        epochs,
        verbose,
        watching,
        validation_split=training.validation_split,
        validation_data=training.validation,
        initial_epoch=first,
    )
    validation = _last_validation(watchers.history)
    if experiment.restore_best and training.validation is not None:
        validation = _evaluate(model, *training.validation)
    return Run(
        experiment,
        seed,
        epochs,
        model,
        watchers.history,
        validation,
        _evaluate(model, scaled(images.x_test), images.y_test),
        stopping.stopped_epoch > 0,
        _step_seconds(watchers.timer, split_sizes(experiment, images)[0]),
        sum(watchers.timer.epochs),
        model.predict(scaled(images.x_test)[:SHOWN_IMAGES], verbose=0),
    )


def _evaluate(model: Sequential, x: Rows, y: npt.NDArray[np.uint8]) -> Scores:
    loss, accuracy = model.evaluate(x, y, BATCH_SIZE, verbose=0)
    return Scores(loss, accuracy)


def _last_validation(history: History) -> Scores:
    return Scores(history.history["val_loss"][-1], history.history["val_accuracy"][-1])


def _step_seconds(timer: EpochTimer, images: int) -> float:
    # The first epoch also builds the plan.
    return statistics.median(timer.training[1:] or timer.training) / -(-images // BATCH_SIZE)
