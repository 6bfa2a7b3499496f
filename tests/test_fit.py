"""fit: the numbers against plain NumPy, the order of the data, and what may change between runs."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
from small_models import SPARSE, Oracle, images, linear, network, problem

from pyconvnet.callbacks import Callback, EarlyStopping
from pyconvnet.layers import Dense
from pyconvnet.models import Sequential
from pyconvnet.training.loop import data_order


@pytest.mark.parametrize("weighting", ["none", "samples", "classes"])
@pytest.mark.parametrize("l2", [0.0, 0.02])
@pytest.mark.parametrize("shuffle", [True, False])
def test_fit_equals_numpy(weighting: str, l2: float, shuffle: bool) -> None:
    x, y = problem(30)
    model = linear(**({"kernel_regularizer": {"class_name": "L2", "config": {"l2": l2}}} if l2 else {}))
    oracle, seed = Oracle(model, l2), model._seed
    sample_weight = np.linspace(0, 2, 30) if weighting == "samples" else None
    class_weight = {0: 2.0, 2: 0.25} if weighting == "classes" else None
    weights = np.ones(30)
    if sample_weight is not None:
        weights = sample_weight
    elif class_weight is not None:
        weights = np.array([class_weight.get(int(label), 1.0) for label in y])
    history = model.fit(
        x,
        y,
        batch_size=7,
        epochs=3,
        verbose=0,
        validation_split=0.3,
        shuffle=shuffle,
        sample_weight=sample_weight,
        class_weight=class_weight,
    ).history
    assert list(history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    tested = weights[21:] if weighting == "samples" else np.ones(9)  # class weights are for training only
    for epoch in range(3):
        order = data_order(seed, 3 * epoch, 21, shuffle)
        loss, accuracy = oracle.epoch(x[:21], y[:21], weights[:21], order, 7, train=True)
        val_loss, val_accuracy = oracle.epoch(x[21:], y[21:], tested, np.arange(9), 7, train=False)
        got = [history[name][epoch] for name in ("loss", "accuracy", "val_loss", "val_accuracy")]
        assert all(type(value) is float for value in got)
        np.testing.assert_allclose(got, [loss, accuracy, val_loss, val_accuracy], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.get_weights()[0], oracle.kernel, rtol=1e-4, atol=1e-5)


def test_partial_last_batch_counts_by_its_rows() -> None:
    x, y = problem(10)
    model = linear()
    oracle = Oracle(model)
    history = model.fit(x, y, batch_size=8, verbose=0, shuffle=False)
    loss, accuracy = oracle.epoch(x, y, np.ones(10), np.arange(10), 8, train=True)
    np.testing.assert_allclose([history.history["loss"][0], history.history["accuracy"][0]], [loss, accuracy], 1e-5)
    assert model.optimizer is not None and model.optimizer.iterations == 2
    np.testing.assert_allclose(model.get_weights()[1], oracle.bias, rtol=1e-5, atol=1e-6)


def test_history_and_params() -> None:
    x, y = problem()
    model = linear()
    history = model.fit(x, y, epochs=4, initial_epoch=1, verbose=0, batch_size=4)
    assert history.epoch == [1, 2, 3]
    assert history.params == {"verbose": 0, "epochs": 4, "steps": 8}
    assert history is model.history and history.model is model
    assert list(history.history) == ["accuracy", "loss"]


def test_validation_data_goes_before_the_split_and_takes_weights() -> None:
    x, y = problem(40)
    model = linear()
    weights = np.linspace(0, 1, 10)
    given = (x[30:], y[30:], weights)
    history = model.fit(x[:30], y[:30], verbose=0, validation_split=0.5, validation_data=given, batch_size=30)
    assert model.optimizer is not None and model.optimizer.iterations == 1
    again = model.evaluate(x[30:], y[30:], sample_weight=weights, verbose=0, return_dict=True)
    assert {name: values[0] for name, values in history.history.items() if name.startswith("val_")} == {
        f"val_{name}": value for name, value in again.items()
    }


def test_a_run_in_two_parts_is_the_run_in_one() -> None:
    x, y = images()
    whole, parts = network(), network()
    both = whole.fit(x, y, epochs=3, verbose=0).history["loss"]
    first = parts.fit(x, y, epochs=1, verbose=0).history["loss"]
    resumed = pickle.loads(pickle.dumps(parts))
    rest = resumed.fit(x, y, epochs=3, initial_epoch=1, verbose=0).history["loss"]
    assert both == first + rest
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_order_of_the_data() -> None:
    first = data_order(7, 0, 100, shuffle=True)
    assert sorted(first) == list(range(100)) and first.dtype == np.int64
    np.testing.assert_array_equal(first, data_order(7, 0, 100, shuffle=True))
    for seed, iteration in [(8, 0), (7, 1), (7 + (1 << 64), 1)]:
        assert (first != data_order(seed, iteration, 100, shuffle=True)).any()
    np.testing.assert_array_equal(data_order(7, 3, 4, shuffle=False), [0, 1, 2, 3])


def test_train_on_batch_is_a_step() -> None:
    x, y = problem(20)
    model, fitted = linear(), linear()
    loss, accuracy = model.train_on_batch(x, y)
    history = fitted.fit(x, y, batch_size=20, verbose=0, shuffle=False).history
    assert [loss, accuracy] == [history["loss"][0], history["accuracy"][0]]
    np.testing.assert_array_equal(model.get_weights()[0], fitted.get_weights()[0])
    assert model.optimizer is not None and model.optimizer.iterations == 1
    tested = model.test_on_batch(x, y, return_dict=True)
    assert tested == model.evaluate(x, y, 20, 0, return_dict=True)
    weighted = model.train_on_batch(x, y, class_weight={0: 0, 1: 0, 2: 0}, return_dict=True)
    assert weighted["loss"] == 0 and weighted["accuracy"] == tested["accuracy"]


def test_learning_rate_can_be_set_between_and_during() -> None:
    class Halt(Callback):
        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.model.optimizer.learning_rate = 0.0

    x, y = problem()
    model = linear()
    before = model.get_weights()[0]
    model.fit(x, y, verbose=0, callbacks=[Halt()])
    np.testing.assert_array_equal(model.get_weights()[0], before)
    assert model.optimizer is not None
    model.optimizer.learning_rate = 0.1
    model.fit(x, y, verbose=0)
    assert (model.get_weights()[0] != before).any()


def test_freezing_a_layer_takes_effect() -> None:
    x, y = images()
    model = network()
    model.fit(x, y, verbose=0)
    model.layers[0].trainable = False
    first, last = model.layers[0].get_weights()[0], model.layers[-1].get_weights()[0]
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], first)
    assert (model.layers[-1].get_weights()[0] != last).any()


def test_set_weights_is_seen_by_the_next_run() -> None:
    x, y = images()
    model = network()
    weights = model.get_weights()
    first = model.evaluate(x, y, verbose=0)
    model.fit(x, y, verbose=0)
    assert model.evaluate(x, y, verbose=0) != first
    model.set_weights(weights)
    assert model.evaluate(x, y, verbose=0) == first


def test_a_model_builds_from_its_first_data() -> None:
    x, y = problem()
    model = Sequential([Dense(3, activation="softmax")])
    model.compile("sgd", SPARSE)
    model.fit(x, y, verbose=0)
    assert model.output_shape == (None, 3)


def test_copies_train_alone() -> None:
    x, y = problem()
    model = linear()
    model.fit(x, y, verbose=0)
    before = model.get_weights()[0]
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for copied in copies:
        copied.fit(x, y, verbose=0, epochs=2, initial_epoch=1)
    np.testing.assert_array_equal(model.get_weights()[0], before)
    model.fit(x, y, verbose=0, epochs=2, initial_epoch=1)
    for copied in copies:
        np.testing.assert_array_equal(model.get_weights()[0], copied.get_weights()[0])


def test_a_dropped_model_frees_its_memory_at_once() -> None:
    x, y = problem()
    model = linear()
    history = model.fit(x, y, verbose=0, validation_split=0.2, callbacks=[EarlyStopping(patience=3)])
    model.predict(x, verbose=0)
    gone = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert gone() is None
    finally:
        gc.enable()
    assert history.model is None and len(history.history["loss"]) == 1
