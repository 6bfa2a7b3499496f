"""Penalties on large weights and activations: an eager function, and the kernel calls of the plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, float_array, real, zeros
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.rule import Emitter, Tensor


def l1_l2(weights: ArrayLike, *, l1: float = 0.0, l2: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Penalises the sum of sizes and the sum of squares.

    Args:
        weights: any shape.
        l1: factor of the sum of |w|, at least 0.
        l2: factor of the sum of w^2 (without a half), at least 0.

    Returns:
        penalty, a float32 scalar array, and its gradient like weights; |w| has no gradient at 0.

    Raises:
        ValueError, TypeError: factors that are negative or NaN, weights that are no numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.l1_l2([-2.0, 0.0, 3.0], l1=1.0, l2=0.5)
        (array(11.5, dtype=float32), array([-3.,  0.,  4.], dtype=float32))

    Formula: Keras `L1L2`.
    """
    who = "l1_l2"
    w = float_array(who, "weights", weights)
    l1, l2 = real(who, "l1", l1, minimum=0.0), real(who, "l2", l2, minimum=0.0)
    penalty, gradient = zeros(w, (1,), np.float64), zeros(w, w.shape)
    attributes = dict(size=w.size, l1=l1, l2=l2)
    run_kernel("l1_l2", attributes, rows=1, w=w, penalty=penalty)
    run_kernel("l1_l2_backward", attributes, rows=1, w=w, gradient=gradient)
    return penalty.astype(np.float32).reshape(()), gradient


def emit_l1_l2(emit: Emitter, variable: Tensor, penalty: Tensor, *, l1: float, l2: float) -> None:
    """Adds a variable's penalty to `penalty` (float64 [1])."""
    emit.call("l1_l2", dict(size=variable.size, l1=l1, l2=l2), variable.name, w=variable, penalty=penalty)


def emit_l1_l2_backward(emit: Emitter, variable: Tensor, gradient: Tensor, *, l1: float, l2: float) -> None:
    """Adds the gradient of that penalty to `gradient`, which holds that of the data; the optimizer comes after."""
    emit.call("l1_l2_backward", dict(size=variable.size, l1=l1, l2=l2), variable.name, w=variable, gradient=gradient)


def emit_activity_l1_l2(emit: Emitter, y: Tensor, penalty: Tensor, label: str, *, l1: float, l2: float) -> None:
    """Adds the penalty of a layer's output, divided by the rows of the batch, to `penalty` (float64 [1])."""
    emit.call("activity_l1_l2", dict(size=y.size, l1=l1, l2=l2), label, y=y, penalty=penalty)


def emit_activity_l1_l2_backward(emit: Emitter, y: Tensor, dy: Tensor, label: str, *, l1: float, l2: float) -> None:
    """Adds the gradient of that penalty to the gradient of the layer's output."""
    emit.call("activity_l1_l2_backward", dict(size=y.size, l1=l1, l2=l2), label, y=y, dy=dy)


def emit_add_penalty(emit: Emitter, penalty: Tensor, sums: Tensor) -> None:
    """Books the batch's penalties into the sums of the epoch's loss and clears them for the next batch."""
    emit.call("add_penalty", {}, "loss", penalty=penalty, sums=sums)
