"""Random transformations of a batch of images: how they are drawn, their matrices, and how they change pixels.

The order of the draws, the matrices and the pixels are those of Keras's ImageDataGenerator
(`keras/src/legacy/preprocessing/image.py`), where one image after the other goes through scipy's affine_transform.
Here a batch is drawn by one call of np.random wherever that gives the same stream, and one call of C++ takes its
images from the data set, resamples and mirrors them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, reduce
from typing import Any, NamedTuple

import numpy as np

from pyconvnet._suggest import unknown
from pyconvnet.ops.affine_warp import affine_warp

NEUTRAL = {"theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0}
FLIPS = ("flip_vertical", "flip_horizontal")
OPTIONAL = ("channel_shift_intensity", "brightness")


class Draw(NamedTuple):
    """One random number of an image: uniform in [low, high), or one of `choices` with a random sign; times `scale`."""

    name: str
    low: float = 0.0
    high: float = 1.0
    choices: int | Sequence[float] | None = None
    scale: float = 1.0

    def sample(self) -> float:
        """Draw once from the global np.random."""
        if self.choices is None:
            return float(np.random.uniform(self.low, self.high))
        count = self.choices if isinstance(self.choices, int) else len(self.choices)
        index = np.random.randint(0, count)  # as np.random.choice draws, which is slower
        value = index if isinstance(self.choices, int) else self.choices[index]
        return float(value * (-1, 1)[np.random.randint(0, 2)])


def symmetric(name: str, bound: float) -> list[Draw]:
    """A number to either side of zero; nothing is drawn where the bound is zero."""
    return [Draw(name, -bound, bound)] if bound else []


def shift(name: str, bound: float | int | Sequence[float], size: int) -> list[Draw]:
    """A shift in pixels along an axis of `size` pixels: bounds below 1 are fractions of it; 0 draws nothing."""
    if not bound:
        return []
    if isinstance(bound, float):
        return [Draw(name, -bound, bound, scale=size if bound < 1 else 1)]
    return [Draw(name, choices=bound, scale=size if np.max(bound) < 1 else 1)]


def draw_table(draws: Sequence[Draw], count: int) -> dict[str, np.ndarray]:
    """Draw for `count` images, image by image and within an image in the order of `draws`.

    Args:
        draws: What one image draws.
        count: Number of images.
    Returns:
        By name of the draw, the numbers float64 [count].
    """
    if all(draw.choices is None for draw in draws):
        # np.random fills an array in C order: the stream is that of one call for each number.
        table = np.random.uniform([d.low for d in draws], [d.high for d in draws], (count, len(draws)))
    else:
        table = np.array([[draw.sample() for draw in draws] for _ in range(count)])
    table *= [draw.scale for draw in draws]
    return dict(zip([draw.name for draw in draws], table.T, strict=True))


@dataclass(frozen=True)
class TransformBatch:
    """The transformations of a batch, named as in the dict of `get_random_transform`; what is missing is neutral."""

    count: int
    values: Mapping[str, np.ndarray] = field(default_factory=dict)  # each [count]

    @classmethod
    def single(cls, parameters: Mapping[str, Any]) -> TransformBatch:
        """A batch of one from the dict of `get_random_transform`."""
        known = [*NEUTRAL, *FLIPS, *OPTIONAL]
        for name in parameters:
            if name not in known:
                raise ValueError(unknown("ImageDataGenerator", "parameter", name, known))
        given = {name: value for name, value in parameters.items() if value is not None}
        kinds = {name: np.bool_ if name in FLIPS else np.float64 for name in given}
        return cls(1, {name: np.array([value], kinds[name]) for name, value in given.items()})

    def parameters(self, index: int) -> dict[str, Any]:
        """The dict of one image, with every name that Keras gives."""
        result: dict[str, Any] = {name: self._of(name)[index].item() for name in NEUTRAL}
        result.update({name: bool(self._flips(name)[index]) for name in FLIPS})
        result.update({name: self.values[name][index].item() if name in self.values else None for name in OPTIONAL})
        return result

    def _of(self, name: str) -> np.ndarray:
        return self.values[name] if name in self.values else np.full(self.count, NEUTRAL[name])

    def _flips(self, name: str) -> np.ndarray:
        return self.values[name] if name in self.values else np.zeros(self.count, np.bool_)

    def is_neutral(self) -> bool:
        """Whether no image changes at all."""
        changes = [self.moved, *(self._flips(name) for name in FLIPS)]
        return not np.any(changes) and not any(name in self.values for name in OPTIONAL)

    @cached_property
    def moved(self) -> np.ndarray:
        """Which images are resampled, bool [count]; the others keep their pixels untouched."""
        drawn = [name for name in NEUTRAL if name in self.values]
        if not drawn:
            return np.zeros(self.count, np.bool_)
        at_rest = np.array([[NEUTRAL[name]] for name in drawn])
        return (np.array([self.values[name] for name in drawn]) != at_rest).any(axis=0)

    def matrices(self, height: int, width: int) -> np.ndarray:
        """From output pixels to pixels of the image, float64 [count, 2, 3], rotation * shift * shear * zoom.

        The centre of the image stays in place. Keras builds the matrix for (x, y) and swaps both axes at the end.
        """
        values, table = self.values, np.empty((4, self.count, 3, 3))
        table[:] = np.eye(3)
        rotation, shift, shear, zoom = table
        factors = [rotation]  # one of which nothing was drawn would multiply by one
        if "theta" in values:
            angle = np.deg2rad(values["theta"])
            rotation[:, 0, 0] = rotation[:, 1, 1] = np.cos(angle)
            rotation[:, 1, 0] = np.sin(angle)
            rotation[:, 0, 1] = -rotation[:, 1, 0]
        if "tx" in values or "ty" in values:
            shift[:, 0, 2], shift[:, 1, 2] = values.get("tx", 0.0), values.get("ty", 0.0)
            factors.append(shift)
        if "shear" in values:
            angle = np.deg2rad(values["shear"])
            shear[:, 0, 1], shear[:, 1, 1] = -np.sin(angle), np.cos(angle)
            factors.append(shear)
        if "zx" in values or "zy" in values:
            zoom[:, 0, 0], zoom[:, 1, 1] = values.get("zx", 1.0), values.get("zy", 1.0)
            factors.append(zoom)
        # The same products in the same order as Keras's np.dot: the rounding is part of the result.
        to_centre, back = _about_centre(height, width)
        product = to_centre @ reduce(np.matmul, factors) @ back
        swapped = np.empty((self.count, 2, 3))
        swapped[:, :, :2] = product[:, 1::-1, 1::-1]
        swapped[:, :, 2] = product[:, 1::-1, 2]
        return swapped

    def apply(self, images: np.ndarray, rows: np.ndarray, fill_mode: str, cval: float) -> np.ndarray:
        """Transform images[rows].

        Args:
            images: The data set [n, h, w, c], any numeric dtype; stays as it is.
            rows: int64 [count].
            fill_mode, cval: What lies outside an image.
        Returns:
            float32 [count, h, w, c].
        """
        matrices = self.matrices(*images.shape[1:3]) if self.moved.any() else np.zeros((self.count, 2, 3))
        changes = np.empty((self.count, 1 + len(FLIPS)), np.int32)
        changes.T[:] = self.moved, *(self._flips(name) for name in FLIPS)
        images = affine_warp(images, matrices, rows=rows, changes=changes, fill_mode=fill_mode, cval=cval)
        if "channel_shift_intensity" in self.values:
            intensity = self.values["channel_shift_intensity"].astype(np.float32).reshape(-1, 1, 1, 1)
            low, high = (extreme(images, axis=(1, 2, 3), keepdims=True) for extreme in (np.min, np.max))
            images = np.clip(images + intensity, low, high)
        if "brightness" in self.values:
            for image, factor in zip(images, self.values["brightness"], strict=True):
                image[...] = change_brightness(image, float(factor))
        return images

    def as_keras_stores(self, index: int, image: np.ndarray) -> np.ndarray:
        """A transformed image [h, w, c] in the memory layout that it has in Keras: channels first, flips as views.

        np.mean and np.std add in the order of memory, so the last bit of a sample's statistics depends on it.
        """
        if "brightness" in self.values:
            return image
        rows = slice(None, None, -1 if self._flips("flip_vertical")[index] else 1)
        columns = slice(None, None, -1 if self._flips("flip_horizontal")[index] else 1)
        stored = image[rows, columns]
        if self.moved[index] or "channel_shift_intensity" in self.values:
            stored = np.ascontiguousarray(stored.transpose(2, 0, 1)).transpose(1, 2, 0)
        else:
            stored = np.ascontiguousarray(stored)
        return stored[rows, columns]


@lru_cache(maxsize=8)
def _about_centre(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrices [3, 3] that move the origin to the centre of an image, and back; read-only, since they are kept."""
    to_centre, back = np.eye(3), np.eye(3)
    to_centre[:2, 2] = height / 2 - 0.5, width / 2 - 0.5
    back[:2, 2] = -to_centre[:2, 2]
    for matrix in (to_centre, back):
        matrix.flags.writeable = False
    return to_centre, back


def change_brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiply an image by `factor` the way Keras does, as 8-bit pixels of a Pillow image.

    Pixels are cut to whole numbers and limited to 0..255; an image with values outside 0..255 is stretched to that
    range before and back afterwards. So it is meant for images in 0..255: one in 0..1 turns almost black.

    Args:
        image: float32 [h, w, c] with 1, 3 or 4 channels; a fourth is alpha and stays.
        factor: 0 is black, 1 leaves the (cut) pixels as they are.
    Returns:
        float32 [h, w, c].
    """
    low, high = image.min(), image.max()
    stretched = low < 0 or high > 255
    if stretched:
        image = image - low
        if image.max() != 0:
            image /= image.max()
        image *= 255
    pixels = image.astype(np.uint8).astype(np.float32)
    bright: np.ndarray = np.trunc(np.clip(pixels * np.float32(factor), 0, 255))
    if image.shape[2] == 4:
        bright[..., 3] = pixels[..., 3]
    if stretched:
        bright = bright / 255 * (high - low) + low
    return bright
