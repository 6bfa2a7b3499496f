"""Gradients made smaller: eager functions, and the kernel calls of the plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, float_array, real, zeros
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.rule import Emitter, Tensor


def clip_by_value(gradient: ArrayLike, *, limit: float) -> FloatArray:
    """Puts every number into [-limit, limit]; NaN stays.

    Args:
        gradient: any shape.
        limit: above 0.

    Returns:
        float32 like gradient.

    Raises:
        ValueError, TypeError: a limit that is not positive, or a gradient that is no numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.clip_by_value([-3.0, 0.5], limit=1.0)
        array([-1. ,  0.5], dtype=float32)
    """
    g = float_array("clip_by_value", "gradient", gradient).copy()
    run_kernel("clip_by_value", dict(size=g.size, limit=_limit("clip_by_value", limit)), rows=1, gradient=g)
    return g


def clip_by_norm(gradient: ArrayLike, *, limit: float) -> FloatArray:
    """Shortens a gradient whose norm is above the limit.

    Args:
        gradient: any shape.
        limit: of the root of the sum of squares, above 0.

    Returns:
        gradient * limit / max(norm, limit), float32.

    Raises:
        ValueError, TypeError: a limit that is not positive, or a gradient that is no numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.clip_by_norm([3.0, 4.0], limit=1.0)
        array([0.6, 0.8], dtype=float32)

    Formula: TensorFlow's `clip_by_norm`, which Keras uses for `clipnorm`.
    """
    who = "clip_by_norm"
    g = float_array(who, "gradient", gradient).copy()
    total = zeros(g, (1,), np.float64)
    largest = _limit(who, limit)
    run_kernel("sum_of_squares", dict(size=g.size), rows=1, gradient=g, sum=total)
    run_kernel(who, dict(size=g.size, limit=largest), rows=1, gradient=g, sum=total)
    return g


def clip_by_global_norm(gradients: Sequence[ArrayLike], *, limit: float) -> list[FloatArray]:
    """Shortens gradients together where the norm of all of them is above the limit.

    Args:
        gradients: each of any shape.
        limit: of the root of the sum of all squares, above 0.

    Returns:
        each gradient * limit * min(1 / norm, 1 / limit), float32; all NaN where the norm is not finite.

    Raises:
        ValueError, TypeError: a limit that is not positive, or gradients that are no numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.clip_by_global_norm([[3.0], [4.0]], limit=1.0)
        [array([0.6], dtype=float32), array([0.8], dtype=float32)]

    Formula: Keras's `clip_by_global_norm`, which is its `global_clipnorm`.
    """
    who = "clip_by_global_norm"
    if not isinstance(gradients, Iterable):
        raise TypeError(f"{who}: gradients must be a list of arrays, got {gradients!r}")
    arrays = [float_array(who, "a gradient", gradient).copy() for gradient in gradients]
    largest = _limit(who, limit)
    before: np.ndarray | None = None
    for g in arrays:
        total = zeros(g, (1,), np.float64)
        run_kernel("sum_of_squares", dict(size=g.size), rows=1, gradient=g, before=before, sum=total)
        before = total
    for g in arrays:
        run_kernel(who, dict(size=g.size, limit=largest), rows=1, gradient=g, sum=before)
    return arrays


def emit_clip(emit: Emitter, kernel: str, limit: float, gradients: Sequence[tuple[str, Tensor]]) -> None:
    """Adds the kernel calls that clip gradients in place.

    Args:
        emit: where calls go.
        kernel: "clip_by_value" or "clip_by_norm" (each gradient for itself), or "clip_by_global_norm".
        limit: above 0.
        gradients: the name of each weight and its gradient, complete with penalties.
    """
    together = kernel == "clip_by_global_norm"
    total: Tensor | None = None
    for name, gradient in gradients if together else ():
        total = _emit_sum(emit, name, gradient, total)
    for name, gradient in gradients:
        buffers: dict[str, Any] = {"gradient": gradient}
        if kernel == "clip_by_norm":
            buffers["sum"] = _emit_sum(emit, name, gradient, None)
        elif together:
            buffers["sum"] = total
        emit.call(kernel, dict(size=gradient.size, limit=limit), name, **buffers)


def _emit_sum(emit: Emitter, name: str, gradient: Tensor, before: Tensor | None) -> Tensor:
    total = emit.tensor(f"{name}.sum_of_squares", (1,), "float64", batched=False)
    emit.call("sum_of_squares", dict(size=gradient.size), name, gradient=gradient, before=before, sum=total)
    return total


def _limit(who: str, limit: Any) -> float:
    number = real(who, "limit", limit)
    if number <= 0:
        raise ValueError(f"{who}: limit must be positive, got {limit!r}")
    return number
