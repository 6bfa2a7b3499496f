"""What all pictures of images share: shapes, greys and colours, grids, captions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]
MOST_IMAGES = 100
_TITLE_HEIGHT = 0.4  # inches


def check_images(who: str, images: ArrayLike, most: int = MOST_IMAGES, hint: str = "pass a slice") -> Array:
    """Images that can be drawn, all on one scale: uint8, or floats from 0 to 1.

    Numbers beyond 2 are taken as 0 to 255, those a little above 1 (an interpolation may make them) as 1; with values
    below 0 or beyond 255 the range of all is stretched to 0 to 1.

    Args:
        who: for messages.
        images: [n, h, w] or [n, h, w, 1] grey, or [n, h, w, 3] colour.
        most: how many there may be.
        hint: what to do about more.

    Returns:
        [n, h, w] or [n, h, w, 3].

    Raises:
        ValueError: another shape, none, too many, or values that are not finite.
        TypeError: not numbers.
    """
    array = np.asarray(images)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{who}: images must hold numbers, got dtype {array.dtype}")
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if not (array.ndim == 3 or (array.ndim == 4 and array.shape[-1] == 3)):
        raise ValueError(f"{who}: images must be [n, h, w] or [n, h, w, 1 or 3], got shape {array.shape}")
    if not 1 <= len(array) <= most:
        raise ValueError(f"{who}: images must hold 1 to {most} images, got {len(array)}; {hint}")
    return _on_one_scale(who, array)


def _on_one_scale(who: str, images: Array) -> Array:
    if images.dtype == np.uint8 or images.size == 0:
        return images
    values = images.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not math.isfinite(high - low):
        raise ValueError(f"{who}: images must hold finite numbers, got {low} to {high}")
    if low < 0.0 or high > 255.0:
        return (values - low) / ((high - low) or 1.0)
    return values / 255.0 if high > 2.0 else np.minimum(values, 1.0)


def check_names(who: str, class_names: Sequence[str] | None, classes: int) -> list[str]:
    """A name for each class: its number where there are none.

    Raises:
        ValueError: too many or too few.
    """
    names = [str(i) for i in range(classes)] if class_names is None else list(class_names)
    if len(names) != classes:
        raise ValueError(f"{who}: class_names must hold {classes} names, got {len(names)}")
    return names


def grid(
    count: int, columns: int, *, width: float, height: float, title: str | None = None, right: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """A picture with `count` places row by row; what is left of the last row stays empty.

    Args:
        count: how many places.
        columns: of them in a row.
        width, height: of one, in inches.
        title: written above; the picture is higher by it.
        right: inches that are left on the right, for a colour bar.
    """
    rows = -(-count // columns)
    figure = style.new_figure(width * columns + right, height * rows + (_TITLE_HEIGHT if title else 0.0))
    spec = figure.add_gridspec(rows, columns)
    style.set_title(figure, title)
    return figure, [figure.add_subplot(spec[divmod(i, columns)]) for i in range(count)]


def square_columns(count: int) -> int:
    """Columns of a grid that is about as wide as high, at least 4 where there are so many."""
    return min(count, max(4, math.ceil(math.sqrt(count))))


def draw(axes: Axes, picture: Array) -> None:
    """One image of `check_images`, without scales."""
    # The lecture's clothes are bright on black; dark on white prints better and reads the same.
    white = 255 if picture.dtype == np.uint8 else 1.0
    cmap = "gray_r" if picture.ndim == 2 else None
    axes.imshow(picture, cmap=cmap, vmin=0, vmax=white, interpolation="nearest")
    bare(axes)


def bare(axes: Axes) -> None:
    """No ticks and no grid; a thin frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    frame(axes, style.GRID, 1.0)


def frame(axes: Axes, colour: str, width: float) -> None:
    """A line around a picture."""
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(colour)
        spine.set_linewidth(width)


def caption(axes: Axes, above: str, below: str = "", colour: str = style.INK) -> None:
    """Words over and under a picture."""
    axes.set_title(above, fontsize=9, loc="center", pad=4, color=colour)
    axes.set_xlabel(below, fontsize=8.5)
