"""A convolution worked out step by step, and the size of its output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.edu._check import number_table
from pyconvnet.edu._grid import draw_cells, draw_frame, draw_grid, draw_sign
from pyconvnet.ops._check import integer, pair

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORKED_INPUT = np.array([[1.0, 2.0, 3.0, 0.0], [0.0, 1.0, 2.0, 3.0], [3.0, 0.0, 1.0, 2.0], [2.0, 3.0, 0.0, 1.0]])
WORKED_FILTER = np.array([[2.0, 0.0, 1.0], [0.0, 1.0, 2.0], [1.0, 0.0, 2.0]])
WORKED_INPUT.setflags(write=False)
WORKED_FILTER.setflags(write=False)

_MOST_STEPS = 16  # in one picture


@dataclass(frozen=True)
class Step:
    """One place of the filter.

    Attributes:
        row, column: of the output.
        window: what lies under the filter.
        products: `window` times the filter, cell by cell.
        value: their sum, a cell of the output.
    """

    row: int
    column: int
    window: NDArray[np.float64]
    products: NDArray[np.float64]
    value: float


@dataclass(frozen=True)
class WorkedConvolution:
    """A convolution and how it came about.

    Attributes:
        padded: the input with its frame of zeros.
        filter: what is slid over it.
        stride: how far at a time.
        steps: each place of the filter, row by row.
        result: the output [OH, OW].
    """

    padded: NDArray[np.float64]
    filter: NDArray[np.float64]
    stride: int
    steps: list[Step]
    result: NDArray[np.float64]


def worked_convolution(
    image: ArrayLike = WORKED_INPUT, filter: ArrayLike = WORKED_FILTER, *, padding: int = 0, stride: int = 1
) -> WorkedConvolution:
    """Slides a filter over a table of numbers and notes every step; by default the lecture's example.

    Args:
        image: [H, W].
        filter: [FH, FW].
        padding: rows and columns of zeros on each side.
        stride: cells that the filter moves at a time.

    Returns:
        The steps and the result.

    Raises:
        ValueError, TypeError: no tables, or sizes that do not fit, as `output_size`.

    Example:
        >>> worked = worked_convolution()
        >>> [step.value for step in worked.steps]
        [15.0, 16.0, 6.0, 15.0]
        >>> worked.steps[0].products
        array([[2., 0., 3.],
               [0., 1., 4.],
               [3., 0., 2.]])

    Source: the lecture's introduction to convolution, input 4 x 4 and filter 3 x 3.
    """
    who = "worked_convolution"
    cells, weights = number_table(who, "image", image), number_table(who, "filter", filter)
    height, width = output_size(cells.shape, weights.shape, padding, stride, who=who)
    padded = np.pad(cells, padding)
    steps = []
    result = np.zeros((height, width))
    for row, column in np.ndindex(height, width):
        top, left = row * stride, column * stride
        window = padded[top : top + weights.shape[0], left : left + weights.shape[1]]
        products = window * weights
        result[row, column] = products.sum()
        steps.append(Step(row, column, window.copy(), products, float(result[row, column])))
    return WorkedConvolution(padded, weights, stride, steps, result)


def output_size(
    input_size: Any, filter_size: Any, padding: int = 0, stride: int = 1, *, who: str = "output_size"
) -> tuple[int, int]:
    """Rows and columns of what a convolution makes: floor((H + 2P - FH) / S) + 1, and the same for W.

    Args:
        input_size: (H, W), or one number for both.
        filter_size: (FH, FW), or one number for both.
        padding: P, rows and columns of zeros on each side.
        stride: S, cells that the filter moves at a time.
        who: who asks, for messages.

    Returns:
        (OH, OW). A part that is left over, too small for a further step, is dropped.

    Raises:
        ValueError, TypeError: sizes that are not positive whole numbers, or a filter larger than the padded input.

    Example:
        >>> output_size((4, 4), 3, padding=1, stride=1)
        (4, 4)
        >>> output_size((7, 7), 3, padding=0, stride=2)
        (3, 3)
        >>> output_size((28, 31), 5, padding=2, stride=3)
        (10, 11)

    Source: the lecture's formula and its three examples.
    """
    cells, window = pair(who, "input_size", input_size), pair(who, "filter_size", filter_size)
    around, step = integer(who, "padding", padding, minimum=0), integer(who, "stride", stride)
    for name, size, reach in zip(("rows", "columns"), cells, window, strict=True):
        if reach > size + 2 * around:
            raise ValueError(
                f"{who}: the filter covers {reach} {name}, more than the {size + 2 * around} of the padded input "
                f"({size} + 2 * {around}); use a smaller filter or padding of at least {-(-(reach - size) // 2)}"
            )
    height, width = ((size + 2 * around - reach) // step + 1 for size, reach in zip(cells, window, strict=True))
    return height, width


def worked_convolution_picture(worked: WorkedConvolution | None = None, *, title: str | None = None) -> Figure:
    """Every step of a convolution in a row of its own: the window on the input, the filter, the products, the output.

    Args:
        worked: what `worked_convolution` answers, with 1 to 16 steps; the lecture's example if None.
        title: written above.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it.

    Raises:
        ImportError: matplotlib is missing.
        ValueError: more steps than a picture can hold.

    Example:
        >>> worked_convolution_picture().savefig("steps.png")  # doctest: +SKIP
    """
    from pyconvnet.plot import style

    worked = worked_convolution() if worked is None else worked
    if len(worked.steps) > _MOST_STEPS:
        raise ValueError(
            f"worked_convolution_picture: at most {_MOST_STEPS} steps can be drawn, got {len(worked.steps)}; "
            "use a smaller input or a larger stride"
        )
    style.import_matplotlib()
    widths = [
        worked.padded.shape[1],
        0.6,
        worked.filter.shape[1],
        0.6,
        worked.filter.shape[1],
        0.6,
        worked.result.shape[1],
    ]
    tall = max(worked.padded.shape[0], worked.filter.shape[0], worked.result.shape[0])
    with style.applied():
        figure = style.new_figure(0.52 * sum(widths) + 1, len(worked.steps) * (0.36 * tall + 0.45) + 0.3)
        grid = figure.subplots(len(worked.steps), 7, width_ratios=widths, squeeze=False)
        so_far = np.full_like(worked.result, np.nan)
        for i, (step, axes) in enumerate(zip(worked.steps, grid, strict=True)):
            so_far[step.row, step.column] = step.value
            names = [style.word(name) for name in ("input", "filter", "products", "output")] if i == 0 else [None] * 4
            place = (step.row * worked.stride, step.column * worked.stride)
            draw_grid(axes[0], worked.padded, window=(*place, *worked.filter.shape), title=names[0])
            draw_sign(axes[1], "∗")
            draw_grid(axes[2], worked.filter, title=names[1])
            draw_sign(axes[3], "→")
            draw_grid(axes[4], step.products, title=names[2])
            draw_sign(axes[5], "Σ =")
            draw_grid(axes[6], so_far.copy(), window=(step.row, step.column, 1, 1), title=names[3])
        style.set_title(figure, title)
    return figure


def output_size_picture(input_size: Any, filter_size: Any, padding: int = 0, stride: int = 1) -> Figure:
    """The padded input with the first cell of every place of the filter, the first place framed, and the formula.

    Args:
        input_size, filter_size, padding, stride: as for `output_size`; up to 64 rows and columns with the padding.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it.

    Raises:
        ImportError: matplotlib is missing.
        ValueError, TypeError: as `output_size`; an input that is too large to be drawn.

    Example:
        >>> output_size_picture((7, 7), 3, stride=2).savefig("size.png")  # doctest: +SKIP
    """
    from pyconvnet.plot import style

    who = "output_size_picture"
    height, width = output_size(input_size, filter_size, padding, stride, who=who)
    (h, w), (fh, fw) = pair(who, "input_size", input_size), pair(who, "filter_size", filter_size)
    rows, columns = h + 2 * padding, w + 2 * padding
    if max(rows, columns) > 64:
        raise ValueError(f"{who}: at most 64 rows and columns can be drawn, got {rows} and {columns}")
    style.import_matplotlib()
    with style.applied():
        figure = style.new_figure(max(5.2, 0.24 * columns + 1), 0.24 * rows + 1.3)
        axes = figure.subplots()
        _draw_places(
            axes, (rows, columns), padding, [(i * stride, j * stride) for i, j in np.ndindex(height, width)], (fh, fw)
        )
        axes.set_title(
            f"OH = ⌊({h} + 2·{padding} - {fh}) / {stride}⌋ + 1 = {height}\n"
            f"OW = ⌊({w} + 2·{padding} - {fw}) / {stride}⌋ + 1 = {width}",
            linespacing=1.5,
        )
    return figure


def _draw_places(
    axes: Any, cells: tuple[int, int], padding: int, places: list[tuple[int, int]], window: tuple[int, int]
) -> None:
    from pyconvnet.plot import style

    inside = np.ones((cells[0] - 2 * padding, cells[1] - 2 * padding))
    draw_cells(axes, np.pad(inside, padding, constant_values=-1), ("#f3f4f6", "#dbeafe"), edge="white")
    axes.plot([c + 0.5 for _, c in places], [r + 0.5 for r, _ in places], "o", color=style.TRAINING, markersize=4)
    draw_frame(axes, *places[-1], *window, dashes=":")
    draw_frame(axes, *places[0], *window)
