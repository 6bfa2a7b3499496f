"""The layers of the lecture's networks, each list without its `Input`."""

from __future__ import annotations

from pyconvnet import regularizers
from pyconvnet.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPooling2D,
)


def _conv(filters: int, padding: str = "valid", activation: str | None = None) -> Conv2D:
    return Conv2D(filters, 3, padding=padding, activation=activation)


def mlp() -> list[Layer]:
    return [Flatten(), Dense(128, activation="relu"), Dense(10, activation="softmax")]


def conv_only() -> list[Layer]:
    return [_conv(16), _conv(32), _conv(64), *mlp()]


def pool() -> list[Layer]:
    return [
        _conv(32),
        MaxPooling2D(2),
        _conv(64),
        AveragePooling2D(2),
        _conv(128),
        Flatten(),
        Dense(128, activation="relu"),
        Dropout(0.3),
        Dense(10, activation="softmax"),
    ]


def vgg() -> list[Layer]:
    return [
        _conv(32, "same", "relu"),
        _conv(64, "same", "relu"),
        MaxPooling2D(2),
        Dropout(0.5),
        _conv(128, "same", "relu"),
        _conv(256, "valid", "relu"),
        MaxPooling2D(2),
        Dropout(0.5),
        Flatten(),
        Dense(512, activation="relu"),
        Dropout(0.5),
        Dense(256, activation="relu"),
        Dropout(0.5),
        Dense(10, activation="softmax"),
    ]


def book() -> list[Layer]:
    return [
        _conv(32, "same", "relu"),
        MaxPooling2D(2),
        _conv(64, "same", "relu"),
        MaxPooling2D(2),
        Flatten(),
        Dense(100, activation="relu"),
        Dropout(0.4),
        Dense(10, activation="softmax"),
    ]


def lenet5() -> list[Layer]:
    return [
        Conv2D(6, 5, padding="same", activation="relu"),
        MaxPooling2D(2),
        Conv2D(16, 5, activation="relu"),
        MaxPooling2D(2),
        Conv2D(120, 5, activation="relu"),
        Flatten(),
        Dense(84, activation="relu"),
        Dense(10, activation="softmax"),
    ]


def ccp() -> list[Layer]:
    return [
        _conv(32, activation="relu"),
        _conv(64, activation="relu"),
        MaxPooling2D(2),
        Dropout(0.25),
        Flatten(),
        Dense(128, activation="relu"),
        Dropout(0.25),
        Dense(10, activation="softmax"),
    ]


def cifar10() -> list[Layer]:
    return [
        _conv(32, activation="relu"),
        _conv(32, activation="relu"),
        MaxPooling2D(2),
        Dropout(0.25),
        _conv(64, activation="relu"),
        _conv(64, activation="relu"),
        MaxPooling2D(2),
        Dropout(0.25),
        Flatten(),
        Dense(512, activation="relu"),
        Dropout(0.5),
        Dense(10, activation="softmax"),
    ]


def dense_64() -> list[Layer]:
    return [Flatten(), Dense(64), Dense(10, activation="softmax")]


def dense_64_decaying() -> list[Layer]:
    decaying = Dense(64, kernel_regularizer=regularizers.l2(0.01), activity_regularizer=regularizers.l1(0.01))
    return [Flatten(), decaying, Dense(10, activation="softmax")]


def dense_100(*between: Layer) -> list[Layer]:
    """The one hidden layer of the exercises, and what comes behind it."""
    return [Flatten(), Dense(100, activation="relu"), *between, Dense(10, activation="softmax")]


def dense_100_dropout_25() -> list[Layer]:
    return dense_100(Dropout(0.25))


def dense_100_dropout_50() -> list[Layer]:
    return dense_100(Dropout(0.5))


def dense_100_dropout_75() -> list[Layer]:
    return dense_100(Dropout(0.75))


def dense_100_batchnorm() -> list[Layer]:
    return dense_100(BatchNormalization())


def one_conv() -> list[Layer]:
    return [
        _conv(32, "same", "relu"),
        MaxPooling2D(2, padding="same"),
        Flatten(),
        Dense(10, activation="softmax"),
    ]


def five_by_five() -> list[Layer]:
    return [
        Conv2D(32, 5, padding="same", activation="relu"),
        MaxPooling2D(2),
        Flatten(),
        Dense(10, activation="softmax"),
    ]
