"""The Activation layer, and how a layer with `activation=` declares one."""

from __future__ import annotations

from typing import Any

from pyconvnet import activations
from pyconvnet.layers.base import Graph, Layer, Shape
from pyconvnet.ops._check import integer, real
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


class ReLU(Layer):
    """max(0, x), in two variants: with a slope on the left, or with a largest value on the right.

    Args:
        max_value: the largest value, above 0, or None for no such.
        negative_slope: the slope left of zero, at least 0.
        threshold: only 0.
        options: `name`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments; a slope and a largest value together.

    Example:
        >>> from pyconvnet import layers
        >>> layers.ReLU(max_value=6).max_value
        6.0
    """

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **options: Any
    ) -> None:
        super().__init__(**options)
        who = self.label
        self.max_value = None if max_value is None else real(who, "max_value", max_value)
        self.negative_slope = real(who, "negative_slope", negative_slope, minimum=0.0)
        self.threshold = real(who, "threshold", threshold)
        if self.max_value is not None and self.max_value <= 0.0:
            raise ValueError(f"{who}: max_value must be positive or None, got {max_value!r}")
        if self.threshold != 0.0:
            raise ValueError(f"{who}: threshold must be 0, got {threshold!r}; shift the values with a bias")
        if self.max_value is not None and self.negative_slope:
            raise ValueError(
                f"{who}: max_value and negative_slope exclude each other, got {max_value} and {negative_slope}"
            )

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """One activation op."""
        function, parameter = ("leaky_relu", self.negative_slope) if self.negative_slope else ("relu", 0.0)
        if self.max_value is not None:
            function, parameter = "clipped_relu", self.max_value
        return graph.apply(
            "activation", self.name, {"x": x}, x.shape, function=function, parameter=parameter, features=x.shape[-1]
        )


class Softmax(Layer):
    """Probabilities along the last axis: exp(x) / sum of exp(x).

    Args:
        axis: that of the last one: -1, or its number in the batch.
        options: `name`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Example:
        >>> from pyconvnet import layers
        >>> layers.Softmax().compute_output_shape((10,))
        (10,)
    """

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = axis
        if axis != -1:
            integer(self.label, "axis", axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """That of the input.

        Raises:
            ValueError: another axis than the last.
        """
        if self.axis not in (-1, len(input_shape)):
            raise ValueError(f"{self.label}: axis must be -1 or {len(input_shape)}, the last one, got {self.axis}")
        return input_shape

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """One activation op."""
        return declare_activation(graph, self.name, x, activations.softmax)
