"""What an `ImageDataGenerator` makes of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.ops._check import integer
from pyconvnet.plot import _images, style
from pyconvnet.plot._images import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 48


def augmentation(
    generator: Any,
    images: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    copies: int = 100,
    batch_size: int = 6,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draws many changed copies of one image, or several images in batches, each above its changed copy.

    The numbers come from np.random, as the generator's do: ``np.random.seed(k)`` before gives the same picture again.

    Args:
        generator: an `ImageDataGenerator`.
        images: one image, [h, w, c] with 1 or 3 channels or [h, w]; or several, [n, h, w, c], up to 48.
        labels: of several images: class numbers [n] or [n, 1], written above.
        copies: of one image, up to 100; 100 fill a grid of 10 x 10.
        batch_size: of several images, and how many stand in a row.
        class_names: names of the classes; numbers where None.
        title: written above.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it. It needs no display.

    Raises:
        ImportError: matplotlib is missing.
        TypeError, ValueError: no generator, no images, too many, or labels that do not fit.

    Example:
        >>> generator = ImageDataGenerator(rotation_range=30, horizontal_flip=True)  # doctest: +SKIP
        >>> plot.augmentation(generator, x_train[0]).savefig("copies.png")  # doctest: +SKIP
        >>> plot.augmentation(generator, x_train[:12], y_train[:12])  # doctest: +SKIP
    """
    who = "plot.augmentation"
    if not callable(getattr(generator, "flow", None)):
        raise TypeError(f"{who}: generator must be an ImageDataGenerator, got {type(generator).__name__}")
    array = np.asarray(images)
    style.import_matplotlib()
    if array.ndim in (2, 3):
        if labels is not None:
            raise ValueError(f"{who}: labels are for several images [n, h, w, c], got one of shape {array.shape}")
        return _copies(who, generator, array if array.ndim == 3 else array[..., None], copies, title)
    originals = _images.check_images(who, array, _MOST)
    rows = integer(who, "batch_size", batch_size)
    names = _names(who, labels, len(array), class_names)
    changed = np.concatenate([_changed(generator, array[i : i + rows]) for i in range(0, len(array), rows)])
    return _pairs(originals, _images.check_images(who, changed, _MOST), names, min(rows, len(array)), title)


def _changed(generator: Any, images: Array) -> Array:
    """A batch of all these images, in their order."""
    return np.asarray(next(generator.flow(images, batch_size=len(images), shuffle=False)))


def _copies(who: str, generator: Any, image: Array, copies: int, title: str | None) -> Figure:
    if integer(who, "copies", copies) > _images.MOST_IMAGES:
        raise ValueError(f"{who}: copies must be at most {_images.MOST_IMAGES}, got {copies}")
    _images.check_images(who, image[None])
    pictures = _images.check_images(who, _changed(generator, np.repeat(image[None], copies, axis=0)))
    with style.applied():
        columns = _images.square_columns(copies)
        figure, places = _images.grid(copies, columns, width=0.95, height=0.95, title=title)
        for axes, picture in zip(places, pictures, strict=True):
            _images.draw(axes, picture)
    return figure


def _pairs(originals: Array, changed: Array, names: list[str], columns: int, title: str | None) -> Figure:
    """Rows of originals, each with a row of the changed ones below."""
    batches = -(-len(originals) // columns)
    with style.applied():
        figure, places = _images.grid(2 * batches * columns, columns, width=1.6, height=1.85, title=title)
        for axes in places:
            axes.axis("off")
        for i in range(len(originals)):
            batch, column = divmod(i, columns)
            above = places[2 * batch * columns + column]
            below = places[(2 * batch + 1) * columns + column]
            for axes, picture, what in ((above, originals[i], "original"), (below, changed[i], "augmented")):
                _one(axes, picture, names[i], style.word(what) if column == 0 else "")
    return figure


def _one(axes: Axes, picture: Array, name: str, what: str) -> None:
    axes.axis("on")
    _images.draw(axes, picture)
    _images.caption(axes, name)
    axes.set_ylabel(what, fontsize=9)


def _names(who: str, labels: ArrayLike | None, count: int, class_names: Sequence[str] | None) -> list[str]:
    """The word above each image."""
    if labels is None:
        return [""] * count
    numbers: NDArray[Any] = np.asarray(labels)
    if numbers.shape not in ((count,), (count, 1)) or numbers.dtype.kind not in "iu":
        raise ValueError(
            f"{who}: labels must be {count} class numbers, got shape {numbers.shape} of dtype {numbers.dtype}"
        )
    classes = numbers.ravel().tolist()
    known = max(classes) + 1 if class_names is None else len(class_names)
    if min(classes) < 0 or max(classes) >= known:
        raise ValueError(f"{who}: labels must be from 0 to {known - 1}, got {min(classes)} to {max(classes)}")
    return [str(i) if class_names is None else class_names[i] for i in classes]
