"""Networks that make_pictures.py (Keras) and the tests (pyconvnet) draw alike; every layer has a name."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def row(library: ModuleType) -> Any:
    """A row with a row in it."""
    layers = library.layers
    inner = library.Sequential(
        [layers.Input((6, 6, 2)), layers.BatchNormalization(name="normal"), layers.MaxPooling2D(name="pool")],
        name="inner",
    )
    return library.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(2, 3, activation="relu", name="conv"),
            inner,
            layers.Flatten(name="flat"),
            layers.Dense(3, activation="softmax", trainable=False, name="classes"),
        ],
        name="row",
    )


def skips(library: ModuleType) -> Any:
    """Edges that pass rows, two of them from one tensor, and two inputs of which one comes late."""
    layers = library.layers
    image, late = layers.Input((6, 6, 4), name="image"), layers.Input((5,), name="late")
    a = layers.Conv2D(4, 3, padding="same", name="a")(image)
    b = layers.ReLU(name="b")(layers.Conv2D(4, 3, padding="same", name="c")(a))
    x = layers.Add(name="sum")([b, a, image])
    y = layers.Multiply(name="product")([layers.Activation("tanh", name="d")(x), a])
    flat = layers.Flatten(name="flat")(y)
    both = layers.Concatenate(name="both")([flat, late, layers.GlobalAveragePooling2D(name="means")(x)])
    return library.Model([image, late], [layers.Dense(2, name="main")(both), layers.Dense(1, name="side")(flat)])


def nested(library: ModuleType) -> Any:
    """A model with two inputs and two outputs inside a model, and a row inside that."""
    layers = library.layers
    left, right = layers.Input((4, 4, 3), name="left"), layers.Input((4, 4, 3), name="right")
    inner_row = library.Sequential(
        [layers.Input((4, 4, 3)), layers.Conv2D(3, 1, name="one"), layers.ReLU(name="two")], name="inner_row"
    )
    total = layers.Add(name="total")([inner_row(left), right])
    twins = library.Model([left, right], [total, layers.GlobalMaxPooling2D(name="peak")(right)], name="twins")
    first, second = layers.Input((4, 4, 3), name="first"), layers.Input((4, 4, 3), name="second")
    whole, peak = twins([layers.Dropout(0.5, name="drop")(first), second])
    end = layers.Concatenate(name="end")([layers.Flatten(name="flat")(whole), peak])
    return library.Model([first, second], [end, peak], name="nested")


NETWORKS = (row, skips, nested)
