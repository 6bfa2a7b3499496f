"""Every layer in random configurations against real Keras: outputs, and gradients by inputs and weights of a training
step (tests/golden/make_random_layers.py).

Tolerance: 2e-6 of the largest value, as in test_golden_layers.py, or four times the distance between Keras's float32
and float64 numbers ("float64_error", stored with each case) where that is more: where softmax saturates.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from golden import assert_near, load_arrays, tolerance
from golden.random_configurations import made

import pyconvnet
from pyconvnet import layers

CASES, ARRAYS = load_arrays("random_layers")
every_case = pytest.mark.parametrize("row", CASES, ids=lambda row: row["name"])
steps = pytest.mark.parametrize("row", [r for r in CASES if r["layer"] != "Dropout"], ids=lambda row: row["name"])
dropouts = pytest.mark.parametrize("row", [r for r in CASES if r["layer"] == "Dropout"], ids=lambda row: row["name"])
FAR = 1e6  # a target that no prediction reaches
Arrays = dict[str, np.ndarray]


def _arrays(row: dict[str, Any]) -> Arrays:
    """The numbers of a row; those that were given are kept as multiples of a unit."""
    prefix, unit = row["name"] + "/", row.get("unit", 1 / 32)
    found = {key.removeprefix(prefix): value for key, value in ARRAYS.items() if key.startswith(prefix)}
    for key, value in found.items():
        if value.dtype == np.int8:
            found[key] = value.astype(np.float32) * np.float32(unit if key.startswith("x") else 1 / 32)
    return found


def _inputs(row: dict[str, Any], arrays: Arrays) -> list[np.ndarray]:
    return [arrays[f"x{index}"] for index in range(len(row["shapes"]))]


def _one_or_list(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _model(row: dict[str, Any], arrays: Arrays) -> tuple[Any, Any]:
    """The layer, with its weights, and a model of it alone."""
    layer = made(pyconvnet, row)
    tensors = [layers.Input(tuple(shape[1:])) for shape in row["shapes"]]
    model = pyconvnet.Model(_one_or_list(tensors), layer(_one_or_list(tensors)))
    assert [w.name for w in layer.weights] == row["weights"]
    layer.set_weights([arrays[f"weight_{name}"] for name in row["weights"]])
    return layer, model


@every_case
def test_prediction_is_keras(row: dict[str, Any]) -> None:
    arrays = _arrays(row)
    _, model = _model(row, arrays)
    assert list(model.output_shape[1:]) == row["output_shape"][1:]
    predicted = model.predict(_one_or_list(_inputs(row, arrays)), verbose=0)
    assert_near(predicted, arrays["y"], tolerance(row), "predict")


def _training_model(layer: Any, inputs: list[np.ndarray], output_shape: list[int]) -> tuple[Any, list[Any]]:
    """A model whose training step with SGD(1) takes from the weights the gradients of sum(y * R) / rows + penalties.

    What goes into the layer is made of a row of the identity matrix by a Dense layer whose kernel holds the values,
    so that the gradient of that kernel is the gradient by the input. The output is multiplied by R, which is an input,
    and added up; the absolute difference to a target that is far below has the slope 1.

    Returns:
        The model, which takes the identity for every input of the layer, and R; and the kernels.
    """
    rows, given, kernels, tensors = len(inputs[0]), [], [], []
    for x in inputs:
        one_hot = layers.Input((rows,))
        source = layers.Dense(x.size // rows, use_bias=False)
        tensors.append(layers.Reshape(x.shape[1:])(source(one_hot)))
        source.set_weights([x.reshape(rows, -1)])
        given.append(one_hot)
        kernels.append(source.kernel)
    r = layers.Input(tuple(output_shape[1:]))
    product = layers.Multiply()([layer(_one_or_list(tensors)), r])
    total = layers.Dense(1, use_bias=False, kernel_initializer="ones", trainable=False)
    model = pyconvnet.Model([*given, r], total(layers.Flatten()(product)))
    model.compile(pyconvnet.optimizers.SGD(1.0), "mean_absolute_error")
    return model, kernels


def _train(row: dict[str, Any], arrays: Arrays, layer: Any) -> Arrays:
    """The distances that one step moved, by the names of the gradients, each with its sign turned."""
    inputs = _inputs(row, arrays)
    model, kernels = _training_model(layer, inputs, row["output_shape"])
    identity = np.eye(len(inputs[0]), dtype=np.float32)
    before = {w.name: w.numpy() for w in layer.weights}
    model.train_on_batch([*[identity] * len(inputs), arrays["r"]], np.full((len(identity), 1), -FAR, np.float32))
    after = [kernel.numpy().reshape(x.shape) for x, kernel in zip(inputs, kernels, strict=True)]
    moved = {f"dx{index}": x - end for index, (x, end) in enumerate(zip(inputs, after, strict=True))}
    return moved | {f"d{w.name}": before[w.name] - w.numpy() for w in layer.weights}


def _assert_moved(row: dict[str, Any], moved: np.ndarray, gradient: np.ndarray, start: np.ndarray, what: str) -> None:
    """The last bits of the weights themselves belong to the distances moved."""
    largest = max(float(np.abs(gradient).max()), 1e-30)
    assert_near(moved, gradient, tolerance(row) + 2.0**-23 * float(np.abs(start).max()) / largest, what)


@steps
def test_training_step_is_keras(row: dict[str, Any]) -> None:
    arrays = _arrays(row)
    layer, _ = _model(row, arrays)
    moved = _train(row, arrays, layer)
    for index, x in enumerate(_inputs(row, arrays)):
        _assert_moved(row, moved[f"dx{index}"], arrays[f"dx{index}"], x, f"gradient by input {index}")
    for name in row["weights"]:
        start = arrays[f"weight_{name}"]
        if f"after_{name}" in arrays:
            assert_near(start - moved[f"d{name}"], arrays[f"after_{name}"], tolerance(row), name)
        else:  # what has no gradient in Keras is not trained
            gradient = arrays.get(f"d{name}", np.zeros_like(start))
            _assert_moved(row, moved[f"d{name}"], gradient, start, f"gradient by {name}")


@dropouts
def test_dropout_drops_and_enlarges_as_keras(row: dict[str, Any]) -> None:
    """Other elements than Keras's, but by the same factors, and as many."""
    arrays = _arrays(row)
    layer, model = _model(row, arrays)
    x = np.ones_like(arrays["x0"])
    kept = model(x, training=True)
    np.testing.assert_allclose(np.unique(kept), arrays["factors"], rtol=2e-7)
    rate = layer.rate
    deviation = math.sqrt(rate * (1 - rate) / x.size)
    assert abs((kept == 0).mean() - rate) <= 5 * deviation
    moved = _train(row, arrays, layer)["dx0"] * len(x)
    allowed = np.stack([factor * arrays["r"] for factor in arrays["factors"]])
    # The values, of magnitude 2 at most, were subtracted from; then the distance was multiplied.
    assert np.abs(moved - allowed).min(axis=0).max() <= 2e-6 * max(allowed.max(), 1) + 2.0**-22 * len(x)


def test_global_max_pooling_gives_the_gradient_to_the_first_of_equal_maxima() -> None:
    """TensorFlow shares it among them: the one difference that these configurations leave out (see "distinct")."""
    x = np.array([0.5, 1, 0, 1, 1, 0.25], np.float32).reshape(1, 2, 3, 1)
    model, (kernel,) = _training_model(layers.GlobalMaxPooling2D(), [x], [1, 1])
    model.train_on_batch([np.ones((1, 1)), np.ones((1, 1))], np.full((1, 1), -FAR))
    np.testing.assert_array_equal(x.ravel() - kernel.numpy().ravel(), [0, 1, 0, 0, 0, 0])
