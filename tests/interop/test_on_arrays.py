"""Losses, metrics, their functions and activations called on arrays: real Keras answers the same."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import pyconvnet

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

keras = pytest.importorskip("keras", reason="Keras 3 is not installed: pip install keras tensorflow-cpu")

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(6, 5)).astype(np.float32)
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
NUMBERS = RANDOM.integers(0, 5, 6)
ONE_HOT = np.eye(5, dtype=np.float32)[NUMBERS]
WEIGHTS = RANDOM.random(6).astype(np.float32)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"negative_slope": 0.3},
        {"max_value": 0.5},
        {"max_value": 6.0},
        {"threshold": 0.4},
        {"threshold": -0.4, "max_value": 1.0},
        {"negative_slope": 0.3, "max_value": 0.5, "threshold": 0.1},
    ],
)
def test_relu(given: dict[str, float]) -> None:
    ours, theirs = pyconvnet.activations.relu(LOGITS, **given), keras.activations.relu(LOGITS, **given)
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize(
    ("name", "given", "labels", "predictions"),
    [
        ("SparseCategoricalCrossentropy", {}, NUMBERS, SHARES),
        ("SparseCategoricalCrossentropy", {"from_logits": True}, NUMBERS[:, None], LOGITS),
        ("CategoricalCrossentropy", {"label_smoothing": 0.2}, ONE_HOT, SHARES),
        ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, ONE_HOT, LOGITS),
        ("BinaryCrossentropy", {}, ONE_HOT, SHARES),
        ("MeanSquaredError", {}, ONE_HOT, LOGITS),
        ("MeanAbsoluteError", {}, ONE_HOT[:, 0], LOGITS[:, :1]),
    ],
)
def test_loss(name: str, given: dict[str, Any], labels: np.ndarray, predictions: np.ndarray, weights: Any) -> None:
    ours = getattr(pyconvnet.losses, name)(**given)(labels, predictions, weights)
    theirs = getattr(keras.losses, name)(**given)(labels, predictions, weights)
    assert ours == pytest.approx(float(theirs), rel=2e-6)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("SparseCategoricalAccuracy", NUMBERS),
        ("CategoricalAccuracy", ONE_HOT),
        ("BinaryAccuracy", ONE_HOT),
        ("SparseTopKCategoricalAccuracy", NUMBERS[:, None]),
        ("MeanSquaredError", ONE_HOT),
        ("SparseCategoricalCrossentropy", NUMBERS),
    ],
)
def test_metric(name: str, labels: np.ndarray) -> None:
    given = {"k": 2} if "TopK" in name else {}
    ours, theirs = (getattr(library.metrics, name)(**given) for library in (pyconvnet, keras))
    for rows in (slice(0, 4), slice(4, 6)):
        ours.update_state(labels[rows], SHARES[rows])
        theirs.update_state(labels[rows], SHARES[rows])
        assert ours.result() == pytest.approx(float(theirs.result()), rel=2e-6)
    ours.reset_state()
    theirs.reset_state()
    assert ours.result() == float(theirs.result()) == 0.0


CUBE = np.stack([SHARES, SHARES[::-1]])
ONE_HOTS = np.stack([ONE_HOT, np.roll(ONE_HOT, 1, axis=0)])


@pytest.mark.parametrize(
    ("name", "given", "labels", "predictions"),
    [
        ("losses.sparse_categorical_crossentropy", {}, NUMBERS[:, None], SHARES),
        ("losses.sparse_categorical_crossentropy", {"from_logits": True}, np.stack([NUMBERS, NUMBERS]), CUBE),
        ("losses.categorical_crossentropy", {"label_smoothing": 0.2, "axis": -1}, ONE_HOTS, CUBE),
        ("losses.binary_crossentropy", {"from_logits": True}, ONE_HOT, LOGITS),
        ("losses.binary_crossentropy", {"label_smoothing": 0.2}, ONE_HOTS, CUBE),
        ("losses.mean_squared_error", {}, LOGITS[0], SHARES[0]),
        ("losses.mean_squared_error", {}, LOGITS[:, 0], SHARES[:, :1]),
        ("metrics.mean_absolute_error", {}, CUBE, ONE_HOTS),
        ("metrics.sparse_categorical_accuracy", {}, NUMBERS[:, None], SHARES),
        ("metrics.categorical_accuracy", {}, ONE_HOTS, CUBE),
        ("metrics.binary_accuracy", {}, ONE_HOT, SHARES),
        ("metrics.binary_accuracy", {"threshold": 0.1}, ONE_HOT[:, 0], SHARES[:, :1]),
        ("metrics.sparse_top_k_categorical_accuracy", {"k": 2}, NUMBERS[:, None], SHARES),
        ("metrics.sparse_top_k_categorical_accuracy", {}, NUMBERS, np.full_like(SHARES, np.inf)),
        ("metrics.top_k_categorical_accuracy", {"k": 3}, ONE_HOTS, CUBE),
        ("metrics.top_k_categorical_accuracy", {"k": 2}, ONE_HOT, np.ones_like(SHARES)),
    ],
)
def test_function(name: str, given: dict[str, Any], labels: np.ndarray, predictions: np.ndarray) -> None:
    room, _, function = name.partition(".")
    ours, theirs = (getattr(getattr(lib, room), function)(labels, predictions, **given) for lib in (pyconvnet, keras))
    assert ours.dtype == np.float32 and ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=3e-6, atol=1e-6)
