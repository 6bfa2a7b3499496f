"""Small compiled models and data for the tests of training, and the same arithmetic in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconvnet.layers import Conv2D, Dense, Dropout, Flatten, Input
from pyconvnet.models import Sequential
from pyconvnet.optimizers import SGD, Adam
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
    """Bytes x [rows, 5, 5] of three classes y [rows], drawn without a pattern."""
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
