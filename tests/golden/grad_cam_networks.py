"""Networks, weights and images that make_grad_cam.py (Keras) and test_plot_grad_cam.py (pyconvnet) build alike."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

SHAPE = (12, 10, 3)
IMAGES = 3


def row(library: ModuleType) -> Any:
    """Layers in a row: fused and lone activations, both poolings, statistics, dropout."""
    layers = library.layers
    return library.Sequential(
        [
            layers.Input(SHAPE),
            layers.Conv2D(5, 3, padding="same", activation="relu", name="fused"),
            layers.MaxPooling2D(2, name="largest"),
            layers.BatchNormalization(name="normal"),
            layers.Conv2D(6, 3, name="linear"),
            layers.ReLU(name="lone"),
            layers.Dropout(0.5, name="dropped"),
            layers.AveragePooling2D(2, name="mean"),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
            layers.Dense(4, activation="softmax"),
        ]
    )


def branches(library: ModuleType) -> Any:
    """A sum that is read twice, parts side by side, a shared layer, activations whose gradients need their inputs."""
    layers = library.layers
    image = layers.Input(SHAPE)
    x = layers.Conv2D(6, 3, strides=2, padding="same", activation="silu", name="start")(image)
    a = layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(x)
    b = layers.Conv2D(6, 1, activation="gelu", name="narrow")(x)
    x = layers.Add(name="sum")([a, b, x])
    shared = layers.Conv2D(6, 3, padding="same", activation="relu", name="shared")
    y = shared(layers.MaxPooling2D(2, padding="same", name="largest")(shared(x)))
    both = layers.Concatenate(name="both")(
        [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(y), layers.GlobalAveragePooling2D()(y)]
    )
    return library.Model(image, layers.Dense(5, activation="softmax")(both))


def yes_or_no(library: ModuleType) -> Any:
    """One score behind a sigmoid."""
    layers = library.layers
    return library.Sequential(
        [
            layers.Input(SHAPE),
            layers.Conv2D(7, 3, activation="tanh", name="first"),
            layers.Conv2D(3, 3, activation="elu", name="last"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


# The layers that each network is asked for, by name; of the shared one Keras's `layer.output` is that of its first use.
CASES: dict[str, tuple[Any, list[str]]] = {
    "row": (row, ["fused", "largest", "normal", "linear", "lone", "dropped", "mean"]),
    "branches": (branches, ["start", "depthwise", "narrow", "sum", "shared", "largest"]),
    "yes_or_no": (yes_or_no, ["first", "last"]),
}


def set_weights(model: Any) -> None:
    """Normal values, and variances around 1; in the order of the weights, which is the same in both."""
    random = np.random.RandomState(17)
    values = []
    for weight in model.weights:
        drawn = 0.4 * random.standard_normal(tuple(weight.shape))
        values.append((np.abs(drawn) + 0.5 if "variance" in weight.name else drawn).astype(np.float32))
    model.set_weights(values)


def images() -> np.ndarray:
    """float32 [IMAGES, *SHAPE]"""
    return np.random.RandomState(23).uniform(0.0, 1.0, (IMAGES, *SHAPE)).astype(np.float32)


def classes(scores: int) -> np.ndarray:
    """The class that each image is asked for."""
    return np.arange(IMAGES) % scores
