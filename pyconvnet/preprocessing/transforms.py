"""Random transformations of a batch of images: how they are drawn, their matrices, and how they change pixels.

The order of the draws, the matrices and the pixels are those of Keras's ImageDataGenerator
(`keras/src/legacy/preprocessing/image.py`), where one image after the other goes through scipy's affine_transform.
Here a batch is drawn by one call of np.random wherever that gives the same stream, and one call of C++ takes its
images from the data set, resamples and mirrors them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from pyconvnet._suggest import unknown
from pyconvnet.ops.affine_warp import affine_warp

NEUTRAL = {"theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0}
FLIPS = ("flip_vertical", "flip_horizontal")
OPTIONAL = ("channel_shift_intensity", "brightness")
LEFT_RIGHT, UPSIDE_DOWN, CHANNELS_FIRST = 1, 2, 4  # how an image lies in memory


class Draw(NamedTuple):
    """One random number of an image: uniform in [low, high), or one of `choices` with a random sign; times `scale`."""

    name: str
    low: float = 0.0
    high: float = 1.0
    choices: int | tuple[float, ...] | None = None
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


def shift(name: str, bound: float | int | tuple[float, ...], size: int) -> list[Draw]:
    """A shift in pixels along an axis of `size` pixels: bounds below 1 are fractions of it; 0 draws nothing."""
    if not bound:
        return []
    if isinstance(bound, float):
        return [Draw(name, -bound, bound, scale=size if bound < 1 else 1)]
    return [Draw(name, choices=bound, scale=size if np.max(bound) < 1 else 1)]


def draw_table(draws: tuple[Draw, ...], count: int) -> dict[str, np.ndarray]:
    """Draw for `count` images, image by image and within an image in the order of `draws`.

    Args:
        draws: What one image draws.
        count: Number of images.
    Returns:
        By name of the draw, the numbers float64 [count].
    """
    low, high, scale = _columns(draws)
    if all(draw.choices is None for draw in draws):
        # np.random fills an array in C order: the stream is that of one call for each number.
        table = np.random.uniform(low, high, (count, len(draws)))
    else:
        table = np.array([[draw.sample() for draw in draws] for _ in range(count)])
    rows = np.multiply(table.T, scale[:, np.newaxis], order="C")
    return {draw.name: numbers for draw, numbers in zip(draws, rows, strict=True)}


@lru_cache(maxsize=8)
def _columns(draws: tuple[Draw, ...]) -> np.ndarray:
    """The draws' low, high and scale as rows of a table [3, draws]; read-only, since it is kept."""
    table = np.array([[draw.low, draw.high, draw.scale] for draw in draws]).T.copy()
    table.flags.writeable = False
    return table


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
        moved = np.zeros(self.count, np.bool_)
        for name, at_rest in NEUTRAL.items():
            if name in self.values:
                moved |= self.values[name] != at_rest
        return moved

    def matrices(self, height: int, width: int) -> np.ndarray:
        """From output pixels to pixels of the image, float64 [count, 2, 3], rotation * shift * shear * zoom.

        The centre of the image stays in place. Keras builds the matrix for (x, y) and swaps both axes at the end.
        """
        # The same products in the same order as Keras's np.dot: the rounding is part of the result. Where each sum of
        # a product has one term that is neither zero nor whole, there is nothing to round, and the factor is applied
        # in place.
        values, (rotation, shift, shear) = self.values, _identities(3, self.count)
        product = rotation
        if "theta" in values:
            angle = np.deg2rad(values["theta"])
            sine = np.sin(angle)
            rotation[:, 0, 0] = rotation[:, 1, 1] = np.cos(angle)
            rotation[:, 1, 0], rotation[:, 0, 1] = sine, -sine
        if "tx" in values or "ty" in values:
            shift[:, 0, 2], shift[:, 1, 2] = values.get("tx", 0.0), values.get("ty", 0.0)
            product = product @ shift
        if "shear" in values:
            angle = np.deg2rad(values["shear"])
            shear[:, 0, 1], shear[:, 1, 1] = -np.sin(angle), np.cos(angle)
            product = product @ shear
        for column, name in enumerate(("zx", "zy")):
            if name in values:
                product[:, :, column] *= values[name][:, np.newaxis]
        centre, from_centre = _about_centre(height, width)
        product[:, :2, 2] += centre
        product = product @ from_centre
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
        for column, change in enumerate((self.moved, *map(self._flips, FLIPS))):
            changes[:, column] = change
        images = affine_warp(images, matrices, rows=rows, changes=changes, fill_mode=fill_mode, cval=cval)
        if "channel_shift_intensity" in self.values:
            intensity = self.values["channel_shift_intensity"].astype(np.float32).reshape(-1, 1, 1, 1)
            low, high = (extreme(images, axis=(1, 2, 3), keepdims=True) for extreme in (np.min, np.max))
            images = np.clip(images + intensity, low, high)
        if "brightness" in self.values:
            images = change_brightness(images, self.values["brightness"])
        return images

    def layouts(self) -> np.ndarray:
        """How Keras stores each image once it is transformed, int [count]: a set of the bits below.

        np.mean and np.std add in the order of memory, so the last bit of an image's statistics depends on it.
        """
        if "brightness" in self.values:
            return np.zeros(self.count, np.intp)
        upside_down, left_right = (self._flips(name) for name in FLIPS)
        channels_first = self.moved | ("channel_shift_intensity" in self.values)
        layouts: np.ndarray = CHANNELS_FIRST * channels_first + UPSIDE_DOWN * upside_down + LEFT_RIGHT * left_right
        return layouts


