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
from pyconvnet.callbacks import Callback, EarlyStopping, History, ModelCheckpoint
from pyconvnet.lecture import data as lecture_data
from pyconvnet.lecture import experiments
from pyconvnet.lecture.checkpoint import Checkpoint, EpochTimer, Watchers
from pyconvnet.lecture.data import Images, Labels, Rows, TrainingData, scaled, split_sizes
from pyconvnet.lecture.description import Experiment, Scores
from pyconvnet.lecture.losses import LossWatch
from pyconvnet.models import Sequential, load_model
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
        training: as `validation`, on the training images, where a study compares the two; else None.
        stopped_early: by the early stopping, not by the cap.
        step_seconds: of a training step: median over the epochs.
        training_seconds: of the training steps of all epochs, without their validation.
        seconds: of all epochs.
        probabilities: float32 [16, 10], predicted for the first test images; for all of them where the experiment
            lists its mistakes.
        saved: of the model that was saved and loaded again, on the test images; None where none was.
        spreads: how the validation loss was spread after each epoch; empty where that was not watched.
    """

    experiment: Experiment
    seed: int
    epochs_cap: int
    model: Sequential
    history: History
    validation: Scores
    test: Scores
    training: Scores | None
    stopped_early: bool
    step_seconds: float
    training_seconds: float
    seconds: float
    probabilities: npt.NDArray[np.float32]
    saved: Scores | None
    spreads: list[dict[str, Any]]


def run_experiment(
    name: str,
    *,
    epochs: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    verbose: Any = "auto",
    out: str | os.PathLike[str] | None = None,
) -> TrainResult:
    """Trains one of the lecture's experiments with the lecture's settings.

    Where the whole Fashion-MNIST cannot be had, the sample that comes with the package is taken, with a warning.

    Args:
        name: such as "conv" (`pyconvnet.lecture.EXPERIMENTS`).
        epochs: at most so many; the lecture's number if None.
        seed: makes the run repeatable (`set_random_seed`); drawn if None.
        device: as for `compile`.
        verbose: as for `fit`.
        out: a folder for `TrainResult.save`, and for the model file of an experiment that writes one.

    Returns:
        The model, its history, and what it reaches on the test images.

    Raises:
        ValueError: an unknown name, or a setting out of range.
        DatasetNotFoundError: MNIST or CIFAR-10 cannot be had; the message says which files to put where.

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
    images = lecture_data.load_images("whole", experiment.dataset)
    if images.note:
        warnings.warn(images.note, stacklevel=2)
    file = None if out is None else Path(out) / f"{experiment.name}.h5"
    run = train(experiment, images, seed=chosen, epochs=cap, device=device, verbose=verbose, model_file=file)
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
    model_file: Path | None = None,
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
        model_file: the .h5 file of an experiment that saves its model; None: it does not.
        callbacks: called last.

    Returns:
        The trained model and its numbers.
    """
    set_random_seed(seed)
    data = lecture_data.training_data(experiment, images)
    steps = -(-split_sizes(experiment, images)[0] // experiment.batch_size)
    model = experiment.model(device, epochs * steps)
    watchers = _watchers(experiment, data, model_file, verbosity("train", verbose))
    keeper = None
    if checkpoint is not None:
        keeper = Checkpoint(checkpoint, {"name": experiment.name, "seed": seed, "source": images.key}, watchers)
    called = [*watchers, *([keeper] if keeper else []), *callbacks]
    _fit(experiment, model, data, epochs, verbose, called, keeper)
    validation = _last_validation(watchers.history)
    if experiment.restore_best:
        validation = _evaluate(experiment, model, *data.validating())
    compared = experiments.studies_of(experiment.name)
    x_test, y_test = scaled(images.x_test), lecture_data.labels(experiment, images.y_test)
    predicted = x_test if experiment.lists_mistakes else x_test[:SHOWN_IMAGES]
    return Run(
        experiment,
        seed,
        epochs,
        model,
        watchers.history,
        validation,
        _evaluate(experiment, model, x_test, y_test),
        _evaluate(experiment, model, *data.training()) if compared else None,
        watchers.stopped_epoch > 0,
        _step_seconds(watchers.timer, steps),
        sum(watchers.timer.training),
        sum(watchers.timer.epochs),
        model.predict(predicted, verbose=0),
        None if model_file is None else _saved(experiment, model, model_file, x_test, y_test),
        watchers.losses.spreads if watchers.losses else [],
    )


def _fit(
    experiment: Experiment,
    model: Sequential,
    data: TrainingData,
    epochs: int,
    verbose: Any,
    watching: list[Callback],
    keeper: Checkpoint | None,
) -> None:
    """Trains, from the beginning or from where `keeper` finds that it was stopped."""
    first = 0 if keeper is None else keeper.resume(model, epochs)
    if keeper is not None and keeper.epochs_done and verbosity("train", verbose):
        say(f"Going on after epoch {keeper.epochs_done}, where it was stopped.")
    model.fit(
        data.x,
        data.y,
        experiment.batch_size,
        epochs,
        verbose,
        watching,
        validation_split=data.validation_split,
        validation_data=data.validation,
        initial_epoch=first,
    )


def _watchers(experiment: Experiment, data: TrainingData, model_file: Path | None, shown: int) -> Watchers:
    watchers = Watchers(History(), None, EpochTimer())
    if experiment.patience is not None:
        watchers.stopping = EarlyStopping(
            "val_loss", patience=experiment.patience, restore_best_weights=experiment.restore_best
        )
    if experiment.saves == "best" and model_file is not None:
        # ModelCheckpoint fills in {epoch} and the like; a folder may have braces of its own.
        path = str(model_file).replace("{", "{{").replace("}", "}}")
        watchers.saving = ModelCheckpoint(path, "val_loss", verbose=min(shown, 1), save_best_only=True)
    if experiment.watches_losses:
        watchers.losses = LossWatch(*data.validating(), experiment.batch_size)
    return watchers


def _saved(experiment: Experiment, model: Sequential, path: Path, x: Rows, y: Labels) -> Scores | None:
    """What the saved model reaches once it is loaded again."""
    if experiment.saves == "last":
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(str(path))
    if experiment.saves == "nothing" or not path.exists():  # it may have been deleted while the run was stopped
        return None
    return _evaluate(experiment, load_model(str(path)), x, y)


def _evaluate(experiment: Experiment, model: Any, x: Rows, y: Labels) -> Scores:
    loss, accuracy = model.evaluate(x, y, experiment.batch_size, verbose=0)
    return Scores(loss, accuracy)


def _last_validation(history: History) -> Scores:
    return Scores(history.history["val_loss"][-1], history.history["val_accuracy"][-1])


def _step_seconds(timer: EpochTimer, steps: int) -> float:
    # The first epoch also builds the plan.
    return statistics.median(timer.training[1:] or timer.training) / steps
