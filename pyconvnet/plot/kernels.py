"""What a convolution has learned: its kernels as pictures, and how their weights are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyconvnet.layers import Conv2D, DepthwiseConv2D, Layer
from pyconvnet.models import Model
from pyconvnet.ops._check import integer, real
from pyconvnet.plot import _images, _models, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 256
Weights = NDArray[np.float32]


def kernels(
    model_or_layer: Any,
    layer: _models.LayerLike | None = None,
    *,
    channel: int | None = None,
    limit: float | None = None,
    most: int = 64,
    columns: int = 16,
    title: str | None = None,
) -> Figure:
    """Draws the kernels of a convolution as small grey pictures, one a filter: black is negative, white positive.

    All pictures share one scale of greys around 0. A filter that sees several input channels has a kernel for each:
    drawn is their mean, how the filter answers to channels that change together, or that of one `channel`. The filters
    of a DepthwiseConv2D see one channel each and come in the order of its outputs.

    Args:
        model_or_layer: a model, or a Conv2D or DepthwiseConv2D layer, built; trained or not.
        layer: of a model: the layer, its name or its place; its first convolution if None.
        channel: the input channel whose kernels are drawn; None: the mean of all.
        limit: the weight that is white, -limit is black; the largest weight drawn if None. Give the same one to compare
            a trained layer with an untrained one.
        most: at most so many filters are drawn, the first ones; up to 256.
        columns: pictures in a row.
        title: written above; the layer's name if None.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it. It needs no display.

    Raises:
        ImportError: matplotlib is missing.
        TypeError, ValueError: not a convolution, not built, a channel that is not there, or wrong numbers.

    Example:
        >>> plot.kernels(model, limit=0.5).savefig("kernels.png")  # doctest: +SKIP
    """
    who = "plot.kernels"
    convolution = _convolution(who, model_or_layer, layer)
    weights = _weights(who, convolution)
    integer(who, "most", most)
    if most > _MOST:
        raise ValueError(f"{who}: most must be at most {_MOST}, got {most}")
    pictures, note = _pictures(who, weights, channel)
    shown = pictures[:most]
    if limit is None:
        limit = float(np.abs(shown).max()) or 1.0
    elif real(who, "limit", limit) <= 0.0:
        raise ValueError(f"{who}: limit must be positive, got {limit!r}")
    columns = min(integer(who, "columns", columns), len(shown))
    style.import_matplotlib()
    with style.applied():
        heading = title or _heading(convolution.name, len(shown), len(pictures), note)
        width = max(0.72, 4.0 / columns)
        figure, places = _images.grid(len(shown), columns, width=width, height=width, title=heading, right=0.8)
        for axes, picture in zip(places, shown, strict=True):
            drawn = axes.imshow(picture, cmap="gray", vmin=-limit, vmax=limit, interpolation="nearest")
            _images.bare(axes)
        bar = figure.colorbar(drawn, ax=figure.axes, ticks=[-limit, 0.0, limit], format="%.2g", aspect=12, pad=0.02)
        bar.outline.set_visible(False)  # type: ignore[operator]
    return figure


def kernel_histogram(
    model_or_layer: Any,
    untrained: Any = None,
    layer: _models.LayerLike | None = None,
    *,
    bins: int = 30,
    title: str | None = None,
) -> Figure:
    """Draws how the weights of a convolution's kernels are spread, with their mean and standard deviation.

    Args:
        model_or_layer: a model, or a Conv2D or DepthwiseConv2D layer, built.
        untrained: another one, a fresh layer for instance, drawn beside it on the same axis; None: nothing.
        layer: of models: the layer, its name or its place; the first convolution if None.
        bins: bars over the range of all weights drawn.
        title: written above; the layer's name if None.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it. It needs no display.

    Raises:
        ImportError: matplotlib is missing.
        TypeError, ValueError: not a convolution, not built, or no bins.

    Example:
        >>> fresh = Sequential([Input((28, 28, 1)), Conv2D(32, 3)])  # doctest: +SKIP
        >>> plot.kernel_histogram(model, fresh).savefig("histogram.png")  # doctest: +SKIP
    """
    who = "plot.kernel_histogram"
    first = _convolution(who, model_or_layer, layer)
    values = [_weights(who, first).ravel()]
    names = [style.word("kernel weights")]
    if untrained is not None:
        named = layer if isinstance(untrained, Model) and not isinstance(layer, Layer) else None
        values.append(_weights(who, _convolution(who, untrained, named)).ravel())
        names = [style.word("trained"), style.word("untrained")]
    edges = _edges(values, integer(who, "bins", bins))
    style.import_matplotlib()
    with style.applied():
        figure = style.new_figure(4.6 * len(values), 3.7)
        places = figure.subplots(1, len(values), sharex=True, squeeze=False)[0]
        for axes, weights, name, colour in zip(places, values, names, (style.TRAINING, style.QUIET), strict=False):
            _bars(axes, weights, edges, name, colour)
        style.set_title(figure, title or first.name)
    return figure


def _convolution(who: str, given: Any, layer: _models.LayerLike | None) -> Conv2D | DepthwiseConv2D:
    """The convolution that is meant."""
    if isinstance(given, Model):
        given = _models.check_layer(who, _models.check_model(who, given), layer)
    elif layer is not None:
        raise TypeError(f"{who}: layer chooses one of a model's layers, got a {type(given).__name__} and {layer!r}")
    if not isinstance(given, _models.CONVOLUTIONS):
        what = given.label if isinstance(given, Layer) else type(given).__name__
        raise TypeError(f"{who}: expected a model, or a Conv2D or DepthwiseConv2D layer, got {what}")
    if not given.built:
        raise ValueError(f"{who}: {given.label} has no weights yet; add it to a model and build the model")
    return given


def _weights(who: str, layer: Conv2D | DepthwiseConv2D) -> Weights:
    """[kernel_h, kernel_w, input channels of a filter, filters]"""
    weights = np.asarray(layer.weights[0].numpy())
    if not np.isfinite(weights).all():
        raise ValueError(f"{who}: the kernel of {layer.label} holds numbers that are not finite; the training diverged")
    if isinstance(layer, DepthwiseConv2D):  # [h, w, channels, multiplier]: each filter sees one channel
        return weights.reshape(*weights.shape[:2], 1, -1)
    return weights


def _pictures(who: str, weights: Weights, channel: int | None) -> tuple[Weights, str]:
    """[filters, kernel_h, kernel_w], and what was done with the channels."""
    channels = weights.shape[2]
    if channel is None:
        note = "" if channels == 1 else f"{style.word('mean over input channels')} ({channels})"
        return np.moveaxis(weights.mean(axis=2), -1, 0), note
    if integer(who, "channel", channel, minimum=0) >= channels:
        raise ValueError(f"{who}: channel must be below the {channels} input channels of a filter, got {channel}")
    return np.moveaxis(weights[:, :, channel], -1, 0), f"{style.word('input channel')} {channel}"


def _heading(name: str, shown: int, there: int, note: str) -> str:
    count = f"{there}" if shown == there else f"{shown} / {there}"
    return " · ".join(part for part in (name, f"{style.word('kernels')} {count}", note) if part)


def _edges(values: list[Weights], bins: int) -> NDArray[np.float64]:
    low, high = min(float(w.min()) for w in values), max(float(w.max()) for w in values)
    return np.histogram_bin_edges(np.array([low, high]), bins)


def _bars(axes: Axes, weights: Weights, edges: NDArray[np.float64], name: str, colour: str) -> None:
    values = weights.astype(np.float64)
    mean, deviation = float(values.mean()), float(values.std())
    axes.hist(values, bins=edges.tolist(), color=colour, alpha=0.85, edgecolor="white", linewidth=0.5)
    axes.axvline(mean, color=style.INK, linewidth=1.2)
    axes.axvspan(mean - deviation, mean + deviation, color=colour, alpha=0.12, linewidth=0)
    numbers = f"{style.word('mean')} {mean:.4f}, {style.word('standard deviation')} {deviation:.4f}"
    axes.set_title(f"{name}\n{numbers}", linespacing=1.4)
    axes.set_xlabel(style.word("weight"))
    axes.set_ylabel(style.word("count"))
    axes.grid(axis="x", visible=False)
