"""Whole trainings on the emulated CUDA kernels follow those on the processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from emulated import ORDERS, emulated, emulator

import pyconvnet as pcn
from pyconvnet import layers

emulator()


def _train(optimizer: Any, loss: str = "sparse_categorical_crossentropy") -> tuple[dict[str, list[float]], list[Any]]:
    pcn.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, (27, 9, 9, 3), np.uint8), random.integers(0, 3, 27)
    model = pcn.Sequential(
        [
            layers.Input((9, 9, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, padding="same", activation="relu", kernel_regularizer="l2"),
            # Behind it, BatchNormalization takes every bias away: its gradient would be nothing but rounding.
            layers.DepthwiseConv2D(3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Conv2D(12, 3, activation="elu", activity_regularizer="l2"),
            layers.AveragePooling2D(),
            layers.Flatten(),
            layers.Dense(16, activation="gelu"),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer, loss, metrics=["accuracy"])
    # 8 rows a batch: the last of each epoch has fewer.
    history = model.fit(x, y, batch_size=8, epochs=3, validation_split=0.2, verbose=0).history
    return history, [*model.get_weights(), model.predict(x, batch_size=4, verbose=0)]


OPTIMIZERS = {
    "adam": lambda: pcn.optimizers.Adam(0.003),  # fused with the gradients of dense layers
    "sgd-momentum": lambda: pcn.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "rmsprop-clipped": lambda: pcn.optimizers.RMSprop(0.001, global_clipnorm=1.0),
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_training_follows_the_processor(make: Any) -> None:
    expected, weights = _train(make())
    with emulated():
        got, emulated_weights = _train(make())
    assert got.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-6, err_msg=name)
    for one, other in zip(emulated_weights, weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_training_gives_the_same_bits_in_any_order_of_threads() -> None:
    results = []
    for order in ORDERS:
        with emulated(order=order):
            history, weights = _train("adam")
        results.append((history, [array.tobytes() for array in weights]))
    assert results[1] == results[0]
    assert results[2] == results[0]


def test_training_in_tf32_learns_as_well() -> None:
    expected, _ = _train("adam")
    with emulated("emu_tf32"):
        got, _ = _train("adam")
    np.testing.assert_allclose(got["loss"], expected["loss"], rtol=0.01)
