"""The activation functions and their derivatives, and the two ops that look them up by name."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pyconvnet.reference.shape import Array

_erf = np.vectorize(math.erf, otypes=[np.float64])  # NumPy has no error function of its own


def activation(x: Array, function: str, **parameters: float) -> Array:
    """Apply an activation function.

    Args:
        x: any shape; softmax works on the last axis.
        function: linear, relu, sigmoid, tanh, softmax, elu, leaky_relu, gelu (exact, with erf), silu, softplus or
            clipped_relu.
        **parameters: `alpha` for elu (1.0), `negative_slope` for leaky_relu (0.2), `max_value` for clipped_relu (6.0).

    Returns:
        y: like x.

    Raises:
        ValueError: if the function is unknown.
        TypeError: if the function does not take the parameter.

    Example:
        >>> activation(np.array([-1.0, 0.0, 2.0]), "leaky_relu", negative_slope=0.5).tolist()
        [-0.5, 0.0, 2.0]

    Formula: Keras `activations` of the same names.
    """
    y: Array = _look_up(_FORWARD, function)(x, **parameters)
    return y.astype(x.dtype)


def activation_backward(dy: Array, x: Array, function: str, **parameters: float) -> Array:
    """Multiply the gradient by the derivative of the activation function.

    Args:
        dy: gradient of the output, like x.
        x: the input of `activation`.
        function: as in `activation`.
        **parameters: as in `activation`.

    Returns:
        dx: like x.

    Raises:
        ValueError: if the function is unknown.
        TypeError: if the function does not take the parameter.

    Example:
        >>> activation_backward(np.array([3.0, 3.0]), np.array([-1.0, 1.0]), "relu").tolist()
        [0.0, 3.0]

    Formula: derivatives of the functions; at the kink of relu, elu and leaky_relu the left one, as in TensorFlow.
    """
    dx: Array = _look_up(_BACKWARD, function)(dy, x, **parameters)
    return dx.astype(x.dtype)


def linear(x: Array) -> Array:
    """x."""
    return x.copy()


def linear_backward(dy: Array, x: Array) -> Array:
    """y = x, so y' = 1."""
    return dy.copy()


def relu(x: Array) -> Array:
    """max(x, 0)."""
    return np.maximum(x, 0)


def relu_backward(dy: Array, x: Array) -> Array:
    """y' = 1 right of zero and 0 elsewhere."""
    return np.where(x > 0, dy, 0)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), written with exp(-|x|) so that nothing overflows."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def sigmoid_backward(dy: Array, x: Array) -> Array:
    """y' = y (1 - y); 1 - y is sigmoid(-x), which keeps its digits where y is near 1."""
    return dy * sigmoid(x) * sigmoid(-x)


def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    return np.tanh(x)


def tanh_backward(dy: Array, x: Array) -> Array:
    """y' = 1 - y^2."""
    return dy * (1 - np.tanh(x) ** 2)


def softmax(x: Array) -> Array:
    """exp(x) / sum of exp(x) on the last axis; the largest x is taken off first, so that nothing overflows."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_backward(dy: Array, x: Array) -> Array:
    """dy_j/dx_i = y_j (1 if i = j else 0) - y_j y_i, hence dx = y (dy - sum of dy y)."""
    y = softmax(x)
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


def elu(x: Array, alpha: float = 1.0) -> Array:
    """x right of zero, alpha (exp(x) - 1) elsewhere."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def elu_backward(dy: Array, x: Array, alpha: float = 1.0) -> Array:
    """y' = 1 right of zero, alpha exp(x) elsewhere."""
    return np.where(x > 0, dy, dy * alpha * np.exp(np.minimum(x, 0)))


def leaky_relu(x: Array, negative_slope: float = 0.2) -> Array:
    """x right of zero, negative_slope x elsewhere."""
    return np.where(x > 0, x, negative_slope * x)


def leaky_relu_backward(dy: Array, x: Array, negative_slope: float = 0.2) -> Array:
    """y' = 1 right of zero, negative_slope elsewhere."""
    return np.where(x > 0, dy, negative_slope * dy)


def gelu(x: Array) -> Array:
    """x P(x), where P(x) = (1 + erf(x / sqrt 2)) / 2 is the normal distribution function."""
    return x * 0.5 * (1 + _erf(x / math.sqrt(2)))


def gelu_backward(dy: Array, x: Array) -> Array:
    """y' = P(x) + x p(x), where p(x) = exp(-x^2 / 2) / sqrt(2 pi) is the normal density."""
    distribution = 0.5 * (1 + _erf(x / math.sqrt(2)))
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return dy * (distribution + x * density)


def silu(x: Array) -> Array:
    """x sigmoid(x)."""
    return x * sigmoid(x)


def silu_backward(dy: Array, x: Array) -> Array:
    """y' = s + x s (1 - s) with s = sigmoid(x)."""
    s = sigmoid(x)
    return dy * (s + x * s * sigmoid(-x))


def softplus(x: Array) -> Array:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), the second without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softplus_backward(dy: Array, x: Array) -> Array:
    """y' = sigmoid(x)."""
    return dy * sigmoid(x)


def clipped_relu(x: Array, max_value: float = 6.0) -> Array:
    """max(x, 0), but at most max_value."""
    return np.clip(x, 0, max_value)


def clipped_relu_backward(dy: Array, x: Array, max_value: float = 6.0) -> Array:
    """y' = 1 strictly between 0 and max_value, else 0."""
    return np.where((x > 0) & (x < max_value), dy, np.zeros_like(dy))


_FORWARD: dict[str, Callable[..., Array]] = {
    "linear": linear,
    "relu": relu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "softmax": softmax,
    "elu": elu,
    "leaky_relu": leaky_relu,
    "gelu": gelu,
    "silu": silu,
    "softplus": softplus,
    "clipped_relu": clipped_relu,
}
_BACKWARD: dict[str, Callable[..., Array]] = {
    "linear": linear_backward,
    "relu": relu_backward,
    "sigmoid": sigmoid_backward,
    "tanh": tanh_backward,
    "softmax": softmax_backward,
    "elu": elu_backward,
    "leaky_relu": leaky_relu_backward,
    "gelu": gelu_backward,
    "silu": silu_backward,
    "softplus": softplus_backward,
    "clipped_relu": clipped_relu_backward,
}


def _look_up(table: dict[str, Callable[..., Array]], function: str) -> Callable[..., Array]:
    """Find a function by its name."""
    if function not in table:
        raise ValueError(f"activation: function must be one of {', '.join(table)}, got {function!r}")
    return table[function]
