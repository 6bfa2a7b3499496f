"""compile, fit, evaluate, predict: the numbers against plain NumPy, the order of things, and what is refused."""

from __future__ import annotations

import copy
import gc
import pickle
import signal
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

from pyconvnet import metrics
from pyconvnet.callbacks import Callback, EarlyStopping
from pyconvnet.datasets import ScaledArray
from pyconvnet.layers import Conv2D, Dense, Dropout, Flatten, Input
from pyconvnet.models import Sequential
from pyconvnet.optimizers import SGD, Adam
from pyconvnet.training.loop import Pace, WholeSteps, data_order
from pyconvnet.training.plans import PlanCache, capacity
from pyconvnet.utils import set_random_seed

SPARSE = "sparse_categorical_crossentropy"
RATE = 0.5


def problem(rows: int = 30, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points x [rows, 6] of three classes y [rows]."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, rows)
    return (random.normal(size=(rows, 6)) + np.eye(3, 6)[y]).astype(np.float32), y


def linear(**options: Any) -> Sequential:
    """A softmax regression, compiled."""
    set_random_seed(3)
    model = Sequential([Input((6,)), Dense(3, activation="softmax", **options)])
    model.compile(SGD(RATE), SPARSE, metrics=["accuracy"])
    return model


def network() -> Sequential:
    """A small network with a convolution and dropout, compiled."""
    set_random_seed(4)
    model = Sequential(
        [Input((5, 5, 1)), Conv2D(4, 3, activation="relu"), Flatten(), Dropout(0.3), Dense(3, activation="softmax")]
    )
    model.compile(Adam(0.01), SPARSE, metrics=["accuracy"])
    return model


def images(rows: int = 70) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    return random.integers(0, 256, (rows, 5, 5), np.uint8), random.integers(0, 3, rows)


class Oracle:
    """The same softmax regression in float64, with the sums of an epoch."""

    def __init__(self, model: Sequential, l2: float = 0.0) -> None:
        self.kernel, self.bias = (weights.astype(np.float64) for weights in model.get_weights())
        self.l2 = l2

    def measure(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, train: bool) -> tuple[float, float]:
        logits = x.astype(np.float64) @ self.kernel + self.bias
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        losses = -np.log(p[np.arange(len(y)), y]) * weights
        loss = losses.mean() + self.l2 * (self.kernel**2).sum()
        right = (p.argmax(1) == y).mean()
        if train:
            slope = (p - np.eye(3)[y]) * weights[:, None] / len(y)
            self.bias = self.bias - RATE * slope.sum(0)
            self.kernel = self.kernel - RATE * (x.T.astype(np.float64) @ slope + 2 * self.l2 * self.kernel)
        return loss, right

    def epoch(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, order: np.ndarray, batch: int, train: bool
    ) -> np.ndarray:
        """Means of loss and accuracy over the rows."""
        sums = np.zeros(2)
        for first in range(0, len(order), batch):
            rows = order[first : first + batch]
            sums += len(rows) * np.array(self.measure(x[rows], y[rows], weights[rows], train))
        return sums / len(order)


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


def test_chunks_do_not_change_a_bit() -> None:
    class Watch(Callback):
        steps: int = 0

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.steps += 1

    x, y = images(200)
    free, watched, watch = network(), network(), Watch()
    assert free.fit(x, y, 4, 2, 0).history == watched.fit(x, y, 4, 2, 0, callbacks=[watch]).history
    assert watch.steps == 100
    np.testing.assert_array_equal(free.get_weights()[0], watched.get_weights()[0])


def test_order_of_the_data() -> None:
    first = data_order(7, 0, 100, shuffle=True)
    assert sorted(first) == list(range(100)) and first.dtype == np.int64
    np.testing.assert_array_equal(first, data_order(7, 0, 100, shuffle=True))
    for seed, iteration in [(8, 0), (7, 1), (7 + (1 << 64), 1)]:
        assert (first != data_order(seed, iteration, 100, shuffle=True)).any()
    np.testing.assert_array_equal(data_order(7, 3, 4, shuffle=False), [0, 1, 2, 3])


def test_hooks_come_in_keras_order() -> None:
    seen: list[str] = []

    class Log(Callback):
        pass

    def note(name: str) -> Any:
        return lambda self, *arguments: seen.append(name)

    hooks = [name for name in dir(Callback) if name.startswith("on_") and "on_batch" not in name]
    for hook in hooks:
        setattr(Log, hook, note(hook[3:]))
    x, y = problem(10)
    model = linear()
    model.fit(x, y, batch_size=5, epochs=1, verbose=0, callbacks=[Log()], validation_data=(x[:5], y[:5]))
    step = ["train_batch_begin", "train_batch_end"]
    test = ["test_begin", "test_batch_begin", "test_batch_end", "test_end"]
    assert seen == ["train_begin", "epoch_begin", *step, *step, *test, "epoch_end", "train_end"]
    seen.clear()
    model.evaluate(x, y, batch_size=10, verbose=0, callbacks=[Log()])
    model.predict(x, batch_size=10, verbose=0, callbacks=[Log()])
    assert seen == [*test, *[name.replace("test", "predict") for name in test]]


def test_batch_logs_are_running_means_and_predictions() -> None:
    logs: list[Any] = []

    class Log(Callback):
        def on_train_batch_end(self, batch: int, logs_: Any = None) -> None:
            logs.append((batch, logs_))

        def on_predict_batch_end(self, batch: int, logs_: Any = None) -> None:
            logs.append((batch, logs_["outputs"].copy()))

    x, y = problem(10)
    model = linear()
    oracle = Oracle(model)
    history = model.fit(x, y, batch_size=4, verbose=0, shuffle=False, callbacks=[Log()])
    assert [batch for batch, _ in logs] == [0, 1, 2]
    assert logs[0][1]["loss"] == pytest.approx(oracle.measure(x[:4], y[:4], np.ones(4), True)[0], rel=1e-5)
    assert logs[2][1] == {"loss": history.history["loss"][0], "accuracy": history.history["accuracy"][0]}
    logs.clear()
    out = model.predict(x, batch_size=4, verbose=0, callbacks=[Log()])
    assert [len(outputs) for _, outputs in logs] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([outputs for _, outputs in logs]), out)


