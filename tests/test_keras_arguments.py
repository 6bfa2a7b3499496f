"""Arguments and habits of Keras 2 and 3 that change nothing are taken; those that would are refused by name."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyconvnet import Model, Sequential, callbacks, layers, losses, metrics, optimizers, plot, regularizers, utils
from pyconvnet.compat import stand_ins
from pyconvnet.datasets import mnist
from pyconvnet.models import load_model

X, Y = np.ones((8, 4), np.float32), np.zeros((8, 3), np.float32)


def network(**compiled: Any) -> Sequential:
    model = Sequential([layers.Input((4,)), layers.Dense(3, name="out")], name="m")
    model.compile(**{"optimizer": "sgd", "loss": "mse", **compiled})
    return model


def test_the_learning_rate_is_asked_and_set_as_in_keras() -> None:
    sgd = optimizers.SGD(0.1)
    assert sgd.learning_rate.numpy() == np.float32(0.1) and repr(sgd.lr) == "0.1"
    sgd.learning_rate.assign(0.05)
    stand_ins.set_value(sgd.lr, stand_ins.get_value(sgd.lr) / 2)
    assert sgd.learning_rate == np.float32(0.05) / 2
    assert type(pickle.loads(pickle.dumps(sgd.learning_rate))) is float
    assert type(sgd.get_config()["learning_rate"]) is float
    scheduled = optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))
    with pytest.raises(TypeError, match="the learning rate is ExponentialDecay's"):
        scheduled.learning_rate.assign(0.1)


def test_a_callback_sets_the_rate() -> None:
    model = network()
    weights = model.get_weights()
    stop = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: model.optimizer.learning_rate.assign(0.0))
    model.fit(X, Y, verbose=0, callbacks=[stop])
    np.testing.assert_array_equal(model.get_weights()[0], weights[0])


def test_weights_as_values() -> None:
    weight = network().weights[0]
    stand_ins.set_value(weight, np.ones((4, 3)))
    np.testing.assert_array_equal(stand_ins.get_value(weight), weight.value)
    weight.value[:] = 2
    np.testing.assert_array_equal(weight, np.ones((4, 3)))


def test_an_answer_has_numpy() -> None:
    answer = network()(X)
    for plain in (
        answer.numpy(),
        answer[0].numpy(),
        answer * 2,
        answer.sum(axis=0),
        pickle.loads(pickle.dumps(answer)),
    ):
        assert type(plain) is np.ndarray
    assert isinstance(answer.mean(), np.float32) and repr(answer) == repr(answer.numpy())
    x = layers.Input((4,))
    both = Model(x, {"a": layers.Dense(1, name="a")(x), "b": layers.Dense(2, name="b")(x)})(X)
    assert both["b"].numpy().shape == (8, 2)


def test_no_epochs() -> None:
    model = network()
    assert model.fit(X, Y, epochs=0, verbose=0).history == {}
    assert model.optimizer.iterations == 0


@pytest.mark.parametrize("cls", [callbacks.EarlyStopping, callbacks.ReduceLROnPlateau])
def test_an_unknown_mode_is_auto(cls: Any) -> None:
    with pytest.warns(UserWarning, match=f"{cls.__name__}: mode must be .*, got 'foo'; 'auto' is taken"):
        assert cls(mode="foo").mode == "auto"


def test_checkpoints_of_weights_in_h5(tmp_path: Path) -> None:
    model = network()
    model.fit(X, Y, verbose=0, callbacks=[callbacks.ModelCheckpoint(tmp_path / "w.h5", save_weights_only=True)])
    fresh = network()
    fresh.load_weights(tmp_path / "w.h5", skip_mismatch=False)
    np.testing.assert_array_equal(fresh.get_weights()[0], model.get_weights()[0])


def test_harmless_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = network(loss=["mse"], auto_scale_loss=True, metrics=[metrics.MeanAbsoluteError(dtype="float32")])
    model.fit(X, Y, verbose=0, workers=4, use_multiprocessing=True, max_queue_size=3)
    model.evaluate(X, Y, verbose=0, workers=2)
    model.predict(X, verbose=0, workers=2)
    model.summary(expand_nested=True, show_trainable=False, positions=None)
    assert "Total params: 15" in capsys.readouterr().out
    with pytest.warns(UserWarning, match="save_format='h5' is ignored"):
        model.save(tmp_path / "m.h5", save_format="h5")
    assert utils.to_categorical(y=[0, 1], dtype="float32").dtype == np.float32
    assert utils.to_categorical(x=[0, 1]).dtype == np.float64
    assert "path" in mnist.load_data.__annotations__
    for cls in (losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy, losses.BinaryCrossentropy):
        assert cls(axis=-1, name="mine", dtype="float32") == cls()
    assert losses.MeanSquaredError(name="mine", dtype="float32") == losses.MeanSquaredError()
    assert optimizers.Adam(1e-3, 0.9, 0.999, 1e-7, False).get_config() == optimizers.Adam().get_config()
    assert optimizers.RMSprop(1e-3, 0.9, 0.0, 1e-7, False).weight_decay is None
    image = Sequential([layers.Input((2, 2, 3)), layers.Softmax(axis=3), layers.Flatten(), layers.Softmax(axis=1)])
    image.save(tmp_path / "s.keras")
    assert load_model(tmp_path / "s.keras").layers[0].axis == 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: network(loss={"typo": "mse"}), ValueError, "compile: loss: unknown output 'typo'.*out"),
        (lambda: network(metrics={"typo": "mae"}), ValueError, "compile: metrics: unknown output 'typo'"),
        (lambda: network().summary(show_trainable=True), ValueError, "summary: show_trainable=True is not supported"),
        (lambda: network().summary(positions=[0.5]), ValueError, "summary: positions=.* is not supported"),
        (lambda: network().load_weights("a.h5", by_name=True), ValueError, "by_name=True is not supported"),
        (lambda: optimizers.Adam(1e-3, 0.9, 0.999, 1e-7, True), ValueError, "Adam: amsgrad is not offered"),
        (lambda: optimizers.RMSprop(centered=True), ValueError, "RMSprop: centered is not offered"),
        (lambda: losses.CategoricalCrossentropy(axis=1), ValueError, "axis must be -1, the last one, got 1"),
        (lambda: losses.SparseCategoricalCrossentropy(ignore_class=1), ValueError, "ignore_class must be None"),
        (lambda: losses.MeanSquaredError(dtype="float16"), ValueError, "MeanSquaredError: dtype must be 'float32'"),
        (lambda: Sequential([layers.Input((4,)), layers.Softmax(axis=2)]), ValueError, "axis must be -1 or 1"),
        (lambda: utils.to_categorical(), TypeError, "x must be class numbers, got None"),
        (lambda: utils.to_categorical([1], y=[1]), TypeError, "x must be class numbers, got y as well"),
        (lambda: plot.history({"a": callbacks.History()}), TypeError, "'a' must be a list of numbers, got History"),
    ],
)
def test_the_rest_is_refused_by_name(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_an_output_of_a_model_that_is_not_built_has_a_name() -> None:
    model = Sequential([layers.Dense(3, name="out")])
    model.compile("sgd", {"out": "mse"}, metrics={"out": ["mae"]})
    assert model.fit(X, Y, verbose=0).history["mae"]
    with pytest.raises(ValueError, match="unknown output 'm'"):
        model.compile("sgd", {"m": "mse"})


def test_an_optimizer_trains_one_model() -> None:
    model, other = network(), network()
    model.fit(X, Y, verbose=0)
    other.compile(model.optimizer, "mse")
    with pytest.raises(ValueError, match="SGD: this optimizer has trained another model"):
        other.fit(X, Y, verbose=0)
    model.compile(model.optimizer, "mae")
    model.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("base", "method", "message"),
    [
        (layers.Dense, "call", "Model"),
        (layers.Layer, "call", "Model"),
        (Sequential, "train_step", "train_on_batch"),
        (Model, "call", "Model"),
        (Model, "compute_loss", "compile's losses"),
        (losses.Loss, "call", "pyconvnet.losses"),
        (metrics.Metric, "update_state", "function"),
        (metrics.BinaryAccuracy, "result", "function"),
        (regularizers.Regularizer, "__call__", "L1L2"),
        (optimizers.SGD, "update_step", "RMSprop"),
    ],
)
def test_methods_that_would_never_be_called_are_refused(base: type, method: str, message: str) -> None:
    with pytest.raises(TypeError, match=rf"^Mine: a {method}\(\) of its own would never be called, .*{message}"):
        type("Mine", (base,), {method: lambda self, *_: None})


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(ValueError, match="must be a file on a disk, got a pipe"):
        load_model(tmp_path / "pipe.keras")
