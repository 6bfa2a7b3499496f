"""Made-up runs of callbacks, which make_callbacks.py drives with Keras's callbacks and the tests with pyconvnet's.

The callbacks get a model that only has what they may use of one. The logs of an epoch are those of the row's sequence,
a dictionary or the monitored number alone; "nan" and "inf" stand for such numbers, so that a row is plain JSON.
random_callbacks.py draws more rows, which callbacks.json keeps beside their results.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

FALL = [1.0, 0.9, 0.8, 0.7, 0.6]
VALLEY = [1.0, 0.8, 0.6, 0.7, 0.65, 0.9, 0.5, 0.4]
FLAT = [0.5] * 8
HOLES = [0.9, "nan", 0.8, None, "nan", 0.7]
CLOSE = [0.5, 0.49999999, 0.4999, 0.49981, 0.49970005, 0.3]  # differences near 1e-4 and below float32's
START = 0.1  # the learning rate

SCHEDULES: dict[str, Callable[..., Any]] = {
    "halve": lambda epoch, rate: rate * 0.5,
    "of_epoch": lambda epoch: 0.1 / (epoch + 1),
    "keep": lambda epoch, rate: rate,
}

ROWS: list[dict[str, Any]] = []


def _add(name: str, config: dict[str, Any], sequences: dict[str, list[Any]], **more: Any) -> None:
    for sequence, values in sequences.items():
        ROWS.append({"class": name, "config": config, "sequence": sequence, "values": values, **more})


_ALL: dict[str, list[Any]] = {"fall": FALL, "valley": VALLEY, "flat": FLAT, "holes": HOLES, "close": CLOSE}
_BEST = {"verbose": 1, "save_best_only": True}
_add("ModelCheckpoint", {"filepath": "a.keras", **_BEST}, _ALL)
_add("ModelCheckpoint", {"filepath": "a.keras", **_BEST, "mode": "max"}, _ALL)
_add("ModelCheckpoint", {"filepath": "a.h5", **_BEST, "initial_value_threshold": 0.75}, _ALL)
_add("ModelCheckpoint", {"filepath": "in/{epoch:02d}-{val_loss:.2f}.keras", **_BEST}, {"valley": VALLEY})
_add("ModelCheckpoint", {"filepath": "{epoch}-{loss:.3f}.keras", "verbose": 1}, {"fall": FALL})
_add("ModelCheckpoint", {"filepath": "a/b/{epoch}.weights.h5", "save_weights_only": True}, {"fall": FALL})
for _frequency in (1, 3, 4, 7):
    _file = {"filepath": "{epoch}-{batch}.weights.h5", "save_weights_only": True, "verbose": 1}
    _add("ModelCheckpoint", {**_file, "save_freq": _frequency}, {"fall": FALL}, batches=4)
_add("ModelCheckpoint", {"filepath": "{epoch}.keras", "save_freq": 4, **_BEST}, {"one": [1.0]}, batches=4)

_SMALL = {"patience": 1, "verbose": 1}
for _more in (
    {},
    {"factor": 0.5},
    {"cooldown": 1},
    {"cooldown": 2},
    {"cooldown": 3, "factor": 0.7},
    {"min_lr": 0.02},
    {"min_delta": 0.1},
    {"min_delta": 0},
    {"patience": 0},
    {"patience": 2},
    {"mode": "max"},
    {"factor": 0.3, "min_lr": 0.1},
):
    _add("ReduceLROnPlateau", {**_SMALL, **_more}, _ALL)
for _schedule in SCHEDULES:
    _add("LearningRateScheduler", {"schedule": _schedule, "verbose": 1}, {"fall": FALL})
_add("LearningRateScheduler", {"schedule": "halve"}, {"fall": FALL})
_add("TerminateOnNaN", {}, {"fall": FALL, "holes": HOLES}, batches=2)
_add("CSVLogger", {"filename": "log.csv"}, {"fall": FALL, "holes": HOLES})
_add("CSVLogger", {"filename": "log.csv", "separator": ";"}, {"fall": FALL}, monitor="loss")
_add("CSVLogger", {"filename": "log.csv", "append": True}, {"fall": FALL}, runs=2)


class FakeModel:
    """What these callbacks use of a model. Its weights are the number of epochs that it has seen."""

    compiled = False
    built = True
    trainable_variables: tuple[Any, ...] = ()

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self.stop_training = False
        self.saved: list[str] = []
        self.weights = 0
        self._initial_epoch = 0

    def get_weights(self) -> list[int]:
        """The weights."""
        return [self.weights]

    def set_weights(self, weights: list[int]) -> None:
        """Notes that weights are restored."""
        self.saved.append(f"set_weights {weights}")
        self.weights = weights[0]

    def load_weights(self, filepath: str) -> None:
        """Notes that weights are read."""
        self.weights = int(Path(filepath).read_text())
        self.saved.append(f"load_weights {filepath} {self.weights}")

    def save(self, filepath: str, overwrite: bool = False) -> None:
        """Notes the path, its folder and the arguments."""
        self.saved.append(f"save {filepath} {overwrite} {Path(filepath).parent.is_dir()}")

    def save_weights(self, filepath: str, overwrite: bool = False) -> None:
        """Notes the path, its folder and the arguments; writes a backup."""
        self.saved.append(f"save_weights {filepath} {overwrite} {Path(filepath).parent.is_dir()}")
        if filepath.startswith("backup"):
            Path(filepath).write_text(str(self.weights))

    def metric_direction(self, name: str) -> str | None:
        """What pyconvnet's callbacks ask; Keras's look for the metrics."""
        return {"loss": "min"}.get(name)


def drive(library: ModuleType, row: dict[str, Any]) -> dict[str, Any]:
    """Run a row's callback; what it printed, saved, wrote and changed."""
    config = dict(row["config"])
    if "schedule" in config:
        config["schedule"] = SCHEDULES[config["schedule"]]
    printed = io.StringIO()
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            callback = getattr(library.callbacks, row["class"])(**config)
            model = FakeModel(library.optimizers.SGD(learning_rate=START))
            callback.set_model(model)
            rates: list[Any] = []
            for interrupted in row.get("interrupted", []):  # before the end of so many epochs
                rates += _run(callback, model, row, interrupted)
                rates.append({path.name: path.read_text() for path in sorted(Path().glob("backup/*"))})
                callback, model.weights = getattr(library.callbacks, row["class"])(**config), 0
                callback.set_model(model)
            for _ in range(row.get("runs", 1)):
                rates += _run(callback, model, row)
            written = {path.name: path.read_bytes().decode() for path in Path().glob("*.csv")}
            written["folders"] = str(sorted(str(path) for path in Path().glob("backup*")))
        finally:
            os.chdir(here)
    return {"printed": printed.getvalue(), "saved": model.saved, "rates": rates, "written": written}


