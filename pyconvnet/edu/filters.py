"""A filter slid over an image: the lecture's `conv2d_simple`, and its four filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.edu._check import number_table
from pyconvnet.edu._grid import draw_grid
from pyconvnet.ops._check import integer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HORIZONTAL = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]])
VERTICAL = np.array([[1.0, 0.0, -1.0], [1.0, 0.0, -1.0], [1.0, 0.0, -1.0]])
BLUR = np.full((3, 3), 0.11)
SHARPEN = np.array([[0.0, -1.0, 0.0], [-1.0, 5.0, -1.0], [0.0, -1.0, 0.0]])

for _filter in (HORIZONTAL, VERTICAL, BLUR, SHARPEN):
    _filter.setflags(write=False)


def conv2d_simple(image: ArrayLike, filter: ArrayLike, size: int) -> NDArray[np.float64]:
    """Slides a square filter over a grey image, one cell at a time, without padding.

    At each place the cells under the filter are multiplied by it and added up. The filter is not turned round: this is
    what deep learning calls a convolution, and mathematics a correlation.

    Args:
        image: [h, w] numbers of any type; bytes do not overflow.
        filter: [size, size] numbers, such as `HORIZONTAL`, `VERTICAL`, `BLUR` or `SHARPEN`.
        size: rows and columns of the filter.

    Returns:
        float64 [h - size + 1, w - size + 1].

    Raises:
        ValueError, TypeError: no tables of numbers, a filter of another size, or one larger than the image.

    Example:
        >>> image = [[0, 0, 0, 0], [0, 0, 0, 0], [9, 9, 9, 9], [9, 9, 9, 9]]
        >>> conv2d_simple(image, HORIZONTAL, 3)
        array([[-27., -27.],
               [-27., -27.]])

    Source: the lecture's example 0 of the convolution layer.
    """
    who = "conv2d_simple"
    cells, weights = number_table(who, "image", image), number_table(who, "filter", filter)
    size = integer(who, "size", size)
    if weights.shape != (size, size):
        raise ValueError(f"{who}: filter must have shape ({size}, {size}), as size says, got {weights.shape}")
    if min(cells.shape) < size:
        raise ValueError(f"{who}: the filter has {size} rows and columns, more than the image {cells.shape}")
    rows, columns = cells.shape[0] - size + 1, cells.shape[1] - size + 1
    result = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            window = cells[row : row + size, column : column + size]
            result[row, column] = (window * weights).sum()
    return result


def conv2d_simple_picture(image: ArrayLike, *, title: str | None = None) -> Figure:
    """An image beside what the lecture's four filters make of it; grey from the smallest to the largest number.

    Args:
        image: [h, w], as for `conv2d_simple`; at least 3 x 3.
        title: written above.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it.

    Raises:
        ImportError: matplotlib is missing.
        ValueError, TypeError: as `conv2d_simple`.

    Example:
        >>> conv2d_simple_picture(x_train[2]).savefig("filters.png")  # doctest: +SKIP
    """
    from pyconvnet.plot import style

    cells = number_table("conv2d_simple_picture", "image", image)
    named = [("horizontal", HORIZONTAL), ("vertical", VERTICAL), ("blur", BLUR), ("sharpen", SHARPEN)]
    made = [(name, conv2d_simple(cells, weights, 3), weights) for name, weights in named]
    style.import_matplotlib()
    with style.applied():
        figure = style.new_figure(10.5, 4.4 if title else 4.0)
        grid = figure.subplots(2, 5, height_ratios=(3, 1.1))
        _show(grid[0][0], cells, style.word("input"))
        grid[1][0].axis("off")
        for i, (name, values, weights) in enumerate(made, 1):
            _show(grid[0][i], values, style.word(name))
            draw_grid(grid[1][i], weights, size=8)
        style.set_title(figure, title)
    return figure


def _show(axes: Any, values: NDArray[np.float64], title: str) -> None:
    axes.imshow(values, cmap="gray")
    axes.set_title(title)
    axes.axis("off")
