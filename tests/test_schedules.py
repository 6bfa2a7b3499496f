"""Learning-rate schedules: Keras's rate in every step, each step of a chunk with its own."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from golden import load_arrays

import pyconvnet
from pyconvnet.optimizers import SGD, Adam, schedules
from pyconvnet.saving.write_config import keras3_object

CASES, ARRAYS = load_arrays("schedules")
every_case = pytest.mark.parametrize("row", CASES, ids=[row["name"] for row in CASES])


def _make(row: dict[str, Any]) -> Any:
    return getattr(schedules, row["schedule"])(**row["config"])


@every_case
def test_rates_are_keras(row: dict[str, Any]) -> None:
    """Within two units in the last place of the largest rate: TensorFlow's powers and cosines are that far off."""
    expected = ARRAYS[f"{row['name']}/rates"]
    got = _make(row)(ARRAYS["steps"])
    assert got.dtype == np.float32
    assert np.abs(got - expected).max() <= 2 * np.spacing(np.float32(expected.max()))


@every_case
def test_many_steps_at_once_are_those_one_by_one(row: dict[str, Any]) -> None:
    schedule = _make(row)
    one_by_one = [schedule(step) for step in range(5, 45)]
    assert all(isinstance(rate, float) for rate in one_by_one)
    np.testing.assert_array_equal(schedule.rates(5, 40), np.array(one_by_one, np.float32))


@every_case
def test_configs_are_keras(row: dict[str, Any]) -> None:
    schedule = _make(row)
    assert schedule.get_config() == row["get_config"]
    assert keras3_object(schedule)["module"] == schedules.serialize(schedule)["module"] == "keras.optimizers.schedules"
    twin = schedules.deserialize(schedules.serialize(schedule))
    np.testing.assert_array_equal(twin.rates(0, 50), schedule.rates(0, 50))


def _fit(learning_rate: Any, chunked: bool) -> list[np.ndarray]:
    """Weights after 12 steps that ran in one crossing each, or many in one."""
    random = np.random.default_rng(3)
    x, y = random.standard_normal((48, 5)).astype(np.float32), random.standard_normal((48, 1))
    layers = pyconvnet.layers
    model = pyconvnet.Sequential([layers.Input((5,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
    model.set_weights([random.standard_normal(w.shape) for w in model.get_weights()])
    model.compile(Adam(learning_rate), "mse")
    callbacks = [] if chunked else [pyconvnet.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: None)]
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=callbacks)
    assert model.optimizer.iterations == 12
    return model.get_weights()


def test_every_step_of_a_chunk_has_its_own_rate() -> None:
    schedule = schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
    for chunked, alone in zip(_fit(schedule, True), _fit(schedule, False), strict=True):
        np.testing.assert_array_equal(chunked, alone)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(_fit(schedule, True), _fit(0.1, True), strict=True))


def test_a_schedule_of_ones_own() -> None:
    class Inverse(schedules.LearningRateSchedule):
        def __call__(self, step: int) -> float:
            return 0.1 / (step + 1)

    theirs = schedules.InverseTimeDecay(0.1, decay_steps=1, decay_rate=1.0)
    for mine, other in zip(_fit(Inverse(), True), _fit(theirs, True), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5)


def test_the_optimizer_tells_the_next_rate_and_keeps_its_schedule() -> None:
    schedule = schedules.PiecewiseConstantDecay([1, 2], [1.0, 0.5, 0.25])
    optimizer = SGD(schedule)
    assert optimizer.schedule is schedule and optimizer.learning_rate == 1.0
    optimizer.iterations = 2
    assert optimizer.lr == 0.5
    np.testing.assert_array_equal(optimizer.learning_rates(3), np.array([0.5, 0.25, 0.25], np.float32))
    with pytest.raises(TypeError, match=r"SGD: the learning rate is PiecewiseConstantDecay's and cannot be set"):
        optimizer.learning_rate = 0.1
    twin = pyconvnet.optimizers.get({"class_name": "SGD", "config": optimizer.get_config()})
    assert twin.get_config() == optimizer.get_config() == copy.deepcopy(optimizer).get_config()
    optimizer.learning_rate = schedules.ExponentialDecay(0.5, 1, 0.5)
    assert optimizer.lr == 0.125
    assert SGD(0.5).schedule is None and SGD(0.5).learning_rates(7) == 0.5


def test_rates_that_are_no_numbers_are_refused() -> None:
    class Nan(schedules.LearningRateSchedule):
        def __call__(self, step: int) -> float:
            return 0.1 if step < 2 else float("nan")

    model = pyconvnet.Sequential([pyconvnet.layers.Input((2,)), pyconvnet.layers.Dense(1)])
    model.compile(SGD(Nan()), "mse")
    message = "SGD: learning_rate must be finite, but Nan gives nan for step 2; change"
    with pytest.raises(ValueError, match=message):
        model.fit(np.zeros((6, 2)), np.zeros((6, 1)), batch_size=2, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    for schedule in (
        schedules.InverseTimeDecay(0.1, 1, -1.0),
        schedules.PolynomialDecay(0.1, 1, power=-1.0),
        schedules.CosineDecayRestarts(0.1, 1, t_mul=0.5),
    ):
        with pytest.raises(ValueError, match=f"{type(schedule).__name__} gives (inf|nan) for step [12];"):
            SGD(schedule).learning_rates(5)


def test_a_plan_wants_a_rate_for_every_step() -> None:
    model = pyconvnet.Sequential([pyconvnet.layers.Input((2,)), pyconvnet.layers.Dense(1)])
    model.compile("sgd", "mse")
    feeds, rates = [np.zeros((6, 2)), np.zeros((6, 1))], np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="needs one learning rate, or one for each of 3 steps, got 2"):
        model.plan(2).run(feeds, np.arange(6), batch_size=2, seed=0, iteration=0, learning_rate=rates)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), ValueError, "ExponentialDecay: decay_steps must be positive"),
        (lambda: schedules.CosineDecayRestarts(0.1, -1), ValueError, "first_decay_steps must be positive, got -1"),
        (lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul=0), ValueError, "t_mul must be positive, got 0"),
        (lambda: schedules.CosineDecay("0.1", 5), TypeError, "initial_learning_rate must be a number, got '0.1'"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1]), ValueError, "got 1 values and 2 boundaries"),
        (lambda: schedules.PiecewiseConstantDecay([2, 2], [1, 1, 1]), ValueError, "boundaries must rise"),
        (lambda: schedules.deserialize({"class_name": "Cosine"}), ValueError, "unknown schedule 'Cosine'; did you"),
        (lambda: schedules.LearningRateSchedule()(3), NotImplementedError, "must override __call__"),
        (lambda: SGD(lambda: 0.1), TypeError, "SGD: learning_rate must be a number or a schedule"),
    ],
)
def test_settings_are_checked(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