def _run(callback: Any, model: FakeModel, row: dict[str, Any], interrupted: int | None = None) -> list[Any]:
    """One `fit`; for each epoch the optimizer's rate, the logs that were added and whether it stopped."""
    rates = []
    model.stop_training = False
    model._initial_epoch = 0
    callback.on_train_begin({})
    for epoch, value in enumerate(row["values"]):
        if epoch < model._initial_epoch:
            continue
        callback.on_epoch_begin(epoch, {})
        model.weights = epoch + 1
        logs = _logs(value, row.get("monitor", "val_loss"))
        stopped_by = None
        for batch in range(row.get("batches", 0)):
            callback.on_train_batch_begin(batch, {})
            callback.on_train_batch_end(batch, dict(logs))
            if model.stop_training:
                stopped_by = batch
                break
        if epoch == interrupted:
            return rates
        callback.on_epoch_end(epoch, logs)
        rates.append([float(model.optimizer.learning_rate), logs.get("learning_rate"), stopped_by])
        if model.stop_training:
            break
    callback.on_train_end({})
    return rates


def _logs(value: Any, monitor: str) -> dict[str, float]:
    """The logs of an epoch."""
    if isinstance(value, dict):
        return {name: float(number) for name, number in value.items()}
    return {"other": 1.0} if value is None else {monitor: float(value), "loss": 2.0 * float(value)}
