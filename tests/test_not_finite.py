"""NaN, infinities and huge numbers: every op does with them what the reference does, on every instruction set, so that
a network that diverges looks diverged. (Denormals are flushed to zero, see csrc/core/denormals.h.)"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyconvnet import ops, reference
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.activation import FUNCTIONS

NAN, INF = np.nan, np.inf
VALUES = [NAN, INF, -INF, 0.0, -0.0, 88.0, -88.0, 1e38, -1e38, 20.0, -20.0]
# Eleven values six times over: each lies in many lanes of a vector, and in what is left behind the last vector.
ROW = np.tile(np.array(VALUES, np.float32), 6)
ROWS = np.array(
    [[NAN, 1, 2], [1, NAN, 2], [INF, 1, 2], [-INF, 1, 2], [-INF] * 3, [INF, INF, 0], [1e38, -1e38, 0], [0, 0, 0]],
    np.float32,
)
LABELS = np.array([0, 0, 1, 0, 1, 0, 1, 2])
PROBABILITIES = np.array([[NAN, 0.25, 0.5], [0.25, NAN, 0.5], [INF, 0.25, 0.5], [0.25, -INF, 0.5]], np.float32)
MAPS = np.array([[1, NAN, -INF], [NAN, 3, INF], [-INF, -INF, INF], [NAN, NAN, 2], [-INF, -INF, -INF]], np.float32)


def assert_as_reference(op: str, *arrays: Any, rtol: float = 1e-5, **options: Any) -> None:
    """Compare an op with the reference in float64 on the same numbers; NaN only equals NaN, and infinity infinity."""
    doubles = [a.astype(float) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a for a in arrays]
    with np.errstate(all="ignore"):
        exact = getattr(reference, op)(*doubles, **options)
        got = getattr(ops, op)(*arrays, **options)
        for g, e in zip(*((r if isinstance(r, tuple) else (r,)) for r in (got, exact)), strict=True):
            np.testing.assert_allclose(g, np.asarray(e).astype(np.float32), rtol=rtol, atol=1e-7, err_msg=op)


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name != "softmax"])
def test_activations(function: str, isa: str) -> None:
    assert_as_reference("activation", ROW, function)
    assert_as_reference("activation_backward", np.ones_like(ROW), ROW, function)


def test_softmax(isa: str) -> None:
    assert_as_reference("activation", ROWS, "softmax")
    assert_as_reference("activation_backward", np.ones_like(ROWS), ROWS, "softmax")


@pytest.mark.parametrize("channels", [1, 33])
@pytest.mark.parametrize("options", [{}, {"strides": 1}, {"strides": 1, "padding": "same"}], ids=str)
def test_max_pooling(options: dict[str, Any], channels: int, isa: str) -> None:
    x = np.repeat(MAPS[None, :, :, None], channels, axis=3)
    assert_as_reference("max_pool2d", x, 2, **options)
    assert_as_reference("max_pool2d_backward", ops.max_pool2d(np.ones_like(x), 2, **options), x, 2, **options)
    assert_as_reference("avg_pool2d", x, 2, **options)


def test_the_first_nan_of_a_window_wins_and_takes_the_gradient(isa: str) -> None:
    x = np.array([[1, NAN], [NAN, INF]], np.float32).reshape(1, 2, 2, 1)
    assert np.isnan(ops.max_pool2d(x, 2)).all()
    assert ops.max_pool2d_backward([[[[7.0]]]], x, 2).ravel().tolist() == [0, 7, 0, 0]


def test_products_and_sums(isa: str) -> None:
    """Zero times infinity is NaN; padding is no product."""
    x, kernel = ROW[:50].reshape(1, 5, 5, 2), np.zeros((3, 3, 2, 4), np.float32)
    assert_as_reference("conv2d", x, kernel, padding="same")
    assert_as_reference("dense", ROWS, np.array([[0.0, 1], [1, 0], [0, 1]], np.float32))
    assert_as_reference("add", ROW, ROW[::-1].copy())
    assert_as_reference("multiply", ROW, ROW[::-1].copy())


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("value", [INF, -INF, NAN])
def test_taps_that_do_not_see_a_pixel_stay_finite(value: float, padding: str, isa: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 4, 8, 1)).astype("f4")
    dy = rng.normal(size=ops.conv2d(x, np.ones((3, 3, 1, 3), np.float32), padding=padding).shape).astype("f4")
    x[0, 0, 7, 0] = value
    assert not np.isnan(ops.conv2d_backward_weights(x, dy, 3, padding=padding)[0]).all()
    assert_as_reference("conv2d_backward_weights", x, dy, 3, padding=padding)


def test_clipping_and_penalties(isa: str) -> None:
    assert_as_reference("clip_by_value", ROW, limit=1.0)
    for value in (NAN, INF, -INF, 88.0):
        assert_as_reference("clip_by_norm", np.array([value, 1, -2], np.float32), limit=1.0)
        assert_as_reference("l1_l2", np.array([value, 1, -2], np.float32), l1=0.5, l2=0.25)


def test_adam(isa: str) -> None:
    """Sums of squares that overflow hold their weights still; NaN, infinity over infinity, and zeros are seen."""
    gradient = np.tile(np.array([0.0, 1.0, 1e38, -1e38, INF, -INF, NAN], np.float32), 7)
    ones = np.ones_like(gradient)
    weights, m, v = ops.adam(ones, gradient, 0 * ones, 0 * ones, iteration=0, learning_rate=0.5)
    np.testing.assert_allclose(weights, np.tile([1, 0.5, 1, 1, NAN, NAN, NAN], 7), rtol=1e-4)
    assert np.isinf(v.reshape(7, 7)[:, 2:6]).all() and np.isinf(m.reshape(7, 7)[:, 4:6]).all()
    assert np.isnan(m.reshape(7, 7)[:, 6]).all() and np.isnan(v.reshape(7, 7)[:, 6]).all()
    tiny = np.tile(np.array([0.0, 1e-30, -1e-30], np.float32), 7)  # their squares are flushed to zero
    weights, _, _ = ops.adam(ones[:21], tiny, 0 * tiny, 0 * tiny, iteration=0, epsilon=0.0)
    np.testing.assert_array_equal(weights, np.tile([NAN, -INF, INF], 7))


@pytest.mark.parametrize(
    ("op", "predictions"), [("softmax_cross_entropy", ROWS), ("categorical_cross_entropy", PROBABILITIES)]
)
def test_losses_of_classes(op: str, predictions: np.ndarray, isa: str) -> None:
    labels = LABELS[: len(predictions)]
    assert_as_reference(op, predictions, labels)
    assert_as_reference(op, predictions, np.eye(3, dtype=np.float32)[labels])


@pytest.mark.parametrize(
    "op", ["sigmoid_cross_entropy", "binary_cross_entropy", "mean_squared_error", "mean_absolute_error"]
)
def test_losses_of_numbers(op: str, isa: str) -> None:
    predictions = np.array(VALUES, np.float32)[:, None]
    rtol = 2e-2 if op == "binary_cross_entropy" else 1e-5  # it clips to 1 - 1e-7, which float32 rounds to 1 - 1.19e-7
    for target in (0.0, 1.0):
        assert_as_reference(op, predictions, np.full_like(predictions, target), rtol=rtol)


@pytest.mark.parametrize("kernel", ["softmax_cross_entropy", "categorical_cross_entropy"])
def test_a_label_that_is_not_there_makes_its_row_nan(kernel: str, isa: str) -> None:
    """Ops and models refuse such labels; a kernel that is given one reads nothing beside its row."""
    predictions, labels = np.full((4, 3), 0.25, np.float32), np.array([2, 3, -1, 2**31 - 1], np.int32)
    loss, gradient = np.zeros(4, np.float32), np.zeros((4, 3), np.float32)
    attributes = dict(features=3, vectors=1, sparse=True)
    run_kernel(kernel, attributes, rows=4, predictions=predictions, labels=labels, loss=loss, dpredictions=gradient)
    assert np.isnan(loss).tolist() == [False, True, True, True]
    assert np.isnan(gradient).all(axis=1).tolist() == [False, True, True, True] and np.isfinite(gradient[0]).all()
