"""Whole trainings that every backend must follow."""

from __future__ import annotations

from typing import Any

import numpy as np

import pyconvnet as pcn
from pyconvnet import layers


def train(optimizer: Any) -> tuple[dict[str, list[float]], list[Any]]:
    """Train a network with a bit of everything; answer its history, its weights and what it predicts."""
    pcn.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, (27, 9, 9, 3), np.uint8), random.integers(0, 3, 27)
    model = pcn.Sequential(
        [
            layers.Input((9, 9, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, padding="same", activation="relu", kernel_regularizer="l2"),
            layers.Dropout(0.1),  # its gradient joins that of the ReLU
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
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    # 8 rows a batch: the last of each epoch has fewer.
    history = model.fit(x, y, batch_size=8, epochs=3, validation_split=0.2, verbose=0).history
    return history, [*model.get_weights(), model.predict(x, batch_size=4, verbose=0)]


OPTIMIZERS = {
    "adam": lambda: pcn.optimizers.Adam(0.003),  # fused with the gradients of dense layers
    "sgd-momentum": lambda: pcn.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "rmsprop-clipped": lambda: pcn.optimizers.RMSprop(0.001, global_clipnorm=1.0),
}


def small_network(input_shape: tuple[int, int, int]) -> pcn.Sequential:
    """Make a network of three classes with all that a step can have, not compiled; always the same weights."""
    pcn.utils.set_random_seed(3)
    return pcn.Sequential(
        [
            layers.Input(input_shape),
            layers.Conv2D(8, 3, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax"),
        ]
    )
