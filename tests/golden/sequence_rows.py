"""Runs of fit and evaluate on numbered batches and generators, for real Keras and for pyconvnet alike."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

ROWS: list[dict[str, Any]] = [
    {"source": "sequence", "epochs": 2, "validation": "sequence"},
    {"source": "sequence", "epochs": 3, "steps_per_epoch": 3},
    {"source": "sequence", "epochs": 2, "steps_per_epoch": 6},
    {"source": "sequence", "epochs": 2, "validation": "sequence", "validation_steps": 1},
    {"source": "endless", "epochs": 2, "steps_per_epoch": 3},
    {"source": "arrays", "epochs": 3, "steps_per_epoch": 3},
    {"source": "arrays", "epochs": 2, "validation": "generator", "validation_steps": 6, "validation_freq": 2},
    {"source": "generator", "epochs": 1, "runs_out": True},
    {"source": "generator", "epochs": 3, "steps_per_epoch": 2},
    {"source": "generator", "epochs": 2, "steps_per_epoch": 4, "runs_out": True},
    {"source": "weighted", "epochs": 1, "runs_out": True},
]

X = (np.arange(33).reshape(11, 3) / 33).astype(np.float32)
Y = np.stack([X.sum(1), X[:, 0] - X[:, 2] ** 2], 1)
WEIGHTS = np.linspace(0.5, 2, 11).astype(np.float32)
STARTS = (0, 3, 6, 9)


def batch(number: int, weighted: bool = False) -> tuple[np.ndarray, ...]:
    """Three rows, or the last two."""
    rows = slice(STARTS[number % 4], STARTS[number % 4] + 3)
    return (X[rows], Y[rows], WEIGHTS[rows]) if weighted else (X[rows], Y[rows])


def mean_of_rows(y_true: Any, y_pred: Any) -> Any:
    """One number a sample and output."""
    return (y_true - y_pred) * (y_true + 1)


def OneNumber(y_true: Any, y_pred: Any) -> Any:
    """One number a batch."""
    difference = y_true[0, 0] - y_pred[0, 0]
    return difference * difference


def drive(keras: Any, row: dict[str, Any]) -> dict[str, Any]:
    """What `fit` and then `evaluate` and `predict` give for a row, with the order of calls that the source saw."""
    seen: list[str] = []

    class Numbered(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
        def __init__(self, tag: str) -> None:
            super().__init__()
            self.tag = tag

        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
            return batch(index)

        def on_epoch_begin(self) -> None:
            seen.append(f"{self.tag} begins")

        def on_epoch_end(self) -> None:
            seen.append(f"{self.tag} ends")

    class Endless(Numbered):
        @property
        def num_batches(self) -> None:
            return None

    class Steps(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_begin(self, logs: Any = None) -> None:
            seen.append(f"steps {self.params['steps']}")

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(f"step {batch}")

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(f"test step {batch}")

    def generator(weighted: bool = False) -> Iterator[tuple[np.ndarray, ...]]:
        yield from (batch(number, weighted) for number in range(6))

    sources = {
        "sequence": lambda: (Numbered("data"), None),
        "endless": lambda: (Endless("data"), None),
        "arrays": lambda: (X, Y),
        "generator": lambda: (generator(), None),
        "weighted": lambda: (generator(weighted=True), None),
    }
    validations = {"sequence": lambda: Numbered("test"), "generator": generator, None: lambda: None}
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    model.set_weights([(np.arange(6).reshape(3, 2) / 10).astype(np.float32), np.zeros(2, np.float32)])
    # In TensorFlow the step that finds no data still counts as a batch of a metric of one number.
    own = [mean_of_rows] if row.get("runs_out") else [mean_of_rows, OneNumber]
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae", *own])
    x, y = sources[row["source"]]()
    names = ("epochs", "steps_per_epoch", "validation_steps", "validation_freq")
    settings = {name: row[name] for name in names if name in row}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        validation = validations[row.get("validation")]()
        fitted = model.fit(
            x, y, 3, verbose=0, shuffle=False, validation_data=validation, callbacks=[Steps()], **settings
        )
        evaluated = model.evaluate(*sources[row["source"]](), verbose=0, steps=2, batch_size=3, return_dict=True)
        x, _ = sources[row["source"]]()
        predicted = model.predict(x, verbose=0, steps=2, batch_size=3)
    history = {name: [float(value) for value in values] for name, values in fitted.history.items()}
    return {
        "seen": seen,
        "history": history,
        "evaluated": {name: float(value) for name, value in evaluated.items()},
        "predicted": np.asarray(predicted).tolist(),
    }
