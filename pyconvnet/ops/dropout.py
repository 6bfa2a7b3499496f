"""Dropout: eager functions and its rule in the plan. The mask is never stored: the backward pass draws it anew."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, empty, float_array, integer
from pyconvnet.ops._check import rate as check_rate
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.rule import Emitter, Node, Tensor


def kernel_attributes(rate: float, size: int, instance: int) -> dict[str, Any]:
    """The attributes of both kernels: they compare whole numbers below 2^24 with `threshold`, which is exact."""
    scale = 1.0 / (1.0 - rate) if rate < 1.0 else 0.0
    return dict(threshold=math.ceil(rate * 2**24), scale=scale, size=size, instance=instance)


def dropout(x: ArrayLike, rate: float, *, seed: int, iteration: int = 0, instance: int = 0) -> FloatArray:
    """Sets a share of the elements to zero and enlarges the others by 1 / (1 - rate).

    Args:
        x: a batch of any shape and numeric dtype; computed in float32.
        rate: the share, from 0 to 1.
        seed: from 0 to 2^64 - 1. The same numbers give the same elements, on any machine.
        iteration: the training step, from 0 to 2^32 - 1.
        instance: which random op of the model, from 0 to 2^32 - 1.

    Returns:
        float32 like x.

    Raises:
        ValueError, TypeError: numbers out of range, not numbers.

    Example:
        >>> import numpy as np
        >>> from pyconvnet import ops
        >>> ops.dropout(np.ones(6), 0.5, seed=3)
        array([2., 0., 2., 2., 0., 2.], dtype=float32)

    Formula: Srivastava et al., "Dropout" (JMLR 2014), inverted as in Keras; random numbers: Philox4x32-10.
    """
    who = "dropout"
    x = float_array(who, "x", x)
    y = empty(x, x.shape)
    attributes = _checked_attributes(who, x.size, rate, seed, iteration, instance)
    run_kernel("dropout_forward", attributes, rows=1, seed=seed, iteration=iteration, x=x, y=y)
    return y


def dropout_backward(dy: ArrayLike, rate: float, *, seed: int, iteration: int = 0, instance: int = 0) -> FloatArray:
    """Gradient of `dropout` with respect to its input: dy under the same mask.

    Args:
        dy: gradient of the output, of any shape and numeric dtype.
        rate, seed, iteration, instance: as for `dropout`.

    Returns:
        float32 like dy.

    Raises:
        ValueError, TypeError: numbers out of range, not numbers.

    Example:
        >>> import numpy as np
        >>> from pyconvnet import ops
        >>> ops.dropout_backward(np.arange(6), 0.5, seed=3)
        array([ 0.,  0.,  4.,  6.,  0., 10.], dtype=float32)
    """
    who = "dropout_backward"
    dy = float_array(who, "dy", dy)
    dx = empty(dy, dy.shape)
    attributes = _checked_attributes(who, dy.size, rate, seed, iteration, instance)
    run_kernel("dropout_backward", attributes, rows=1, seed=seed, iteration=iteration, dy=dy, dx=dx)
    return dx


def _checked_attributes(who: str, size: int, rate: float, seed: int, iteration: int, instance: int) -> dict[str, Any]:
    for name, value, bits in (("seed", seed, 64), ("iteration", iteration, 32), ("instance", instance, 32)):
        integer(who, name, value, minimum=0, bits=bits)
    return kernel_attributes(check_rate(who, "rate", rate), size, instance)


class DropoutRule:
    """inputs x; attributes rate (above 0: an idle dropout is another name of its input and has no rule)."""

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call."""
        x = node.inputs["x"]
        attributes = kernel_attributes(node.attributes["rate"], x.size, node.instance)
        emit.call("dropout_forward", attributes, node.name, x=x, y=node.output)

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """One call, where somebody in front wants it."""
        x = node.inputs["x"]
        if not emit.wants_gradient(x):
            return {}
        dx = emit.tensor(f"d_{x.name}", x.shape)
        attributes = kernel_attributes(node.attributes["rate"], x.size, node.instance)
        emit.call("dropout_backward", attributes, node.name, dy=dy, dx=dx)
        return {"x": dx}

    def flops(self, node: Node) -> int:
        """One multiplication an element."""
        return node.output.size
