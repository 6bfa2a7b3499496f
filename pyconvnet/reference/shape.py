"""Output sizes, `same` padding, and the sliding windows that convolution and pooling share.

A window operation looks at `k` cells of the input for every output cell, `dilation` apart, and moves by `stride`:

    padded input    0 | 1  2  3  4  5 | 0 0          k = 3, stride = 2, dilation = 1
    output 0       [0   1  2]
    output 1             [2  3  4]
    output 2                   [4  5    0]

The rest of this package never works with one window at a time. It takes one *tap* (one cell of the window) and looks at
the cells under that tap for all output positions at once. Those cells are a slice of the padded input with a step of
`stride`, so a convolution is a short sum of slices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Pair = tuple[int, int]


def pair(value: int | tuple[int, ...], name: str) -> Pair:
    """Make `(height, width)` out of one number or two.

    Args:
        value: a positive int, used for both directions, or two of them.
        name: what the value is called in error messages.

    Returns:
        Two positive ints, height first.

    Raises:
        ValueError: if there are not two numbers or one is not positive.

    Example:
        >>> pair(3, "strides")
        (3, 3)
    """
    values = (value, value) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(values) != 2 or min(values) < 1:
        raise ValueError(f"{name} must be one or two positive ints, got {value!r}")
    return int(values[0]), int(values[1])


def output_size(size: int, window: int, stride: int, padding: str, dilation: int = 1) -> int:
    """Count the window positions along one direction.

    Args:
        size: input cells.
        window: cells of the kernel or pool.
        stride: cells that the window moves for the next output.
        padding: "valid" or "same", in any case of letters.
        dilation: distance between two neighbouring cells of the window.

    Returns:
        valid: floor((size - extent) / stride) + 1 with extent = (window - 1) * dilation + 1; same: ceil(size / stride).

    Raises:
        ValueError: if the padding is unknown, or a valid window is larger than the input.

    Example:
        >>> output_size(28, 3, 1, "valid"), output_size(28, 3, 2, "same")
        (26, 14)

    Formula: Keras `compute_conv_output_shape`.
    """
    extent = (window - 1) * dilation + 1
    if padding.lower() == "same":
        return -(-size // stride)
    if padding.lower() != "valid":
        raise ValueError(f'padding must be "valid" or "same", got {padding!r}')
    if extent > size:
        raise ValueError(f"a valid window must fit into the input of {size}, got {extent} cells; use 'same'")
    return (size - extent) // stride + 1


def same_padding(size: int, window: int, stride: int, dilation: int = 1) -> Pair:
    """Count the zeros that `same` puts before and after the input along one direction.

    Args:
        size: input cells.
        window: cells of the kernel or pool.
        stride: cells that the window moves for the next output.
        dilation: distance between two neighbouring cells of the window.

    Returns:
        (before, after). An odd total has its extra cell *after*: at the bottom and at the right.

    Example:
        >>> same_padding(4, 3, 2)
        (0, 1)

    Formula: TensorFlow's `same` rule, which Keras documents with its convolution layers.
    """
    extent = (window - 1) * dilation + 1
    last_start = (output_size(size, window, stride, "same", dilation) - 1) * stride
    total = max(last_start + extent - size, 0)
    return total // 2, total - total // 2


@dataclass(frozen=True)
class Windows:
    """Where the windows of a convolution or a pool lie on an image.

    Attributes:
        window: (height, width) of the kernel or pool in cells.
        strides: steps between two output cells.
        dilation: distance between two neighbouring cells of the window.
        pads: ((top, bottom), (left, right)) cells around the image.
        image: (height, width) of the image without padding.
        output: (height, width) of the output.

    Example:
        >>> Windows.of((1, 4, 4, 1), 3, padding="same", strides=2).pads
        ((0, 1), (0, 1))
    """

    window: Pair
    strides: Pair
    dilation: Pair
    pads: tuple[Pair, Pair]
    image: Pair
    output: Pair

    @classmethod
    def of(
        cls,
        input_shape: tuple[int, ...],
        window: int | tuple[int, ...],
        *,
        strides: int | tuple[int, ...] = 1,
        padding: str = "valid",
        dilation: int | tuple[int, ...] = 1,
    ) -> Windows:
        """Lay windows over images of shape [n, h, w, c]; see the functions above for the rules and their errors."""
        if len(input_shape) != 4:
            raise ValueError(f"images must have the shape [n, h, w, c], got {tuple(input_shape)}")
        k, s, d = pair(window, "window"), pair(strides, "strides"), pair(dilation, "dilation_rate")
        image = (int(input_shape[1]), int(input_shape[2]))
        output = (
            output_size(image[0], k[0], s[0], padding, d[0]),
            output_size(image[1], k[1], s[1], padding, d[1]),
        )
        pads = ((0, 0), (0, 0))
        if padding.lower() == "same":
            pads = (same_padding(image[0], k[0], s[0], d[0]), same_padding(image[1], k[1], s[1], d[1]))
        return cls(k, s, d, pads, image, output)

    def pad(self, x: Array, fill: float = 0) -> Array:
        """Put `fill` around images x: [n, h, w, c]."""
        return np.pad(x, ((0, 0), *self.pads, (0, 0)), constant_values=cast(Any, fill))

    def unpad(self, padded: Array) -> Array:
        """Take away what `pad` put around the images."""
        (top, _), (left, _) = self.pads
        height, width = self.image
        return padded[:, top : top + height, left : left + width, :]

    def padded_shape(self, n: int, channels: int) -> tuple[int, int, int, int]:
        """Give the shape of what `pad` returns for n images."""
        (top, bottom), (left, right) = self.pads
        return n, top + self.image[0] + bottom, left + self.image[1] + right, channels

    def taps(self) -> Iterator[Pair]:
        """Walk over the cells of the window, row by row."""
        for i in range(self.window[0]):
            for j in range(self.window[1]):
                yield i, j

    def under(self, padded: Array, i: int, j: int) -> Array:
        """Look at the cells under tap (i, j) for all outputs: a view [n, out_h, out_w, c] of the padded images."""
        top, left = i * self.dilation[0], j * self.dilation[1]
        bottom = top + (self.output[0] - 1) * self.strides[0] + 1
        right = left + (self.output[1] - 1) * self.strides[1] + 1
        return padded[:, top : bottom : self.strides[0], left : right : self.strides[1], :]
