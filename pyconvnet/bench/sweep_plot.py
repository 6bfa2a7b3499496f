"""The picture of the sweeps: measured times beside straight lines of linear growth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyconvnet._terminal import counted
from pyconvnet.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {
    "forward": style.TRAINING,
    "backward_data": style.VALIDATION,
    "backward_weights": style.RIGHT,
    "step": style.INK,
}
_COLUMNS = 3


def draw(content: dict[str, Any]) -> Figure:
    """Draws a panel for each sweep, both axes logarithmic.

    Dots are measured. Each thin line goes through the first dot and grows in proportion to the size, so that dots under
    it are cheaper than linear growth would make them.

    Args:
        content: what `sweep.main` writes as JSON.

    Returns:
        A matplotlib figure.
    """
    sweeps = content["sweeps"]
    rows = -(-(len(sweeps) + 1) // _COLUMNS)
    with style.applied():
        figure = style.new_figure(10.4, 3.1 * rows)
        panels = list(figure.subplots(rows, _COLUMNS).flat)
        for axes, swept in zip(panels, sweeps, strict=False):
            _panel(axes, swept)
        for axes in panels[len(sweeps) :]:
            axes.set_axis_off()
        _legend(panels[len(sweeps)], content)
        style.set_title(figure, "Time of a 3x3 convolution, and of a training step")
    return figure


def _panel(axes: Axes, swept: dict[str, Any]) -> None:
    amounts = swept["amounts"]
    axes.set_xscale("log")
    axes.set_yscale("log")
    for number, (name, line) in enumerate(reversed(swept["lines"].items())):
        colour, times = _COLOURS[name], line["ms"]
        linear = [times[0] * amount / amounts[0] for amount in amounts]
        axes.plot(amounts, linear, color=colour, linewidth=0.9, alpha=0.45)
        axes.plot(amounts, times, "o", color=colour, markersize=4.5, clip_on=False, zorder=3)
        slope = f"slope {line['slope']:.2f}"
        axes.annotate(
            slope, (1, 0), (-2, 5 + 12 * number), "axes fraction", "offset points", ha="right", color=colour, fontsize=9
        )
    axes.set_title(f"{swept['of']}: {swept['over']}" if "step" in swept["lines"] else swept["over"])
    axes.set_ylabel("ms")
    _ticks(axes, swept)


def _ticks(axes: Axes, swept: dict[str, Any]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    squared = swept["sizes"] != swept["amounts"]
    every = 2 if squared else 1  # long labels
    labels = [f"{size}x{size}" if squared else str(size) for size in swept["sizes"]]
    axes.set_xticks(swept["amounts"][::every], labels[::every])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _legend(axes: Axes, content: dict[str, Any]) -> None:
    for name, colour in _COLOURS.items():
        title = "a whole training step" if name == "step" else name.replace("_", " ")
        axes.plot([], [], "o", color=colour, markersize=5, label=title)
    axes.plot([], [], color=style.QUIET, linewidth=0.9, label="growth in proportion to the size")
    axes.legend(loc="upper left", fontsize=10, labelspacing=0.7, borderaxespad=0)
    described = content["machine"]
    axes.text(
        0,
        0,
        f"{described['date'][:10]}, {described['processor']}\n"
        f"{counted(described['threads'], 'thread')}, {described['isa']}; "
        f"medians of {counted(content['config']['rounds'], 'round')}",
        transform=axes.transAxes,
        fontsize=8.5,
        color=style.QUIET,
        linespacing=1.5,
    )
