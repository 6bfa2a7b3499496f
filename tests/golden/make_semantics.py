"""Golden behaviour of callbacks, splits and logs, from real Keras.

    python tests/golden/make_semantics.py [OUT]

EarlyStopping is driven with made-up logs through its own methods, on an object that only has what a callback may use
of a model: stop_training, get_weights() and set_weights(). Weights stand for the epoch: after epoch e they are [e].
Values
are written "nan" and "inf", and null where the log is missing.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import networks
from networks import dense
from record import keras, np, output_path, save_table, use_floatx

NAN = float("nan")
FALL = [1.0, 0.9, 0.8, 0.7, 0.6]
VALLEY = [1.0, 0.8, 0.6, 0.7, 0.65, 0.9, 0.5, 0.4]
RISE = [0.5, 0.6, 0.7, 0.8, 0.9]


class FakeModel:
    """What EarlyStopping needs of a model."""

    def __init__(self) -> None:
        self.stop_training = False
        self.weights = [np.zeros(1, np.float32)]

    def get_weights(self) -> list[np.ndarray]:
        """A copy of the weights."""
        return [weight.copy() for weight in self.weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Replace the weights."""
        self.weights = [np.array(weight) for weight in weights]


def stopping_rows() -> list[dict[str, Any]]:
    """Configurations and the values that the monitor takes epoch by epoch."""
    sequences: dict[str, list[float | None]] = {
        "fall": list(FALL),
        "valley": list(VALLEY),
        "rise": list(RISE),
        "flat": [0.5] * 5,
        "nan_first": [NAN, 0.9, 0.8, 0.85, 0.9],
        "nan_later": [0.9, NAN, 0.8, NAN, NAN, NAN],
        "nan_always": [NAN] * 4,
        "infinite": [math.inf, math.inf, 1.0, math.inf, math.inf],
        "slow": [1.0, 0.95, 0.9, 0.85, 0.8, 0.75],
        "one_epoch": [0.5],
        "missing": [0.5, None, None, 0.6, 0.7],
    }
    configs: list[dict[str, Any]] = [
        {"patience": p, "restore_best_weights": r} for p in (0, 1, 2, 5) for r in (False, True)
    ]
    configs += [
        {"patience": 1, "min_delta": 0.1, "restore_best_weights": True},
        {"patience": 1, "min_delta": -0.1, "restore_best_weights": True},
        {"patience": 2, "baseline": 0.75, "restore_best_weights": True},
        {"patience": 2, "baseline": 0.1, "restore_best_weights": True},
        {"patience": 0, "baseline": 0.1},
        {"patience": 1, "start_from_epoch": 2, "restore_best_weights": True},
        {"patience": 1, "mode": "max", "restore_best_weights": True},
        {"patience": 1, "mode": "min", "restore_best_weights": True},
    ]
    return [{"config": c, "sequence": name, "values": v} for c in configs for name, v in sequences.items()]


def drive(row: dict[str, Any]) -> dict[str, Any]:
    """Run EarlyStopping over the values; where it stopped and what it left in the model."""
    callback, model = keras.callbacks.EarlyStopping(monitor="val_loss", **row["config"]), FakeModel()
    callback.set_model(model)
    callback.on_train_begin()
    epochs = 0
    for epoch, value in enumerate(row["values"]):
        model.weights = [np.full(1, epoch, np.float32)]
        logs = {"loss": 0.1} if value is None else {"loss": 0.1, "val_loss": value}
        callback.on_epoch_begin(epoch)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            callback.on_epoch_end(epoch, logs)
        epochs += 1
        if model.stop_training:
            break
    callback.on_train_end()
    result = {"epochs": epochs, "stopped": model.stop_training, "stopped_epoch": callback.stopped_epoch}
    return {**result, "weights_of_epoch": int(model.weights[0][0]), "best_epoch": callback.best_epoch}


def clean(values: list[float | None]) -> list[Any]:
    """Values as strict JSON."""
    return [v if v is None or math.isfinite(v) else str(v) for v in values]


