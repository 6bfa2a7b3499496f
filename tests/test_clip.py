"""Clipping, weight decay and averages: what the case table cannot say. Keras's numbers: test_golden_optimizers.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyconvnet
from pyconvnet import ops, reference
from pyconvnet.optimizers import SGD, Adam, AdamW, RMSprop


def _gradients(scale: float) -> list[np.ndarray]:
    random = np.random.default_rng(2)
    return [scale * random.standard_normal(shape) for shape in ((3, 3, 2, 40), (40,), (1,), (70000,))]


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
def test_global_norm_is_that_of_all_together(scale: float) -> None:
    gradients = _gradients(scale)
    got = ops.clip_by_global_norm(gradients, limit=0.5)
    for clipped, exact in zip(got, reference.clip_by_global_norm(gradients, limit=0.5), strict=True):
        np.testing.assert_allclose(clipped, exact, rtol=2e-6, atol=0)


@pytest.mark.parametrize(
    "clip", [ops.clip_by_norm, ops.clip_by_value, lambda g, limit: ops.clip_by_global_norm([g], limit=limit)[0]]
)
def test_nan_is_not_clipped_away(clip: Any) -> None:
    assert np.isnan(clip(np.array([np.nan, 1.0]), limit=0.5)[0])


def test_an_infinite_norm_spoils_every_gradient_as_in_keras() -> None:
    first, second = ops.clip_by_global_norm([[np.inf], [1.0]], limit=0.5)
    assert np.isnan(first).all() and np.isnan(second).all()


@pytest.mark.parametrize("limit", [0, -1, float("nan"), "1"])
def test_limits_are_checked(limit: Any) -> None:
    for clip in (ops.clip_by_norm, ops.clip_by_value, lambda g, limit: ops.clip_by_global_norm([g], limit=limit)):
        with pytest.raises((ValueError, TypeError), match=r"clip_by_.*: limit must be"):
            clip(np.ones(2), limit=limit)


def _train(optimizer: Any) -> Any:
    random = np.random.default_rng(3)
    x, y = random.standard_normal((30, 6, 6, 1)).astype(np.float32), random.standard_normal((30, 2))
    layers = pyconvnet.layers
    model = pyconvnet.Sequential(
        [layers.Input((6, 6, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(2)]
    )
    model.set_weights([random.standard_normal(weight.shape) for weight in model.get_weights()])
    model.compile(optimizer, "mse")
    model.fit(x, y, batch_size=7, epochs=2, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("make", [SGD, Adam, RMSprop])
def test_limits_out_of_reach_change_nothing(make: Any) -> None:
    """All gradients wait for the last one with a global norm; nothing else may depend on that."""
    free = _train(make(0.01)).get_weights()
    for setting in ("clipnorm", "global_clipnorm", "clipvalue"):
        for got, expected in zip(_train(make(0.01, **{setting: 2.0**60})).get_weights(), free, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


def test_a_small_norm_bounds_the_step() -> None:
    start, moved = _train(SGD(0.0)).get_weights(), _train(SGD(1.0, global_clipnorm=1e-3)).get_weights()
    distance = np.sqrt(sum(np.square(a - b).sum() for a, b in zip(start, moved, strict=True)))
    assert 0 < distance <= 10 * 1e-3 * 1.001  # ten steps


def test_the_plan_shows_each_kernel() -> None:
    model = _train(AdamW(global_clipnorm=1.0, use_ema=True))
    kernels = [call.kernel for call in model.plan().calls]
    tail = kernels[kernels.index("sum_of_squares") :]
    assert (
        tail == ["sum_of_squares"] * 4 + ["clip_by_global_norm"] * 4 + ["decay_weights", "adam", "average_weights"] * 4
    )
    assert "clip_by_norm" in str(_train(SGD(clipnorm=1.0)).plan())


def test_fit_ends_with_the_averages() -> None:
    model = _train(SGD(0.01, use_ema=True, ema_momentum=0.5))
    for weight in model.trainable_weights:
        np.testing.assert_array_equal(weight.numpy(), model.optimizer.slots(weight)["average"].numpy())
    plain = _train(SGD(0.01))
    assert np.abs(plain.get_weights()[0] - model.get_weights()[0]).max() > 1e-6


def test_weights_that_are_named_or_listed_do_not_decay() -> None:
    model = _train(SGD(0.0))
    kernel, bias = model.layers[0].weights
    optimizer = AdamW(weight_decay=0.25)
    assert [optimizer.decay_of(weight) for weight in (kernel, bias)] == [0.25, 0.25]
    whole = optimizer.structure
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    assert [optimizer.decay_of(weight) for weight in (kernel, bias)] == [0.25, 0.0]
    assert optimizer.structure != whole
    optimizer.exclude_from_weight_decay(var_list=[kernel])
    assert [optimizer.decay_of(weight) for weight in (kernel, bias)] == [0.0, 0.25]
    assert Adam().decay_of(kernel) == 0.0


def test_configs_hold_what_is_switched_on() -> None:
    optimizer = Adam(0.5, weight_decay=0.1, clipnorm=2, use_ema=True, ema_momentum=0.5, name="mine")
    config = optimizer.get_config()
    assert {name: config[name] for name in list(config)[4:]} == {
        "weight_decay": 0.1,
        "clipnorm": 2.0,
        "use_ema": True,
        "ema_momentum": 0.5,
        "name": "mine",
    }
    assert Adam.from_config(config).get_config() == config
    assert AdamW().get_config()["weight_decay"] == 0.004


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SGD(clipnorm=1.0, clipvalue=1.0), ValueError, "SGD: only one of clipnorm, clipvalue, global_clipnorm"),
        (lambda: Adam(weight_decay=-0.1), ValueError, "Adam: weight_decay must be at least 0, got -0.1"),
        (lambda: Adam(global_clipnorm="1"), TypeError, "Adam: global_clipnorm must be a number, got '1'"),
        (lambda: AdamW(weight_decay=None), TypeError, "AdamW: weight_decay must be a number, got None"),
        (lambda: RMSprop(use_ema=True, ema_momentum=1.5), ValueError, "RMSprop: ema_momentum must be from 0 to 1"),
        (lambda: SGD(use_ema=True, ema_overwrite_frequency=-3), ValueError, "ema_overwrite_frequency must be positive"),
        (lambda: RMSprop(centered=True), ValueError, "centered is not offered by pyconvnet yet"),
    ],
)
def test_settings_are_checked(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