def as_keras_stores(images: np.ndarray, layout: int) -> np.ndarray:
    """A copy of images [n, h, w, c] in the memory layout that they have in Keras: channels first, flips as views."""
    rows = slice(None, None, -1 if layout & UPSIDE_DOWN else 1)
    columns = slice(None, None, -1 if layout & LEFT_RIGHT else 1)
    stored = images[:, rows, columns]
    if layout & CHANNELS_FIRST:
        return stored.transpose(0, 3, 1, 2).copy().transpose(0, 2, 3, 1)[:, rows, columns]
    return stored.copy()[:, rows, columns]


def _identities(*shape: int) -> np.ndarray:
    """Identity matrices [*shape, 3, 3]."""
    matrices = np.zeros((*shape, 9))
    matrices[..., ::4] = 1.0
    return matrices.reshape(*shape, 3, 3)


@lru_cache(maxsize=8)
def _about_centre(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The centre of an image [2], and the matrix [3, 3] that moves it to the origin; read-only, since they are kept."""
    centre, from_centre = np.array([height / 2 - 0.5, width / 2 - 0.5]), np.eye(3)
    from_centre[:2, 2] = -centre
    for array in (centre, from_centre):
        array.flags.writeable = False
    return centre, from_centre


def change_brightness(images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Multiply images by factors the way Keras does, as 8-bit pixels of Pillow images.

    Pixels are cut to whole numbers and limited to 0..255; an image with values outside 0..255 is stretched to that
    range before and back afterwards. So it is meant for images in 0..255: one in 0..1 turns almost black.

    Args:
        images: float32 [n, h, w, c] with 1, 3 or 4 channels; a fourth is alpha and stays.
        factors: [n]; 0 is black, 1 leaves the (cut) pixels as they are.
    Returns:
        float32 [n, h, w, c].
    """
    low, high = (extreme(images, axis=(1, 2, 3), keepdims=True) for extreme in (np.min, np.max))
    stretched = ((low < 0) | (high > 255)).ravel()
    within = images.copy()
    within[stretched] -= low[stretched]
    largest = np.max(within[stretched], axis=(1, 2, 3), keepdims=True, initial=0)
    within[stretched] /= np.where(largest == 0, np.float32(1), largest)
    within[stretched] *= 255
    pixels = within.astype(np.uint8).astype(np.float32)
    bright: np.ndarray = np.trunc(np.clip(pixels * factors.astype(np.float32).reshape(-1, 1, 1, 1), 0, 255))
    if images.shape[3] == 4:
        bright[..., 3] = pixels[..., 3]
    bright[stretched] = bright[stretched] / 255 * (high - low)[stretched] + low[stretched]
    return bright
