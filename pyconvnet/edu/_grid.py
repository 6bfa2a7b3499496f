"""Tables of numbers as pictures: cells with their number, darker where it is larger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyconvnet.plot import style

_COLOURS = ("#fdba74", "#ffffff", "#93c5fd")  # of the smallest number, of 0, and of the largest


def draw_grid(
    axes: Any,
    values: NDArray[np.float64],
    *,
    size: float = 10.0,
    window: tuple[int, int, int, int] | None = None,
    title: str | None = None,
) -> None:
    """Draws a table.

    Args:
        axes: where to.
        values: [rows, columns]; NaN is a cell that is empty still.
        size: of the numbers, in points.
        window: first row, first column, rows and columns of a frame around some cells.
        title: written above.
    """
    filled = np.nan_to_num(values)
    draw_cells(axes, filled / max(float(np.abs(filled).max()), 1e-300), _COLOURS, edge=style.GRID)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            axes.text(column + 0.5, row + 0.5, f"{value:g}", ha="center", va="center", fontsize=size, color=style.INK)
    if window is not None:
        draw_frame(axes, *window)
    if title:
        axes.set_title(title, fontsize=10, loc="center")


def draw_cells(axes: Any, shares: NDArray[np.float64], colours: Sequence[str], edge: str) -> None:
    """Fills the cells of a table, the first row on top.

    Args:
        axes: where to.
        shares: [rows, columns] from -1, the first colour, to 1, the last.
        colours: what they are filled with.
        edge: the colour of the lines between them.
    """
    from matplotlib.colors import LinearSegmentedColormap

    rows, columns = shares.shape
    filled = LinearSegmentedColormap.from_list("table", list(colours))
    corners = np.arange(columns + 1), np.arange(rows + 1)
    axes.pcolormesh(*corners, shares, cmap=filled, vmin=-1, vmax=1, edgecolors=edge, linewidth=1.0, clip_on=False)
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    axes.set_aspect("equal")
    axes.axis("off")


def draw_frame(axes: Any, row: int, column: int, rows: int, columns: int, dashes: str = "-") -> None:
    """A frame around some cells."""
    from matplotlib.patches import Rectangle

    look: dict[str, Any] = {"facecolor": "none", "edgecolor": style.VALIDATION, "linewidth": 2.5, "linestyle": dashes}
    axes.add_patch(Rectangle((column, row), columns, rows, clip_on=False, **look))


def draw_sign(axes: Any, sign: str) -> None:
    """A sign between two tables."""
    axes.axis("off")
    # Korean fonts have small arrows.
    look = {"fontsize": 15, "color": style.QUIET, "fontfamily": "DejaVu Sans"}
    axes.text(0.5, 0.5, sign, ha="center", va="center", transform=axes.transAxes, **look)
