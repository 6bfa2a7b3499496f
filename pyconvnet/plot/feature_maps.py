"""What a network sees of one image: the output of a layer, channel by channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.models.inner import values_at
from pyconvnet.ops._check import integer
from pyconvnet.plot import _images, _models, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 256


def feature_maps(
    model: Any,
    x: ArrayLike,
    layer: _models.LayerLike | None = None,
    *,
    most: int = 64,
    columns: int = 8,
    title: str | None = None,
) -> Figure:
    """Draws the output of a layer for one image: each channel as a picture, or bars where it is a vector.

    The model may be trained, untrained or just loaded, compiled or not; it stays as it is. Each picture has colours of
    its own, from its smallest value (dark) to its largest (bright); one that is the same everywhere is dark.

    Args:
        model: built, with one input.
        x: one image as the model takes it, scaled as for training: [h, w, c], [h, w], or either with an axis of length
            1 in front.
        layer: of the model: the layer, its name or its place; its first convolution if None. Of a layer with several
            uses the first is drawn.
        most: at most so many channels are drawn, the first ones; up to 256.
        columns: pictures in a row.
        title: written above; the layer's name and the shape of its output if None.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it. It needs no display.

    Raises:
        ImportError: matplotlib is missing.
        TypeError, ValueError: no model, not built, no such layer, an image that does not fit, or several.

    Example:
        >>> plot.feature_maps(model, x_train[0] / 255.0, layer=2).savefig("maps.png")  # doctest: +SKIP
    """
    who = "plot.feature_maps"
    model = _models.check_model(who, model)
    chosen = _models.check_layer(who, model, layer)
    samples = _models.check_samples(who, model, x, most=1)
    if integer(who, "most", most) > _MOST:
        raise ValueError(f"{who}: most must be at most {_MOST}, got {most}")
    wide = integer(who, "columns", columns)
    values = values_at(who, model, samples, chosen)[0]
    if values.ndim not in (1, 2, 3):
        raise ValueError(f"{who}: the output of {chosen.label} has shape {values.shape}; maps have 1 to 3 axes")
    style.import_matplotlib()
    with style.applied():
        heading = title or f"{chosen.name} · {' x '.join(map(str, values.shape))}"
        if values.ndim == 1:
            return _bars(values, heading)
        maps = np.moveaxis(values, -1, 0) if values.ndim == 3 else values[None]
        if len(maps) > most and title is None:
            heading += f" · {most} / {len(maps)}"
        return _pictures(maps[:most], wide, heading)


def _pictures(maps: NDArray[np.float32], columns: int, title: str) -> Figure:
    columns = min(columns, len(maps))
    tall = maps.shape[1] / maps.shape[2]
    width = max(1.15, 4.0 / columns)
    figure, places = _images.grid(
        len(maps), columns, width=width, height=width * min(max(tall, 0.25), 4.0), title=title
    )
    for axes, values in zip(places, maps, strict=True):
        axes.imshow(values, cmap="viridis", interpolation="nearest")
        _images.bare(axes)
    return figure


def _bars(values: NDArray[np.float32], title: str) -> Figure:
    from matplotlib.ticker import MaxNLocator

    figure = style.new_figure(7.0, 3.4)
    axes = figure.subplots()
    # Steps, not bars: a layer behind Flatten has thousands of values.
    axes.stairs(values, np.arange(len(values) + 1) - 0.5, fill=True, color=style.TRAINING)
    axes.axhline(0.0, color=style.QUIET, linewidth=0.8)
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel(style.word("unit"))
    axes.set_ylabel(style.word("output"))
    axes.grid(axis="x", visible=False)
    style.set_title(figure, title)
    return figure
