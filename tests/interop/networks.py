"""One small network for every layer that pyconvnet has, built alike by pyconvnet, Keras 3 and tf-keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

IMAGE = (8, 8, 2)
CLASSES = 4
_HEAD = [("Flatten", {}), ("Dense", {"units": CLASSES, "activation": "softmax", "name": "head"})]


@dataclass(frozen=True)
class Network:
    """A network's layers as (class, arguments), or a function that makes a graph, and what can be compared of it.

    Attributes:
        trains: whether a further training step can be compared: not behind random draws.
        inputs: how many images it is given.
        outputs: how many classes it says.
    """

    layers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    graph: Callable[[Any], Any] | None = None
    trains: bool = True
    inputs: int = 1
    outputs: int = 1
    regularizers: dict[str, tuple[str, float]] = field(default_factory=dict)


def residual(program: Any) -> Any:
    """Branches that are added, multiplied and joined."""
    make = program.layers
    x = program.Input(IMAGE, name="images")
    y = make.Conv2D(2, 3, padding="same", activation="relu", name="left")(x)
    z = make.Add(name="sum")([x, y])
    z = make.Multiply(name="product")([z, y])
    z = make.Concatenate(name="joined")([z, x, y])
    z = make.GlobalAveragePooling2D(name="mean")(make.BatchNormalization(name="norm")(z))
    return program.Model(x, make.Dense(CLASSES, activation="softmax", name="head")(z), name="residual")


def shared(program: Any) -> Any:
    """A layer and two models inside the model that are used twice."""
    make = program.layers
    inner_input = program.Input(IMAGE, name="inner_images")
    inner = program.Model(inner_input, make.Conv2D(2, 1, name="inner_conv")(inner_input), name="inner")
    row = program.Sequential(
        [make.InputLayer(IMAGE), make.Conv2D(2, 1, activation="tanh", name="row_conv")], name="row"
    )
    twice = make.Conv2D(2, 1, name="twice")
    x = program.Input(IMAGE, name="images")
    y = make.Add(name="first")([twice(x), inner(x)])
    y = make.Add(name="second")([row(inner(twice(y))), row(x)])
    y = make.GlobalMaxPooling2D(name="largest")(y)
    return program.Model(x, make.Dense(CLASSES, activation="softmax", name="head")(y), name="shared")


def pair(program: Any) -> Any:
    """Two images in, two answers out."""
    make = program.layers
    a, b = program.Input(IMAGE, name="left"), program.Input(IMAGE, name="right")
    x = make.GlobalAveragePooling2D(name="seen")(make.Conv2D(3, 3, name="look")(a))
    y = make.Concatenate(name="both")([x, make.GlobalMaxPooling2D(name="most")(b)])
    outputs = [make.Dense(CLASSES, activation="softmax", name=name)(z) for name, z in (("one", x), ("two", y))]
    return program.Model([a, b], outputs, name="pair")


# Each between two dense layers, so that none of them takes away what the next one needs.
_EVERY_ACTIVATION = [
    (name, arguments)
    for activation in ("elu", "gelu", "leaky_relu", "linear", "relu", "sigmoid", "silu", "softplus", "tanh")
    for name, arguments in (("Dense", {"units": 3}), ("Activation", {"activation": activation}))
]

# By the layer that it is about, or what is particular.
NETWORKS = {
    "Activation": Network(
        [("Conv2D", {"filters": 3, "kernel_size": 3}), ("Activation", {"activation": "tanh"}), *_HEAD]
    ),
    "Add": Network(graph=residual),
    "AveragePooling2D": Network([("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}), *_HEAD]),
    "BatchNormalization": Network([("BatchNormalization", {"momentum": 0.9, "epsilon": 0.002}), *_HEAD]),
    "Concatenate": Network(graph=residual),
    "Conv2D": Network(
        [
            (
                "Conv2D",
                {
                    "filters": 4,
                    "kernel_size": (3, 2),
                    "padding": "same",
                    "groups": 2,
                    "activation": "relu",
                    "kernel_initializer": "he_normal",
                    "name": "first",
                },
            ),
            ("Conv2D", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "use_bias": False, "name": "second"}),
            *_HEAD,
        ],
        regularizers={"kernel_regularizer": ("L2", 0.01), "activity_regularizer": ("L1", 0.001)},
    ),
    "Dense": Network([("Flatten", {}), ("Dense", {"units": 5, "activation": "sigmoid"}), _HEAD[1]]),
    "DepthwiseConv2D": Network([("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}), *_HEAD]),
    "Dropout": Network([("Dropout", {"rate": 0.4, "seed": 3}), *_HEAD], trains=False),
    "Flatten": Network(_HEAD),
    "GlobalAveragePooling2D": Network([("GlobalAveragePooling2D", {"keepdims": True}), *_HEAD]),
    "GlobalMaxPooling2D": Network([("GlobalMaxPooling2D", {}), _HEAD[1]]),
    "InputLayer": Network([("Conv2D", {"filters": 2, "kernel_size": 2, "strides": 2}), *_HEAD]),
    "MaxPooling2D": Network([("MaxPooling2D", {"pool_size": 2, "padding": "valid"}), *_HEAD]),
    "Multiply": Network(graph=residual),
    "ReLU": Network([("ReLU", {"negative_slope": 0.2}), ("ReLU", {"max_value": 1.5}), *_HEAD]),
    "Rescaling": Network([("Rescaling", {"scale": 0.5, "offset": 0.25}), *_HEAD]),
    "Reshape": Network([("Reshape", {"target_shape": (4, 16, 2)}), *_HEAD]),
    "Softmax": Network([("Flatten", {}), ("Dense", {"units": CLASSES, "name": "head"}), ("Softmax", {})]),
    "ZeroPadding2D": Network([("ZeroPadding2D", {"padding": ((1, 2), (0, 1))}), *_HEAD]),
    "every activation": Network([("GlobalAveragePooling2D", {}), *_EVERY_ACTIVATION, _HEAD[1]]),
    "several inputs and outputs": Network(graph=pair, inputs=2, outputs=2),
    "shared layers": Network(graph=shared),
}

OPTIMIZERS = {
    "Adam": {"learning_rate": 0.01, "beta_1": 0.8, "epsilon": 1e-5},
    "RMSprop": {"learning_rate": 0.003, "rho": 0.8, "momentum": 0.5},
    "SGD": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
}


def data(network: Network, rows: int = 12) -> tuple[Any, Any]:
    """Images x [rows, *IMAGE] and classes y [rows]; lists of such where the network has several."""
    random = np.random.default_rng(5)
    x = [random.normal(size=(rows, *IMAGE)).astype(np.float32) for _ in range(network.inputs)]
    y = [random.integers(0, CLASSES, rows) for _ in range(network.outputs)]
    return x if len(x) > 1 else x[0], y if len(y) > 1 else y[0]


def build(program: Any, network: Network, optimizer: str = "Adam") -> Any:
    """The network as a compiled model of `program` (pyconvnet, keras or tf_keras), with weights that are never zero."""
    if network.graph is not None:
        model = network.graph(program)
    else:
        layers = [program.layers.InputLayer(IMAGE)]
        for place, (name, arguments) in enumerate(network.layers):
            extra = {}
            if place == 0:
                extra = {key: getattr(program.regularizers, kind)(v) for key, (kind, v) in network.regularizers.items()}
            layers.append(getattr(program.layers, name)(**arguments, **extra))
        model = program.Sequential(layers)
    random = np.random.default_rng(7)
    model.set_weights([random.uniform(0.1, 0.6, np.shape(w)).astype(np.float32) for w in model.get_weights()])
    model.compile(
        optimizer=getattr(program.optimizers, optimizer)(**OPTIMIZERS[optimizer]),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"] if network.outputs == 1 else [["accuracy"]] * network.outputs,
    )
    return model
