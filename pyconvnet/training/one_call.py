"""``pyconvnet.train``: from a model, or the name of an experiment, to a trained and measured model in one call."""

from __future__ import annotations

import importlib
import os
import time
import warnings
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np

from pyconvnet._plain import json_text
from pyconvnet._suggest import suggests_arguments, unknown
from pyconvnet._whole_file import whole_file
from pyconvnet.callbacks import History
from pyconvnet.datasets import SETS
from pyconvnet.datasets.scaled import ScaledArray
from pyconvnet.random import set_random_seed

from .runs import read_data
from .trainer import Callbacks, Trainer

if TYPE_CHECKING:
    from pyconvnet.models import Model

Arguments = dict[str, Any]


@dataclass
class TrainResult:
    """What a training gave.

    Attributes:
        model: trained.
        history: losses and metrics of every epoch.
        evaluation: loss and metrics on the test data by name, or None when there were none.
        seed: what the order of the data and the dropout masks followed from.
        seconds: how long `fit` took.
    """

    model: Model
    history: History
    evaluation: dict[str, float] | None
    seed: int
    seconds: float

    def plot(self) -> Any:
        """The learning curves, a matplotlib figure (needs ``pip install "pyconvnet[plot]"``)."""
        from pyconvnet import plot

        return plot.history(self.history)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes ``model.weights.h5``, ``history.json`` and ``curves.png``.

        The weights come first; ``model.load_weights`` reads them. Each file appears whole or not at all. In the history
        null stands for NaN and infinity. Without matplotlib the curves are left out, with a warning.

        Args:
            folder: made where it is missing.

        Returns:
            The folder.

        Raises:
            OSError: a file cannot be written.

        Example:
            >>> result.save("runs/first")  # doctest: +SKIP
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        self.model.save_weights(target / "model.weights.h5")
        content: Arguments = {"history": self.history.history, "epoch": self.history.epoch}
        content |= {"evaluation": self.evaluation, "seed": self.seed, "seconds": self.seconds}
        with whole_file("TrainResult", target / "history.json") as beside:
            beside.write_text(json_text(content), encoding="utf-8")
        try:
            importlib.import_module("matplotlib")
        except ImportError:
            warnings.warn(
                f"TrainResult: {target / 'curves.png'} is left out, since matplotlib is not installed; "
                'pip install "pyconvnet[plot]"',
                stacklevel=2,
            )
        else:
            with whole_file("TrainResult", target / "curves.png") as beside:
                self.plot().savefig(beside)
        return target


@suggests_arguments
def train(
    model_or_name: Model | str,
    data: Any = None,
    *,
    epochs: int,
    batch_size: int = 32,
    validation_split: float = 0.0,
    validation_data: Any = None,
    optimizer: Any = "adam",
    loss: Any = None,
    metrics: Any = ("accuracy",),
    callbacks: Callbacks = (),
    seed: int | None = None,
    device: str = "auto",
    verbose: Any = "auto",
    out: str | os.PathLike[str] | None = None,
) -> TrainResult:
    """Compiles, trains, measures and, where asked to, saves.

    Args:
        model_or_name: a model, or the name of one of the lecture's experiments, which brings its own data and
            settings; `epochs` is then a cap.
        data: "fashion_mnist", "mnist" or "cifar10" (images divided by 255, measured on its test set), ``(x, y)``, or
            ``((x, y), (x_test, y_test))``; several inputs or outputs in lists or dictionaries.
        epochs, batch_size, validation_split, validation_data, callbacks, verbose: as for `fit`.
        optimizer, metrics, device: as for `compile`.
        loss: as for `compile`; None takes the cross-entropy that fits the labels.
        seed: of all that is drawn from here on (`set_random_seed`): the order of the data, dropout, and the weights of
            a model that has none yet; weights made before stay. None keeps the model's seed.
        out: a folder for `TrainResult.save`.

    Returns:
        The model and its numbers.

    Raises:
        TypeError, ValueError: as `compile` and `fit`; an unknown name; settings given beside an experiment's name.

    Example:
        >>> result = train(model, "fashion_mnist", epochs=2, validation_split=0.25)  # doctest: +SKIP
        >>> result.evaluation["accuracy"]  # doctest: +SKIP
        0.88
    """
    compiled = {"optimizer": optimizer, "loss": loss, "metrics": metrics}
    fitted = {"batch_size": batch_size, "validation_split": validation_split, "validation_data": validation_data}
    fitted["callbacks"] = callbacks
    beside: Arguments = {"epochs": epochs, "seed": seed, "device": device, "verbose": verbose, "out": out}
    if isinstance(model_or_name, str):
        return _experiment(model_or_name, {"data": data, **compiled, **fitted}, **beside)
    if not isinstance(model_or_name, Trainer):
        raise TypeError(f"train: expected a model or the name of an experiment, got {type(model_or_name).__name__}")
    return _trained(model_or_name, data, compiled, fitted, **beside)


