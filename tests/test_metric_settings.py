"""Metrics with settings: logits, smoothed labels, thresholds. The numbers are those of Keras 3.15.1 on TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyconvnet import Sequential, layers, metrics
from pyconvnet.models import load_model
from pyconvnet.saving.compile_config import compile_arguments

# By the model's last activation: what Keras's `evaluate` answers for the metrics of `several`.
KERAS: dict[str | None, dict[str, float]] = {
    None: {"a": 1.1772419, "b": 1.0317913, "c": 1.2895442, "d": 0.4444444, "e": 7.8593040, "f": 1.4175025},
    "softmax": {"a": 1.1772419, "b": 1.1772419, "c": 1.1582545, "d": 0.3055556, "e": 1.3334013, "f": 1.4175025},
}


def several() -> list[metrics.Metric]:
    return [
        metrics.CategoricalCrossentropy(from_logits=True, name="a"),
        metrics.CategoricalCrossentropy(name="b"),
        metrics.CategoricalCrossentropy(label_smoothing=0.3, name="c"),
        metrics.BinaryAccuracy(threshold=0.3, name="d"),
        metrics.BinaryCrossentropy(label_smoothing=0.3, name="e"),
        metrics.BinaryCrossentropy("f", "float32", True),
    ]


def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.normal(size=(12, 4)).astype(np.float32), random.integers(0, 3, 12)


def network(activation: str | None, loss: str, measured: Any) -> Sequential:
    model = Sequential([layers.Input((4,)), layers.Dense(3, activation=activation)])
    model.set_weights([np.arange(12).reshape(4, 3) / 10, np.ones(3)])
    model.compile("sgd", loss, metrics=measured)
    return model


@pytest.mark.parametrize("loss", ["mse", "categorical_crossentropy"])
@pytest.mark.parametrize("activation", KERAS)
def test_evaluate_is_keras_also_from_files(activation: str | None, loss: str, tmp_path: Path) -> None:
    """Cross-entropies look at the logits behind a softmax, whether they are told so or not."""
    x, y = data()
    model = network(activation, loss, several())
    for ending in ("", ".keras", ".h5"):
        if ending:
            model.save(tmp_path / f"m{ending}")
            model = load_model(tmp_path / f"m{ending}")
        found = model.evaluate(x, np.eye(3)[y], verbose=0, return_dict=True)
        assert {name: found[name] for name in "abcdef"} == pytest.approx(KERAS[activation], rel=3e-6)


def test_used_alone() -> None:
    x, y = data()
    model = network(None, "mse", [])
    for metric in several():
        assert metric(np.eye(3)[y], model.predict(x, verbose=0)) == pytest.approx(KERAS[None][metric.name], rel=3e-6)
    sparse = metrics.SparseCategoricalCrossentropy(from_logits=True)
    assert sparse(y, model.predict(x, verbose=0)) == pytest.approx(1.1772418, rel=3e-6)


@pytest.mark.parametrize("threshold", [-1.5, 0.0, 0.1, 1 / 3, 0.7, 1e6])
def test_a_threshold_is_exact(threshold: float) -> None:
    """A number is above the threshold or not, however near."""
    at = np.float32(threshold)
    near = np.array([np.nextafter(at, -np.inf), at, np.nextafter(at, np.inf), -np.inf, np.inf], np.float32)
    x, y = near[:, None], (near > at).astype(np.float32)
    if threshold == 0:
        x[0], x[2] = -1e-20, 1e-20  # what lies between is 0
    model = Sequential([layers.Input((1,)), layers.Activation("linear")])
    metric = metrics.BinaryAccuracy(threshold=threshold)
    model.compile("sgd", "mse", metrics=[metric])
    assert model.evaluate(x[:3], y[:3], verbose=0)[1] == 1.0
    assert metric(y[:, None], x) == 1.0


def test_two_thresholds_are_two_metrics() -> None:
    given = [metrics.BinaryAccuracy(threshold=0.25), metrics.BinaryAccuracy(), "binary_accuracy"]
    assert network("sigmoid", "mse", given).metrics_names == ["loss", "binary_accuracy", "binary_accuracy_1"]


def entry(class_name: str, **config: Any) -> Any:
    return {"module": "keras.metrics", "class_name": class_name, "config": config, "registered_name": None}


def taken(metric: Any) -> Any:
    config = {"optimizer": "sgd", "loss": "mse", "metrics": [metric]}
    return compile_arguments("load", json.loads(json.dumps(config)), 1)["metrics"][0]


def test_settings_of_keras_files_are_taken() -> None:
    found = taken(entry("BinaryAccuracy", name="binary_accuracy", dtype="float32", threshold=0.0))
    assert found.threshold == 0.0 and found.kernel == "binary_accuracy threshold=0.0"
    assert taken(entry("BinaryAccuracy", name="binary_accuracy", dtype="float32", threshold=0.5)) == "binary_accuracy"
    function = {"module": "builtins", "class_name": "function", "config": "categorical_accuracy"}
    assert taken({**function, "registered_name": "function"}) == "categorical_accuracy"


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (entry("CategoricalCrossentropy", name="a", axis=1), "axis must be -1, the last one, got 1"),
        (entry("SparseCategoricalCrossentropy", name="a", ignore_class=3), "ignore_class must be None, got 3"),
        (entry("CategoricalAccuracy", name="a", weird=3), "CategoricalAccuracy has weird=3, which is not offered"),
        (entry("BinaryCrossentropy", name="a", label_smoothing=2), "label_smoothing must be from 0 to 1"),
    ],
)
def test_other_settings_of_files_are_refused(metric: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        taken(metric)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.BinaryAccuracy(dtype="float16"), ValueError, "BinaryAccuracy: dtype must be 'float32'"),
        (lambda: metrics.CategoricalCrossentropy(axis=1), ValueError, "axis must be -1, the last one, got 1"),
        (lambda: metrics.SparseCategoricalCrossentropy(ignore_class=1), ValueError, "ignore_class must be None"),
        (lambda: metrics.BinaryAccuracy(threshold="a"), TypeError, "BinaryAccuracy: threshold must be a number"),
    ],
)
def test_settings_are_checked(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
