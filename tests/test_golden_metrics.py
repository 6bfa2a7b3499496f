"""Label smoothing and top-k accuracies against real Keras (tests/golden/make_metrics.py), and metrics as objects."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from golden import assert_near, load_arrays
from golden.metric_rows import data, drive, product

import pyconvnet
from pyconvnet import losses, metrics
from pyconvnet.training import metric_names

CASES, ARRAYS = load_arrays("metrics")
SMOOTHED = [row for row in CASES if "loss" in row]
TOP = [row for row in CASES if "metric" in row]
EVALUATED = [row for row in CASES if "values" in row]
X, NUMBERS, LABELS, START = (ARRAYS[key] for key in ("x", "numbers", "labels", "start"))


def _model(activation: str) -> Any:
    layers = pyconvnet.layers
    dense = layers.Dense(START.shape[1], activation=activation, use_bias=False)
    model = pyconvnet.Sequential([layers.Input((START.shape[0],)), dense])
    model.set_weights([START])
    return model


@pytest.mark.parametrize("row", SMOOTHED, ids=[row["name"] for row in SMOOTHED])
def test_smoothed_labels_are_keras(row: dict[str, Any]) -> None:
    model = _model(row["activation"])
    logits = row["activation"] == "linear"
    loss = getattr(losses, row["loss"])(from_logits=logits, label_smoothing=row["smoothing"])
    model.compile(pyconvnet.optimizers.SGD(1.0), loss, metrics=["accuracy"])
    value, accuracy = model.evaluate(X, LABELS, verbose=0)
    assert value == pytest.approx(row["value"], rel=2e-6)
    assert accuracy == pytest.approx((model.predict(X, verbose=0).argmax(1) == NUMBERS).mean())  # of the true labels
    model.train_on_batch(X, LABELS)
    assert_near(model.get_weights()[0], ARRAYS[f"{row['name']}/weights"], 2e-6, row["name"])


@pytest.mark.parametrize("row", TOP, ids=[row["name"] for row in TOP])
def test_top_k_is_keras(row: dict[str, Any]) -> None:
    layers = pyconvnet.layers
    model = pyconvnet.Sequential([layers.Input((LABELS.shape[1],)), layers.Activation("linear")])
    sparse = row["metric"].startswith("Sparse")
    metric = getattr(metrics, row["metric"])(k=row["k"], name="top")
    loss = "sparse_categorical_crossentropy" if sparse else "categorical_crossentropy"
    model.compile("sgd", loss, metrics=[metric])
    answer = model.evaluate(ARRAYS["predictions"], NUMBERS if sparse else LABELS, verbose=0, return_dict=True)
    assert answer["top"] == pytest.approx(row["value"], abs=1e-7)


@pytest.mark.parametrize("row", EVALUATED, ids=[row["name"] for row in EVALUATED])
def test_metrics_after_every_batch_are_keras(row: dict[str, Any]) -> None:
    """Means of float32 numbers, which Keras adds in float32 and pyconvnet in float64: two float32 units apart.

    A metric that is given twice is reported once; Keras reports it a second time with "_1" behind its name.
    """
    got, expected = drive(pyconvnet, row), row["values"]
    for batch, (logs, golden) in enumerate(zip(got, expected, strict=True)):
        ours = {name: name if name in logs else name.removesuffix("_1") for name in golden}
        assert set(ours.values()) == set(logs)
        for name, value in golden.items():
            assert logs[ours[name]] == pytest.approx(value, rel=2e-6, abs=1e-7), f"{name} behind batch {batch}"


@pytest.mark.parametrize("row", EVALUATED, ids=[row["name"] for row in EVALUATED])
def test_metrics_used_alone_are_keras(row: dict[str, Any]) -> None:
    x, y = data(row)
    for name, config in row["metrics"]:
        metric = getattr(metrics, name)(**{**config, "fn": product} if "fn" in config else config)
        for batch, golden in enumerate(row["values"][:-1]):
            rows = slice(batch * row["batch"], (batch + 1) * row["batch"])
            metric.update_state(y[rows], x[rows])
            assert metric.result() == pytest.approx(golden[metric.name], rel=2e-6, abs=1e-7)
        metric.reset_state()
        assert metric.result() == 0.0
        assert getattr(metrics, name).from_config(metric.get_config()).result() == 0.0


# In a model Keras takes the logits behind a softmax or a sigmoid, whichever it is; arrays have none.
FITTING = [row for row in SMOOTHED if (row["loss"][0], row["activation"]) not in (("C", "sigmoid"), ("B", "softmax"))]


@pytest.mark.parametrize("row", FITTING, ids=[row["name"] for row in FITTING])
def test_losses_of_arrays_are_keras(row: dict[str, Any]) -> None:
    logits = row["activation"] == "linear"
    loss = getattr(losses, row["loss"])(from_logits=logits, label_smoothing=row["smoothing"])
    predictions = _model(row["activation"]).predict(X, verbose=0)
    assert loss(LABELS, predictions) == pytest.approx(row["value"], rel=2e-6)
    doubled = loss(LABELS, predictions, sample_weight=[2.0] * len(X))
    assert doubled == pytest.approx(2 * row["value"], rel=2e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: losses.MeanSquaredError()([[1.0]], [[1.0, 2.0]]),
            ValueError,
            r"y_true must have shape \(1, 2\) beside",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy()([2], [[0.5, 0.5]]),
            ValueError,
            "SparseCategoricalCrossentropy: y_true must hold class numbers from 0 to 1, got 2",
        ),
        (
            lambda: metrics.SparseCategoricalAccuracy()([0.5], [[0.5, 0.5]]),
            ValueError,
            "SparseCategoricalAccuracy: y_true must hold class numbers from 0 to 1, got 0.5",
        ),
        (lambda: metrics.BinaryAccuracy()(["a"], [1.0]), TypeError, "BinaryAccuracy: y_true must hold numbers"),
    ],
)
def test_arrays_are_checked(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_metrics_by_object_report_under_their_names() -> None:
    model = _model("softmax")
    top = metrics.SparseTopKCategoricalAccuracy(k=2, name="two")
    chosen = [metrics.SparseCategoricalAccuracy(), top, "sparse_top_k_categorical_accuracy", "accuracy"]
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=chosen)
    history = model.fit(X, NUMBERS, verbose=0, epochs=2, validation_split=0.25).history
    names = ["sparse_categorical_accuracy", "two", "sparse_top_k_categorical_accuracy", "accuracy"]
    assert model.metrics_names == ["loss", *names]
    assert set(history) == {f"{prefix}{name}" for prefix in ("", "val_") for name in ("loss", *names)}
    assert history["two"] != history["accuracy"] == history["sparse_categorical_accuracy"]
    assert model.metric_direction("two") == "max"
    assert "sparse_top_k_categorical_accuracy" in str(model.plan())


def test_metrics_are_their_names_and_can_be_made_again() -> None:
    top = metrics.TopKCategoricalAccuracy(k=3, name="three")
    assert (top, top.name, top.k, top.kernel) == ("three", "three", 3, "top_k_categorical_accuracy k=3")
    assert top.get_config() == {"k": 3, "name": "three"}
    assert repr(top) == "TopKCategoricalAccuracy(k=3, name='three')"
    for twin in (copy.deepcopy(top), pickle.loads(pickle.dumps(top)), type(top).from_config(top.get_config())):
        assert (twin, twin.kernel, type(twin)) == (top, top.kernel, type(top))
    assert metrics.MeanSquaredError().name == "mean_squared_error"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: metrics.TopKCategoricalAccuracy(k=0), ValueError, "TopKCategoricalAccuracy: k must be positive"),
        (lambda: metrics.BinaryAccuracy(name=3), TypeError, "BinaryAccuracy: name must be a text, got 3"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=1.5), ValueError, "label_smoothing must be from 0 to 1"),
        (
            lambda: metric_names.names([7]),
            TypeError,
            r"objects of pyconvnet.metrics or functions of \(y_true, y_pred\), got 7",
        ),
        (lambda: metrics.MeanMetricWrapper("mse"), TypeError, "MeanMetricWrapper: fn must be a function of"),  # type: ignore[arg-type]
        (
            lambda: metric_names.resolve(metrics.TopKCategoricalAccuracy(), True, (10,)),
            ValueError,
            "metric 'top_k_categorical_accuracy' does not fit the loss, whose labels are class numbers",
        ),
    ],
)
def test_settings_are_checked(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
