"""Sums, products and rescaling: eager functions, rules in the plan, and the calls that add gradients up."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, empty, float_array, real, same_shape
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.rule import Emitter, Node, Tensor


def _pair(who: str, a: ArrayLike, b: ArrayLike) -> tuple[FloatArray, FloatArray]:
    first, second = float_array(who, "a", a), float_array(who, "b", b)
    same_shape(who, "b", second.shape, first.shape)
    return first, second


def add(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Adds two arrays of one shape (Keras's `Add`); the gradient of the sum is that of both.

    Args:
        a, b: one shape, any numeric dtype; computed in float32.

    Returns:
        float32 like a.

    Raises:
        ValueError, TypeError: shapes that differ, not numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.add([1, 2], [3, 4])
        array([4., 6.], dtype=float32)
    """
    first, second = _pair("add", a, b)
    y = empty(first, first.shape)
    if y.size:
        run_kernel("add_forward", dict(for_each_row=False, size=y.size), rows=1, a=first, b=second, y=y)
    return y


def multiply(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Multiplies two arrays of one shape, element by element (Keras's `Multiply`).

    Args:
        a, b: one shape, any numeric dtype; computed in float32.

    Returns:
        float32 like a.

    Raises:
        ValueError, TypeError: shapes that differ, not numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.multiply([1, 2], [3, 4])
        array([3., 8.], dtype=float32)
    """
    first, second = _pair("multiply", a, b)
    y = empty(first, first.shape)
    if y.size:
        run_kernel("multiply_forward", dict(size=y.size), rows=1, a=first, b=second, y=y)
    return y


def multiply_backward(dy: ArrayLike, a: ArrayLike, b: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Gradients of `multiply`: dy b and dy a.

    Args:
        dy: gradient of the output, like a.
        a, b: what was multiplied, of one shape.

    Returns:
        da and db, float32 like a.

    Raises:
        ValueError, TypeError: shapes that differ, not numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.multiply_backward([1, 2], [3, 4], [5, 6])
        (array([ 5., 12.], dtype=float32), array([3., 8.], dtype=float32))
    """
    who = "multiply_backward"
    gradient, first, second = (float_array(who, name, array) for name, array in (("dy", dy), ("a", a), ("b", b)))
    for name, array in (("dy", gradient), ("b", second)):
        same_shape(who, name, array.shape, first.shape)
    return multiply(gradient, second), multiply(gradient, first)


def rescale(x: ArrayLike, scale: float, offset: float = 0.0) -> FloatArray:
    """Multiplies and adds one number each: x * scale + offset (Keras's `Rescaling`).

    Args:
        x: any shape and numeric dtype; computed in float32 with a rounding after each step.
        scale, offset: finite numbers.

    Returns:
        float32 like x. The gradient of x is `rescale(dy, scale)`.

    Raises:
        ValueError, TypeError: not numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.rescale([0, 1, 2], 0.5, -1.0)
        array([-1. , -0.5,  0. ], dtype=float32)
    """
    who = "rescale"
    x = float_array(who, "x", x)
    y = empty(x, x.shape)
    attributes = dict(size=x.size, scale=real(who, "scale", scale), offset=real(who, "offset", offset))
    if y.size:
        run_kernel("rescale_forward", attributes, rows=1, x=x, y=y)
    return y


def emit_add(emit: Emitter, label: str, a: Tensor, b: Tensor, y: Tensor) -> None:
    """Adds the call y = a + b, which may be in place."""
    emit.call("add_forward", dict(for_each_row=y.batched, size=y.size), label, a=a, b=b, y=y)


def emit_multiply(emit: Emitter, label: str, a: Tensor, b: Tensor, y: Tensor) -> None:
    """Adds the call y = a * b, which may be in place."""
    emit.call("multiply_forward", dict(size=y.size), label, a=a, b=b, y=y)


def emit_rescale(emit: Emitter, label: str, x: Tensor, y: Tensor, *, scale: float, offset: float = 0.0) -> None:
    """Adds the call y = x * scale + offset, which may be in place."""
    emit.call("rescale_forward", dict(size=y.size, scale=scale, offset=offset), label, x=x, y=y)


class AddRule:
    """inputs a, b."""

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call."""
        emit_add(emit, node.name, node.inputs["a"], node.inputs["b"], node.output)

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """No call: both get dy itself."""
        return {name: dy for name, tensor in node.inputs.items() if emit.wants_gradient(tensor)}

    def flops(self, node: Node) -> int:
        """One an element."""
        return node.output.size


class MultiplyRule:
    """inputs a, b."""

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call."""
        emit_multiply(emit, node.name, node.inputs["a"], node.inputs["b"], node.output)

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """dy times the other factor."""
        gradients = {}
        for name, other in (("a", "b"), ("b", "a")):
            if emit.wants_gradient(node.inputs[name]):
                gradients[name] = emit.tensor(f"d_{node.inputs[name].name}", node.inputs[name].shape)
                emit_multiply(emit, node.name, dy, node.inputs[other], gradients[name])
        return gradients

    def flops(self, node: Node) -> int:
        """One an element."""
        return node.output.size


class RescaleRule:
    """inputs x; attributes scale, offset."""

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call."""
        attributes: dict[str, Any] = node.attributes
        emit_rescale(emit, node.name, node.inputs["x"], node.output, **attributes)

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """dy times the scale."""
        x = node.inputs["x"]
        if not emit.wants_gradient(x):
            return {}
        dx = emit.tensor(f"d_{x.name}", x.shape)
        emit_rescale(emit, node.name, dy, dx, scale=node.attributes["scale"])
        return {"x": dx}

    def flops(self, node: Node) -> int:
        """Two an element."""
        return 2 * node.output.size
