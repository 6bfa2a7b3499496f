"""Activation functions by Keras's names. A layer stores one of these objects; the plan picks its kernel by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet import ops
from pyconvnet._suggest import unknown


@dataclass(frozen=True)
class ActivationFunction:
    """An activation function: a name that layers and the plan understand, callable on arrays too.

    Attributes:
        name: "relu" and so on.
        parameter_name: what its number is called, "" where it has none.
        parameter: its number, 0.0 where it has none.

    Example:
        >>> from pyconvnet import activations
        >>> activations.relu([-1.0, 2.0])
        array([0., 2.], dtype=float32)
    """

    name: str
    parameter_name: str = ""
    parameter: float = 0.0

    def __call__(self, x: ArrayLike) -> NDArray[np.float32]:
        """The function of x, float32 of x's shape; softmax goes along the last axis."""
        parameters = {self.parameter_name: self.parameter} if self.parameter_name else {}
        return ops.activation(x, self.name, **parameters)

    def __repr__(self) -> str:
        return f"<activation {self.name}>"


linear = ActivationFunction("linear")
relu = ActivationFunction("relu")
sigmoid = ActivationFunction("sigmoid")
tanh = ActivationFunction("tanh")
softmax = ActivationFunction("softmax")
elu = ActivationFunction("elu", "alpha", 1.0)
leaky_relu = ActivationFunction("leaky_relu", "negative_slope", 0.2)
gelu = ActivationFunction("gelu")
silu = swish = ActivationFunction("silu")
softplus = ActivationFunction("softplus")

_TABLE = {f.name: f for f in (linear, relu, sigmoid, tanh, softmax, elu, leaky_relu, gelu, silu, softplus)}
_TABLE["swish"] = silu


def get(identifier: Any, who: str = "activations.get") -> ActivationFunction:
    """The activation that a name or an object of this module stands for; None is linear.

    Args:
        identifier: such as "relu", `activations.relu` or None.
        who: who asks, for messages.

    Returns:
        The activation.

    Raises:
        ValueError: an unknown name.
        TypeError: anything else, a Python function too: kernels are compiled.

    Example:
        >>> get("swish")
        <activation silu>
    """
    if identifier is None:
        return linear
    if isinstance(identifier, ActivationFunction):
        return identifier
    if not isinstance(identifier, str):
        raise TypeError(
            f"{who}: activation must be a name such as 'relu' or one of pyconvnet.activations, got {identifier!r}"
        )
    if identifier not in _TABLE:
        raise ValueError(unknown(who, "activation", identifier, _TABLE))
    return _TABLE[identifier]
