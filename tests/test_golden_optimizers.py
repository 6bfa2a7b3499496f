"""Optimizers against real Keras: ten steps on fixed gradients (tests/golden/make_optimizers.py).

Tolerance: four times the distance between Keras's float32 and float64 weights ("float64_error", a share of the
largest distance moved, stored with each case), at least 1e-6. Keras on TensorFlow rounds Adam's betas to float32 for
the bias correction, in its float64 runs too: 1 - 0.999^t is 1.3e-5 smaller than with the decimal number, and each step
6.5e-6 shorter. These tests see that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden import load_arrays

import pyconvnet
from pyconvnet import ops, reference

CASES, ARRAYS = load_arrays("optimizers")
FAR = 1e6  # make_optimizers.py: a target that no prediction reaches
every_case = pytest.mark.parametrize("row", CASES, ids=[row["name"] for row in CASES])
# Rows that are one kernel alone; the others are clipped, decay, ...
_KERNEL = {"learning_rate", "momentum", "nesterov", "beta_1", "beta_2", "epsilon", "rho"}
_BESIDE = {"bias", "exclude", "schedule"}
KERNELS = [r for r in CASES if r["optimizer"] != "AdamW" and set(r["config"]) <= _KERNEL and not _BESIDE & set(r)]


def _assert_weights(row: dict[str, Any], weights: list[np.ndarray]) -> None:
    expected, start = ARRAYS[f"{row['name']}/weights"].astype(np.float64), ARRAYS["start"]
    start = np.vstack([start, np.zeros((1, start.shape[1]))]) if row.get("bias") else start
    moved = np.abs(expected - start).max()
    errors = np.abs(np.stack(weights) - expected).max(axis=(1, 2)) / moved
    assert len(weights) == len(expected)
    assert errors.max() <= max(1e-6, 4.0 * row["float64_error"]), (
        f"errors by step, as a share of the largest move: {errors}"
    )


def _step(library: Any, row: dict[str, Any], weights: Any, gradient: Any, state: list[Any], iteration: int) -> Any:
    """One step of the op; answers the weights and the new state."""
    name = row["optimizer"].lower()
    more = {"iteration": iteration} if name == "adam" else {}
    weights, *state = getattr(library, name)(weights, gradient, *state, **row["config"], **more)
    return weights, state


@pytest.mark.parametrize("library", [pytest.param(ops, id="ops"), pytest.param(reference, id="reference")])
@pytest.mark.parametrize("row", KERNELS, ids=[row["name"] for row in KERNELS])
def test_optimizer_op_is_keras(library: Any, row: dict[str, Any]) -> None:
    dtype = np.float32 if library is ops else np.float64
    weights = ARRAYS["start"].astype(dtype)
    zeros = np.zeros_like(weights)
    slots_of: dict[str, list[Any]] = {"SGD": [None], "Adam": [zeros, zeros], "RMSprop": [zeros, None]}
    slots = slots_of[row["optimizer"]]
    if row["config"].get("momentum", 0.0) > 0.0:
        slots[-1] = zeros
    steps = []
    for iteration, gradient in enumerate(ARRAYS["gradients"].astype(dtype)):
        weights, slots = _step(library, row, weights, gradient, slots, iteration)
        steps.append(weights)
    _assert_weights(row, steps)


@pytest.mark.parametrize(
    ("reach", "epsilon"), [(15, 1e-7), (37, 0.0), (0, 2.0**-126), (0, 2.0**-60), (0, 3e30), (0, 2.0**126)]
)
def test_adam_divides_within_two_units(reach: float, epsilon: float, isa: str) -> None:
    """From weights of zero a step is the quotient alone; behind 40 steps of these rates nothing corrects the bias."""
    rng = np.random.default_rng(0)
    m, v = (np.float32(10.0) ** rng.uniform(-reach, reach, 20_011).astype("f4") for _ in range(2))
    if reach == 0:  # the divisor is epsilon alone
        m, v = (rng.uniform(0.5, 4, m.shape) * epsilon**0.5).astype("f4"), 0 * v
    elif epsilon == 0:
        m = np.sqrt(v) * np.sqrt(m)
    zeros = np.zeros_like(v)
    weights, m, v = ops.adam(
        zeros, zeros, m, v, iteration=40, learning_rate=1.0, beta_1=0.5, beta_2=0.5, epsilon=epsilon
    )
    expected = -m / (np.sqrt(v) + np.float32(epsilon))
    assert np.abs(expected).min() > 2.0**-126 and np.isfinite(expected).all()
    assert (np.abs(weights - expected) / np.spacing(np.abs(expected))).max() <= 2


@every_case
def test_train_on_batch_steps_as_keras(row: dict[str, Any]) -> None:
    """One row into Dense under the mean absolute error, with a target out of reach, has the gradients of the file."""
    start, x, signs = (ARRAYS[key] for key in ("start", "x", "signs"))
    inputs, units = start.shape
    layers, bias = pyconvnet.layers, bool(row.get("bias"))
    model = pyconvnet.Sequential([layers.Input((inputs,)), layers.Dense(units, use_bias=bias)])
    model.set_weights([start, np.zeros(units)][: 1 + bias])
    model.compile(optimizer=_optimizer(row), loss="mean_absolute_error")
    steps = []
    for values, sign in zip(x, signs, strict=True):
        model.train_on_batch(values[None], np.float32(-FAR) * sign[None])
        steps.append(np.vstack(model.get_weights()))
    _assert_weights(row, steps)


def _optimizer(row: dict[str, Any]) -> Any:
    config = dict(row["config"])
    if "schedule" in row:
        name, arguments = row["schedule"]
        config["learning_rate"] = getattr(pyconvnet.optimizers.schedules, name)(**arguments)
    optimizer = getattr(pyconvnet.optimizers, row["optimizer"])(**config)
    if "exclude" in row:
        optimizer.exclude_from_weight_decay(var_names=row["exclude"])
    return optimizer
