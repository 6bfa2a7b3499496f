"""The lecture's networks, as models and as plain rows that other libraries are built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyconvnet._suggest import unknown
from pyconvnet.layers import Input, Layer
from pyconvnet.lecture.experiments import EXPERIMENTS
from pyconvnet.models import Sequential

CLASSES = 10
# What another library needs to know of a layer; all else has its default in the lecture.
_SETTINGS = {
    "Conv2D": ("filters", "kernel_size", "padding", "activation"),
    "MaxPooling2D": ("pool_size",),
    "AveragePooling2D": ("pool_size",),
    "Flatten": (),
    "Dense": ("units", "activation"),
    "Dropout": ("rate",),
}


@dataclass(frozen=True)
class Network:
    """One of the lecture's networks.

    Attributes:
        name: as on the command line.
        input_shape: of one image.
        layers: makes them, without the `Input`; the last one answers probabilities of `CLASSES` classes.
        parameters: how many numbers it trains, as the lecture prints it.
    """

    name: str
    input_shape: tuple[int, int, int]
    layers: Callable[[], list[Layer]]
    parameters: int

    def model(self, device: str = "cpu") -> Sequential:
        """The network with fresh weights, compiled as in the lecture.

        Args:
            device: as for `compile`.

        Raises:
            ValueError: its parameters are not the lecture's; what is measured would be something else.
        """
        model = Sequential([Input(self.input_shape), *self.layers()], name=self.name)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], device=device)
        count = model.count_params()
        if count != self.parameters:
            raise ValueError(f"{self.name}: the lecture has {self.parameters} parameters, got {count}")
        return model

    def rows(self) -> list[tuple[str, dict[str, Any]]]:
        """(class name, settings) of each layer in Keras's words: plain values that go into JSON."""
        rows = []
        for layer in self.layers():
            kind, config = type(layer).__name__, layer.get_config()
            rows.append((kind, {name: config[name] for name in _SETTINGS[kind]}))
        return rows


NETWORKS: dict[str, Network] = {
    name: Network(name, EXPERIMENTS[name].input_shape, EXPERIMENTS[name].network, EXPERIMENTS[name].parameters)
    for name in ("mlp", "conv", "pool", "vgg", "book", "lenet5", "ccp", "cifar10")
}


def selected(names: str) -> list[Network]:
    """The networks of a list such as "mlp,conv", in that order; all where it is empty.

    Raises:
        ValueError: an unknown name; the message has the nearest.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in NETWORKS:
            raise ValueError(unknown("--nets", "network", name, NETWORKS))
    return [NETWORKS[name] for name in dict.fromkeys(wanted)] or list(NETWORKS.values())
