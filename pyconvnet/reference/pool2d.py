"""Pooling: the largest or the mean value of each window, and the gradients.

Max pooling sends the whole gradient of a window to its *first* largest cell, row by row, as TensorFlow does; images
with a constant background have many ties, so this rule is seen in practice. Average pooling counts only real cells:
padding neither adds to the sum nor to the number that the sum is divided by.
"""

from __future__ import annotations

import numpy as np

from pyconvnet.reference.shape import Array, Windows


def max_pool2d(
    x: Array, pool_size: int | tuple[int, int], *, strides: int | tuple[int, int] | None = None, padding: str = "valid"
) -> Array:
    """Take the largest value of each window.

    Args:
        x: images [n, h, w, c].
        pool_size: window (height, width) or one int.
        strides: steps of the window; None means pool_size.
        padding: "valid" or "same".

    Returns:
        y: [n, out_h, out_w, c].

    Raises:
        ValueError: if the window does not fit into the image.

    Example:
        >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0].tolist()
        [[5.0, 7.0], [13.0, 15.0]]

    Formula: Keras `MaxPooling2D`.
    """
    windows = _windows(x.shape, pool_size, strides, padding)
    return _stacked_taps(x, windows).max(axis=0)


def max_pool2d_backward(
    dy: Array,
    x: Array,
    pool_size: int | tuple[int, int],
    *,
    strides: int | tuple[int, int] | None = None,
    padding: str = "valid",
) -> Array:
    """Give the gradient of each window to its first largest cell.

    Args:
        dy: gradient of the output [n, out_h, out_w, c].
        x: the images that were pooled [n, h, w, c].
        pool_size: as in `max_pool2d`; so are strides and padding.
        strides: steps of the window; None means pool_size.
        padding: "valid" or "same".

    Returns:
        dx: [n, h, w, c].

    Raises:
        ValueError: if the window does not fit into the image.

    Example:
        >>> max_pool2d_backward(np.ones((1, 1, 1, 1)), np.zeros((1, 2, 2, 1)), 2)[0, :, :, 0].tolist()
        [[1.0, 0.0], [0.0, 0.0]]

    Formula: derivative of the maximum; ties as in TensorFlow's `MaxPoolGrad`.
    """
    windows = _windows(x.shape, pool_size, strides, padding)
    winner = _stacked_taps(x, windows).argmax(axis=0)  # [n, out_h, out_w, c]: number of the tap; argmax takes the first
    dpadded = np.zeros(windows.padded_shape(len(x), x.shape[3]), dy.dtype)
    for number, (i, j) in enumerate(windows.taps()):
        cells = windows.under(dpadded, i, j)
        cells += np.where(winner == number, dy, 0)
    return windows.unpad(dpadded).copy()


def avg_pool2d(
    x: Array, pool_size: int | tuple[int, int], *, strides: int | tuple[int, int] | None = None, padding: str = "valid"
) -> Array:
    """Take the mean of the real cells of each window.

    Args:
        x: images [n, h, w, c].
        pool_size: window (height, width) or one int.
        strides: steps of the window; None means pool_size.
        padding: "valid" or "same"; padded cells are not counted.

    Returns:
        y: [n, out_h, out_w, c].

    Raises:
        ValueError: if the window does not fit into the image.

    Example:
        >>> avg_pool2d(np.ones((1, 3, 3, 1)), 2, padding="same")[0, :, :, 0].tolist()
        [[1.0, 1.0], [1.0, 1.0]]

    Formula: Keras `AveragePooling2D`.
    """
    windows = _windows(x.shape, pool_size, strides, padding)
    padded = windows.pad(x)
    total = np.zeros((len(x), *windows.output, x.shape[3]), x.dtype)
    for i, j in windows.taps():
        total += windows.under(padded, i, j)
    return total / _real_cells(windows, x.dtype)


