"""The convolutions of the case table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from case import Case, Shape, Size, Spec

from pyconvnet.reference import output_size


def conv(
    name: str,
    image: Shape,
    filters: int,
    kernel: int | tuple[int, int] = 3,
    *,
    passes: tuple[str, ...] = ("forward", "data", "weights"),
    size: Size = "small",
    algorithm: str = "",
    **options: Any,
) -> Iterator[Case]:
    """Make the passes of one convolution of images [n, h, w, c_in] with c_out filters."""
    # The coefficients of F(3x3) and F(4x4), such as 1/6 and 1/24, are not exact; what the transforms magnify is
    # measured in test_winograd.py.
    exact = algorithm not in ("winograd_3x3", "winograd_4x4")
    condition = 1.0 if exact else 8.0
    common: dict[str, Any] = {"macs_only": exact, "size": size, "algorithm": algorithm, "condition": condition}
    n, h, w, c_in = image
    kh, kw = (kernel, kernel) if isinstance(kernel, int) else kernel
    c_group = c_in // options.get("groups", 1)
    out_h, out_w = (_conv_output(length, k, axis, options) for axis, (length, k) in enumerate(((h, kh), (w, kw))))
    kind = "bfloat16" if algorithm == "bfloat16" else "signed"  # on such inputs it rounds no more than any other
    x, weights = Spec(image, kind), Spec((kh, kw, c_group, filters), kind)
    dy = Spec((n, out_h, out_w, filters), kind)
    if "forward" in passes:
        arrays = {"x": x, "kernel": weights, "bias": Spec((filters,))}
        yield Case(f"conv2d-{name}", "conv2d", arrays, options, reduction=kh * kw * c_group, **common)
    if "data" in passes:
        arrays, reduction = {"dy": dy, "kernel": weights}, kh * kw * filters
        kwargs = {"input_shape": image, **options}
        op = "conv2d_backward_data"
        yield Case(f"{op}-{name}", op, arrays, kwargs, reduction=reduction, **common)
    if "weights" in passes:
        arrays, reduction = {"x": x, "dy": dy}, n * out_h * out_w
        kwargs = {"kernel_size": (kh, kw), **options}
        op = "conv2d_backward_weights"
        yield Case(f"{op}-{name}", op, arrays, kwargs, reduction=reduction, **common)


def _conv_output(length: int, k: int, axis: int, options: dict[str, Any]) -> int:
    """Give the output height (axis 0) or width (axis 1) of a convolution."""
    stride, dilation = (np.broadcast_to(options.get(key, 1), 2)[axis] for key in ("strides", "dilation_rate"))
    return output_size(length, k, int(stride), options.get("padding", "valid"), int(dilation))


def conv_shapes() -> Iterator[Case]:
    """Kernel sizes, strides, dilation, padding, groups and batches."""
    yield from conv("1x1", (2, 5, 6, 7), 9, 1)
    yield from conv("2x2", (2, 5, 6, 3), 8, 2)
    yield from conv("2x2-same", (2, 5, 6, 3), 8, 2, padding="same")
    yield from conv("3x3", (2, 6, 7, 3), 16)
    yield from conv("3x3-same", (2, 6, 7, 3), 16, padding="same")
    yield from conv("5x5", (2, 8, 7, 4), 6, 5)
    yield from conv("5x5-same", (2, 8, 7, 4), 6, 5, padding="same")
    yield from conv("7x1", (1, 9, 5, 3), 5, (7, 1))
    yield from conv("1x7-same", (1, 4, 9, 3), 5, (1, 7), padding="same")
    yield from conv("kernel-larger-than-image-same", (1, 3, 2, 2), 4, 5, padding="same")
    yield from conv("kernel-as-large-as-image", (2, 4, 5, 3), 7, (4, 5))
    yield from conv("stride2", (2, 8, 9, 3), 8, strides=2)
    yield from conv("stride2-same-even", (2, 8, 8, 3), 8, strides=2, padding="same")
    yield from conv("stride2-same-odd", (2, 7, 9, 3), 8, strides=2, padding="same")
    yield from conv("stride3x2-same", (1, 10, 11, 5), 11, (5, 3), strides=(3, 2), padding="same")
    yield from conv("stride-beyond-kernel", (1, 9, 10, 3), 4, 2, strides=3)
    yield from conv("1x1-stride2-same", (1, 7, 8, 6), 5, 1, strides=2, padding="same")
    yield from conv("dilation2", (1, 9, 8, 3), 8, dilation_rate=2)
    yield from conv("dilation3x2-same", (1, 9, 8, 3), 8, dilation_rate=(3, 2), padding="same")
    yield from conv("groups2", (2, 6, 6, 6), 8, groups=2)
    yield from conv("groups3-stride2-same", (1, 7, 6, 33), 9, strides=2, padding="same", groups=3)
    yield from conv("depthwise", (2, 6, 7, 11), 11, groups=11)
    yield from conv("depthwise-same", (1, 6, 7, 33), 33, padding="same", groups=33)
    yield from conv("depthwise-multiplier3", (1, 6, 5, 5), 15, padding="same", groups=5)
    yield from conv("one-pixel", (1, 1, 1, 1), 1, 1)
    yield from conv("one-row", (1, 6, 7, 3), 8, padding="SAME")
    yield from conv("zero-rows", (0, 6, 7, 3), 8)
    yield from conv("zero-rows-groups-same", (0, 6, 7, 4), 8, groups=2, padding="same")
    yield from conv("book-first", (2, 28, 28, 1), 32, padding="same", size="medium")
    yield from conv("book-second", (1, 14, 14, 32), 64, padding="same", size="medium")
    yield from conv("batch33", (33, 5, 5, 3), 16, size="medium")
    yield from conv("joined-pixels-stride2", (3, 9, 9, 2), 5, (3, 2), strides=2)
    yield from conv("wide", (2, 5, 140, 2), 5, padding="same", size="medium")
    yield from conv("lenet5-first", (9, 28, 28, 1), 6, 5, padding="same", size="medium")
    yield from conv("lenet5-second", (9, 14, 14, 6), 16, 5, size="medium")
    yield from conv("deep", (1, 6, 5, 9), 300, (3, 2), size="medium")  # backward_data takes the depth in pieces


def planar_shapes() -> Iterator[Case]:
    """Few filters: every number of them, several strips of rows, taps that lie apart."""
    passes = ("forward", "weights")
    for filters in range(1, 9):
        yield from conv(f"planes-{filters}-filters", (2, 6, 19, 1), filters, padding="same", passes=passes)
    shapes: tuple[tuple[str, Shape, int, int | tuple[int, int], dict[str, Any]], ...] = (
        ("strips", (2, 41, 37, 3), 8, 5, {}),
        ("strips-of-one-image", (1, 70, 50, 2), 3, (4, 3), {"padding": "same"}),
        ("strips-of-many-images", (9, 45, 61, 2), 3, 3, {"padding": "same"}),  # two a slice, strips of 22, 22 and 1 row
        ("strips-in-bands", (1, 80, 400, 1), 3, 3, {"padding": "same"}),  # bands of 5 rows, strips of 4
        ("many-images", (33, 9, 10, 1), 6, 5, {"padding": "same"}),
        ("dilation", (2, 14, 15, 2), 3, 3, {"dilation_rate": (3, 2), "padding": "same"}),
        ("as-wide-as-what-a-row-sees", (2, 5, 12, 1), 7, (2, 7), {}),
        ("as-high-as-they-go", (1, 20, 18, 1), 5, (9, 2), {"dilation_rate": (2, 1)}),
    )
    for name, image, filters, kernel, options in shapes:
        yield from conv(f"planes-{name}", image, filters, kernel, size="medium", **options)


def backward_data_shapes() -> Iterator[Case]:
    """Rows of dx: alone or some at a time, complete or tap by tap, at the border and with strides, depth in pieces."""
    shapes: tuple[tuple[str, Shape, int, int | tuple[int, int], dict[str, Any]], ...] = (
        ("tile-adds-to-dx", (2, 7, 12, 64), 180, 3, {"padding": "same"}),
        ("tile-adds-to-dx-strides", (1, 9, 25, 64), 9, (3, 2), {"strides": (3, 2)}),
        ("tile-adds-to-dx-groups", (1, 6, 14, 128), 18, 3, {"groups": 2, "padding": "same"}),
        ("tile-adds-to-dx-dilation", (1, 9, 14, 64), 9, 3, {"dilation_rate": 2, "padding": "same"}),
        ("blocks-across-taps", (2, 9, 10, 24), 70, 3, {"padding": "same"}),
        ("blocks-across-taps-strides", (2, 15, 9, 27), 70, (5, 3), {"strides": (2, 1)}),
        ("complete-rows-strides", (2, 9, 26, 5), 9, (4, 5), {"strides": (1, 3), "padding": "same"}),
        ("complete-rows-few-channels", (2, 9, 26, 3), 9, (4, 5), {"strides": (2, 1), "padding": "same"}),
        ("strides-beyond-everything", (1, 8, 8, 3), 4, 3, {"strides": 2**40}),
        ("tall-kernel", (1, 14, 7, 64), 20, (11, 2), {}),
        ("low-tiles", (2, 5, 5, 64), 300, 3, {}),
        ("low-tiles-strides", (2, 9, 6, 64), 20, (5, 3), {"strides": (2, 3), "padding": "same"}),
    )
    for name, image, filters, kernel, options in shapes:
        yield from conv(f"rows-{name}", image, filters, kernel, passes=("data",), size="medium", **options)


def backward_weights_shapes() -> Iterator[Case]:
    """Chunks of several images, of a band of one, of a row that is longer; units that share a tap or do not."""
    shapes: tuple[tuple[str, Shape, int, int | tuple[int, int], dict[str, Any]], ...] = (
        ("images-a-chunk", (7, 7, 7, 20), 130, 3, {"padding": "same"}),  # of two images, the last one alone
        ("images-a-chunk-strides", (11, 9, 9, 9), 200, (3, 2), {"strides": (2, 3), "padding": "same"}),
        ("images-a-chunk-unpacked", (7, 7, 7, 20), 70, 3, {"padding": "same"}),
        ("bands", (2, 19, 20, 9), 133, 3, {"padding": "same"}),
        ("longer-than-a-chunk", (1, 3, 150, 8), 140, (2, 3), {}),
        ("tiles-of-groups", (3, 7, 8, 60), 70, 3, {"groups": 2, "padding": "same"}),
        ("slices", (9, 12, 11, 8), 160, 1, {}),  # one tap has few units
        ("blocks-of-a-thread", (3, 7, 7, 30), 330, 1, {}),  # or so many that a thread needs a part of dy
    )
    for name, image, filters, kernel, options in shapes:
        yield from conv(f"units-{name}", image, filters, kernel, passes=("weights",), size="medium", **options)


def conv_channels() -> Iterator[Case]:
    """Channel counts around the vector widths, each as input and as output."""
    pairs = ((1, 133), (3, 100), (6, 65), (8, 64), (10, 48), (15, 33), (16, 32), (17, 31))
    for c_in, c_out in (*pairs, *((b, a) for a, b in pairs)):
        yield from conv(f"channels-{c_in}-{c_out}", (1, 5, 4, c_in), c_out, padding="same")


def gemm_shapes() -> Iterator[Case]:
    """Kernels as large as their input: products of matrices."""
    shapes: tuple[tuple[str, Shape, int, tuple[int, int]], ...] = (
        ("lenet5-third", (9, 5, 5, 16), 120, (5, 5)),
        ("one-column", (33, 3, 1, 7), 5, (3, 1)),
        ("one-pixel", (2, 1, 1, 4), 3, (1, 1)),
        ("zero-rows", (0, 2, 3, 4), 3, (2, 3)),
    )
    for name, image, filters, kernel in shapes:
        yield from conv(f"gemm-{name}", image, filters, kernel, algorithm="gemm")


def winograd_shapes() -> Iterator[Case]:
    """Whole tiles, edges of every width, both paddings, channels around the vectors, several blocks of tiles."""
    shapes: tuple[tuple[str, Shape, int, str], ...] = (
        ("whole-tiles", (2, 10, 10, 16), 32, "valid"),
        ("edges", (2, 9, 8, 16), 32, "valid"),
        ("edges-same", (2, 5, 7, 16), 32, "same"),
        ("one-pixel", (1, 3, 3, 16), 16, "valid"),
        ("smaller-than-kernel-same", (2, 1, 2, 5), 3, "same"),
        ("one-row-same", (1, 6, 13, 33), 17, "same"),
        ("channels-1-65", (1, 6, 6, 1), 65, "same"),
        ("channels-65-into-1", (1, 6, 6, 65), 1, "same"),  # the name seeds it: its bias gradient does not cancel
        ("channels-48-100", (1, 6, 7, 48), 100, "valid"),
        ("columns-of-weights", (1, 4, 5, 7), 133, "same"),
        ("rows-of-positions", (2, 7, 6, 72), 133, "same"),  # backward_weights: too many sums for all positions at once
        ("rows-of-one-tile", (1, 4, 4, 72), 128, "valid"),  # of which there can be no two groups
        ("rows-of-two-groups", (2, 6, 5, 90), 101, "same"),
        ("rows-of-few-columns", (1, 5, 6, 160), 133, "same"),
        ("zero-rows", (0, 6, 6, 3), 4, "same"),
        ("many-tiles", (3, 30, 22, 8), 12, "same"),
        ("many-images", (40, 4, 4, 17), 18, "valid"),
        ("many-tiles-of-one-image", (1, 38, 34, 8), 12, "same"),  # in two blocks
        ("many-blocks-of-weights", (20, 16, 16, 65), 3, "same"),  # of a group of tiles, in backward_weights
        ("many-blocks-of-rows", (3, 20, 20, 72), 133, "same"),  # of all tiles at a row of positions
        # F(4x4): tiles of two outputs and of one, blocks that begin within an image, and blocks of narrow tiles alone.
        ("many-narrow-tiles", (40, 14, 13, 24), 40, "same"),
        ("many-narrow-tiles-of-rows", (6, 14, 10, 72), 133, "same"),
        ("many-narrow-tiles-alone", (1, 6, 130, 8), 12, "same"),
        ("many-narrow-tiles-of-rows-alone", (1, 6, 130, 72), 133, "same"),
    )
    for algorithm in ("winograd_2x2", "winograd_3x3", "winograd_4x4"):
        for name, image, filters, padding in shapes:
            size: Size = "medium" if name.startswith("many") else "small"
            yield from conv(f"{algorithm}-{name}", image, filters, padding=padding, size=size, algorithm=algorithm)


def bfloat16_shapes() -> Iterator[Case]:
    """Tiles of 16 and blocks of 32 in pixels and channels, planes of strides and dilation, bands, slices of images."""
    shapes: tuple[tuple[str, Shape, int, int | tuple[int, int], dict[str, Any]], ...] = (
        ("whole-tiles", (2, 6, 16, 32), 32, 1, {}),
        ("3x3", (2, 6, 7, 3), 16, 3, {}),
        ("3x3-same", (3, 5, 7, 33), 17, 3, {"padding": "same"}),
        ("1x1", (2, 5, 6, 40), 50, 1, {}),
        ("2x2-same", (2, 5, 6, 17), 65, 2, {"padding": "same"}),
        ("5x5-same", (2, 8, 7, 4), 6, 5, {"padding": "same"}),
        ("7x1", (1, 9, 5, 64), 5, (7, 1), {}),
        ("1x7-same", (1, 4, 9, 3), 100, (1, 7), {"padding": "same"}),
        ("one-pixel", (1, 3, 3, 16), 16, 3, {}),
        ("kernel-larger-than-image-same", (1, 3, 2, 2), 4, 5, {"padding": "same"}),
        ("stride2-same-even", (2, 8, 8, 18), 8, 3, {"strides": 2, "padding": "same"}),
        ("stride2-same-odd", (2, 7, 9, 8), 18, 3, {"strides": 2, "padding": "same"}),
        ("stride3x2-same", (1, 10, 11, 5), 11, (5, 3), {"strides": (3, 2), "padding": "same"}),
        ("stride-beyond-kernel", (2, 9, 10, 3), 4, 2, {"strides": 3}),
        ("1x1-stride2-same", (1, 7, 8, 6), 5, 1, {"strides": 2, "padding": "same"}),
        ("dilation3x2-same", (1, 9, 8, 3), 8, 3, {"dilation_rate": (3, 2), "padding": "same"}),
        ("channels-1-133", (1, 5, 4, 1), 133, 3, {"padding": "same"}),
        ("channels-133-1", (1, 5, 4, 133), 1, 3, {"padding": "same"}),
        ("zero-rows", (0, 6, 7, 3), 8, 3, {}),
        ("bands-of-one-image", (1, 40, 30, 50), 20, 3, {"padding": "same"}),
        ("bands-that-fill-the-cache", (1, 70, 130, 66), 18, 3, {"strides": 2}),
        ("many-images", (33, 5, 5, 20), 40, 3, {"padding": "same"}),
        ("many-pieces-of-a-slice", (30, 14, 14, 130), 70, 3, {}),
    )
    for name, image, filters, kernel, options in shapes:
        size: Size = "medium" if name.startswith(("many", "bands")) else "small"
        yield from conv(f"bfloat16-{name}", image, filters, kernel, size=size, algorithm="bfloat16", **options)


def conv_widths() -> Iterator[Case]:
    """Image widths 1 to 30; a tile of any width has its rest somewhere in here."""
    for width in range(1, 31):
        backward = "data" if width % 2 else "weights"
        yield from conv(f"width{width}", (1, 3, width, 3), 17, passes=("forward", backward), padding="same")