def test_stop_training_ends_after_the_step() -> None:
    class Stop(Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.model.stop_training = batch == 1

    x, y = problem(30)
    model = linear()
    history = model.fit(x, y, batch_size=5, epochs=5, verbose=0, callbacks=Stop(), validation_split=0.1)
    assert model.optimizer is not None and model.optimizer.iterations == 2
    assert history.epoch == [0] and "val_loss" in history.history
    model.fit(x, y, batch_size=5, verbose=0)
    assert model.optimizer.iterations == 8


def test_early_stopping_restores_in_a_real_run() -> None:
    x, y = problem(40)
    model = linear()
    stop = EarlyStopping(monitor="accuracy", patience=1, restore_best_weights=True)
    history = model.fit(x, y, epochs=50, verbose=0, callbacks=[stop])
    assert 1 < len(history.epoch) < 50
    assert stop.best_epoch == int(np.argmax(history.history["accuracy"]))
    assert stop.best_weights is not None
    np.testing.assert_array_equal(model.get_weights()[0], stop.best_weights[0])


def test_ctrl_c_leaves_a_usable_model() -> None:
    class Interrupt(Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if batch == 2:
                signal.raise_signal(signal.SIGINT)

    x, y = problem(30)
    model, plain = linear(), linear()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=3, epochs=2, verbose=0, shuffle=False, callbacks=[Interrupt()])
    plain.fit(x[:9], y[:9], batch_size=3, verbose=0, shuffle=False)
    assert model.optimizer is not None and model.optimizer.iterations == 3
    np.testing.assert_array_equal(model.get_weights()[0], plain.get_weights()[0])
    assert model.evaluate(x, y, verbose=0)[0] == plain.evaluate(x, y, verbose=0)[0]
    assert model.fit(x, y, verbose=0).epoch == [0]


def test_ctrl_c_waits_for_the_steps_under_way() -> None:
    finished = []
    with pytest.raises(KeyboardInterrupt), WholeSteps():
        signal.raise_signal(signal.SIGINT)
        finished.append(True)
    assert finished
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_pace_follows_the_clock() -> None:
    pace = Pace()
    assert pace.steps == 1
    pace.took(1, 0.001)
    assert pace.steps == 8  # no more than eight times as many
    pace.took(8, 0.008)
    assert pace.steps == 50
    pace.took(50, 5.0)
    assert pace.steps == 1
    pace.took(1, 0.0)
    assert pace.steps == 8
    watched = Pace(step_by_step=True)
    watched.took(1, 1e-6)
    assert watched.steps == 1


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


def test_predictions_come_in_order_whatever_the_batch() -> None:
    x, _ = images(45)
    model = network()
    whole = model.predict(x, batch_size=45, verbose=0)
    assert (whole.shape, whole.dtype) == ((45, 3), np.float32)
    for batch_size in (1, 7, 32, 1000):
        np.testing.assert_allclose(model.predict(x, batch_size, verbose=0), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(x), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model(x[:1]), whole[:1], rtol=1e-5, atol=1e-6)


def test_training_mode_drops_other_elements_each_time() -> None:
    x, _ = images(8)
    model = network()
    assert (model(x) == model(x)).all()
    assert (model(x, training=True) != model(x, training=True)).any()
    assert (network()(x, training=True) == network()(x, training=True)).all()


@pytest.mark.parametrize("form", ["uint8", "int16", "float16", "float32", "float64", ">f8", "strided", "list", "rank4"])
def test_any_form_of_the_same_data_gives_the_same_bits(form: str) -> None:
    x, y = images()
    forms: dict[str, Any] = {
        "strided": np.repeat(x, 2, axis=0)[::2],
        "list": x.tolist(),
        "rank4": x[..., None].astype(np.float32),
    }
    given = forms[form] if form in forms else x.astype(form)
    plain, other = network(), network()
    labels = y.tolist() if form == "list" else y[:, None].astype(np.float64)
    assert plain.fit(x, y, 16, verbose=0).history == other.fit(given, labels, 16, verbose=0).history
    np.testing.assert_array_equal(plain.predict(x, verbose=0), other.predict(given, verbose=0))


def test_scaled_data_equals_dividing_first() -> None:
    x, y = images()
    plain, scaled = network(), network()
    plain.fit(x / 255.0, y, 16, verbose=0, validation_split=0.2)
    scaled.fit(ScaledArray(x, 255.0), y, 16, verbose=0, validation_split=0.2)
    np.testing.assert_array_equal(plain.get_weights()[0], scaled.get_weights()[0])


def test_the_data_set_is_never_copied() -> None:
    x = np.zeros((4000, 40, 40))  # 51 MB
    y = np.zeros(4000, np.int64)
    set_random_seed(0)
    model = Sequential([Input((40, 40, 1)), Flatten(), Dense(2, activation="softmax")])
    model.compile("sgd", SPARSE, metrics=["accuracy"])
    tracemalloc.start()
    model.fit(x, y, verbose=0, validation_split=0.5)
    model.predict(x, verbose=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6


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


def test_plan_can_be_printed() -> None:
    model = network()
    assert "conv2d" in str(model.plan())
    assert str(model.plan(training=True)) != str(model.plan(training=False))
    with pytest.raises(ValueError, match="plan: batch_size must be positive, got 0"):
        model.plan(0)
    with pytest.raises(ValueError, match="does not know its input shape"):
        Sequential([Dense(3)]).plan()


def test_plans_are_kept_within_bounds() -> None:
    class Plan:
        def __init__(self, nbytes: int) -> None:
            self.nbytes = nbytes

    cache, built = PlanCache(100), []

    def get(key: str, nbytes: int) -> None:
        def build() -> Any:
            built.append(key)
            return Plan(nbytes)

        cache.get(key, build)

    for key, nbytes in [("a", 40), ("b", 40), ("a", 40), ("c", 40), ("a", 40), ("b", 40), ("d", 500)]:
        get(key, nbytes)
    assert built == ["a", "b", "c", "b", "d"]
    assert len(cache) == 1
    assert len(copy.deepcopy(cache)) == 0


@pytest.mark.parametrize(
    ("batch_size", "rows", "expected"), [(32, 1, 32), (64, 33, 64), (1000, 40, 64), (50, 9, 32), (7, 100, 7)]
)
def test_plans_have_few_sizes(batch_size: int, rows: int, expected: int) -> None:
    assert capacity(batch_size, rows) == expected


def test_fit_prints_under_verbose_only(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = problem()
    model = linear()
    model.fit(x, y, epochs=2, verbose=0)
    model.predict(x, verbose=0)
    assert capsys.readouterr().out == ""
    model.fit(x, y, epochs=2, validation_split=0.2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[::2] == ["Epoch 1/2", "Epoch 2/2"]
    for line in lines[1::2]:
        assert line.startswith("1/1 - 0s - ")
        assert [part.split(":")[0] for part in line.split(" - ")[3:]] == [
            "accuracy",
            "loss",
            "val_accuracy",
            "val_loss",
        ]
    model.evaluate(x, y, verbose=1)
    assert capsys.readouterr().out.startswith("1/1 ━━━━━━━━━━━━━━━━━━━━ 0s ")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(batch_size=0), ValueError, "batch_size must be positive, got 0"),
        (dict(batch_size=2.5), TypeError, "batch_size must be a whole number, got 2.5"),
        (dict(epochs=0), ValueError, "epochs must be positive, got 0"),
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
        (dict(steps_per_epoch=3), ValueError, "steps_per_epoch=3 is not supported"),
        (dict(validation_freq=2), ValueError, "validation_freq=2 is not supported"),
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
        (dict(device="cuda"), ValueError, "device 'cuda' needs pyconvnet's CUDA module, which was not built"),
        (dict(device="tpu"), ValueError, "device must be 'auto' or 'cpu', got 'tpu'"),
        (dict(loss_weights=[2]), ValueError, r"loss_weights=\[2\] is not supported"),
        (dict(weighted_metrics=["acc"]), ValueError, "weighted_metrics=.* is not supported"),
        (dict(run_eagerly=True), ValueError, "run_eagerly=True is not supported"),
        (dict(steps_per_execution=0), ValueError, "steps_per_execution must be positive, got 0"),
        (dict(metrics=["acuracy"]), ValueError, "unknown metric 'acuracy'; did you mean 'accuracy'?"),
        (dict(metrics=[len]), TypeError, "metrics must be names such as 'accuracy'"),
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
    model.compile("sgd", SPARSE, jit_compile=True, steps_per_execution=4, run_eagerly=False, device="auto")
    assert model.compiled and model.loss == SPARSE


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
    assert metrics.names([name, name]) == (name,)
    assert metrics.resolve(name, sparse, output) == (name, kernel)


@pytest.mark.parametrize(("name", "sparse"), [("mse", True), ("sparse_categorical_accuracy", False)])
def test_metrics_that_do_not_fit_the_labels_are_refused(name: str, sparse: bool) -> None:
    with pytest.raises(ValueError, match=f"metric '{name}' does not fit the loss"):
        metrics.resolve(name, sparse, (10,))


def test_directions_of_metrics() -> None:
    model = linear()
    model.compile("sgd", "mse", metrics=["accuracy", "mae"])
    directions = [model.metric_direction(name) for name in ("loss", "accuracy", "mae", "other")]
    assert directions == ["min", "max", "min", None]
