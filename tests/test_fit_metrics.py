"""evaluate and the metrics of compile: names, numbers, directions."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from small_models import SPARSE, Oracle, linear, problem

from pyconvnet import metrics
from pyconvnet.callbacks import Callback
from pyconvnet.layers import Dense, Input
from pyconvnet.models import Model, Sequential
from pyconvnet.training import metric_names


def test_evaluate_answers_as_keras() -> None:
    x, y = problem()
    model = linear()
    loss, accuracy = Oracle(model).epoch(x, y, np.ones(30), np.arange(30), 30, train=False)
    before = model.get_weights()
    np.testing.assert_allclose(model.evaluate(x, y, 7, 0), [loss, accuracy], 1e-5)
    assert model.metrics_names == ["loss", "accuracy"]
    assert list(model.evaluate(x, y, verbose=0, return_dict=True)) == ["accuracy", "loss"]
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    model.compile("sgd", SPARSE)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "names", "one_hot"),
    [
        (SPARSE, ["acc", "sparse_categorical_crossentropy"], False),
        ("categorical_crossentropy", ["categorical_accuracy", "categorical_crossentropy", "mse"], True),
        ("mse", "mae", True),
    ],
)
def test_metrics_by_name(loss: str, names: Any, one_hot: bool) -> None:
    x, y = problem()
    model = linear()
    model.compile("sgd", loss, metrics=names)
    p = model.predict(x, verbose=0).astype(np.float64)
    truth = np.eye(3)[y]
    crossentropy = -np.log(p[np.arange(30), y]).mean()
    expected = {
        "acc": (p.argmax(1) == y).mean(),
        "categorical_accuracy": (p.argmax(1) == y).mean(),
        "sparse_categorical_crossentropy": crossentropy,
        "categorical_crossentropy": crossentropy,
        "mse": ((p - truth) ** 2).mean(),
        "mae": np.abs(p - truth).mean(),
    }
    got = model.evaluate(x, truth if one_hot else y, verbose=0, return_dict=True)
    wanted = {name: expected[name] for name in ([names] if isinstance(names, str) else names)}
    assert list(got) == sorted(["loss", *wanted])
    assert {name: got[name] for name in wanted} == pytest.approx(wanted, rel=1e-5)
    assert got["loss"] == pytest.approx(expected.get(loss, crossentropy), rel=1e-5)


def test_binary_accuracy_of_one_output() -> None:
    x, y = problem()
    model = Sequential([Input((6,)), Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    answer = model.evaluate(x, y == 1, verbose=0)
    assert answer[1] == pytest.approx(((model.predict(x, verbose=0)[:, 0] > 0.5) == (y == 1)).mean())


@pytest.mark.parametrize(
    ("name", "sparse", "output", "kernel"),
    [
        ("accuracy", True, (10,), "sparse_categorical_accuracy"),
        ("acc", False, (10,), "categorical_accuracy"),
        ("accuracy", False, (1,), "binary_accuracy"),
        ("MSE", False, (10,), "mean_squared_error"),
        ("SparseCategoricalAccuracy", True, (10,), "sparse_categorical_accuracy"),
    ],
)
def test_metric_names(name: str, sparse: bool, output: tuple[int, ...], kernel: str) -> None:
    assert metric_names.names([name, name]) == (name,)
    assert metric_names.resolve(name, sparse, output) == (name, kernel)


@pytest.mark.parametrize(("name", "sparse"), [("mse", True), ("sparse_categorical_accuracy", False)])
def test_metrics_that_do_not_fit_the_labels_are_refused(name: str, sparse: bool) -> None:
    with pytest.raises(ValueError, match=f"metric '{name}' does not fit the loss"):
        metric_names.resolve(name, sparse, (10,))


def test_directions_of_metrics() -> None:
    model = linear()
    model.compile("sgd", "mse", metrics=["accuracy", "mae"])
    directions = [model.metric_direction(name) for name in ("loss", "accuracy", "mae", "other")]
    assert directions == ["min", "max", "min", None]


def _right(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    assert (type(y_true), type(y_pred), y_pred.dtype) == (np.ndarray, np.ndarray, np.float32)
    return y_true == y_pred.argmax(-1)


def Largest(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    result = float(y_pred.max())
    y_pred[:] = 0  # what it does to its arrays is its own affair
    return result


def test_functions_see_every_batch_and_change_nothing() -> None:
    x, y = problem()
    plain, model = linear(), linear()
    model.compile("sgd", SPARSE, metrics=["accuracy", Largest, _right, lambda y_true, y_pred: y_pred, Largest])
    plain.compile("sgd", SPARSE, metrics=["accuracy"])
    assert model.metrics_names == ["loss", "accuracy", "largest", "_right", "lambda"]
    expected = plain.fit(x, y, 7, 2, 0, validation_split=0.3).history
    history = model.fit(x, y, 7, 2, 0, validation_split=0.3).history
    for name, values in expected.items():
        assert history[name] == pytest.approx(values, rel=1e-6)
    for prefix in ("", "val_"):
        assert history[f"{prefix}_right"] == pytest.approx(expected[f"{prefix}accuracy"])
        np.testing.assert_allclose(history[f"{prefix}lambda"], 1 / 3, 1e-6)  # probabilities
    batches = [plain.predict(x[first : first + 7], verbose=0).max() for first in range(0, 30, 7)]
    assert model.evaluate(x, y, 7, 0, return_dict=True)["largest"] == pytest.approx(np.mean(batches), rel=1e-6)
    assert model.metric_direction("_right") is None and "softmax" in str(model.plan())
    assert model.train_on_batch(x[:5], y[:5], return_dict=True)["_right"] in np.arange(6) / 5


@pytest.mark.parametrize(("dtype", "shape"), [("uint8", (30,)), ("int64", (30, 1))])
def test_functions_get_labels_as_they_were_given(dtype: str, shape: tuple[int, ...]) -> None:
    x, y = problem()
    seen = []
    model = linear()
    model.compile("sgd", SPARSE, metrics=lambda y_true, y_pred: seen.append((y_true.dtype.name, y_true.shape)) or 0)
    model.evaluate(x, y.astype(dtype).reshape(shape), 30, 0)
    assert seen == [(dtype, shape)]
    model.compile("sgd", "mse", metrics=lambda y_true, y_pred: seen.append((y_true.dtype.name, y_true.shape)) or 0)
    model.evaluate(x, np.eye(3)[y], 30, 0)
    assert seen[1:] == [("float32", (30, 3))]


def test_functions_of_several_outputs_and_of_one_name() -> None:
    x, y = problem()
    start = Input((6,))
    model = Model(start, [Dense(3, name="a", activation="softmax")(start), Dense(2, name="b")(start)])
    one, two = (lambda y_true, y_pred: y_pred), (lambda y_true, y_pred: 2 * y_pred)
    model.compile("sgd", [SPARSE, "mse"], metrics={"a": [_right, one, two], "b": one})
    targets = np.zeros((30, 2))
    got = model.evaluate(x, [y, targets], 11, 0, return_dict=True)
    a, b = model.predict(x, verbose=0)
    expected = {"a__right": (a.argmax(1) == y).mean(), "a_lambda": a.mean(), "a_lambda_1": 2 * a.mean()}
    assert {name: got[name] for name in expected} == pytest.approx(expected, rel=1e-6)
    assert got["b_lambda"] == pytest.approx(b.mean(), rel=1e-5)


def test_answers_that_are_no_numbers() -> None:
    x, y = problem()
    model = linear()
    model.compile("sgd", SPARSE, metrics=[metrics.MeanMetricWrapper(lambda y_true, y_pred: "good", name="words")])
    with pytest.raises(TypeError, match="metric 'words': must answer a number for each sample, got 'good'"):
        model.evaluate(x, y, verbose=0)


def test_an_evaluation_inside_another_leaves_its_sums_alone() -> None:
    x, y = problem()
    model = linear()

    class Nested(Callback):
        busy = False

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            if not self.busy:
                self.busy = True
                model.evaluate(x[:5], y[:5], 7, verbose=0)
                self.busy = False

    alone = model.evaluate(x, y, 7, verbose=0)
    assert model.evaluate(x, y, 7, verbose=0, callbacks=Nested()) == alone
    assert model.test_on_batch(x[:7], y[:7]) == model.evaluate(x[:7], y[:7], verbose=0)


def test_threads_that_measure_one_model_get_their_own_sums() -> None:
    x, y = problem(700)
    model = linear()
    alone, answers = model.evaluate(x, y, 1, verbose=0), []
    threads = [
        threading.Thread(target=lambda: answers.extend(model.evaluate(x, y, 1, verbose=0) for _ in range(10)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [alone] * 40
