"""The Activation layer, and how a layer with `activation=` declares one."""

from __future__ import annotations

from typing import Any

from pyconvnet import activations
from pyconvnet.layers.base import Graph, Layer
from pyconvnet.ops.rule import Tensor


def declare_activation(graph: Graph, name: str, x: Tensor, activation: activations.ActivationFunction) -> Tensor:
    """Adds an activation to the graph; linear adds nothing."""
    if activation == activations.linear:
        return x
    return graph.apply(
        "activation",
        name,
        {"x": x},
        x.shape,
        function=activation.name,
        parameter=activation.parameter,
        features=x.shape[-1],
    )


class Activation(Layer):
    """Applies an activation function to each value; softmax goes along the last axis.

    Args:
        activation: a name such as "relu", or one of `pyconvnet.activations`.
        options: `name`, `trainable`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: an unknown activation or argument.

    Example:
        >>> from pyconvnet import layers
        >>> layers.Activation("relu").activation
        <activation relu>
    """

    def __init__(self, activation: Any, **options: Any) -> None:
        super().__init__(**options)
        self.activation = activations.get(activation, self.label)

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """One activation op."""
        return declare_activation(graph, self.name, x, self.activation)
