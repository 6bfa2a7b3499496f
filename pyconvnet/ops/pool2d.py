"""2-D pooling: shape rule, eager functions, and rules in the plan. A global pool is a window as large as its map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet.ops._check import (
    FloatArray,
    empty,
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

_MOST_CELLS = 2**16  # of a window whose winner is kept for the gradient, in 16 bits


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
    oh, pad_top = output_size(who, "rows", h, pool_h, stride_h, padding)
    ow, pad_left = output_size(who, "columns", w, pool_w, stride_w, padding)
    return dict(
        h=h, w=w, c=c, oh=oh, ow=ow, pool_h=pool_h, pool_w=pool_w,
        stride_h=stride_h, stride_w=stride_w, pad_top=pad_top, pad_left=pad_left,
    )  # fmt: skip


def _output_shape(g: dict[str, int]) -> tuple[int, int, int]:
    return g["oh"], g["ow"], g["c"]


def _check_winner(who: str, g: dict[str, int]) -> None:
    if g["pool_h"] * g["pool_w"] > _MOST_CELLS:
        raise ValueError(
            f"{who}: for a gradient pool_size may have at most {_MOST_CELLS} cells, got {g['pool_h']} x {g['pool_w']}; "
            "put two pools with smaller windows one behind the other"
        )


def _pool2d(
    who: str, kernel: str, x: ArrayLike, pool_size: Any, strides: Any = None, padding: str = "valid"
) -> FloatArray:
    images = float_array(who, "x", x, 4)
    g = pool2d_geometry(who, images.shape[1:], pool_size, strides, padding)
    y = empty(images, (len(images), *_output_shape(g)))
    run_kernel(kernel, g, rows=len(images), x=images, y=y)
    return y


def _max_pool2d_backward(who: str, dy: FloatArray, images: FloatArray, g: dict[str, int]) -> FloatArray:
    _check_winner(who, g)
    y, argmax, dx = empty(dy, dy.shape), empty(dy, dy.shape, np.uint16), empty(images, images.shape)
    run_kernel("max_pool2d_forward", g, rows=len(images), x=images, y=y, argmax=argmax)
    run_kernel("max_pool2d_backward", g, rows=len(images), dy=dy, argmax=argmax, dx=dx)
    return dx


def _avg_pool2d_backward(dy: FloatArray, shape: tuple[int, int, int], g: dict[str, int]) -> FloatArray:
    dx = empty(dy, (len(dy), *shape))
    run_kernel("avg_pool2d_backward", g, rows=len(dy), dy=dy, dx=dx)
    return dx


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
    return _pool2d("max_pool2d", "max_pool2d_forward", x, pool_size, strides, padding)


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

    Raises:
        ValueError, TypeError: shapes that do not fit, non-positive sizes, a window larger than its input, or one of
            more than 2**16 cells.

    Example:
        >>> from pyconvnet import ops
        >>> ops.max_pool2d_backward([[[[5]]]], [[[[1], [3]], [[2], [3]]]], 2)[0, :, :, 0]
        array([[0., 5.],
               [0., 0.]], dtype=float32)
    """
    who = "max_pool2d_backward"
    gradient, images = float_array(who, "dy", dy, 4), float_array(who, "x", x, 4)
    g = pool2d_geometry(who, images.shape[1:], pool_size, strides, padding)
    same_shape(who, "dy", gradient.shape, (len(images), *_output_shape(g)))
    return _max_pool2d_backward(who, gradient, images, g)


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
    return _pool2d("avg_pool2d", "avg_pool2d_forward", x, pool_size, strides, padding)


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

    Raises:
        ValueError, TypeError: shapes that do not fit, non-positive sizes, a window larger than its input.

    Example:
        >>> from pyconvnet import ops
        >>> ops.avg_pool2d_backward([[[[8]]]], (2, 2, 1), 2)[0, :, :, 0]
        array([[2., 2.],
               [2., 2.]], dtype=float32)
    """
    who = "avg_pool2d_backward"
    gradient = float_array(who, "dy", dy, 4)
    shape = image_shape(who, input_shape, len(gradient))
    g = pool2d_geometry(who, shape, pool_size, strides, padding)
    same_shape(who, "dy", gradient.shape, (len(gradient), *_output_shape(g)))
    return _avg_pool2d_backward(gradient, shape, g)


def global_max_pool2d(x: ArrayLike) -> FloatArray:
    """The largest value of each channel (Keras's `GlobalMaxPooling2D`). A NaN counts as larger than any number.

    Args:
        x: images [n, h, w, c], any numeric dtype; computed in float32.

    Returns:
        float32 [n, c].

    Raises:
        ValueError, TypeError: not images, or empty ones.

    Example:
        >>> from pyconvnet import ops
        >>> ops.global_max_pool2d([[[[1, 5], [3, 4]]]])
        array([[3., 5.]], dtype=float32)
    """
    who = "global_max_pool2d"
    images = float_array(who, "x", x, 4)
    return _pool2d(who, "max_pool2d_forward", images, images.shape[1:3])[:, 0, 0, :]


def global_max_pool2d_backward(dy: ArrayLike, x: ArrayLike) -> FloatArray:
    """Gradient of `global_max_pool2d` with respect to its input: the first maximum of a channel takes it all.

    Args:
        dy: gradient of the output [n, c].
        x: the images that were pooled [n, h, w, c].

    Returns:
        float32 [n, h, w, c].

    Raises:
        ValueError, TypeError: shapes that do not fit, or images of more than 2**16 pixels.

    Example:
        >>> from pyconvnet import ops
        >>> ops.global_max_pool2d_backward([[7]], [[[[1], [3], [3]]]]).ravel()
        array([0., 7., 0.], dtype=float32)
    """
    who = "global_max_pool2d_backward"
    gradient, images = float_array(who, "dy", dy, 2), float_array(who, "x", x, 4)
    g = pool2d_geometry(who, images.shape[1:], images.shape[1:3])
    same_shape(who, "dy", gradient.shape, (len(images), g["c"]))
    return _max_pool2d_backward(who, gradient[:, None, None, :], images, g)


def global_avg_pool2d(x: ArrayLike) -> FloatArray:
    """The mean of each channel (Keras's `GlobalAveragePooling2D`).

    Args:
        x: images [n, h, w, c], any numeric dtype; computed in float32.

    Returns:
        float32 [n, c].

    Raises:
        ValueError, TypeError: not images, or empty ones.

    Example:
        >>> from pyconvnet import ops
        >>> ops.global_avg_pool2d([[[[1, 5], [3, 4]]]])
        array([[2. , 4.5]], dtype=float32)
    """
    who = "global_avg_pool2d"
    images = float_array(who, "x", x, 4)
    return _pool2d(who, "avg_pool2d_forward", images, images.shape[1:3])[:, 0, 0, :]


def global_avg_pool2d_backward(dy: ArrayLike, input_shape: tuple[int, ...]) -> FloatArray:
    """Gradient of `global_avg_pool2d` with respect to its input: shared equally among the pixels.

    Args:
        dy: gradient of the output [n, c].
        input_shape: shape of x, (n, h, w, c) or (h, w, c).

    Returns:
        float32 [n, h, w, c].

    Raises:
        ValueError, TypeError: shapes that do not fit.

    Example:
        >>> from pyconvnet import ops
        >>> ops.global_avg_pool2d_backward([[6]], (1, 3, 1)).ravel()
        array([2., 2., 2.], dtype=float32)
    """
    who = "global_avg_pool2d_backward"
    gradient = float_array(who, "dy", dy, 2)
    shape = image_shape(who, input_shape, len(gradient))
    g = pool2d_geometry(who, shape, shape[:2])
    same_shape(who, "dy", gradient.shape, (len(gradient), g["c"]))
    return _avg_pool2d_backward(gradient[:, None, None, :], shape, g)


def _comparisons_or_additions(node: Node) -> int:
    g = node.attributes
    return int(g["oh"] * g["ow"] * g["c"] * g["pool_h"] * g["pool_w"])


class MaxPool2dRule:
    """inputs x; attributes: the geometry. The forward pass of training keeps which cell won."""

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call."""
        x, argmax = node.inputs["x"], None
        if emit.differentiating and emit.wants_gradient(x):
            _check_winner(f"max_pool2d '{node.name}'", node.attributes)
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
