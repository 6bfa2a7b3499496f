"""Losses, gradients, weights of samples and classes, regularizers and epoch logs against real Keras
(tests/golden/make_losses.py; random configurations: make_random_losses.py).

Tolerance: 2e-6 of the largest value, or four times the distance between Keras's float32 and float64 numbers
("float64_error", stored with each case) where that is more. It is more in fits (several steps) and, at 1e-2, in
`foreign_binary_softplus`: there 1 - clip(p) is 1 - (1 - 1e-7), which float32 rounds to 1.19e-7.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden import assert_near, load_arrays, tolerance
from golden.networks import build

import pyconvnet
from pyconvnet import ops, reference

CASES, ARRAYS = load_arrays("losses")
RANDOM, _random_arrays = load_arrays("random_losses")
ARRAYS |= _random_arrays
STEPS = [row for row in CASES if row["kind"] == "step"]
FITS = [row for row in CASES if row["kind"] == "fit"]
ONE_DENSE = [row for row in STEPS if len(row["layers"]) == 1 and row["layers"][0][0] == "Dense"]
Arrays = dict[str, np.ndarray]
BACKENDS = [pytest.param(ops, id="ops"), pytest.param(reference, id="reference")]


def _every(rows: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("row", rows, ids=[row["name"] for row in rows])


def _arrays(row: dict[str, Any]) -> Arrays:
    prefix = row["name"] + "/"
    return {key.removeprefix(prefix): value for key, value in ARRAYS.items() if key.startswith(prefix)}


def _weights(arrays: Arrays, when: str) -> list[np.ndarray]:
    return [arrays[f"{when}{index}"] for index in range(sum(key.startswith(when) for key in arrays))]


def _assert_moved(row: dict[str, Any], arrays: Arrays, after: list[np.ndarray]) -> None:
    """Compare the distances moved; to what Keras computed belong the last bits of the weights themselves."""
    before, golden = _weights(arrays, "before"), _weights(arrays, "after")
    for index, (start, expected, end) in enumerate(zip(before, golden, after, strict=True)):
        rounding = 2.0**-23 * np.abs(start).max() / max(np.abs(expected - start).max(), 1e-30)
        assert_near(end - start, expected - start, tolerance(row) + rounding, f"step of weight {index}")


def _class_weight(row: dict[str, Any]) -> dict[int, float] | None:
    return {int(key): value for key, value in row["class_weight"].items()} if row["class_weight"] else None


def _row_weights(row: dict[str, Any], arrays: Arrays) -> np.ndarray | None:
    """Weights of rows that stand for sample_weight or class_weight."""
    by_class = _class_weight(row)
    if by_class is None:
        return arrays.get("w")
    y = arrays["y"]
    classes = y.argmax(axis=-1) if y.ndim == 2 and y.shape[1] > 1 else y.ravel()
    return np.array([by_class[int(label)] for label in classes], np.float32)


def _loss_by_ops(library: Any, row: dict[str, Any], z: np.ndarray, y: np.ndarray, w: np.ndarray | None) -> Any:
    """(loss [n], dz) for the output layer's pre-activation z, with Keras's choice of the loss's form."""
    activation = row["layers"][0][1]["activation"]
    name, config = (row["loss"], {}) if isinstance(row["loss"], str) else row["loss"]
    kind = name.replace("_", "").lower()
    recovered = activation in ("softmax", "sigmoid") or config.get("from_logits", False)
    if "categorical" in kind and recovered:
        return library.softmax_cross_entropy(z, y, w)
    if "binary" in kind and recovered:
        return library.sigmoid_cross_entropy(z, y, w)
    by_kind = {"mse": "mean_squared_error", "mae": "mean_absolute_error"}
    op = by_kind.get(kind, name)
    if "crossentropy" in kind:
        op = "binary_cross_entropy" if "binary" in kind else "categorical_cross_entropy"
    loss, dy = getattr(library, op)(library.activation(z, activation), y, w)
    return loss, library.activation_backward(dy, z, activation)


@pytest.mark.parametrize("library", BACKENDS)
@_every(ONE_DENSE)
def test_loss_and_gradient_of_one_dense_layer_by_ops(library: Any, row: dict[str, Any]) -> None:
    a = _arrays(row)
    dtype = np.float32 if library is ops else np.float64
    (x, kernel, bias), w = (a[key].astype(dtype) for key in ("x", "before0", "before1")), _row_weights(row, a)
    y = a["y"]
    y = y.ravel().astype(np.int64) if "sparse" in row["labels"] else y.reshape(-1, bias.shape[0]).astype(dtype)
    z = library.dense(x, kernel, bias)
    loss, dz = _loss_by_ops(library, row, z, y, None if w is None else w.astype(dtype))
    assert_near(np.mean(loss), a["loss"], tolerance(row), "loss")
    dkernel, dbias = library.dense_backward_weights(x, dz)
    _assert_moved(row, a, [kernel - dkernel, bias - dbias])


def _compiled(row: dict[str, Any], arrays: Arrays, learning_rate: float) -> Any:
    model = build(pyconvnet, row["layers"], row["input_shape"])
    model.set_weights(_weights(arrays, "before"))
    loss = row["loss"] if isinstance(row["loss"], str) else getattr(pyconvnet.losses, row["loss"][0])(**row["loss"][1])
    metrics = ["accuracy"] if row["accuracy"] else None
    model.compile(optimizer=pyconvnet.optimizers.SGD(learning_rate=learning_rate), loss=loss, metrics=metrics)
    return model


@pytest.mark.filterwarnings("ignore:the loss says from_logits=True")  # some say so behind a softmax
@_every(STEPS + RANDOM)
def test_train_on_batch_is_keras(row: dict[str, Any]) -> None:
    arrays = _arrays(row)
    model = _compiled(row, arrays, 1.0)
    logs = model.train_on_batch(
        arrays["x"], arrays["y"], sample_weight=arrays.get("w"), class_weight=_class_weight(row)
    )
    values = np.ravel(logs)
    assert_near(values[0], arrays["loss"], tolerance(row), "loss")
    assert len(values) == (2 if row["accuracy"] else 1)
    if row["accuracy"]:
        assert values[1] == pytest.approx(float(arrays["accuracy"]), abs=1e-6)
    _assert_moved(row, arrays, model.get_weights())


@_every(FITS)
def test_fit_is_keras(row: dict[str, Any]) -> None:
    arrays = _arrays(row)
    model = _compiled(row, arrays, 0.1)
    options: dict[str, Any] = {"epochs": row["epochs"], "batch_size": row["batch"], "validation_split": row["split"]}
    if row["validation_rows"]:
        options["validation_data"] = tuple(arrays[f"validation_{k}"] for k in "xyw" if f"validation_{k}" in arrays)
    weights = {"sample_weight": arrays.get("w"), "class_weight": _class_weight(row)}
    history = model.fit(arrays["x"], arrays["y"], shuffle=False, verbose=0, **weights, **options).history
    expected = {key.removeprefix("history_"): value for key, value in arrays.items() if key.startswith("history_")}
    assert sorted(history) == sorted(expected)
    for key, values in expected.items():
        assert_near(history[key], values, tolerance(row), key)
    _assert_moved(row, arrays, model.get_weights())
    evaluated = model.evaluate(
        arrays["x"], arrays["y"], sample_weight=arrays.get("w"), batch_size=row["batch"], verbose=0
    )
    assert_near(np.ravel(evaluated), np.ravel(arrays["evaluate"]), tolerance(row), "evaluate")
