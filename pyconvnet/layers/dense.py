"""The fully connected layer."""

from __future__ import annotations

import math
from typing import Any

from pyconvnet import activations, initializers, regularizers
from pyconvnet.layers._check import check_flag
from pyconvnet.layers.activation import declare_activation
from pyconvnet.layers.base import Graph, Layer, Shape, WeightSpec
from pyconvnet.ops._check import integer
from pyconvnet.ops.rule import Tensor
from pyconvnet.variables import Variable


class Dense(Layer):
    """Every output sees every input of the last axis: y = activation(x kernel + bias).

    Args:
        units: length of the output's last axis.
        activation: a name, one of `pyconvnet.activations`, or None for linear.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, bias_regularizer: penalties on the weights, or None.
        options: `name`, `trainable`, `activity_regularizer`, `input_shape`, `input_dim`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Weights: kernel [inputs, units], bias [units].

    Example:
        >>> from pyconvnet import layers
        >>> layers.Dense(10, activation="softmax").compute_output_shape((128,))
        (10,)
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        who = self.label
        self.units = integer(who, "units", units)
        self.activation = activations.get(activation, who)
        self.use_bias = check_flag(who, "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, who)
        self.bias_initializer = initializers.get(bias_initializer, who)
        self.kernel_regularizer = regularizers.get(kernel_regularizer, who)
        self.bias_regularizer = regularizers.get(bias_regularizer, who)

    @property
    def kernel(self) -> Variable:
        """Weights [inputs, units]."""
        return self._variable("kernel")

    @property
    def bias(self) -> Variable | None:
        """Weights [units], or None without a bias."""
        return self._variable("bias") if self.use_bias else None

    def weight_specs(self, input_shape: Shape) -> list[WeightSpec]:
        """The kernel, and the bias where there is one."""
        shape = (input_shape[-1], self.units)
        specs = [WeightSpec("kernel", shape, self.kernel_initializer, self.kernel_regularizer)]
        if self.use_bias:
            specs.append(WeightSpec("bias", (self.units,), self.bias_initializer, self.bias_regularizer))
        return specs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape with `units` in the last place."""
        if not input_shape:
            raise ValueError(f"{self.label}: a sample must have at least 1 axis, got single numbers; use x[:, None]")
        return (*input_shape[:-1], self.units)

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """A product and its activation."""
        inputs: dict[str, Tensor | Variable | None] = {"x": x, "kernel": self.kernel, "bias": self.bias}
        sizes = {"vectors": math.prod(x.shape[:-1]), "k": x.shape[-1], "m": self.units}
        y = graph.apply("dense", self.name, inputs, self.compute_output_shape(x.shape), **sizes)
        return declare_activation(graph, self.name, y, self.activation)
