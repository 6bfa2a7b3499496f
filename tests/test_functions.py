"""Losses, metrics, layers and activations in Keras's spelling as functions; tests/interop asks real Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyconvnet import Model, Sequential, activations, layers, losses, metrics
from pyconvnet.models import load_model
from pyconvnet.ops._kernel import run_kernel

SHARES = [[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]]
NAN = np.nan


@pytest.mark.parametrize(
    ("function", "given", "labels", "expected"),
    [
        (losses.sparse_categorical_crossentropy, {}, [[1], [2]], [0.3566750, 1.6094379]),
        (losses.categorical_crossentropy, {}, [[0, 1, 0], [0, 0, 1]], [0.3566750, 1.6094379]),
        (losses.binary_crossentropy, {}, [[0, 1, 0], [0, 0, 1]], [0.2283930, 0.8864200]),
        (losses.mean_squared_error, {}, [[0, 1, 0], [0, 0, 1]], [0.0466667, 0.3266667]),
        (losses.mae, {}, [[0, 1, 0], [0, 0, 1]], [0.2, 0.5333333]),
        (metrics.sparse_categorical_accuracy, {}, [1, 2], [1, 0]),
        (metrics.categorical_accuracy, {}, [[0, 1, 0], [0, 0, 1]], [1, 0]),
        (metrics.binary_accuracy, {"threshold": 0.25}, [[0, 1, 0], [0, 0, 1]], [[1, 1, 1], [0, 0, 0]]),
        (metrics.sparse_top_k_categorical_accuracy, {"k": 2}, [[1], [2]], [[1], [0]]),
        (metrics.top_k_categorical_accuracy, {"k": 2}, [[0, 1, 0], [0, 0, 1]], [1, 0]),
    ],
)
def test_on_arrays(function: Any, given: dict[str, Any], labels: Any, expected: Any) -> None:
    found = function(labels, SHARES, **given)
    assert found.dtype == np.float32 and found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_axes_of_positions_and_one_row() -> None:
    cube = np.stack([SHARES, SHARES[::-1]])
    found = losses.categorical_crossentropy(cube, cube)
    np.testing.assert_allclose(found, [[0.8018186, 1.0296532], [1.0296532, 0.8018186]], rtol=1e-6)
    assert losses.mse([1.0, 2.0], [2.0, 4.0]) == 2.5
    with pytest.raises(ValueError, match="categorical_crossentropy: y_true must have shape"):
        losses.categorical_crossentropy([1, 2], SHARES)
    with pytest.raises(ValueError, match="axis must be -1"):
        losses.categorical_crossentropy(cube, cube, axis=1)


ROWS = np.array(
    [[1, 3, 3], [NAN, 1, 2], [1, NAN, 2], [NAN] * 3, [np.inf, 1, np.inf], [-np.inf, 0, 0], [2, 2, 2]], np.float32
)


@pytest.mark.parametrize("k", [None, 1, 2])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_accuracies_are_those_of_the_kernels(label: int, k: int | None) -> None:
    name = "sparse_categorical_accuracy" if k is None else "sparse_top_k_categorical_accuracy"
    kernels = []
    for row in ROWS:
        sums = np.zeros(2)
        numbers = {"features": 3, "vectors": 1} | ({} if k is None else {"k": k})
        run_kernel(name, numbers, rows=1, predictions=row, labels=np.array([label], np.int32), sums=sums)
        kernels.append(sums[0])
    given = () if k is None else (k,)
    assert getattr(metrics, name)([label] * len(ROWS), ROWS, *given).tolist() == kernels
    one_hot = np.eye(3)[[label] * len(ROWS)]
    assert getattr(metrics, name.removeprefix("sparse_"))(one_hot, ROWS, *given).tolist() == kernels


def test_compile_takes_the_functions(tmp_path: Path) -> None:
    model = Sequential([layers.Input((2,)), layers.Dense(3, activation="softmax")])
    model.set_weights([np.eye(2, 3), np.zeros(3)])
    measured = [metrics.categorical_accuracy, metrics.mse, metrics.top_k_categorical_accuracy]
    model.compile("sgd", loss=losses.categorical_crossentropy, metrics=[*measured, metrics.TopKCategoricalAccuracy(1)])
    x, y = np.array([[3.0, 1.0], [0.0, 2.0]]), np.eye(3)[[0, 2]]
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    top = ("top_k_categorical_accuracy", "top_k_categorical_accuracy_1")
    assert set(found) == {"loss", "categorical_accuracy", "mean_squared_error", *top}
    answer = model.predict(x, verbose=0)
    assert found["loss"] == pytest.approx(losses.categorical_crossentropy(y, answer).mean())
    assert found["mean_squared_error"] == pytest.approx(metrics.mean_squared_error(y, answer).mean())
    assert (found["categorical_accuracy"], found["top_k_categorical_accuracy"]) == (0.5, 1.0)
    model.save(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras").evaluate(x, y, verbose=0, return_dict=True) == found
    with pytest.raises(TypeError, match="loss must be a name"):
        model.compile("sgd", loss=lambda y_true, y_pred: 0)


def test_layers_and_activations_of_symbolic_tensors(tmp_path: Path) -> None:
    x = layers.Input((2, 2, 3))
    y = activations.relu(layers.add([x, x], name="twice"), max_value=6)
    y = layers.concatenate([activations.sigmoid(x), layers.multiply([y, y]), activations.leaky_relu(x)], axis=3)
    model = Model(x, y)
    assert [layer.name for layer in model.layers if layer.name == "twice"] and y.shape == (None, 2, 2, 9)
    values = np.arange(-6, 6, dtype=np.float32).reshape(1, 2, 2, 3)
    twice = np.clip(values + values, 0, 6)
    expected = np.concatenate([1 / (1 + np.exp(-values)), twice * twice, np.where(values > 0, values, 0.2 * values)], 3)
    np.testing.assert_allclose(model.predict(values, verbose=0), expected, rtol=1e-5)
    model.save(tmp_path / "m.keras")
    np.testing.assert_allclose(load_model(tmp_path / "m.keras").predict(values, verbose=0), expected, rtol=1e-5)
    for refused in (lambda: activations.elu(x, alpha=0.5), lambda: activations.relu(x, threshold=1.0)):
        with pytest.raises(ValueError, match=r"activations.elu: layers have no|threshold must be 0"):
            refused()
