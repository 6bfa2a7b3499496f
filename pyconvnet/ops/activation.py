"""Activation functions: eager functions and their rule in the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet._suggest import known
from pyconvnet.ops._check import FloatArray, empty, float_array, real, same_shape
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.rule import Emitter, Node, Tensor


@dataclass(frozen=True)
class Function:
    """What the kernels and their callers need to know of an activation function.

    Attributes:
        code: its number in csrc/kernels/activation.h.
        parameter: what its number is called, "" where it has none.
        default: of that number.
        saves_input: the backward pass reads x; for the others the derivative follows from y.
    """

    code: int
    parameter: str = ""
    default: float = 0.0
    saves_input: bool = False


FUNCTIONS: dict[str, Function] = {
    "linear": Function(0),  # no kernel: another name of its input
    "relu": Function(1),
    "sigmoid": Function(2),
    "tanh": Function(3),
    "softmax": Function(4),
    "elu": Function(5, "alpha", 1.0),
    "leaky_relu": Function(6, "negative_slope", 0.2),
    "gelu": Function(7, saves_input=True),
    "silu": Function(8, saves_input=True),
    "softplus": Function(9),
    "clipped_relu": Function(10, "max_value", 6.0),
}


def saves_input(function: str) -> bool:
    """Whether the backward pass of a function reads its input (gelu, silu) and not its output."""
    return FUNCTIONS[function].saves_input


def _parameter(who: str, name: str, given: dict[str, Any]) -> float:
    """The number that a function takes, checked: not negative, for the sign of y has to tell that of x."""
    function = FUNCTIONS[known(who, "activation function", name, FUNCTIONS)]
    for word in given:
        if word != function.parameter:
            offered = f"its parameter is {function.parameter}" if function.parameter else "it has no parameter"
            raise TypeError(f"{who}: {name} does not know the parameter {word!r}; {offered}")
    if not function.parameter:
        return 0.0
    return real(who, function.parameter, given.get(function.parameter, function.default), minimum=0.0)


def kernel_attributes(function: str, parameter: float, size: int, features: int) -> dict[str, Any]:
    """The attributes of both kernels; `size` elements in a row, `features` of them on the last axis."""
    return dict(function=FUNCTIONS[function].code, parameter=parameter, size=size, features=features)


def _rows_and_features(who: str, shape: tuple[int, ...]) -> tuple[int, int]:
    if 0 in shape[-1:]:
        raise ValueError(f"{who}: the last axis of x must not be empty, got shape {shape}")
    return int(np.prod(shape[:-1], dtype=np.int64)), shape[-1]


def activation(x: ArrayLike, function: str, **parameters: float) -> FloatArray:
    """Applies an activation function.

    Args:
        x: any shape and numeric dtype; softmax works along the last axis. Computed in float32.
        function: linear, relu, sigmoid, tanh, softmax, elu, leaky_relu, gelu (exact, with erf), silu, softplus,
            clipped_relu (relu up to a largest value).
        parameters: alpha of elu (1.0), negative_slope of leaky_relu (0.2), max_value of clipped_relu (6.0); none may
            be negative.

    Returns:
        float32 like x.

    Raises:
        ValueError, TypeError: an unknown function or parameter, a parameter out of range, not numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.activation([-1.0, 0.0, 2.0], "leaky_relu", negative_slope=0.5)
        array([-0.5,  0. ,  2. ], dtype=float32)
    """
    who = "activation"
    parameter = _parameter(who, function, parameters)
    x = float_array(who, "x", x)
    if function == "linear":
        return x.copy()
    rows, features = _rows_and_features(who, x.shape)
    y = empty(x, x.shape)
    attributes = kernel_attributes(function, parameter, features, features)
    run_kernel("activation_forward", attributes, rows=rows, x=x, y=y)
    return y


def activation_backward(dy: ArrayLike, x: ArrayLike, function: str, **parameters: float) -> FloatArray:
    """Gradient of `activation` with respect to its input; at a kink the derivative from the left.

    Args:
        dy: gradient of the output, like x.
        x: the input of `activation`.
        function, parameters: as for `activation`.

    Returns:
        float32 like x.

    Raises:
        ValueError, TypeError: shapes that differ, an unknown function or parameter, a parameter out of range.

    Example:
        >>> from pyconvnet import ops
        >>> ops.activation_backward([1, 1, 1], [-1, 0, 2], "relu")
        array([0., 0., 1.], dtype=float32)
    """
    who = "activation_backward"
    parameter = _parameter(who, function, parameters)
    dy, x = float_array(who, "dy", dy), float_array(who, "x", x)
    same_shape(who, "dy", dy.shape, x.shape)
    if function == "linear":
        return dy.copy()
    rows, features = _rows_and_features(who, x.shape)
    attributes = kernel_attributes(function, parameter, features, features)
    saved = x
    if not saves_input(function):
        saved = empty(x, x.shape)
        run_kernel("activation_forward", attributes, rows=rows, x=x, y=saved)
    dx = empty(x, x.shape)
    run_kernel("activation_backward", attributes, rows=rows, dy=dy, saved=saved, dx=dx)
    return dx


def emit_activation_backward(
    emit: Emitter, label: str, attributes: dict[str, Any], *, dy: Tensor, saved: Tensor, dx: Tensor
) -> None:
    """Adds the backward call; dx may be dy.

    Args:
        emit: takes the call.
        label: the layer's name.
        attributes: function (its name), parameter, size (elements in a row), features (length of the last axis).
        dy: gradient of the output.
        saved: the input where `saves_input(function)`, else the output.
        dx: gradient of the input.
    """
    emit.call("activation_backward", kernel_attributes(**attributes), label, dy=dy, saved=saved, dx=dx)


class ActivationRule:
    """inputs x; attributes function (its name), parameter, features (length of the last axis)."""

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call."""
        attributes = kernel_attributes(**node.attributes, size=node.output.size)
        emit.call("activation_forward", attributes, node.name, x=node.inputs["x"], y=node.output)

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """One call, where somebody in front wants it."""
        x = node.inputs["x"]
        if not emit.wants_gradient(x):
            return {}
        dx = emit.tensor(f"d_{x.name}", x.shape)
        saved = x if saves_input(node.attributes["function"]) else node.output
        attributes = {**node.attributes, "size": x.size}
        emit_activation_backward(emit, node.name, attributes, dy=dy, saved=saved, dx=dx)
        return {"x": dx}

    def flops(self, node: Node) -> int:
        """One an element, whatever the function."""
        return node.output.size
