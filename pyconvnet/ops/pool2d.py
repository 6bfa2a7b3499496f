"""2-D pooling: shape rule, eager functions, and rules in the plan. A global pool is a window as large as its map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet.ops._check import (
    FloatArray,
    float_array,
    image_shape,
    image_sizes,
    output_size,
    padding_name,
    pair,
    same_shape,
)
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.rule import Emitter, Node, Tensor

_LARGEST_WINDOW = 65535  # the kernels keep the cell that won in 16 bits


def pool2d_geometry(
    who: str, input_shape: tuple[int, ...], pool_size: Any, strides: Any = None, padding: str = "valid"
) -> dict[str, int]:
    """The geometry of a pool over one image [h, w, c], checked; the attributes of its kernels.

    Output sizes are Keras's, as for convolutions; without `strides` the windows touch.
    """
    h, w, c = image_sizes(who, input_shape)
    pool_h, pool_w = pair(who, "pool_size", pool_size)
    stride_h, stride_w = (pool_h, pool_w) if strides is None else pair(who, "strides", strides)
    padding = padding_name(who, padding)
    if pool_h * pool_w > _LARGEST_WINDOW:
        raise ValueError(f"{who}: pool_size may have at most {_LARGEST_WINDOW} cells, got {pool_h} x {pool_w}")
    oh, pad_top = output_size(who, "rows", h, pool_h, stride_h, padding)
    ow, pad_left = output_size(who, "columns", w, pool_w, stride_w, padding)
    return dict(
        h=h, w=w, c=c, oh=oh, ow=ow, pool_h=pool_h, pool_w=pool_w,
        stride_h=stride_h, stride_w=stride_w, pad_top=pad_top, pad_left=pad_left,
    )  # fmt: skip


def _output_shape(g: dict[str, int]) -> tuple[int, int, int]:
    return g["oh"], g["ow"], g["c"]


def max_pool2d(x: ArrayLike, pool_size: Any, *, strides: Any = None, padding: str = "valid") -> FloatArray:
    """Takes the largest value of each window (Keras's `MaxPooling2D`). A NaN counts as larger than any number.

    Args:
        x: images [n, h, w, c], any numeric dtype; computed in float32.
        pool_size: one number or (rows, columns).
        strides: one number or (rows, columns); None means pool_size.
        padding: "valid" or "same" (an odd cell of padding goes to the bottom and the right); padding never wins.

    Returns:
        float32 [n, oh, ow, c].

    Raises:
        ValueError, TypeError: shapes that do not fit, non-positive sizes, a window larger than its input.

    Example:
        >>> import numpy as np
        >>> from pyconvnet import ops
        >>> ops.max_pool2d(np.arange(16).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
        array([[ 5.,  7.],
               [13., 15.]], dtype=float32)
    """
    images = float_array("max_pool2d", "x", x, 4)
    g = pool2d_geometry("max_pool2d", images.shape[1:], pool_size, strides, padding)
    y = np.empty((len(images), *_output_shape(g)), np.float32)
    run_kernel("max_pool2d_forward", g, rows=len(images), x=images, y=y)
    return y


def max_pool2d_backward(
    dy: ArrayLike, x: ArrayLike, pool_size: Any, *, strides: Any = None, padding: str = "valid"
) -> FloatArray:
    """Gradient of `max_pool2d` with respect to its input: the first maximum of a window takes it all, as in TensorFlow.

    Args:
        dy: gradient of the output [n, oh, ow, c].
        x: the images that were pooled [n, h, w, c].
        pool_size, strides, padding: as for `max_pool2d`.

    Returns:
        float32 [n, h, w, c].
    """
    who = "max_pool2d_backward"
    gradient, images = float_array(who, "dy", dy, 4), float_array(who, "x", x, 4)
    g = pool2d_geometry(who, images.shape[1:], pool_size, strides, padding)
    same_shape(who, "dy", gradient.shape, (len(images), *_output_shape(g)))
    y, argmax, dx = np.empty_like(gradient), np.empty(gradient.shape, np.uint16), np.empty_like(images)
    run_kernel("max_pool2d_forward", g, rows=len(images), x=images, y=y, argmax=argmax)
    run_kernel("max_pool2d_backward", g, rows=len(images), dy=gradient, argmax=argmax, dx=dx)
    return dx


def avg_pool2d(x: ArrayLike, pool_size: Any, *, strides: Any = None, padding: str = "valid") -> FloatArray:
    """Takes the mean of the cells of each window that lie on the image (Keras's `AveragePooling2D`).

    Args:
        x: images [n, h, w, c], any numeric dtype; computed in float32.
        pool_size: one number or (rows, columns).
        strides: one number or (rows, columns); None means pool_size.
        padding: "valid" or "same"; padding is neither added nor counted.

    Returns:
        float32 [n, oh, ow, c].

    Raises:
        ValueError, TypeError: shapes that do not fit, non-positive sizes, a window larger than its input.

    Example:
        >>> import numpy as np
        >>> from pyconvnet import ops
        >>> ops.avg_pool2d(np.ones((1, 3, 3, 1)), 2, padding="same")[0, :, :, 0]
        array([[1., 1.],
               [1., 1.]], dtype=float32)
    """
    images = float_array("avg_pool2d", "x", x, 4)
    g = pool2d_geometry("avg_pool2d", images.shape[1:], pool_size, strides, padding)
    y = np.empty((len(images), *_output_shape(g)), np.float32)
    run_kernel("avg_pool2d_forward", g, rows=len(images), x=images, y=y)
    return y


def avg_pool2d_backward(
    dy: ArrayLike, input_shape: tuple[int, ...], pool_size: Any, *, strides: Any = None, padding: str = "valid"
) -> FloatArray:
    """Gradient of `avg_pool2d` with respect to its input: each window shares its gradient among its cells.

    Args:
        dy: gradient of the output [n, oh, ow, c].
        input_shape: shape of x, (n, h, w, c) or (h, w, c).
        pool_size, strides, padding: as for `avg_pool2d`.

    Returns:
        float32 [n, h, w, c].
    """
    who = "avg_pool2d_backward"
    gradient = float_array(who, "dy", dy, 4)
    shape = image_shape(who, input_shape, len(gradient))
    g = pool2d_geometry(who, shape, pool_size, strides, padding)
    same_shape(who, "dy", gradient.shape, (len(gradient), *_output_shape(g)))
    dx = np.empty((len(gradient), *shape), np.float32)
    run_kernel("avg_pool2d_backward", g, rows=len(gradient), dy=gradient, dx=dx)
    return dx


def global_max_pool2d(x: ArrayLike) -> FloatArray:
    """The largest value of each channel: images [n, h, w, c] to float32 [n, c] (Keras's `GlobalMaxPooling2D`)."""
    images = float_array("global_max_pool2d", "x", x, 4)
    return max_pool2d(images, images.shape[1:3])[:, 0, 0, :]


def global_max_pool2d_backward(dy: ArrayLike, x: ArrayLike) -> FloatArray:
    """Gradient of `global_max_pool2d`: dy [n, c] and the images x to float32 like x; the first maximum takes it."""
    who = "global_max_pool2d_backward"
    gradient, images = float_array(who, "dy", dy, 2), float_array(who, "x", x, 4)
    return max_pool2d_backward(gradient[:, None, None, :], images, images.shape[1:3])


def global_avg_pool2d(x: ArrayLike) -> FloatArray:
    """The mean of each channel: images [n, h, w, c] to float32 [n, c] (Keras's `GlobalAveragePooling2D`)."""
    images = float_array("global_avg_pool2d", "x", x, 4)
    return avg_pool2d(images, images.shape[1:3])[:, 0, 0, :]


def global_avg_pool2d_backward(dy: ArrayLike, input_shape: tuple[int, ...]) -> FloatArray:
    """Gradient of `global_avg_pool2d`: dy [n, c] to float32 [n, h, w, c], shared equally among the cells."""
    gradient = float_array("global_avg_pool2d_backward", "dy", dy, 2)
    return avg_pool2d_backward(gradient[:, None, None, :], input_shape, tuple(input_shape)[-3:-1])


def _comparisons_or_additions(node: Node) -> int:
    g = node.attributes
    return int(g["oh"] * g["ow"] * g["c"] * g["pool_h"] * g["pool_w"])


class MaxPool2dRule:
    """inputs x; attributes: the geometry. The forward pass of training keeps which cell won."""

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call."""
        x, argmax = node.inputs["x"], None
        if emit.differentiating and emit.wants_gradient(x):
            argmax = node.saved["argmax"] = emit.tensor(f"{node.name}.argmax", node.output.shape, "uint16")
        emit.call("max_pool2d_forward", node.attributes, node.name, x=x, y=node.output, argmax=argmax)

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """The winners take the gradient."""
        x = node.inputs["x"]
        if not emit.wants_gradient(x):
            return {}
        dx = emit.tensor(f"d_{x.name}", x.shape)
        argmax = node.saved["argmax"]
        emit.call("max_pool2d_backward", node.attributes, node.name, dy=dy, argmax=argmax, dx=dx)
        return {"x": dx}

    def flops(self, node: Node) -> int:
        """One comparison a cell."""
        return _comparisons_or_additions(node)


class AvgPool2dRule:
    """inputs x; attributes: the geometry."""

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call."""
        emit.call("avg_pool2d_forward", node.attributes, node.name, x=node.inputs["x"], y=node.output)

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """One call, where somebody in front wants it."""
        x = node.inputs["x"]
        if not emit.wants_gradient(x):
            return {}
        dx = emit.tensor(f"d_{x.name}", x.shape)
        emit.call("avg_pool2d_backward", node.attributes, node.name, dy=dy, dx=dx)
        return {"x": dx}

    def flops(self, node: Node) -> int:
        """One addition a cell."""
        return _comparisons_or_additions(node)
