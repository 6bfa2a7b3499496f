"""`ImageDataGenerator`: random transformations of images while a network trains, as in Keras.

Who does what: `image` keeps the settings and standardizes, `transforms` draws and changes pixels, `iterator` makes
batches, `checks` holds the rules for arguments, `csrc/cpu/affine_warp` resamples.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from pyconvnet._identifiers import argument_names
from pyconvnet._suggest import unknown_argument
from pyconvnet.preprocessing import checks
from pyconvnet.preprocessing.iterator import NumpyArrayIterator
from pyconvnet.preprocessing.transforms import Draw, TransformBatch, as_keras_stores, draw_table, shift, symmetric

__all__ = ["ImageDataGenerator", "NumpyArrayIterator"]

WHO = "ImageDataGenerator"


class ImageDataGenerator:
    """Draws random transformations and applies them to images, batch by batch.

    Numbers come from the global np.random in Keras's order, so `np.random.seed(k)` gives the images that Keras gives.

    Args:
        featurewise_center: Subtract the mean of each channel, learned by `fit`.
        samplewise_center: Subtract the mean of the image.
        featurewise_std_normalization: Divide by the deviation of each channel, learned by `fit` (and centre).
        samplewise_std_normalization: Divide by the deviation of the image (and centre).
        zca_whitening: Not offered: must be False. zca_epsilon is accepted beside it and unused.
        rotation_range: Largest rotation to either side in degrees.
        width_shift_range: A float below 1 is the largest shift as a fraction of the width, a float from 1 the largest
            number of pixels; an int n draws a whole number of pixels below n; a list holds the shifts to choose from
            (fractions if all are below 1), each with a random sign. Keras's matrix swaps the axes, so this shift
            moves the picture up and down; that is kept.
        height_shift_range: Likewise by the height; it moves the picture left and right.
        brightness_range: Pair (low, high) of factors, for images in 0..255 (see `transforms.change_brightness`).
        shear_range: Largest shear to either side in degrees: 0.5 is half a degree and hardly to be seen.
        zoom_range: z for factors in [1 - z, 1 + z], or a pair (low, high); height and width draw their own.
        channel_shift_range: Largest value added to or taken from all channels, within the image's own range.
        fill_mode: What lies outside the image: "nearest", "constant", "reflect" or "wrap".
        cval: The value outside for fill_mode="constant".
        horizontal_flip: Mirror left and right with probability 1/2.
        vertical_flip: Mirror top and bottom with probability 1/2.
        rescale: Factor for the transformed image; None or 0 for none.
        preprocessing_function: Called with each transformed image [h, w, c] before it is rescaled; answers an image
            of the same shape. Images are then transformed one by one, because it may draw random numbers too.
        data_format: "channels_last" or None.
        validation_split: Fraction at the front of the data that `flow(subset="validation")` gives.
        interpolation_order: 1 (linear).
        dtype: "float32" or None.
    Raises:
        TypeError, ValueError: An argument breaks its rule; the message names it.
    Example:
        >>> import numpy as np
        >>> images = np.zeros((5, 28, 28, 1), "uint8")
        >>> generator = ImageDataGenerator(rotation_range=10, zoom_range=0.1, horizontal_flip=True)
        >>> batch, labels = next(generator.flow(images, np.arange(5), batch_size=2))
        >>> batch.shape, batch.dtype.name
        ((2, 28, 28, 1), 'float32')

    Follows Keras 3's `keras/src/legacy/preprocessing/image.py`, the same algorithm as in Keras 2.
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: float | int | Sequence[float] = 0.0,
        height_shift_range: float | int | Sequence[float] = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], ArrayLike] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: DTypeLike | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise TypeError(unknown_argument(WHO, next(iter(unknown)), argument_names(type(self))))
        checks.refuse_unoffered(WHO, zca_whitening, zca_epsilon, data_format, interpolation_order, dtype)
        self.featurewise_center = checks.flag(WHO, "featurewise_center", featurewise_center)
        self.samplewise_center = checks.flag(WHO, "samplewise_center", samplewise_center)
        self.featurewise_std_normalization = checks.flag(
            WHO, "featurewise_std_normalization", featurewise_std_normalization
        )
        self.samplewise_std_normalization = checks.flag(
            WHO, "samplewise_std_normalization", samplewise_std_normalization
        )
        for kind in ("featurewise", "samplewise"):
            if getattr(self, f"{kind}_std_normalization") and not getattr(self, f"{kind}_center"):
                warnings.warn(f"{WHO}: {kind}_std_normalization also sets {kind}_center", stacklevel=2)
                setattr(self, f"{kind}_center", True)
        self.rotation_range = checks.number(WHO, "rotation_range", rotation_range, minimum=0.0)
        self.width_shift_range = checks.shift_range(WHO, "width_shift_range", width_shift_range)
        self.height_shift_range = checks.shift_range(WHO, "height_shift_range", height_shift_range)
        self.shear_range = checks.number(WHO, "shear_range", shear_range, minimum=0.0)
        self.zoom_range = checks.zoom_range(WHO, zoom_range)
        self.channel_shift_range = checks.number(WHO, "channel_shift_range", channel_shift_range, minimum=0.0)
        self.brightness_range: list[float] | None = None
        if brightness_range is not None:
            self.brightness_range = checks.pair(WHO, "brightness_range", brightness_range, minimum=0.0)
        self.fill_mode = checks.fill_mode(WHO, fill_mode)
        self.cval = checks.number(WHO, "cval", cval)
        self.horizontal_flip = checks.flag(WHO, "horizontal_flip", horizontal_flip)
        self.vertical_flip = checks.flag(WHO, "vertical_flip", vertical_flip)
        self.rescale = None if rescale is None else checks.number(WHO, "rescale", rescale)
        self.preprocessing_function = checks.function(WHO, "preprocessing_function", preprocessing_function)
        self.validation_split = checks.fraction(WHO, "validation_split", validation_split)
        self.mean: np.ndarray | None = None  # [1, 1, c], set by fit
        self.std: np.ndarray | None = None  # [1, 1, c], set by fit

    def flow(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        seed: int | None = None,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Iterate without end over transformed batches of a data set.

        Args:
            x: Images [n, h, w, c], any numeric dtype; kept as they are and converted batch by batch.
            y: Labels, n in the first axis, or None.
            batch_size: Images in a batch; the last batch of a pass may be shorter.
            shuffle: Draw a new order before each pass.
            sample_weight: Weights, n in the first axis, or None; needs y.
            seed: If given, np.random is seeded with seed + (number of batches so far) before each batch.
            subset: "training" or "validation", by `validation_split`.
        Returns:
            An iterator of x, (x, y) or (x, y, sample_weight), x float32 [batch, h, w, c].
        Raises:
            TypeError, ValueError: Wrong rank or dtype, empty data, lengths that differ, a batch size below 1.
        Example:
            >>> len(ImageDataGenerator().flow(np.zeros((70, 8, 8, 3)), batch_size=32))
            3
        """
        return NumpyArrayIterator(
            x, y, self, batch_size=batch_size, shuffle=shuffle, sample_weight=sample_weight, seed=seed, subset=subset
        )

    def get_random_transform(self, img_shape: Sequence[int], seed: int | None = None) -> dict[str, Any]:
        """Draw the transformation of one image.

        Args:
            img_shape: (height, width, channels).
            seed: Seeds np.random first, if given.
        Returns:
            theta and shear in degrees, tx and ty in pixels (along columns and rows), zx and zy factors likewise,
            flip_horizontal, flip_vertical, channel_shift_intensity and brightness (None where not asked for).
        Example:
            >>> ImageDataGenerator().get_random_transform((28, 28, 1))["theta"]
            0.0
        """
        if len(img_shape) != 3:
            raise ValueError(f"{WHO}: img_shape must be (height, width, channels), got {tuple(img_shape)}")
        if (checked := checks.seed(WHO, seed)) is not None:
            np.random.seed(checked)
        return self._draw(1, img_shape).parameters(0)

    def apply_transform(self, x: ArrayLike, transform_parameters: Mapping[str, Any]) -> np.ndarray:
        """Apply a transformation to one image.

        Args:
            x: Image [h, w, c], any numeric dtype.
            transform_parameters: As from `get_random_transform`; what is missing is left out.
        Returns:
            float32 [h, w, c]; x itself if it is float32 and nothing is to be done.
        Example:
            >>> ImageDataGenerator().apply_transform(np.array([[[1.0], [2.0]]]), {"flip_horizontal": True}).ravel()
            array([2., 1.], dtype=float32)
        """
        image = checks.images(WHO, "x", x, rank=3).astype(np.float32, copy=False)
        batch = TransformBatch.single(transform_parameters)
        if batch.is_neutral():
            return image
        return as_keras_stores(self._apply(batch, image[np.newaxis], np.arange(1)), batch.layouts()[0])[0]

    def random_transform(self, x: ArrayLike, seed: int | None = None) -> np.ndarray:
        """Draw a transformation and apply it to one image [h, w, c].

        Args:
            x: Image [h, w, c], any numeric dtype.
            seed: Seeds np.random first, if given.
        Returns:
            float32 [h, w, c].
        Example:
            >>> ImageDataGenerator(rotation_range=5).random_transform(np.ones((4, 4, 1))).shape
            (4, 4, 1)
        """
        image = checks.images(WHO, "x", x, rank=3)
        return self.apply_transform(image, self.get_random_transform(image.shape, seed))

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Preprocess, rescale, centre and divide as configured.

        Args:
            x: Image [h, w, c] or batch [n, h, w, c]. Floats are changed in place as in Keras, others converted to
                float32. Samplewise statistics are those of all of x.
        Returns:
            The standardized x.
        Example:
            >>> ImageDataGenerator(rescale=0.5).standardize(np.ones((1, 1, 1), "float32")).item()
            0.5
        """
        if self.preprocessing_function is not None:
            shape, x = x.shape, np.asarray(self.preprocessing_function(x))
            if x.shape != shape:
                raise ValueError(f"{WHO}: preprocessing_function must answer shape {shape}, got {x.shape}")
        return self._standardize(x, None)

    def _standardize(self, x: np.ndarray, axes: tuple[int, ...] | None) -> np.ndarray:
        """What follows the preprocessing function, with samplewise statistics over `axes`."""
        if x.dtype.kind != "f":
            x = x.astype(np.float32)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, axis=axes, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, axis=axes, keepdims=True) + 1e-6
        if self.featurewise_center:
            if self.mean is None:
                _warn_unfitted("featurewise_center")
            else:
                x -= self.mean
        if self.featurewise_std_normalization:
            if self.std is None:
                _warn_unfitted("featurewise_std_normalization")
            else:
                x /= self.std + 1e-6
        return x

    def fit(self, x: ArrayLike, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Learn the mean and deviation of each channel for the featurewise settings.

        Args:
            x: Images [n, h, w, c].
            augment: Learn from randomly transformed copies instead.
            rounds: Number of copies of each image with augment=True.
            seed: Seeds np.random first, if given.
        Raises:
            TypeError, ValueError: Wrong rank or dtype, empty data, rounds below 1.
        Example:
            >>> generator = ImageDataGenerator(featurewise_center=True)
            >>> generator.fit(np.full((2, 3, 3, 1), 4.0)); generator.mean.item()
            4.0
        """
        images = np.array(checks.images(WHO, "x", x, rank=4), np.float32)
        rounds = checks.whole(WHO, "rounds", rounds, minimum=1)
        if (checked := checks.seed(WHO, seed)) is not None:
            np.random.seed(checked)
        if self.rescale:
            images *= self.rescale
        if augment:
            rows = np.arange(len(images))
            images = np.concatenate([self.transform_batch(images, rows) for _ in range(rounds)])
        if self.featurewise_center:
            self.mean = np.mean(images, axis=(0, 1, 2)).reshape(1, 1, -1)
            images -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(images, axis=(0, 1, 2)).reshape(1, 1, -1)

    def transform_batch(self, images: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Draw and apply one transformation for each image of a batch, without standardizing.

        Args:
            images: The data set [n, h, w, c], any numeric dtype.
            rows: Which of them make the batch, int64 [batch].
        Returns:
            float32 [batch, h, w, c].
        """
        return self._apply(self._draw(len(rows), images.shape[1:]), images, rows)

    def augment_batch(self, images: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """What `flow` does to a batch: draw, transform, standardize.

        Args:
            images: The data set [n, h, w, c], any numeric dtype.
            rows: Which of them make the batch, int64 [batch].
        Returns:
            float32 [batch, h, w, c].
        """
        if self.preprocessing_function is not None:
            result = np.empty((len(rows), *images.shape[1:]), np.float32)
            for image, row in zip(result, rows, strict=True):
                image[...] = self.standardize(self.random_transform(images[row].astype(np.float32)))
            return result
        batch = self._draw(len(rows), images.shape[1:])
        result = self._apply(batch, images, rows)
        if not (self.samplewise_center or self.samplewise_std_normalization):
            return self._standardize(result, None)
        layouts = batch.layouts()
        for layout in np.unique(layouts):
            alike = layouts == layout
            result[alike] = self._standardize(as_keras_stores(result[alike], layout), (1, 2, 3))
        return result

    def _draw(self, count: int, shape: Sequence[int]) -> TransformBatch:
        """Draw for `count` images; flips are drawn even where they are not wanted."""
        settings = (
            self.rotation_range,
            self.height_shift_range,
            self.width_shift_range,
            self.shear_range,
            self.zoom_range,
            self.channel_shift_range,
            self.brightness_range,
        )
        hashable = (tuple(value) if isinstance(value, list) else value for value in settings)
        values = draw_table(_draws_of_an_image(shape[0], shape[1], *hashable), count)
        values["flip_horizontal"] = (values["flip_horizontal"] < 0.5) & self.horizontal_flip
        values["flip_vertical"] = (values["flip_vertical"] < 0.5) & self.vertical_flip
        return TransformBatch(count, values)

    def _apply(self, batch: TransformBatch, images: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return batch.apply(images, rows, self.fill_mode, self.cval)


@lru_cache(maxsize=8, typed=True)  # a shift of 1 pixel and one by 1.0 are drawn differently
def _draws_of_an_image(
    height: int,
    width: int,
    rotation: float,
    height_shift: float | int | tuple[float, ...],
    width_shift: float | int | tuple[float, ...],
    shear: float,
    zoom: tuple[float, float],
    channel_shift: float,
    brightness: tuple[float, float] | None,
) -> tuple[Draw, ...]:
    """What one image draws, in Keras's order; a range of zero draws nothing, flips are always drawn."""
    draws = symmetric("theta", rotation) + shift("tx", height_shift, height) + shift("ty", width_shift, width)
    draws += symmetric("shear", shear)
    if zoom != (1, 1):
        draws += [Draw("zx", *zoom), Draw("zy", *zoom)]
    draws += [Draw("flip_horizontal"), Draw("flip_vertical")]
    draws += symmetric("channel_shift_intensity", channel_shift)
    if brightness is not None:
        draws.append(Draw("brightness", *brightness))
    return tuple(draws)


def _warn_unfitted(name: str) -> None:
    warnings.warn(f"{WHO}: {name} is left out, because fit(images) has not been called", stacklevel=3)