def _trained(
    model: Model,
    data: Any,
    compiled: Arguments,
    fitted: Arguments,
    *,
    epochs: int,
    seed: int | None,
    device: str,
    verbose: Any,
    out: str | os.PathLike[str] | None,
) -> TrainResult:
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)  # a folder that cannot be made is better known before the training
    if seed is not None:
        set_random_seed(seed)
        model._seed = seed
    (x, y), test = _data(model, data)
    read_data(model, "train", x)  # builds the model, so that its output is known
    if compiled["loss"] is None:
        compiled["loss"] = _cross_entropy(model, y)
    model.compile(**compiled, device=device)
    start = time.perf_counter()
    history = model.fit(x, y, epochs=epochs, verbose=verbose, **fitted)
    seconds = time.perf_counter() - start
    rows = fitted["batch_size"]
    evaluation = None if test is None else model.evaluate(*test, rows, verbose, return_dict=True)
    result = TrainResult(model, history, evaluation, model._seed, seconds)
    if out is not None:
        result.save(out)
    return result


def _experiment(name: str, own: Arguments, **settings: Any) -> TrainResult:
    defaults = signature(train).parameters
    for argument, given in own.items():
        default = defaults[argument].default
        if given is not default and not (isinstance(given, (int, float, str, tuple)) and given == default):
            raise ValueError(f"train: experiment {name!r} brings its own {argument}; pass a model to choose it")
    from pyconvnet import lecture

    return cast(TrainResult, lecture.run_experiment(name, **settings))


def _data(model: Model, data: Any) -> tuple[tuple[Any, Any], tuple[Any, Any] | None]:
    """``(x, y)`` and, where there is one, ``(x_test, y_test)``."""
    if isinstance(data, str):
        if data not in SETS:
            raise ValueError(unknown("train", "data set", data, SETS))
        (x, y), (x_test, y_test) = SETS[data].load_data()
        return (ScaledArray(x, 255.0), y), (ScaledArray(x_test, 255.0), y_test)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        _refuse_data(data)
    if all(isinstance(part, tuple) and len(part) == 2 for part in data):
        (x, y), (x_test, y_test) = data
        inputs = len(model.input_names) if model.built else 1
        if inputs > 1 and not isinstance(x, (list, tuple, dict)):
            raise ValueError(
                "train: data ((a, b), (c, d)) are read as ((x, y), (x_test, y_test)), but the model has "
                f"{inputs} inputs; give several inputs or outputs in lists: ([a, b], [c, d])"
            )
        return (x, y), (x_test, y_test)
    x, y = data
    return (x, y), None


def _refuse_data(data: Any) -> NoReturn:
    got = f"{len(data)} entries" if isinstance(data, (tuple, list)) else type(data).__name__
    raise TypeError(f"train: data must be one of {', '.join(SETS)}, (x, y), or ((x, y), (x_test, y_test)), got {got}")


def _cross_entropy(model: Model, y: Any) -> str:
    """The cross-entropy that fits the labels: binary for one output, categorical for one-hot labels, else sparse."""
    if len(model.sample_output_shapes) != 1:
        raise ValueError("train: a model with several outputs needs its loss named: loss=[...] or loss={...}")
    outputs, labels = model.sample_output_shapes[0], np.shape(y)[1:]
    if outputs[-1] == 1:
        return "binary_crossentropy"
    return "categorical_crossentropy" if labels == outputs else "sparse_categorical_crossentropy"
