"""Activation functions by Keras's names. A layer stores one of these objects; the plan picks its kernel by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pyconvnet import ops
from pyconvnet._answer import Answer
from pyconvnet._suggest import unknown
from pyconvnet.ops._check import float_array, real


@dataclass(frozen=True)
class ActivationFunction:
    """An activation function: a name that layers and the plan understand, callable on arrays and layers' outputs too.

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

    def __call__(self, x: Any, **parameters: Any) -> Any:
        """The function of x, float32 of x's shape; softmax goes along the last axis.

        Args:
            x: numbers, or a symbolic tensor, to which it is applied by a layer.
            parameters: the function's number by its name, such as ``alpha=0.5`` for elu.

        Raises:
            ValueError, TypeError: no numbers, a wrong parameter, or another one than the default on a symbolic tensor.
        """
        known = {self.parameter_name: self.parameter} if self.parameter_name else {}
        if not isinstance(x, _tensors().KerasTensor):
            return ops.activation(x, self.name, **(known | parameters)).view(Answer)
        if known | parameters != known:
            raise ValueError(f"activations.{self.name}: layers have no {parameters} for it; only {known or 'none'}")
        return _tensors().Activation(self)(x)

    def __repr__(self) -> str:
        return f"<activation {self.name}>"


class _ReLU(ActivationFunction):
    def __call__(  # type: ignore[override]
        self, x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
    ) -> Any:
        """x where it is above `threshold`, at most `max_value`; below, ``negative_slope * (x - threshold)``.

        Raises:
            ValueError, TypeError: arguments that are no numbers; a negative slope or largest value.
        """
        if isinstance(x, _tensors().KerasTensor):
            return _tensors().ReLU(max_value, negative_slope, threshold)(x)
        who = "activations.relu"
        values = float_array(who, "x", x)
        slope = real(who, "negative_slope", negative_slope, minimum=0.0)
        edge = real(who, "threshold", threshold)
        largest = np.inf if max_value is None else real(who, "max_value", max_value, minimum=0.0)
        if slope == edge == 0.0 and max_value is None:
            return ops.activation(values, self.name).view(Answer)
        # as Keras: what is kept is cut to 0 .. max_value, a negative value above the threshold too
        kept = np.where(values > edge, values, 0.0)
        kept = kept if max_value is None else np.clip(kept, 0.0, largest)
        return (kept - slope * np.maximum(edge - values, 0.0)).astype(np.float32).view(Answer)


def _tensors() -> Any:
    """The layers, which are made of the names here."""
    from pyconvnet import layers

    return layers


linear = ActivationFunction("linear")
relu = _ReLU("relu")
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
