"""Every layer against real Keras: outputs and gradients (tests/golden/make_layers.py), by ops, by the reference, and by
models.

Tolerance: an array may differ from Keras's by 2e-6 of its largest value. Keras's own float32 numbers differ from its
float64 ones by up to 5e-7 of that (each case's "float64_error"), and two float32 programs may err in opposite
directions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden import assert_near, load_arrays
from golden.networks import build

import pyconvnet
from pyconvnet import ops, reference

TOLERANCE = 2e-6
CASES, ARRAYS = load_arrays("layers")
every_case = pytest.mark.parametrize("row", CASES, ids=lambda row: row["name"])
cases_with_weights = pytest.mark.parametrize("row", [r for r in CASES if r["weights"]], ids=lambda row: row["name"])
implementations = pytest.mark.parametrize("library", [ops, reference], ids=["ops", "reference"])
Arrays = dict[str, np.ndarray]


def _arrays(row: dict[str, Any], dtype: type = np.float32) -> Arrays:
    prefix = row["name"] + "/"
    return {key.removeprefix(prefix): value.astype(dtype) for key, value in ARRAYS.items() if key.startswith(prefix)}


def _weights(row: dict[str, Any], arrays: Arrays) -> list[np.ndarray]:
    return [arrays[f"weight{index}"] for index in range(row["weights"])]


def _tuples(config: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where Keras takes tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}


def _conv2d(library: Any, row: dict[str, Any], a: Arrays) -> Arrays:
    config = _tuples(row["config"])
    window = {key: config[key] for key in ("strides", "padding", "dilation_rate", "groups") if key in config}
    kernel, *bias = _weights(row, a)
    z = library.conv2d(a["x"], kernel, *bias, **window)
    dz = library.activation_backward(a["r"], z, config.get("activation", "linear"))
    dkernel, dbias = library.conv2d_backward_weights(a["x"], dz, kernel.shape[:2], **window)
    dx = library.conv2d_backward_data(dz, kernel, a["x"].shape, **window)
    return {
        "y": library.activation(z, config.get("activation", "linear")),
        "dx": dx,
        "dkernel": dkernel,
        "dbias": dbias,
    }


def _dense(library: Any, row: dict[str, Any], a: Arrays) -> Arrays:
    activation = row["config"].get("activation", "linear")
    kernel, *bias = _weights(row, a)
    z = library.dense(a["x"], kernel, *bias)
    dz = library.activation_backward(a["r"], z, activation)
    dkernel, dbias = library.dense_backward_weights(a["x"], dz)
    dx = library.dense_backward_data(dz, kernel)
    return {"y": library.activation(z, activation), "dx": dx, "dkernel": dkernel, "dbias": dbias}


def _max_pool2d(library: Any, row: dict[str, Any], a: Arrays) -> Arrays:
    config = _tuples(row["config"])
    size = config.pop("pool_size")
    return {
        "y": library.max_pool2d(a["x"], size, **config),
        "dx": library.max_pool2d_backward(a["r"], a["x"], size, **config),
    }


def _avg_pool2d(library: Any, row: dict[str, Any], a: Arrays) -> Arrays:
    config = _tuples(row["config"])
    size = config.pop("pool_size")
    return {
        "y": library.avg_pool2d(a["x"], size, **config),
        "dx": library.avg_pool2d_backward(a["r"], a["x"].shape, size, **config),
    }


def _flatten(library: Any, row: dict[str, Any], a: Arrays) -> Arrays:
    return {"y": library.flatten(a["x"]), "dx": library.flatten_backward(a["r"], a["x"].shape)}


def _activation(library: Any, row: dict[str, Any], a: Arrays) -> Arrays:
    function = row["config"]["activation"]
    return {"y": library.activation(a["x"], function), "dx": library.activation_backward(a["r"], a["x"], function)}


def _dropout(library: Any, row: dict[str, Any], a: Arrays) -> Arrays:
    rate = row["config"]["rate"]
    return {"y": library.dropout(a["x"], rate, seed=1), "dx": library.dropout_backward(a["r"], rate, seed=1)}


def _batch_norm(library: Any, row: dict[str, Any], a: Arrays) -> Arrays:
    config = row["config"]
    epsilon, momentum = config.get("epsilon", 1e-3), config.get("momentum", 0.99)
    *scale_and_shift, moving_mean, moving_variance = _weights(row, a)
    gamma = scale_and_shift.pop(0) if config.get("scale", True) else np.ones_like(moving_mean)
    beta = scale_and_shift.pop(0) if config.get("center", True) else np.zeros_like(moving_mean)
    y, mean, variance = library.batch_norm_training(a["x"], gamma, beta, epsilon=epsilon)
    dx, dgamma, dbeta = library.batch_norm_backward(a["r"], a["x"], gamma, mean, variance, epsilon=epsilon)
    return {
        **{"y": y, "dx": dx, "dgamma": dgamma, "dbeta": dbeta},
        "moving_mean_after": momentum * moving_mean + (1.0 - momentum) * mean,
        "moving_variance_after": momentum * moving_variance + (1.0 - momentum) * variance,
        "y_inference": library.batch_norm(a["x"], gamma, beta, moving_mean, moving_variance, epsilon=epsilon),
    }


COMPUTE = {
    **{"Conv2D": _conv2d, "Dense": _dense, "MaxPooling2D": _max_pool2d, "AveragePooling2D": _avg_pool2d},
    **{"Flatten": _flatten, "Activation": _activation, "Dropout": _dropout, "BatchNormalization": _batch_norm},
}


@implementations
@every_case
def test_layer_outputs_and_gradients_are_keras(library: Any, row: dict[str, Any]) -> None:
    arrays = _arrays(row, np.float32 if library is ops else np.float64)
    result = COMPUTE[row["layer"]](library, row, arrays)
    given = {"x", "r", *(f"weight{index}" for index in range(row["weights"]))}
    expected = {key: value for key, value in arrays.items() if key not in given}
    assert {"y", "dx"} <= expected.keys() <= result.keys()
    for key, value in expected.items():
        assert_near(result[key], value, TOLERANCE, key)


def _one_layer_model(row: dict[str, Any], arrays: Arrays) -> Any:
    model = build(pyconvnet, [(row["layer"], _tuples(row["config"]))], row["input_shape"][1:])
    model.set_weights(_weights(row, arrays))
    return model


@every_case
def test_one_layer_model_predicts_as_keras(row: dict[str, Any]) -> None:
    arrays = _arrays(row)
    predicted = _one_layer_model(row, arrays).predict(arrays["x"], verbose=0)
    assert_near(predicted, arrays.get("y_inference", arrays["y"]), TOLERANCE, "predict")


@cases_with_weights
def test_one_training_step_moves_the_weights_by_keras_gradients(row: dict[str, Any]) -> None:
    """With the target y - R size / 2 the mean squared error has the gradient R, and SGD(1) subtracts it."""
    arrays = _arrays(row)
    model = _one_layer_model(row, arrays)
    model.compile(optimizer=pyconvnet.optimizers.SGD(learning_rate=1.0), loss="mean_squared_error")
    model.train_on_batch(arrays["x"], arrays["y"] - arrays["r"] * np.float32(arrays["y"].size / 2))
    before, after = _weights(row, arrays), model.get_weights()
    # The step subtracts the target from y again: where R size / 2 is small beside y, the last bits of y count for more.
    largest_y, largest_distance = np.abs(arrays["y"]).max(), np.abs(arrays["r"]).max() * arrays["y"].size / 2
    tolerance = TOLERANCE * float(1 + largest_y / largest_distance)
    gradients = [key for key in ("dkernel", "dbias", "dgamma", "dbeta") if key in arrays]
    for key, start, end in zip(gradients, before, after, strict=False):
        moved = np.concatenate([start.ravel(), (end - start).ravel()])
        assert_near(moved, np.concatenate([start.ravel(), -arrays[key].ravel()]), tolerance, key)
    for name, end in zip(("moving_mean_after", "moving_variance_after"), after[len(gradients) :], strict=False):
        assert_near(end, arrays[name], TOLERANCE, name)
