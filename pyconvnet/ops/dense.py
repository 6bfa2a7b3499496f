"""The fully connected layer's product: eager functions and its rule in the plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, empty, float_array, same_shape
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.rule import Emitter, Node, Tensor


def _matrix_rows(who: str, name: str, array: FloatArray) -> int:
    if array.ndim < 2:
        raise ValueError(f"{who}: {name} must have at least 2 axes (rows, features), got shape {array.shape}")
    return int(np.prod(array.shape[:-1], dtype=np.int64))


def dense(x: ArrayLike, kernel: ArrayLike, bias: ArrayLike | None = None) -> FloatArray:
    """Multiplies the last axis of x by a matrix: y = x kernel + bias.

    Args:
        x: [..., k], at least two axes.
        kernel: [k, m].
        bias: [m] or None.

    Returns:
        float32 [..., m].

    Raises:
        ValueError, TypeError: shapes that do not fit.

    Example:
        >>> from pyconvnet import ops
        >>> ops.dense([[1, 2]], [[1, 0], [0, 1]], [10, 20])
        array([[11., 22.]], dtype=float32)
    """
    who = "dense"
    x, kernel = float_array(who, "x", x), float_array(who, "kernel", kernel, 2)
    rows = _matrix_rows(who, "x", x)
    k, m = kernel.shape
    same_shape(who, "x", x.shape, (*x.shape[:-1], k))
    b = None if bias is None else float_array(who, "bias", bias, 1)
    if b is not None:
        same_shape(who, "bias", b.shape, (m,))
    y = empty(x, (*x.shape[:-1], m))
    attributes = dict(vectors=1, k=k, m=m, relu=False)
    run_kernel("dense_forward", attributes, rows=rows, x=x, kernel=kernel, bias=b, y=y)
    return y


def dense_backward_data(dy: ArrayLike, kernel: ArrayLike) -> FloatArray:
    """Gradient of `dense` with respect to x: dy times the kernel transposed.

    Args:
        dy: gradient of the output [..., m], at least two axes.
        kernel: [k, m].

    Returns:
        float32 [..., k].

    Raises:
        ValueError, TypeError: shapes that do not fit.

    Example:
        >>> from pyconvnet import ops
        >>> ops.dense_backward_data([[1, 2]], [[3, 4], [5, 6]])
        array([[11., 17.]], dtype=float32)
    """
    who = "dense_backward_data"
    dy, kernel = float_array(who, "dy", dy), float_array(who, "kernel", kernel, 2)
    rows = _matrix_rows(who, "dy", dy)
    k, m = kernel.shape
    same_shape(who, "dy", dy.shape, (*dy.shape[:-1], m))
    dx = empty(dy, (*dy.shape[:-1], k))
    run_kernel("dense_backward_data", dict(vectors=1, k=k, m=m), rows=rows, dy=dy, kernel=kernel, dx=dx)
    return dx


def dense_backward_weights(x: ArrayLike, dy: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Gradients of `dense` with respect to kernel and bias.

    Args:
        x: what was multiplied [..., k], at least two axes.
        dy: gradient of the output [..., m].

    Returns:
        dkernel float32 [k, m] and dbias float32 [m].

    Raises:
        ValueError, TypeError: shapes that do not fit.

    Example:
        >>> from pyconvnet import ops
        >>> ops.dense_backward_weights([[1], [2]], [[10], [20]])
        (array([[50.]], dtype=float32), array([30.], dtype=float32))
    """
    who = "dense_backward_weights"
    x, dy = float_array(who, "x", x), float_array(who, "dy", dy)
    rows = _matrix_rows(who, "x", x)
    same_shape(who, "dy", dy.shape, (*x.shape[:-1], dy.shape[-1] if dy.ndim else 0))
    k, m = x.shape[-1], dy.shape[-1]
    dkernel, dbias = empty(x, (k, m)), empty(x, (m,))
    attributes = dict(vectors=1, k=k, m=m)
    run_kernel("dense_backward_weights", attributes, rows=rows, x=x, dy=dy, dkernel=dkernel, dbias=dbias)
    return dkernel, dbias


class DenseRule:
    """inputs x, kernel, bias (optional); attributes vectors, k, m, and relu where the plan fused one."""

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call; bias and ReLU ride along."""
        buffers = {name: node.inputs.get(name) for name in ("x", "kernel", "bias")}
        emit.call("dense_forward", node.attributes, node.name, **buffers, y=node.output)

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """Weights, then data where somebody in front wants it."""
        attributes = {name: value for name, value in node.attributes.items() if name != "relu"}
        x, bias = node.inputs["x"], node.inputs.get("bias")
        dkernel = emit.gradient(node.inputs["kernel"])
        dbias = None if bias is None else emit.gradient(bias)
        if dkernel is not None:
            emit.call("dense_backward_weights", attributes, node.name, x=x, dy=dy, dkernel=dkernel, dbias=dbias)
        if not emit.wants_gradient(x):
            return {}
        dx = emit.tensor(f"d_{x.name}", x.shape)
        emit.call("dense_backward_data", attributes, node.name, dy=dy, kernel=node.inputs["kernel"], dx=dx)
        return {"x": dx}

    def flops(self, node: Node) -> int:
        """Two for each weight and vector."""
        a = node.attributes
        return int(2 * a["vectors"] * a["k"] * a["m"])
