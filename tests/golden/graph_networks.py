"""Graphs of layers that make_graphs.py (Keras) and the tests (pyconvnet) build alike, with their data and weights."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

STEPS = 10
BATCH = 16
HELD_OUT = 21  # one whole batch and a partial one


def branched(library: ModuleType) -> Any:
    """Two inputs, two outputs, a shared layer, a nested model, and each layer that only graphs and new networks use."""
    layers = library.layers
    image, extra = layers.Input((12, 12, 2), name="image"), layers.Input((6,), name="extra")
    x = layers.Rescaling(0.5, offset=-0.25, name="scaled")(image)
    x = layers.ZeroPadding2D(((1, 0), (2, 1)), name="framed")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=3, padding="same", name="depthwise")(x)
    x = layers.BatchNormalization(name="normal")(x)
    x = layers.ReLU(max_value=1.5, name="clipped")(x)
    a = layers.ReLU(negative_slope=0.1, name="leaky")(layers.Conv2D(8, 3, padding="same", name="left")(x))
    b = layers.Conv2D(8, 1, name="right")(x)
    x = layers.Add(name="sum")([a, b, a])
    means, peaks = layers.GlobalAveragePooling2D(name="means")(x), layers.GlobalMaxPooling2D(name="peaks")(x)
    both = layers.Concatenate(name="both")([means, peaks])
    twin = layers.Dense(16, activation="tanh", kernel_regularizer="l2", name="twin")
    gate = layers.Dense(16, activation="sigmoid", name="gate")(extra)
    y = layers.Multiply(name="gated")([twin(both), gate])
    y = layers.Reshape((4, 4), name="square")(layers.Add(name="again")([y, twin(y)]))
    inner = library.Sequential(
        [layers.Input((4, 4)), layers.Flatten(name="flat"), layers.Dense(10, name="classes")], name="inner"
    )
    main = layers.Softmax(name="main")(inner(y))
    side = layers.Dense(1, name="side")(both)
    model = library.Model([image, extra], [main, side], name="branched")
    model.compile(
        optimizer=library.optimizers.SGD(learning_rate=0.01, momentum=0.9),
        loss={"main": "sparse_categorical_crossentropy", "side": "mse"},
        loss_weights={"main": 1.0, "side": 0.25},
        metrics={"main": ["accuracy"], "side": ["mae"]},
    )
    return model


def resnet(library: ModuleType) -> Any:
    """A residual network for 32x32 images: three blocks, one of them with stride 2."""
    layers = library.layers

    def normal(x: Any, filters: int, size: int, strides: int = 1) -> Any:
        x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    def block(x: Any, filters: int, strides: int = 1) -> Any:
        y = layers.ReLU()(normal(x, filters, 3, strides))
        y = normal(y, filters, 3)
        short = x if strides == 1 else normal(x, filters, 1, strides)
        return layers.ReLU()(layers.Add()([y, short]))

    image = layers.Input((32, 32, 3), name="image")
    x = layers.ReLU()(normal(image, 8, 3))
    x = layers.GlobalAveragePooling2D()(block(block(block(x, 8), 16, 2), 16))
    model = library.Model(image, layers.Dense(10, activation="softmax")(x), name="resnet")
    model.compile(
        optimizer=library.optimizers.SGD(learning_rate=0.01, momentum=0.9),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


GRAPHS: dict[str, Callable[[ModuleType], Any]] = {"branched": branched, "resnet": resnet}


def set_first_weights(model: Any, seed: int = 7) -> None:
    """Uniform kernels, ones for gamma and the moving variance, zeros for the rest; by the names of the weights."""
    random = np.random.RandomState(seed)
    values = []
    for weight in model.weights:
        shape = tuple(weight.shape)
        if weight.name == "kernel":
            limit = np.sqrt(6.0 / (np.prod(shape[:-1]) + shape[-1]))
            values.append(random.uniform(-limit, limit, shape).astype(np.float32))
        else:
            fill = 1.0 if weight.name in ("gamma", "moving_variance") else 0.0
            values.append(np.full(shape, fill, np.float32))
    model.set_weights(values)


def data(name: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Inputs and labels by name: rows for all steps, then those that are held out."""
    random = np.random.RandomState(len(name))
    rows = STEPS * BATCH + HELD_OUT
    labels = random.randint(0, 10, rows)
    if name == "resnet":
        image = random.standard_normal((rows, 32, 32, 3)) + labels[:, None, None, None] / 5.0
        return {"image": image.astype(np.float32)}, {"dense": labels}
    image = random.standard_normal((rows, 12, 12, 2)) + labels[:, None, None, None] / 5.0
    extra, side = random.standard_normal((rows, 6)), (labels[:, None] / 5.0 - 1.0).astype(np.float32)
    inputs = {"image": image.astype(np.float32), "extra": extra.astype(np.float32)}
    return inputs, {"main": labels, "side": side}


def fed(values: dict[str, np.ndarray], rows: slice) -> Any:
    """Some rows as `fit` takes them: by name, or alone where there is one."""
    cut = {name: array[rows] for name, array in values.items()}
    return cut if len(cut) > 1 else next(iter(cut.values()))


def train(model: Any, name: str) -> dict[str, Any]:
    """Ten fits of one batch, then evaluate and predict on the rest; losses, metrics and outputs."""
    x, y = data(name)
    history: dict[str, list[float]] = {}
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        seen = model.fit(fed(x, rows), fed(y, rows), batch_size=BATCH, shuffle=False, verbose=0).history
        for key, values in seen.items():
            history.setdefault(key, []).extend(float(value) for value in values)
    rest = slice(STEPS * BATCH, None)
    # In one batch: over TensorFlow, Keras counts batches of different sizes alike in the losses of single outputs.
    evaluated = model.evaluate(fed(x, rest), fed(y, rest), batch_size=HELD_OUT, verbose=0, return_dict=True)
    predicted = model.predict(fed(x, rest), batch_size=BATCH, verbose=0)
    outputs = predicted if isinstance(predicted, list) else [predicted]
    return {
        "history": history,
        "evaluate": {key: float(value) for key, value in evaluated.items()},
        "predict": [output.astype(np.float64).round(9).tolist() for output in outputs],
    }