def tiny_data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """x [rows, 3] and labels [rows] of two classes."""
    random = np.random.RandomState(rows)
    return random.standard_normal((rows, 3)).astype(np.float32), random.randint(0, 2, rows)


def tiny_model(metrics: Any, rate: float) -> Any:
    """A compiled softmax classifier with weights from networks.random_weights(seed 3)."""
    model = networks.build(keras, [dense(2, "softmax")], (3,))
    model.set_weights(networks.random_weights([(3, 2), (2,)], 3))
    optimizer = keras.optimizers.SGD(learning_rate=rate)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=metrics)
    return model


def split_rows() -> list[dict[str, Any]]:
    """How many rows train and how many validate; "error" where Keras refuses. Rate 0, so losses tell the rows apart."""
    rows = []
    pairs = [
        (10, 0.25),
        (10, 0.1),
        (10, 0.2),
        (7, 0.5),
        (3, 0.1),
        (9, 0.3),
        (10, 0.3),
        (2, 0.5),
        (3, 0.9),
        (1, 0.5),
        (100, 0.29),
    ]
    for count, split in pairs:
        x, y = tiny_data(count)
        row: dict[str, Any] = {"rows": count, "split": split}
        try:
            model = tiny_model(["accuracy"], 0.0)
            history = model.fit(x, y, validation_split=split, batch_size=count, verbose=0).history
            row["train_rows"] = math.floor(count * (1.0 - split))
            row["history"] = {key: value[0] for key, value in history.items()}
            whole = model.evaluate(x[: row["train_rows"]], y[: row["train_rows"]], verbose=0)
            assert abs(whole[0] - row["history"]["loss"]) < 1e-6, row
        except ValueError as error:
            row["error"] = str(error)
        rows.append(row)
    return rows


def log_rows() -> list[dict[str, Any]]:
    """Keys of History, its epochs and params, and what the batch callbacks see."""
    rows = []
    x, y = tiny_data(10)
    for metrics in (None, ["accuracy"]):
        for validation in (False, True):
            options = {"validation_data": (x, y)} if validation else {}
            seen: dict[str, Any] = {"train_batches": [], "epoch_keys": []}
            watcher = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs, seen=seen: seen["train_batches"].append([batch, sorted(logs)]),
                on_epoch_end=lambda epoch, logs, seen=seen: seen["epoch_keys"].append([epoch, sorted(logs)]),
            )
            model = tiny_model(metrics, 0.1)
            fit = model.fit(x, y, batch_size=4, epochs=3, initial_epoch=1, verbose=0, callbacks=[watcher], **options)
            evaluated = model.evaluate(x, y, verbose=0)
            row = {
                "metrics": metrics,
                "validation": validation,
                "keys": list(fit.history),
                "epoch": fit.epoch,
                "params": fit.params,
            }
            kind = "list" if isinstance(evaluated, list) else "number"
            rows.append(
                {
                    **row,
                    **seen,
                    "evaluate": kind,
                    "evaluate_dict": sorted(model.evaluate(x, y, verbose=0, return_dict=True)),
                }
            )
    return rows


def train_on_batch_rows() -> dict[str, Any]:
    """Three train_on_batch calls and a test_on_batch after them: each call answers for itself."""
    x, y = tiny_data(12)
    model = tiny_model(["accuracy"], 0.5)
    train = [[float(v) for v in model.train_on_batch(x[i : i + 4], y[i : i + 4])] for i in (0, 4, 8)]
    return {"train": train, "test": [float(v) for v in model.test_on_batch(x, y)]}


def main() -> None:
    """Make every table and write the file."""
    use_floatx("float32")
    stopping = [{**row, **drive(row)} for row in stopping_rows()]
    for row in stopping:
        row["values"] = clean(row["values"])
    table = {
        "early_stopping": stopping,
        "splits": split_rows(),
        "logs": log_rows(),
        "train_on_batch": train_on_batch_rows(),
    }
    for key, value in table.items():
        print(key, len(value))
    save_table(output_path("semantics.json"), "make_semantics.py", table)


if __name__ == "__main__":
    main()