def avg_pool2d_backward(
    dy: Array,
    input_shape: tuple[int, ...],
    pool_size: int | tuple[int, int],
    *,
    strides: int | tuple[int, int] | None = None,
    padding: str = "valid",
) -> Array:
    """Share the gradient of each window equally among its real cells.

    Args:
        dy: gradient of the output [n, out_h, out_w, c].
        input_shape: shape of the images, (n, h, w, c).
        pool_size: as in `avg_pool2d`; so are strides and padding.
        strides: steps of the window; None means pool_size.
        padding: "valid" or "same".

    Returns:
        dx: [n, h, w, c].

    Raises:
        ValueError: if the window does not fit into the image.

    Example:
        >>> avg_pool2d_backward(np.ones((1, 1, 1, 1)), (1, 2, 2, 1), 2)[0, :, :, 0].tolist()
        [[0.25, 0.25], [0.25, 0.25]]

    Formula: derivative of the mean.
    """
    windows = _windows(tuple(input_shape), pool_size, strides, padding)
    share = dy / _real_cells(windows, dy.dtype)
    dpadded = np.zeros(windows.padded_shape(len(dy), dy.shape[3]), dy.dtype)
    for i, j in windows.taps():
        cells = windows.under(dpadded, i, j)
        cells += share
    return windows.unpad(dpadded).copy()


def global_max_pool2d(x: Array) -> Array:
    """Take the largest value of each channel of each image.

    Args:
        x: images [n, h, w, c].

    Returns:
        y: [n, c].

    Example:
        >>> global_max_pool2d(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
        [[6.0, 7.0]]

    Formula: Keras `GlobalMaxPooling2D`.
    """
    return x.max(axis=(1, 2))


def global_max_pool2d_backward(dy: Array, x: Array) -> Array:
    """Give the gradient of each channel to its first largest cell.

    Args:
        dy: gradient of the output [n, c].
        x: the images that were pooled [n, h, w, c].

    Returns:
        dx: [n, h, w, c].

    Example:
        >>> global_max_pool2d_backward(np.ones((1, 1)), np.zeros((1, 1, 2, 1))).ravel().tolist()
        [1.0, 0.0]

    Formula: max pooling with one window as large as the image.
    """
    return max_pool2d_backward(dy[:, None, None, :], x, x.shape[1:3])


def global_avg_pool2d(x: Array) -> Array:
    """Take the mean of each channel of each image.

    Args:
        x: images [n, h, w, c].

    Returns:
        y: [n, c].

    Example:
        >>> global_avg_pool2d(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
        [[3.0, 4.0]]

    Formula: Keras `GlobalAveragePooling2D`.
    """
    return x.mean(axis=(1, 2))


def global_avg_pool2d_backward(dy: Array, input_shape: tuple[int, ...]) -> Array:
    """Share the gradient of each channel equally among its cells.

    Args:
        dy: gradient of the output [n, c].
        input_shape: shape of the images, (n, h, w, c).

    Returns:
        dx: [n, h, w, c].

    Example:
        >>> global_avg_pool2d_backward(np.ones((1, 1)), (1, 1, 2, 1)).ravel().tolist()
        [0.5, 0.5]

    Formula: average pooling with one window as large as the image.
    """
    return avg_pool2d_backward(dy[:, None, None, :], input_shape, (input_shape[1], input_shape[2]))


def _windows(
    input_shape: tuple[int, ...],
    pool_size: int | tuple[int, int],
    strides: int | tuple[int, int] | None,
    padding: str,
) -> Windows:
    """Lay the pool's windows over the images; without strides they touch and do not overlap."""
    return Windows.of(input_shape, pool_size, strides=pool_size if strides is None else strides, padding=padding)


def _stacked_taps(x: Array, windows: Windows) -> Array:
    """Stack the cells under every tap: [kh * kw, n, out_h, out_w, c]; padding is -inf, so that it never wins."""
    padded = windows.pad(x, -np.inf)
    return np.stack([windows.under(padded, i, j) for i, j in windows.taps()])


def _real_cells(windows: Windows, dtype: np.dtype) -> Array:
    """Count the cells of each window that lie on the image: [1, out_h, out_w, 1]."""
    ones = windows.pad(np.ones((1, *windows.image, 1), dtype))
    counts = np.zeros((1, *windows.output, 1), dtype)
    for i, j in windows.taps():
        counts += windows.under(ones, i, j)
    return counts
