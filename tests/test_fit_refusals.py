"""What compile, fit, evaluate and predict refuse, with which words, and that nothing is changed by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_models import SPARSE, linear, problem

import pyconvnet
from pyconvnet.layers import Dense, Input
from pyconvnet.models import Sequential


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(batch_size=0), ValueError, "batch_size must be positive, got 0"),
        (dict(batch_size=2.5), TypeError, "batch_size must be a whole number, got 2.5"),
        (dict(epochs=-1), ValueError, "epochs must be at least 0, got -1"),
        (dict(epochs="3"), TypeError, "epochs must be a whole number, got '3'"),
        (dict(initial_epoch=-1), ValueError, "initial_epoch must be at least 0, got -1"),
        (dict(validation_batch_size=0), ValueError, "validation_batch_size must be positive, got 0"),
        (dict(validation_split=1.0), ValueError, "validation_split must be from 0 to 1"),
        (dict(validation_split=0.99), ValueError, "validation_split=0.99 of 30 samples leaves 0 for training"),
        (dict(validation_data=3), TypeError, r"validation_data must be \(x, y\) or .*, got int"),
        (dict(validation_data=(1,)), ValueError, r"validation_data must be \(x, y\) or .*, got 1 entries"),
        (dict(validation_data=(np.zeros((2, 5)), [0, 1])), ValueError, "validation_data: x must have shape"),
        (dict(sample_weight=np.ones(29)), ValueError, "sample_weight must hold one number a sample"),
        (dict(sample_weight=np.ones(30), class_weight={0: 1.0}), ValueError, "exclude each other"),
        (dict(steps_per_epoch=0), ValueError, "steps_per_epoch must be positive, got 0"),
        (dict(validation_steps=1.5), TypeError, "validation_steps must be a whole number, got 1.5"),
        (dict(validation_freq=0), ValueError, "validation_freq must be positive, got 0"),
        (dict(verbose="loud"), ValueError, "verbose must be 'auto', 0, 1 or 2, got 'loud'"),
        (dict(callbacks=[3]), TypeError, "callbacks must derive from"),
        (dict(y=None), TypeError, "y must be a NumPy array or a list of numbers, got NoneType"),
        (dict(y=np.full(30, 3)), ValueError, "labels must be from 0 to 2"),
        (dict(x=np.zeros((0, 6))), ValueError, "x is empty"),
    ],
)
def test_fit_refuses_and_changes_nothing(options: dict[str, Any], error: type[Exception], message: str) -> None:
    x, y = problem()
    model = linear()
    before = model.get_weights()[0]
    with pytest.raises(error, match="fit: .*" + message):
        model.fit(**{"x": x, "y": y, "verbose": 0, **options})
    np.testing.assert_array_equal(model.get_weights()[0], before)
    assert model.optimizer is not None and model.optimizer.iterations == 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            dict(device="cuda"),
            ValueError,
            "device 'cuda' is not available: .*; use device='cpu'",
        ),
        (dict(device="tpu"), ValueError, "device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got 'tpu'"),
        (dict(loss_weights=[2, 3]), ValueError, "loss_weights must have 1 entries, one for each of"),
        (dict(weighted_metrics=["acc"]), ValueError, "weighted_metrics=.* is not supported"),
        (dict(run_eagerly=True), ValueError, "run_eagerly=True is not supported"),
        (dict(run_eagerly=np.array([1, 2])), ValueError, r"run_eagerly=array\(\[1, 2\]\) is not supported"),
        (dict(steps_per_execution=0), ValueError, "steps_per_execution must be positive, got 0"),
        (dict(metrics=["acuracy"]), ValueError, "unknown metric 'acuracy'; did you mean 'accuracy'?"),
        (dict(metrics=[7]), TypeError, "metrics must be names such as 'accuracy'"),
        (dict(metrics=7), TypeError, "metrics must be a name or a list of names, got 7"),
        (dict(loss="sparse_categorical_entropy"), ValueError, "did you mean 'sparse_categorical_crossentropy'?"),
        (dict(optimizer="adma"), ValueError, "did you mean 'adam'?"),
    ],
)
def test_compile_refuses(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match="compile: .*" + message):
        linear().compile(**options)


def test_compile_takes_what_changes_nothing() -> None:
    model = linear()
    for nothing in (dict(run_eagerly=False), dict(run_eagerly=None), dict(weighted_metrics=[])):
        model.compile("sgd", SPARSE, jit_compile=True, steps_per_execution=4, device="auto", **nothing)  # type: ignore[arg-type]
    assert model.compiled and model.loss == SPARSE


@pytest.mark.parametrize(("method", "wrong"), [("profile", "batchsize"), ("predict_on_batch", "xx")])
def test_a_misspelt_argument_is_told_the_nearest(method: str, wrong: str) -> None:
    with pytest.raises(TypeError, match=f"{method}: unknown argument '{wrong}'"):
        getattr(linear(), method)(np.zeros((2, 6)), **{wrong: 3})


@pytest.mark.parametrize("name", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_what_needs_compile_says_so(name: str) -> None:
    x, y = problem()
    model = Sequential([Input((6,)), Dense(3)])
    with pytest.raises(RuntimeError, match=f"{name}: compile the model first"):
        getattr(model, name)(x, y)
    model.compile("sgd")
    with pytest.raises(RuntimeError, match=f"{name}: compile the model with a loss"):
        getattr(model, name)(x, y)
    assert model.predict(x, verbose=0).shape == (30, 3)


def test_wrong_predict_and_evaluate_are_refused() -> None:
    x, y = problem()
    model = linear()
    with pytest.raises(ValueError, match=r"predict: x must have shape \(samples, 6\), got \(30, 5\)"):
        model.predict(x[:, :5], verbose=0)
    with pytest.raises(ValueError, match="predict: x is empty"):
        model.predict(x[:0], verbose=0)
    with pytest.raises(ValueError, match="evaluate: batch_size must be positive, got -1"):
        model.evaluate(x, y, -1, verbose=0)
    with pytest.raises(ValueError, match="evaluate: y must have as many entries as x: 30, got 29"):
        model.evaluate(x, y[1:], verbose=0)


@pytest.mark.parametrize(
    ("name", "misspelt", "meant"),
    [
        ("compile", "optimiser", "optimizer"),
        ("fit", "batchsize", "batch_size"),
        ("evaluate", "Verbose", "verbose"),
        ("predict", "call_backs", "callbacks"),
        ("train_on_batch", "sample_weights", "sample_weight"),
        ("test_on_batch", "returndict", "return_dict"),
    ],
)
def test_misspelt_keywords_are_told_the_nearest(name: str, misspelt: str, meant: str) -> None:
    x, y = problem()
    model = linear()
    before = model.get_weights()[0]
    with pytest.raises(TypeError, match=f"^{name}: unknown argument '{misspelt}'; did you mean '{meant}'\\?$"):
        getattr(model, name)(x, y, **{misspelt: 1})
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_misspelt_keywords_of_the_one_call_are_told_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"^train: unknown argument 'epoch'; did you mean 'epochs'"):
        pyconvnet.train(linear(), problem(), epoch=1)  # type: ignore[call-arg]
