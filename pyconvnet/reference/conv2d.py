"""Two-dimensional convolution (really cross-correlation, as in every deep-learning library) and its two gradients.

The sum that is computed:

    y[n, p, q, o] = bias[o] + sum over i, j, c of kernel[i, j, c, o]
                                                * x[n, p * stride + i * dilation, q * stride + j * dilation, c]

Each of the three functions is one loop over the taps (i, j) of the kernel. With `groups` the channels are cut into
parts that do not see each other; input part g makes output part g. A depthwise convolution has as many groups as input
channels. In the `einsum` letters n = image, p, q = output row and column, g = group, c = input channel of the group,
o = output channel of the group.
"""

from __future__ import annotations

import numpy as np

from pyconvnet.reference.shape import Array, Windows


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    strides: int | tuple[int, int] = 1,
    padding: str = "valid",
    dilation_rate: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Array:
    """Slide a kernel over images and sum the products.

    Args:
        x: images [n, h, w, c_in].
        kernel: filters [kh, kw, c_in / groups, c_out].
        bias: one number for each filter [c_out], or None.
        strides: steps of the kernel, (height, width) or one int.
        padding: "valid" (none) or "same" (zeros, see `same_padding`).
        dilation_rate: distance between neighbouring taps.
        groups: parts into which the channels are cut.

    Returns:
        y: [n, out_h, out_w, c_out].

    Raises:
        ValueError: if the channels do not fit the kernel and the groups, or the kernel does not fit into the image.

    Example:
        >>> image = np.array([[1, 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]])
        >>> kernel = np.array([[2, 0, 1], [0, 1, 2], [1, 0, 2]])
        >>> conv2d(image[None, :, :, None], kernel[:, :, None, None])[0, :, :, 0].tolist()
        [[15, 16], [6, 15]]

    Formula: the definition above; layout and groups as in Keras `Conv2D`.
    """
    windows = Windows.of(x.shape, kernel.shape[:2], strides=strides, padding=padding, dilation=dilation_rate)
    taps = _split_kernel(kernel, x.shape[3], groups)
    padded = windows.pad(x)
    y = np.zeros((len(x), *windows.output, groups, kernel.shape[3] // groups), np.result_type(x, kernel))
    for i, j in windows.taps():
        y += np.einsum("npqgc,cgo->npqgo", _split(windows.under(padded, i, j), groups), taps[i, j])
    y = y.reshape(len(x), *windows.output, kernel.shape[3])
    return y if bias is None else y + bias


def conv2d_backward_data(
    dy: Array,
    kernel: Array,
    input_shape: tuple[int, ...],
    *,
    strides: int | tuple[int, int] = 1,
    padding: str = "valid",
    dilation_rate: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Array:
    """Bring the gradient of the output back to the images: every cell collects what it had given.

    Args:
        dy: gradient of the output [n, out_h, out_w, c_out].
        kernel: filters [kh, kw, c_in / groups, c_out].
        input_shape: shape of the images, (n, h, w, c_in).
        strides: as in `conv2d`; so are padding, dilation_rate and groups.
        padding: "valid" or "same".
        dilation_rate: distance between neighbouring taps.
        groups: parts into which the channels are cut.

    Returns:
        dx: [n, h, w, c_in].

    Raises:
        ValueError: if the channels do not fit the kernel and the groups, or the kernel does not fit into the image.

    Example:
        >>> conv2d_backward_data(np.ones((1, 1, 1, 1)), np.full((2, 2, 1, 1), 3.0), (1, 2, 2, 1)).sum()
        np.float64(12.0)

    Formula: x[.., c] is multiplied by kernel[i, j, c, o] on its way to y[.., o], hence dx = sum of dy * kernel over the
    same triples (tap, position, filter).
    """
    windows = Windows.of(tuple(input_shape), kernel.shape[:2], strides=strides, padding=padding, dilation=dilation_rate)
    taps = _split_kernel(kernel, input_shape[3], groups)
    dpadded = np.zeros(windows.padded_shape(len(dy), input_shape[3]), np.result_type(dy, kernel))
    for i, j in windows.taps():
        contribution = np.einsum("npqgo,cgo->npqgc", _split(dy, groups), taps[i, j])
        cells = windows.under(dpadded, i, j)
        cells += contribution.reshape(cells.shape)
    return windows.unpad(dpadded).copy()


def conv2d_backward_weights(
    x: Array,
    dy: Array,
    kernel_size: int | tuple[int, int],
    *,
    strides: int | tuple[int, int] = 1,
    padding: str = "valid",
    dilation_rate: int | tuple[int, int] = 1,
    groups: int = 1,
) -> tuple[Array, Array]:
    """Sum the gradient of the kernel and of the bias over all images and positions.

    Args:
        x: images [n, h, w, c_in].
        dy: gradient of the output [n, out_h, out_w, c_out].
        kernel_size: (kh, kw) or one int.
        strides: as in `conv2d`; so are padding, dilation_rate and groups.
        padding: "valid" or "same".
        dilation_rate: distance between neighbouring taps.
        groups: parts into which the channels are cut.

    Returns:
        (dkernel [kh, kw, c_in / groups, c_out], dbias [c_out]).

    Raises:
        ValueError: if the channels do not fit the groups, or the kernel does not fit into the image.

    Example:
        >>> dkernel, dbias = conv2d_backward_weights(np.ones((1, 4, 4, 1)), np.ones((1, 2, 2, 1)), 3)
        >>> dkernel[..., 0, 0].tolist(), dbias.tolist()
        ([[4.0, 4.0, 4.0], [4.0, 4.0, 4.0], [4.0, 4.0, 4.0]], [4.0])

    Formula: y[.., o] holds x[.., c] * kernel[i, j, c, o], hence dkernel = sum of x * dy over images and positions.
    """
    windows = Windows.of(x.shape, kernel_size, strides=strides, padding=padding, dilation=dilation_rate)
    c_in, c_out = x.shape[3], dy.shape[3]
    if c_in % groups or c_out % groups:
        raise ValueError(f"conv2d: groups must divide the channels, got {c_in} -> {c_out} channels and {groups} groups")
    padded = windows.pad(x)
    dkernel = np.zeros((*windows.window, c_in // groups, groups, c_out // groups), np.result_type(x, dy))
    for i, j in windows.taps():
        cells = _split(windows.under(padded, i, j), groups)
        dkernel[i, j] = np.einsum("npqgc,npqgo->cgo", cells, _split(dy, groups))
    return dkernel.reshape(*windows.window, c_in // groups, c_out), dy.sum(axis=(0, 1, 2))


def _split(x: Array, groups: int) -> Array:
    """Cut the channels of x: [n, p, q, c] into groups: [n, p, q, groups, c / groups]."""
    return x.reshape(*x.shape[:3], groups, x.shape[3] // groups)


def _split_kernel(kernel: Array, c_in: int, groups: int) -> Array:
    """Cut the filters into groups: [kh, kw, c_in / groups, groups, c_out / groups]."""
    kh, kw, c_group, c_out = kernel.shape
    if c_group * groups != c_in or c_out % groups:
        raise ValueError(
            f"conv2d: the kernel must have c_in / groups input channels and groups must divide its filters, "
            f"got kernel {kernel.shape}, {c_in} input channels and {groups} groups"
        )
    return kernel.reshape(kh, kw, c_group, groups, c_out // groups)
