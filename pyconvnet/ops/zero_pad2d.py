"""Rows and columns of zeros around images: eager functions and the rule in the plan."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, empty, float_array, image_sizes, integer
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.rule import Emitter, Node, Tensor

Frame = tuple[tuple[int, int], tuple[int, int]]
_MOST_BITS = 20  # of a side: far more than any image, far from overflowing


def frame(who: str, padding: Any) -> Frame:
    """((top, bottom), (left, right)) from one number, two (rows, columns), or two pairs.

    Raises:
        ValueError, TypeError: anything else.
    """
    sides = [padding, padding] if not isinstance(padding, (tuple, list)) else list(padding)
    wrong = f"{who}: padding must be a number, (rows, columns), or ((top, bottom), (left, right)), got {padding!r}"
    if len(sides) != 2:
        raise ValueError(wrong)
    pairs = []
    for side in sides:
        ends = [side, side] if not isinstance(side, (tuple, list)) else list(side)
        if len(ends) != 2:
            raise ValueError(wrong)
        first, last = (integer(who, "padding", end, minimum=0, bits=_MOST_BITS) for end in ends)
        pairs.append((first, last))
    return pairs[0], pairs[1]


def zero_pad2d_geometry(who: str, input_shape: tuple[int, ...], padding: Any) -> dict[str, int]:
    """The attributes of the kernels for one image [h, w, c], checked."""
    h, w, c = image_sizes(who, input_shape)
    (top, bottom), (left, right) = frame(who, padding)
    return dict(h=h, w=w, c=c, top=top, bottom=bottom, left=left, right=right)


def zero_pad2d_shape(g: dict[str, int]) -> tuple[int, int, int]:
    """(oh, ow, c) of a geometry."""
    return g["top"] + g["h"] + g["bottom"], g["left"] + g["w"] + g["right"], g["c"]


def zero_pad2d(x: ArrayLike, padding: Any) -> FloatArray:
    """Puts zeros around images (Keras's `ZeroPadding2D`).

    Args:
        x: [n, h, w, c], any numeric dtype; the result is float32.
        padding: one number, (rows, columns), or ((top, bottom), (left, right)).

    Returns:
        float32 [n, top + h + bottom, left + w + right, c].

    Raises:
        ValueError, TypeError: not images, or sizes that are negative or not whole.

    Example:
        >>> import numpy as np
        >>> from pyconvnet import ops
        >>> ops.zero_pad2d(np.ones((1, 1, 1, 1)), ((1, 0), (0, 2)))[0, :, :, 0]
        array([[0., 0., 0.],
               [1., 0., 0.]], dtype=float32)
    """
    images = float_array("zero_pad2d", "x", x, 4)
    g = zero_pad2d_geometry("zero_pad2d", images.shape[1:], padding)
    y = empty(images, (len(images), *zero_pad2d_shape(g)))
    run_kernel("zero_pad2d_forward", g, rows=len(images), x=images, y=y)
    return y


def zero_pad2d_backward(dy: ArrayLike, padding: Any) -> FloatArray:
    """Gradient of `zero_pad2d` with respect to its input: dy without its frame.

    Args:
        dy: gradient of the output [n, oh, ow, c].
        padding: as for `zero_pad2d`.

    Returns:
        float32 [n, oh - top - bottom, ow - left - right, c].

    Raises:
        ValueError, TypeError: not images, a frame that leaves nothing of dy, sizes that are negative or not whole.

    Example:
        >>> from pyconvnet import ops
        >>> ops.zero_pad2d_backward([[[[1], [2], [3]]]], (0, 1)).ravel()
        array([2.], dtype=float32)
    """
    who = "zero_pad2d_backward"
    gradient = float_array(who, "dy", dy, 4)
    (top, bottom), (left, right) = frame(who, padding)
    n, oh, ow, c = gradient.shape
    g = zero_pad2d_geometry(who, (oh - top - bottom, ow - left - right, c), padding)
    dx = empty(gradient, (n, g["h"], g["w"], c))
    run_kernel("zero_pad2d_backward", g, rows=n, dy=gradient, dx=dx)
    return dx


class ZeroPad2dRule:
    """inputs x; attributes: the geometry."""

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call."""
        emit.call("zero_pad2d_forward", node.attributes, node.name, x=node.inputs["x"], y=node.output)

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """One call, where somebody in front wants it."""
        x = node.inputs["x"]
        if not emit.wants_gradient(x):
            return {}
        dx = emit.tensor(f"d_{x.name}", x.shape)
        emit.call("zero_pad2d_backward", node.attributes, node.name, dy=dy, dx=dx)
        return {"x": dx}

    def flops(self, node: Node) -> int:
        """None."""
        return 0
