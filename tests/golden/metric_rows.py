"""Evaluations in batches with metrics of all kinds, for real Keras and for pyconvnet alike."""

from __future__ import annotations

import warnings
import zlib
from types import ModuleType
from typing import Any

import numpy as np

_LOSSES = {"sparse": "sparse_categorical_crossentropy", "one_hot": "categorical_crossentropy"}


def product(y_true: Any, y_pred: Any) -> Any:
    """A metric of one's own; it keeps all axes."""
    return (y_true + 1) * (y_pred - y_true)


def data(row: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and labels of a row; predictions are probabilities where a cross-entropy may look at them."""
    random = np.random.RandomState(zlib.crc32(row["name"].encode()))
    shape = (row["rows"], *row["shape"])
    x = random.randint(1, 4 if row["few"] else 33, shape) / 32
    y: np.ndarray = random.randint(0, 2, shape).astype(np.float32)
    if row["labels"] in _LOSSES:
        x = x / x.sum(axis=-1, keepdims=True)
        y = random.randint(0, shape[-1], shape[:-1])
        y = np.eye(shape[-1], dtype=np.float32)[y] if row["labels"] == "one_hot" else y
    elif row["labels"] == "real":
        x, y = x - 0.5, random.randint(-32, 33, shape) / 32
    elif row["few"]:
        x = x * 8  # 1/4, 1/2 and 3/4; 1/2 is on no side
    return x.astype(np.float32), y


def drive(library: ModuleType, row: dict[str, Any]) -> list[dict[str, float]]:
    """The metrics' values behind each batch of an evaluation, and at its end."""
    x, y = data(row)
    layers = library.layers
    model = library.Sequential([layers.Input(x.shape[1:]), layers.Activation("linear")])
    metrics: list[Any] = []
    for name, config in row["metrics"]:
        config = {**config, "fn": product} if "fn" in config else config
        metrics.append(getattr(library.metrics, name)(**config))
    model.compile("sgd", _LOSSES.get(row["labels"], "mse"), metrics=[*metrics, row["named"]])
    seen: list[dict[str, float]] = []

    def note(batch: int, logs: dict[str, float]) -> None:
        seen.append({name: float(value) for name, value in logs.items() if name != "loss"})

    watcher = library.callbacks.LambdaCallback(on_test_batch_end=note)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        end = model.evaluate(x, y, batch_size=row["batch"], verbose=0, callbacks=[watcher], return_dict=True)
    return [*seen, {name: float(value) for name, value in end.items() if name != "loss"}]
