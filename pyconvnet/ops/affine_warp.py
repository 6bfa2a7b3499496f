"""Affine resampling and mirroring of a batch of images: an eager function for `ImageDataGenerator`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from pyconvnet import devices
from pyconvnet._suggest import known
from pyconvnet.ops._check import FloatArray, empty, image_sizes, numbers, real, refuse_masked, same_shape
from pyconvnet.ops._kernel import run_kernel

FILL_MODES = ("nearest", "constant", "reflect", "wrap")  # in the kernel's order
RESAMPLED, UPSIDE_DOWN, LEFT_RIGHT = range(3)  # columns of `changes`

_FARTHEST = 2.0**31  # pixels: a position beyond says nothing about a pixel
_WHO = "affine_warp"


def affine_warp(
    images: ArrayLike,
    matrices: ArrayLike,
    *,
    rows: ArrayLike | None = None,
    changes: ArrayLike | None = None,
    fill_mode: str = "nearest",
    cval: float = 0.0,
) -> FloatArray:
    """Resamples images by linear interpolation and mirrors them.

    The pixels have the bits of `scipy.ndimage.affine_transform(image, matrix[:, :2], matrix[:, 2], order=1)`, channel
    by channel.

    Args:
        images: [available, h, w, c], any numeric dtype; read where they lie, on a GPU too.
        matrices: float64 [n, 2, 3]: from (row, column, 1) of an output pixel to (row, column) in the image.
        rows: int64 [n], which images are taken; None takes all in order.
        changes: [n, 3], true or 1 where an image is resampled (else it keeps its pixels), is turned upside down, and is
            mirrored left and right, in this order; None resamples all.
        fill_mode: What lies outside an image: "nearest", "constant", "reflect" or "wrap", as in scipy.
        cval: The value outside for fill_mode="constant".

    Returns:
        float32 [n, h, w, c], where the images lie.

    Raises:
        TypeError: images do not hold numbers.
        ValueError: shapes that do not fit, a row that is not there, a matrix of an image to resample that is not finite
            or leads further than 2^31 pixels away, an unknown fill mode.

    Example:
        >>> import numpy as np
        >>> from pyconvnet import ops
        >>> image = np.array([1.0, 2.0, 4.0]).reshape(1, 1, 3, 1)
        >>> ops.affine_warp(image, [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]]]).ravel()  # half a pixel to the left
        array([1.5, 3. , 4. ], dtype=float32)
    """
    refuse_masked(_WHO, "images", images)
    source = numbers(images)
    if source.dtype.kind not in "fiub":
        raise TypeError(f"{_WHO}: images must hold numbers, got dtype {source.dtype}")
    if source.ndim != 4:
        raise ValueError(f"{_WHO}: images must have 4 axes (images, height, width, channels), got shape {source.shape}")
    h, w, c = image_sizes(_WHO, source.shape[1:])
    taken = np.arange(len(source)) if rows is None else _on_host(rows, np.int64)
    count = taken.size
    table = np.tile(np.array([1, 0, 0], np.int32), (count, 1)) if changes is None else _on_host(changes, np.int32)
    same_shape(_WHO, "rows", taken.shape, (count,))
    if not source.dtype.isnative or source.dtype.itemsize > 8:  # nothing that the kernel reads
        source, taken = source[taken].astype(np.float32), np.arange(count)
    same_shape(_WHO, "changes", table.shape, (count, 3))
    maps = _on_host(matrices, np.float64)
    same_shape(_WHO, "matrices", maps.shape, (count, 2, 3))
    _check_reach(maps, table, h, w)
    mode = FILL_MODES.index(known(_WHO, "fill_mode", fill_mode, FILL_MODES))
    attributes = dict(feed=0, h=h, w=w, c=c, fill_mode=mode, cval=real(_WHO, "cval", cval))
    device, y = devices.of(source), empty(source, (count, h, w, c))
    moved = dict(matrices=device.put(maps), changes=device.put(table))
    run_kernel("affine_warp", attributes, rows=count, feed=source, indices=taken, **moved, y=y)
    return y


def _on_host(values: ArrayLike, dtype: DTypeLike) -> np.ndarray:
    return np.ascontiguousarray(devices.to_numpy(values), dtype)


def _check_reach(matrices: np.ndarray, changes: np.ndarray, h: int, w: int) -> None:
    if np.abs(matrices).max(initial=0.0) * (h + w + 1.0) <= _FARTHEST:  # as nearly always; never of NaN
        return
    reach = np.abs(matrices) @ [h, w, 1.0]
    wrong = ~(reach <= _FARTHEST).all(axis=1) & (changes[:, RESAMPLED] != 0)
    if wrong.any():
        raise ValueError(
            f"{_WHO}: matrices must be finite and lead at most 2^31 pixels away, matrix {wrong.argmax()} does not"
        )
