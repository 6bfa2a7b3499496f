"""``pyconvnet.train``: from a model, or the name of an experiment, to a trained and measured model in one call."""

from __future__ import annotations

import importlib
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np

from pyconvnet._suggest import suggests_arguments, unknown
from pyconvnet.callbacks import Callback, History
from pyconvnet.datasets.scaled import ScaledArray
from pyconvnet.random import set_random_seed

from .runs import read_data
from .trainer import Trainer

_DATASETS = ("fashion_mnist", "mnist", "cifar10")
_METRICS = ("accuracy",)


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

    model: Trainer
    history: History
    evaluation: dict[str, float] | None
    seed: int
    seconds: float

    def plot(self) -> Any:
        """The learning curves, a matplotlib figure (needs ``pip install pyconvnet[plot]``)."""
        from pyconvnet import plot

        return plot.history(self.history)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes ``history.json``, ``curves.png`` and ``weights.npz`` (by path of the variable).

        Each file appears whole or not at all. Without matplotlib the curves are left out, with a warning.

        Args:
            folder: made where it is missing.

        Returns:
            The folder.

        Example:
            >>> result.save("runs/first")  # doctest: +SKIP
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        _write(target / "history.json", lambda path: path.write_text(self._as_json(), encoding="utf-8"))
        weights: dict[str, Any] = {variable.path: variable.numpy() for variable in self.model.weights}
        _write(target / "weights.npz", lambda path: np.savez(path, **weights))
        try:
            importlib.import_module("matplotlib")
        except ImportError:
            warnings.warn(
                f"TrainResult: {target / 'curves.png'} is left out, since matplotlib is not installed; "
                "pip install pyconvnet[plot]",
                stacklevel=2,
            )
        else:
            _write(target / "curves.png", lambda path: self.plot().savefig(path))
        return target

    def _as_json(self) -> str:
        content = {
            "history": self.history.history,
            "epoch": self.history.epoch,
            "evaluation": self.evaluation,
            "seed": self.seed,
            "seconds": self.seconds,
        }
        return json.dumps(content, indent=2) + "\n"


def _write(path: Path, fill: Callable[[Path], Any]) -> None:
    """Fills a file beside `path` and then puts it in its place."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    os.close(handle)
    try:
        fill(Path(name))
        os.chmod(name, 0o666 & ~_umask())  # mkstemp makes files that others cannot read
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@suggests_arguments
def train(
    model_or_name: Trainer | str,
    data: Any = None,
    *,
    epochs: int,
    batch_size: int = 32,
    validation_split: float = 0.0,
    validation_data: Any = None,
    optimizer: Any = "adam",
    loss: Any = None,
    metrics: Any = _METRICS,
    callbacks: Iterable[Callback] = (),
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
            ``((x, y), (x_test, y_test))``.
        epochs, batch_size, validation_split, validation_data, callbacks, verbose: as for `fit`.
        optimizer, metrics, device: as for `compile`.
        loss: as for `compile`; None takes the cross-entropy that fits the labels.
        seed: makes the run repeatable (`set_random_seed`); None keeps the model's.
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
    if isinstance(model_or_name, str):
        own = {
            "data": (data, None),
            "batch_size": (batch_size, 32),
            "validation_split": (validation_split, 0.0),
            "validation_data": (validation_data, None),
            "optimizer": (optimizer, "adam"),
            "loss": (loss, None),
            "metrics": (metrics, _METRICS),
            "callbacks": (callbacks, ()),
        }
        return _experiment(model_or_name, own, epochs=epochs, seed=seed, device=device, verbose=verbose, out=out)
    if not isinstance(model_or_name, Trainer):
        raise TypeError(f"train: expected a model or the name of an experiment, got {type(model_or_name).__name__}")
    model = model_or_name
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)  # a folder that cannot be made is better known before the training
    if seed is not None:
        set_random_seed(seed)
        model._seed = seed
    (x, y), test = _data(data)
    read_data(model, "train", x)  # builds the model, so that its output is known
    model.compile(optimizer, _cross_entropy(model, y) if loss is None else loss, metrics, device=device)
    start = time.perf_counter()
    history = model.fit(
        x,
        y,
        batch_size,
        epochs,
        verbose,
        list(callbacks),
        validation_split=validation_split,
        validation_data=validation_data,
    )
    seconds = time.perf_counter() - start
    evaluation = None if test is None else model.evaluate(*test, batch_size, verbose, return_dict=True)
    result = TrainResult(model, history, evaluation, model._seed, seconds)
    if out is not None:
        result.save(out)
    return result


def _experiment(name: str, own: dict[str, tuple[Any, Any]], **settings: Any) -> TrainResult:
    for argument, (given, default) in own.items():
        if given is not default and not (isinstance(given, (int, float, str, tuple)) and given == default):
            raise ValueError(f"train: experiment {name!r} brings its own {argument}; pass a model to choose it")
    from pyconvnet import lecture

    return cast(TrainResult, lecture.run_experiment(name, **settings))


def _data(data: Any) -> tuple[tuple[Any, Any], tuple[Any, Any] | None]:
    """``(x, y)`` and, where there is one, ``(x_test, y_test)``."""
    if isinstance(data, str):
        if data not in _DATASETS:
            raise ValueError(unknown("train", "data set", data, _DATASETS))
        (x, y), (x_test, y_test) = importlib.import_module(f"pyconvnet.datasets.{data}").load_data()
        return (ScaledArray(x, 255.0), y), (ScaledArray(x_test, 255.0), y_test)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        _refuse_data(data)
    if all(isinstance(part, tuple) and len(part) == 2 for part in data):
        (x, y), (x_test, y_test) = data
        return (x, y), (x_test, y_test)
    x, y = data
    return (x, y), None


def _refuse_data(data: Any) -> NoReturn:
    got = f"{len(data)} entries" if isinstance(data, (tuple, list)) else type(data).__name__
    raise TypeError(
        f"train: data must be one of {', '.join(_DATASETS)}, (x, y), or ((x, y), (x_test, y_test)), got {got}"
    )


def _cross_entropy(model: Trainer, y: Any) -> str:
    """The cross-entropy that fits the labels: binary for one output, categorical for one-hot labels, else sparse."""
    if len(model.sample_output_shapes) != 1:
        raise ValueError("train: a model with several outputs needs its loss named: loss=[...] or loss={...}")
    outputs, labels = model.sample_output_shapes[0], np.shape(y)[1:]
    if outputs[-1] == 1:
        return "binary_crossentropy"
    return "categorical_crossentropy" if labels == outputs else "sparse_categorical_crossentropy"
