"""Where a network looks: the parts of an image that speak for a class (Grad-CAM)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.layers import Layer
from pyconvnet.models import Model
from pyconvnet.models.inner import gradients_at, tensor_behind
from pyconvnet.ops._check import integer
from pyconvnet.plot import _images, _models, style
from pyconvnet.plot._images import Array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 16
_HEAT = "YlOrRd"


def grad_cam(
    model: Any,
    x: ArrayLike,
    layer: _models.LayerLike | None = None,
    class_index: int | None = None,
    *,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draws images, each beside a heat map of where the evidence for a class lies.

    The gradient of the class's score (before the softmax or sigmoid) by the layer's maps A, averaged over their h x w
    places, weighs the maps; what is negative in their sum counts as nothing:
    ``heat = max(0, sum_k a_k A_k)`` with ``a_k = mean_ij d score / d A_kij``. The heat is divided by its largest value
    and laid over the image; where nothing speaks for the class, the caption says so. Selvaraju et al., Grad-CAM,
    ICCV 2017, equations 1 and 2.

    Args:
        model: built, with one input and one output that scores classes; it stays as it is.
        x: up to 16 images as the model takes them, scaled as for training: [n, h, w, c], [n, h, w], or a single one.
        layer: whose maps are weighed: the layer, its name or its place; the model's last convolution if None, or the
            last layer whose output has height and width.
        class_index: whose score; of each image the class that the model predicts if None.
        class_names: names of the classes; numbers where None.
        title: written above; the layer's name if None.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it. It needs no display.

    Raises:
        ImportError: matplotlib is missing.
        TypeError, ValueError: no model, not built, several inputs or outputs, a layer without maps, a class that is
            not there, or images that do not fit.

    Example:
        >>> plot.grad_cam(model, x_test[:4], class_names=CLASS_NAMES).savefig("where.png")  # doctest: +SKIP
    """
    who = "plot.grad_cam"
    model = _models.check_scores(who, model)
    samples = _models.check_samples(who, model, x, most=_MOST)
    scores = model.sample_output_shapes[0][0]
    names = _images.check_names(who, class_names, max(2, scores))
    chosen = _layer_with_maps(who, model, layer)
    guesses, probabilities = _models.guess(model.predict(samples, verbose=0))
    asked = _scores_asked(who, model, guesses, class_index)
    heat = heat_maps(who, model, samples, chosen, asked)
    pictures = _images.check_images(who, samples, _MOST)
    style.import_matplotlib()
    with style.applied():
        figure, places = _images.grid(
            2 * len(samples), min(2 * len(samples), 4), width=2.3, height=2.6, title=title or chosen.name, right=0.7
        )
        for i, picture in enumerate(pictures):
            left, right = places[2 * i : 2 * i + 2]
            _images.draw(left, picture)
            _images.caption(left, f"{names[guesses[i]]}  {probabilities[i]:.0%}")
            drawn = _overlay(right, picture, heat[i])
            # A single score speaks for "yes", the second name.
            found = style.word("evidence for" if heat[i].any() else "no evidence for")
            _images.caption(right, f"{found}: {names[asked[i] if scores > 1 else 1]}")
        _scale(figure, drawn)
    return figure


def _scores_asked(who: str, model: Model, guesses: NDArray[np.int64], class_index: int | None) -> NDArray[np.int64]:
    """Which of the model's scores is asked for, for each image."""
    scores = model.sample_output_shapes[0][0]
    if class_index is None:
        return guesses if scores > 1 else np.zeros_like(guesses)
    if integer(who, "class_index", class_index, minimum=0) >= scores:
        raise ValueError(f"{who}: class_index must be below the {scores} scores of {model.label}, got {class_index}")
    return np.full_like(guesses, class_index)


def heat_maps(who: str, model: Model, x: Array, layer: Layer, classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The heat of Grad-CAM.

    Args:
        who: for messages.
        model, layer: as for `grad_cam`, checked.
        x: [n, ...].
        classes: [n], whose scores.

    Returns:
        [n, h, w] of the layer's maps, each from 0 to 1; 0 everywhere where nothing speaks for the class.
    """
    one_hot = np.eye(model.sample_output_shapes[0][0], dtype=np.float32)[classes]
    maps, gradients = gradients_at(who, model, x, layer, one_hot)
    weights = gradients.astype(np.float64).mean(axis=(1, 2))
    heat = np.maximum(np.einsum("nhwk,nk->nhw", maps.astype(np.float64), weights), 0.0)
    largest = heat.max(axis=(1, 2), keepdims=True)
    return np.divide(heat, largest, out=np.zeros_like(heat), where=largest > 0.0)


def _layer_with_maps(who: str, model: Model, layer: _models.LayerLike | None) -> Layer:
    convolutions = [known for known in model.layers if isinstance(known, _models.CONVOLUTIONS)]
    if layer is None and not convolutions:
        with_maps = [call.layer for call in model.network.calls if len(call.outputs[0].sample_shape) == 3]
        if not with_maps:
            raise ValueError(f"{who}: no layer of {model.label} answers maps [h, w, channels]")
        return with_maps[-1]
    chosen = _models.check_layer(who, model, layer, last=True)
    shape = tensor_behind(model, chosen).sample_shape
    if len(shape) != 3:
        raise ValueError(
            f"{who}: the output of {chosen.label} must be maps [h, w, channels], it has shape {shape}; "
            "take a layer before Flatten or global pooling"
        )
    return chosen


def _overlay(axes: Axes, picture: Array, heat: NDArray[np.float64]) -> Any:
    """The heat over the image, stretched to its size."""
    _images.draw(axes, picture)
    height, width = picture.shape[:2]
    return axes.imshow(
        heat,
        cmap=_HEAT,
        vmin=0.0,
        vmax=1.0,
        alpha=0.85 * np.sqrt(heat),  # where nothing speaks for the class, the image is seen as it is
        interpolation="bilinear",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )


def _scale(figure: Figure, drawn: Any) -> None:
    """What the colours of the heat mean, in full colours."""
    from matplotlib.cm import ScalarMappable

    colours = ScalarMappable(drawn.norm, drawn.cmap)
    bar = figure.colorbar(colours, ax=figure.axes, ticks=[0.0, 1.0], shrink=0.7, aspect=24, pad=0.02)
    bar.outline.set_visible(False)  # type: ignore[operator]
