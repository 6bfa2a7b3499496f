"""The data of the lecture's experiments: where it comes from, and how each experiment divides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pyconvnet.datasets import DatasetNotFoundError, ScaledArray, fashion_mnist
from pyconvnet.lecture.experiments import Experiment
from pyconvnet.preprocessing.image import ImageDataGenerator

Source = Literal["whole", "sample"]
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Rows = ScaledArray | Floats

_PIXEL = 255.0


@dataclass(frozen=True)
class Images:
    """Fashion-MNIST, or the sample of it that comes with the package.

    Attributes:
        source: which of them.
        x, x_test: uint8 [n, 28, 28, 1].
        y, y_test: uint8 [n], 0 to 9.
        note: one line for the user where it is not what was asked for, else "".
    """

    source: Source
    x: Bytes
    y: Bytes
    x_test: Bytes
    y_test: Bytes
    note: str = ""

    def __str__(self) -> str:
        what = "Fashion-MNIST" if self.source == "whole" else "the embedded sample of Fashion-MNIST"
        return f"{what}, {len(self.x):,} training and {len(self.x_test):,} test images"


@dataclass(frozen=True)
class TrainingData:
    """What `fit` gets.

    Attributes:
        x, y: images that read as float32 from 0 to 1, and their classes.
        validation_split: the share at the end of x that validates, where `validation` is None.
        validation: images and classes.
    """

    x: Rows
    y: Bytes
    validation_split: float = 0.0
    validation: tuple[Rows, Bytes] | None = None


def load_images(source: Source) -> Images:
    """The whole set where it was asked for and can be had (it may be downloaded), else the embedded sample.

    Args:
        source: "whole" or "sample".

    Raises:
        ValueError: the files that ``PYCONVNET_DATA`` names are damaged.
    """
    note = ""
    if source == "whole":
        try:
            return _images("whole", fashion_mnist.load_data())
        except DatasetNotFoundError:
            note = (
                "The whole Fashion-MNIST is not on this machine and could not be downloaded: training on the embedded "
                "sample, so the figures are lower than the lecture's (pyconvnet doctor says where to put the files)."
            )
    return _images("sample", fashion_mnist.load_sample(), note)


def _images(source: Source, splits: tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]], note: str = "") -> Images:
    (x, y), (x_test, y_test) = splits
    return Images(source, x[..., None], y, x_test[..., None], y_test, note)


def scaled(images: Bytes) -> ScaledArray:
    """uint8 images as float32 from 0 to 1, equal to dividing by 255 first; nothing is copied."""
    return ScaledArray(images, _PIXEL)


def training_data(experiment: Experiment, images: Images) -> TrainingData:
    """The training and validation data of an experiment; augmented copies are drawn from the global np.random."""
    return _SPLITS[experiment.split](images.x, images.y)


def split_sizes(experiment: Experiment, images: Images) -> tuple[int, int]:
    """How many images train and how many validate, known before anything is augmented."""
    n = len(images.x)
    if experiment.split == "random_fifth":
        validating = _random_fifth_size(n)
        return n - validating, validating
    if experiment.split == "augmented_sound":
        quarter = _last_quarter(n)
        return quarter + quarter // 2, n - quarter
    total = n + n // 2 if experiment.split == "augmented" else n
    return _last_quarter(total), total - _last_quarter(total)


def _last_quarter(n: int) -> int:
    return int(n * 0.75)


def _validate_on_last_quarter(x: Bytes, y: Bytes) -> TrainingData:
    return TrainingData(scaled(x), y, validation_split=0.25)


def _augment_all(x: Bytes, y: Bytes) -> TrainingData:
    """The lecture's way: copies behind the originals, so that the last quarter consists of copies."""
    x_all, y_all = _with_copies(x, y)
    return TrainingData(x_all, y_all, validation_split=0.25)


def _augment_after_splitting(x: Bytes, y: Bytes) -> TrainingData:
    training = _last_quarter(len(x))
    x_all, y_all = _with_copies(x[:training], y[:training])
    return TrainingData(x_all, y_all, validation=(scaled(x[training:]), y[training:]))


def _with_copies(x: Bytes, y: Bytes) -> tuple[Floats, Bytes]:
    """Images as float32, and behind them augmented copies of half of them, chosen at random.

    Returns:
        float32 [n + n // 2, 28, 28, 1] and uint8 [n + n // 2].
    """
    generator = ImageDataGenerator(
        rotation_range=10,
        zoom_range=0.10,
        shear_range=0.5,
        width_shift_range=0.10,
        height_shift_range=0.10,
        horizontal_flip=True,
    )
    originals, copies = len(x), len(x) // 2
    chosen = np.random.choice(originals, size=copies, replace=False)
    divided = scaled(x)
    everything = np.empty((originals + copies, *x.shape[1:]), np.float32)
    everything[:originals] = divided
    batch = next(generator.flow(divided[chosen], np.zeros(copies), batch_size=copies, shuffle=False))
    everything[originals:] = batch[0]
    return everything, np.concatenate([y, y[chosen]])


def _random_fifth_size(n: int) -> int:
    return -(-n // 5)


def random_fifth(n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The rows that scikit-learn's ``train_test_split(test_size=0.2, random_state=42)`` gives.

    Args:
        n: how many rows there are.

    Returns:
        The rows that train and those that validate, int64.

    Its `ShuffleSplit` takes the test part from the front of ``RandomState(42).permutation(n)`` and the training part
    behind it.
    """
    order = np.random.RandomState(42).permutation(n)
    validating = _random_fifth_size(n)
    return order[validating:], order[:validating]


def _validate_on_random_fifth(x: Bytes, y: Bytes) -> TrainingData:
    training, validating = random_fifth(len(x))
    return TrainingData(scaled(x[training]), y[training], validation=(scaled(x[validating]), y[validating]))


_SPLITS = {
    "last_quarter": _validate_on_last_quarter,
    "augmented": _augment_all,
    "augmented_sound": _augment_after_splitting,
    "random_fifth": _validate_on_random_fifth,
}
