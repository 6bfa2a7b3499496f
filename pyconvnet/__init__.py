"""pyconvnet: trains convolutional networks with C++ kernels behind a Keras-like API.

import pyconvnet as pcn

(x, y), (x_test, y_test) = pcn.datasets.fashion_mnist.load_data()
model = pcn.Sequential([
    pcn.layers.Conv2D(32, 3, activation="relu", input_shape=(28, 28, 1)),
    pcn.layers.MaxPooling2D(),
    pcn.layers.Flatten(),
    pcn.layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x / 255.0, y, epochs=3, validation_split=0.25)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

try:
    from pyconvnet import _core as _core
except ImportError as error:
    raise ImportError(
        f"the compiled part of pyconvnet is not in {__path__[0]} ({error}); if this is the source folder, "
        "install with `pip install .` and run Python elsewhere"
    ) from error

from pyconvnet import (
    activations,
    callbacks,
    config,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    mixed_precision,
    models,
    ops,
    optimizers,
    preprocessing,
    regularizers,
    utils,
)
from pyconvnet.config import get_num_threads, set_num_threads, show_config
from pyconvnet.layers import Input
from pyconvnet.models import Model, Sequential
from pyconvnet.training import TrainResult, train

# modules that few programs need, imported when used
_LAZY = ("bench", "compat", "edu", "lecture", "plot", "reference", "saving")
_EXTENSION = ("load_ipython_extension", "unload_ipython_extension")  # %load_ext pyconvnet looks for them here


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return import_module(f"{__name__}.{name}")
    if name in _EXTENSION:
        return getattr(import_module(f"{__name__}.compat"), name)
    raise AttributeError(f"module 'pyconvnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


__all__ = [
    "Input",
    "Model",
    "Sequential",
    "TrainResult",
    "__version__",
    "activations",
    "callbacks",
    "config",
    "datasets",
    "get_num_threads",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "regularizers",
    "set_num_threads",
    "show_config",
    "train",
    "utils",
]
