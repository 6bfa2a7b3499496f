"""2-D convolution: shape rule, eager functions, and its rule in the plan."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from pyconvnet.ops._check import (
    FloatArray,
    empty,
    float_array,
    image_shape,
    image_sizes,
    integer,
    output_size,
    padding_name,
    pair,
    same_shape,
)
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.conv2d_algorithm import check_algorithm, choose_algorithm, kernel_call
from pyconvnet.ops.rule import Emitter, Node, Tensor

_MOST_CELLS = 2**24  # of a window: with padding="same" the kernels make room for them around an image


def conv2d_geometry(
    who: str,
    input_shape: tuple[int, ...],
    kernel_size: Any,
    filters: int,
    strides: Any = 1,
    padding: str = "valid",
    dilation_rate: Any = 1,
    groups: int = 1,
) -> dict[str, int]:
    """The geometry of a convolution of one image [h, w, c_in], checked; the attributes of its kernels.

    Output sizes are Keras's: ceil(size / stride) for `same`, whose odd cell of padding goes to the bottom and
    the right; floor((size - reach) / stride) + 1 for `valid`.
    """
    h, w, c_in = image_sizes(who, input_shape)
    kernel_h, kernel_w = pair(who, "kernel_size", kernel_size)
    stride_h, stride_w = pair(who, "strides", strides)
    dilation_h, dilation_w = pair(who, "dilation_rate", dilation_rate)
    filters = integer(who, "filters", filters, bits=63)
    groups = integer(who, "groups", groups, bits=63)
    padding = padding_name(who, padding)
    for what, channels in (("input channels", c_in), ("filters", filters)):
        if channels % groups:
            raise ValueError(f"{who}: the {what} must be a multiple of groups={groups}, got {channels}")
    oh, pad_top = output_size(who, "rows", h, kernel_h, stride_h, padding, dilation_h)
    ow, pad_left = output_size(who, "columns", w, kernel_w, stride_w, padding, dilation_w)
    reach_h, reach_w = (kernel_h - 1) * dilation_h + 1, (kernel_w - 1) * dilation_w + 1
    if reach_h * reach_w > _MOST_CELLS:
        raise ValueError(
            f"{who}: the window covers {reach_h} x {reach_w} cells, at most {_MOST_CELLS}; "
            "use a smaller one or less dilation"
        )
    return dict(
        h=h, w=w, c_in=c_in, oh=oh, ow=ow, c_out=filters, kernel_h=kernel_h, kernel_w=kernel_w,
        stride_h=stride_h, stride_w=stride_w, dilation_h=dilation_h, dilation_w=dilation_w,
        pad_top=pad_top, pad_left=pad_left, groups=groups,
    )  # fmt: skip


def _kernel_shape(g: dict[str, int]) -> tuple[int, int, int, int]:
    return g["kernel_h"], g["kernel_w"], g["c_in"] // g["groups"], g["c_out"]


def conv2d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    strides: Any = 1,
    padding: str = "valid",
    dilation_rate: Any = 1,
    groups: int = 1,
    algorithm: str = "direct",
) -> FloatArray:
    """Convolves images with kernels (cross-correlation, as Keras does).

    Args:
        x: images [n, h, w, c_in], any numeric dtype; computed in float32.
        kernel: [kernel_h, kernel_w, c_in / groups, c_out].
        bias: [c_out] or None.
        strides: one number or (rows, columns).
        padding: "valid" or "same" (an odd cell of padding goes to the bottom and the right).
        dilation_rate: one number or (rows, columns).
        groups: channels are cut into so many groups that do not see each other; c_in makes it depthwise.
        algorithm: "direct", or for 3x3 kernels with strides 1 "winograd_2x2", "winograd_3x3" or "winograd_4x4": fewer
            multiplications, a little more rounding (see `pyconvnet.config.winograd`). "gemm" is one product of
            matrices, for kernels as large as their input. Or "bfloat16": x and kernel are rounded to bfloat16, products
            are summed in float32 (see `pyconvnet.mixed_precision`).

    Returns:
        float32 [n, oh, ow, c_out].

    Raises:
        ValueError, TypeError: shapes that do not fit, non-positive sizes, a window larger than its input.

    Example:
        >>> import numpy as np
        >>> from pyconvnet import ops
        >>> ops.conv2d(np.ones((1, 4, 4, 1)), np.ones((3, 3, 1, 1)))[0, :, :, 0]
        array([[9., 9.],
               [9., 9.]], dtype=float32)
    """
    who = "conv2d"
    x, kernel = float_array(who, "x", x, 4), float_array(who, "kernel", kernel, 4)
    g = conv2d_geometry(who, x.shape[1:], kernel.shape[:2], kernel.shape[3], strides, padding, dilation_rate, groups)
    same_shape(who, "kernel", kernel.shape, _kernel_shape(g))
    b = None if bias is None else float_array(who, "bias", bias, 1)
    if b is not None:
        same_shape(who, "bias", b.shape, (g["c_out"],))
    y = empty(x, (len(x), g["oh"], g["ow"], g["c_out"]))
    name, attributes = kernel_call("forward", g, check_algorithm(who, algorithm, g))
    run_kernel(name, {**attributes, "relu": False}, rows=len(x), x=x, kernel=kernel, bias=b, y=y)
    return y


def conv2d_backward_data(
    dy: ArrayLike,
    kernel: ArrayLike,
    input_shape: tuple[int, ...],
    *,
    strides: Any = 1,
    padding: str = "valid",
    dilation_rate: Any = 1,
    groups: int = 1,
    algorithm: str = "direct",
) -> FloatArray:
    """Gradient of a convolution with respect to its input.

    Args:
        dy: gradient of the output [n, oh, ow, c_out].
        kernel: [kernel_h, kernel_w, c_in / groups, c_out].
        input_shape: shape of x, (n, h, w, c_in) or (h, w, c_in).
        strides, padding, dilation_rate, groups, algorithm: as for `conv2d`.

    Returns:
        float32 [n, h, w, c_in].

    Raises:
        ValueError, TypeError: shapes that do not fit, non-positive sizes, a window larger than its input.

    Example:
        >>> from pyconvnet import ops
        >>> ops.conv2d_backward_data([[[[1], [10]]]], [[[[1]], [[2]]]], (1, 3, 1)).ravel()
        array([ 1., 12., 20.], dtype=float32)
    """
    who = "conv2d_backward_data"
    dy, kernel = float_array(who, "dy", dy, 4), float_array(who, "kernel", kernel, 4)
    shape = image_shape(who, input_shape, len(dy))
    g = conv2d_geometry(who, shape, kernel.shape[:2], kernel.shape[3], strides, padding, dilation_rate, groups)
    same_shape(who, "kernel", kernel.shape, _kernel_shape(g))
    same_shape(who, "dy", dy.shape, (len(dy), g["oh"], g["ow"], g["c_out"]))
    dx = empty(dy, (len(dy), *shape))
    name, attributes = kernel_call("backward_data", g, check_algorithm(who, algorithm, g))
    run_kernel(name, attributes, rows=len(dy), dy=dy, kernel=kernel, dx=dx)
    return dx


def conv2d_backward_weights(
    x: ArrayLike,
    dy: ArrayLike,
    kernel_size: Any,
    *,
    strides: Any = 1,
    padding: str = "valid",
    dilation_rate: Any = 1,
    groups: int = 1,
    algorithm: str = "direct",
) -> tuple[FloatArray, FloatArray]:
    """Gradients of a convolution with respect to its kernel and bias.

    Args:
        x: images [n, h, w, c_in].
        dy: gradient of the output [n, oh, ow, c_out].
        kernel_size: one number or (rows, columns).
        strides, padding, dilation_rate, groups, algorithm: as for `conv2d`.

    Returns:
        dkernel float32 [kernel_h, kernel_w, c_in / groups, c_out] and dbias float32 [c_out].

    Raises:
        ValueError, TypeError: shapes that do not fit, non-positive sizes, a window larger than its input.

    Example:
        >>> from pyconvnet import ops
        >>> dkernel, dbias = ops.conv2d_backward_weights([[[[1], [2], [3]]]], [[[[1], [10]]]], (1, 2))
        >>> dkernel.ravel(), dbias
        (array([21., 32.], dtype=float32), array([11.], dtype=float32))
    """
    who = "conv2d_backward_weights"
    x, dy = float_array(who, "x", x, 4), float_array(who, "dy", dy, 4)
    g = conv2d_geometry(who, x.shape[1:], kernel_size, dy.shape[3], strides, padding, dilation_rate, groups)
    same_shape(who, "dy", dy.shape, (len(x), g["oh"], g["ow"], g["c_out"]))
    dkernel, dbias = empty(x, _kernel_shape(g)), empty(x, (g["c_out"],))
    name, attributes = kernel_call("backward_weights", g, check_algorithm(who, algorithm, g))
    run_kernel(name, attributes, rows=len(x), x=x, dy=dy, dkernel=dkernel, dbias=dbias)
    return dkernel, dbias


def _geometry_and_algorithm(node: Node, emit: Emitter) -> tuple[dict[str, int], str]:
    g = {name: value for name, value in node.attributes.items() if name not in ("relu", "bfloat16")}
    dot = emit.bfloat16 if node.attributes["bfloat16"] else "plain"
    return g, choose_algorithm(g, winograd=emit.winograd, bfloat16=dot, backend=emit.backend)


class Conv2dRule:
    """inputs x, kernel, bias (optional); attributes: the geometry, and relu where the plan fused one.

    And bfloat16: whether products may be of bfloat16 numbers.
    """

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call; bias and ReLU ride along."""
        buffers = {name: node.inputs.get(name) for name in ("x", "kernel", "bias")}
        g, algorithm = _geometry_and_algorithm(node, emit)
        kernel, attributes = kernel_call("forward", g, algorithm)
        relu = node.attributes["relu"]
        emit.call(kernel, {**attributes, "relu": relu}, node.name, **buffers, y=node.output)

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """Weights first, while dy is warm; data only where somebody in front wants it."""
        g, algorithm = _geometry_and_algorithm(node, emit)
        x, bias = node.inputs["x"], node.inputs.get("bias")
        dkernel = emit.gradient(node.inputs["kernel"])
        dbias = None if bias is None else emit.gradient(bias)
        if dkernel is not None:
            kernel, attributes = kernel_call("backward_weights", g, algorithm)
            emit.call(kernel, attributes, node.name, x=x, dy=dy, dkernel=dkernel, dbias=dbias)
        if not emit.wants_gradient(x):
            return {}
        dx = emit.tensor(f"d_{x.name}", x.shape)
        kernel, attributes = kernel_call("backward_data", g, algorithm)
        emit.call(kernel, attributes, node.name, dy=dy, kernel=node.inputs["kernel"], dx=dx)
        return {"x": dx}

    def flops(self, node: Node) -> int:
        """Padding counts, as is usual."""
        g = node.attributes
        taps = g["kernel_h"] * g["kernel_w"] * (g["c_in"] // g["groups"])
        return int(2 * g["oh"] * g["ow"] * g["c_out"] * taps)
