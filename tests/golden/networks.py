"""Networks, weights and images that the make_*.py scripts (Keras) and the tests (pyconvnet) build alike, without files.

A network is a list of [layer class name, configuration]; regularizers are written ["l2", {"l2": 0.01}], so that every
configuration is plain JSON. Weights and images come from numpy.random.RandomState, whose streams are frozen.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

Layers = list[tuple[str, dict[str, Any]]]


def dense(units: int, activation: str = "linear", **config: Any) -> tuple[str, dict[str, Any]]:
    """A Dense row."""
    return "Dense", {"units": units, "activation": activation, **config}


def conv(filters: int, activation: str = "linear", padding: str = "valid", **config: Any) -> tuple[str, dict[str, Any]]:
    """A 3x3 Conv2D row."""
    return "Conv2D", {"filters": filters, "kernel_size": 3, "activation": activation, "padding": padding, **config}


FLATTEN: tuple[str, dict[str, Any]] = ("Flatten", {})
MAX_POOL: tuple[str, dict[str, Any]] = ("MaxPooling2D", {"pool_size": 2})
AVG_POOL: tuple[str, dict[str, Any]] = ("AveragePooling2D", {"pool_size": 2})
DROPOUT: tuple[str, dict[str, Any]] = ("Dropout", {"rate": 0.0})  # rate 0: masks cannot be equal in two libraries

# The lecture's networks on 28x28x1 images, with the number of parameters that the lecture prints.
NETWORKS: dict[str, Layers] = {
    "mlp": [FLATTEN, dense(128, "relu"), dense(10, "softmax")],
    "conv": [conv(16), conv(32), conv(64), FLATTEN, dense(128, "relu"), dense(10, "softmax")],
    "pool": [
        conv(32),
        MAX_POOL,
        conv(64),
        AVG_POOL,
        conv(128),
        FLATTEN,
        dense(128, "relu"),
        DROPOUT,
        dense(10, "softmax"),
    ],
    "book": [
        *(conv(32, "relu", "same"), MAX_POOL, conv(64, "relu", "same"), MAX_POOL),
        *(FLATTEN, dense(100, "relu"), DROPOUT, dense(10, "softmax")),
    ],
    "vgg": [
        *(conv(32, "relu", "same"), conv(64, "relu", "same"), MAX_POOL, DROPOUT),
        *(conv(128, "relu", "same"), conv(256, "relu"), MAX_POOL, DROPOUT),
        *(FLATTEN, dense(512, "relu"), DROPOUT, dense(256, "relu"), DROPOUT, dense(10, "softmax")),
    ],
}
PARAMETERS = {"mlp": 101_770, "conv": 3_989_642, "pool": 241_546, "book": 333_526, "vgg": 5_240_842}
# Seeds of the initial weights. Adam's first steps move a weight by the whole rate however small its gradient is, so
# where a gradient is lost in rounding, two right programs part: with other seeds for vgg, Keras differs from itself
# (in float64, or without XLA) by up to 1e-1 in the tenth loss, with 400 by 6e-3. The small networks are calm.
SEEDS = {"mlp": 100, "conv": 101, "pool": 102, "book": 103, "vgg": 400}
INPUT_SHAPE = (28, 28, 1)
STEPS = 10
BATCH = 32
HELD_OUT = 75  # images that evaluate() sees: two whole batches and a partial one


def build(library: ModuleType, layers: Any, input_shape: Any) -> Any:
    """Make a Sequential of `library` (keras or pyconvnet) from rows of [class name, configuration]."""
    made = [library.layers.Input(tuple(input_shape))]
    for class_name, config in layers:
        arguments = dict(config)
        for key in arguments:
            if key.endswith("_regularizer"):
                rule, parameters = arguments[key]
                arguments[key] = getattr(library.regularizers, rule)(**parameters)
        made.append(getattr(library.layers, class_name)(**arguments))
    return library.Sequential(made)


def initial_weights(shapes: list[tuple[int, ...]], seed: int) -> list[np.ndarray]:
    """Glorot-uniform kernels and zero biases, in the order of get_weights().

    Args:
        shapes: Shapes of the weights; rank 1 means bias.
        seed: Of one RandomState that draws all kernels in turn.
    """
    random = np.random.RandomState(seed)
    weights = []
    for shape in shapes:
        if len(shape) == 1:
            weights.append(np.zeros(shape, np.float32))
            continue
        field = int(np.prod(shape[:-2]))
        limit = np.sqrt(6.0 / (field * (shape[-2] + shape[-1])))
        weights.append(random.uniform(-limit, limit, shape).astype(np.float32))
    return weights


def random_weights(shapes: list[tuple[int, ...]], seed: int) -> list[np.ndarray]:
    """Small normal values for every weight of a tiny model, biases too."""
    random = np.random.RandomState(seed)
    return [(0.5 * random.standard_normal(shape)).astype(np.float32) for shape in shapes]


def images(count: int, seed: int = 2024) -> tuple[np.ndarray, np.ndarray]:
    """Grey pictures of ten classes on a black background: a class is a place and a size of a blob, plus speckles.

    Returns:
        x uint8 [count, 28, 28, 1] and labels uint8 [count]. Much of a picture is exactly 0, as in Fashion-MNIST,
        so that windows of the pools tie.
    """
    random = np.random.RandomState(seed)
    labels = random.randint(0, 10, count)
    rows, columns = np.mgrid[0:28, 0:28]
    pictures = np.zeros((count, 28, 28, 1), np.uint8)
    for index, label in enumerate(labels):
        angle = 2.0 * np.pi * label / 10.0
        row = 14.0 + 6.0 * np.sin(angle) + random.uniform(-2, 2)
        column = 14.0 + 6.0 * np.cos(angle) + random.uniform(-2, 2)
        distance = np.hypot(rows - row, columns - column)
        blob = np.clip(255.0 - distance * (24.0 + 4.0 * (label % 3)), 0.0, 255.0)
        speckles = random.randint(-40, 41, (28, 28)) * (blob > 0)
        pictures[index, :, :, 0] = np.clip(blob + speckles, 0.0, 255.0).astype(np.uint8)
    return pictures, labels.astype(np.uint8)


def training_data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, y for the steps and x, y for evaluate(); x is float32 in [0, 1]."""
    x, y = images(STEPS * BATCH + HELD_OUT)
    scaled = (x / 255.0).astype(np.float32)
    split = STEPS * BATCH
    return scaled[:split], y[:split], scaled[split:], y[split:]


def sample_positions(size: int, count: int = 16) -> np.ndarray:
    """Evenly spread positions in a flattened weight of `size` elements, at most `count` of them."""
    return np.unique(np.linspace(0, size - 1, count).astype(np.int64))
