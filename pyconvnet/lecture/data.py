"""The data of the lecture's experiments: where it comes from, and how each experiment divides it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from pyconvnet.datasets import SETS, DatasetNotFoundError, ScaledArray, fashion_mnist
from pyconvnet.lecture.description import DataSet, Experiment
from pyconvnet.preprocessing.image import ImageDataGenerator
from pyconvnet.training.data import training_rows
from pyconvnet.utils import to_categorical

Source = Literal["whole", "sample", "other"]
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Rows = ScaledArray | Floats
Labels = Bytes | npt.NDArray[np.float64]

_PIXEL = 255.0
_SIZES: dict[DataSet, tuple[int, int]] = {
    "fashion_mnist": (60_000, 10_000),
    "mnist": (60_000, 10_000),
    "cifar10": (50_000, 10_000),
}
_CLASSES = 10
_QUARTER, _FIFTH = 0.25, 0.2


@dataclass(frozen=True)
class Images:
    """A data set, or the sample of Fashion-MNIST that comes with the package.

    Attributes:
        source: "whole", "sample", or "other": the user's own files (``PYCONVNET_DATA``) with another number of images.
        x, x_test: uint8 [n, height, width, channels].
        y, y_test: uint8 [n], 0 to 9.
        note: one line for the user where it is not what was asked for, else "".
        dataset: which data set.
    """

    source: Source
    x: Bytes
    y: Bytes
    x_test: Bytes
    y_test: Bytes
    note: str = ""
    dataset: DataSet = "fashion_mnist"

    @cached_property
    def key(self) -> str:
        """What tells these data from others in the names of files: the source; of one's own files a checksum, too."""
        if self.source != "other":
            return self.source
        digest = hashlib.sha256()
        for array in (self.x, self.y, self.x_test, self.y_test):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).data)
        return f"other_{digest.hexdigest()[:12]}"

    def __str__(self) -> str:
        whose = {"whole": "", "sample": "the embedded sample of ", "other": "files of your own for "}[self.source]
        return f"{whose}{title(self.dataset)}, {len(self.x):,} training and {len(self.x_test):,} test images"


def title(dataset: DataSet) -> str:
    """A data set's name as it is written."""
    return SETS[dataset].SOURCE[0].title


@dataclass(frozen=True)
class TrainingData:
    """What `fit` gets.

    Attributes:
        x, y: images that read as float32 from 0 to 1, and their labels as the loss wants them.
        validation_split: the share at the end of x that validates, where `validation` is None.
        validation: images and labels.
    """

    x: Rows
    y: Labels
    validation_split: float = 0.0
    validation: tuple[Rows, Labels] | None = None

    def training(self) -> tuple[Rows, Labels]:
        """The images that train, and their labels."""
        return self._rows(slice(training_rows(len(self.x), self.validation_split)))

    def validating(self) -> tuple[Rows, Labels]:
        """The images that validate, and their labels."""
        if self.validation is not None:
            return self.validation
        return self._rows(slice(training_rows(len(self.x), self.validation_split), None))

    def _rows(self, rows: slice) -> tuple[Rows, Labels]:
        images = self.x[rows]
        assert isinstance(images, (ScaledArray, np.ndarray))  # as every slice of them is
        return images, self.y[rows]


def load_images(source: Literal["whole", "sample"], dataset: DataSet = "fashion_mnist") -> Images:
    """The whole set where it was asked for (it may be downloaded), else the embedded sample of Fashion-MNIST.

    Args:
        source: "whole" or "sample"; where the whole Fashion-MNIST cannot be had, the sample is taken.
        dataset: which.

    Raises:
        DatasetNotFoundError: MNIST or CIFAR-10 cannot be had; the message says which files to put where.
        ValueError: the files that ``PYCONVNET_DATA`` names are damaged.
    """
    note = ""
    if source == "whole":
        try:
            return _images(dataset, SETS[dataset].load_data())
        except DatasetNotFoundError:
            if dataset != "fashion_mnist":
                raise
            note = (
                "The whole Fashion-MNIST is not on this machine and could not be downloaded: training on the embedded "
                "sample, so the figures are lower than the lecture's (pyconvnet doctor says where to put the files)."
            )
    (x, y), (x_test, y_test) = fashion_mnist.load_sample()
    return Images("sample", x[..., None], y, x_test[..., None], y_test, note)


def _images(dataset: DataSet, splits: tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]) -> Images:
    (x, y), (x_test, y_test) = splits
    if x.ndim == 3:
        x, x_test = x[..., None], x_test[..., None]
    source: Source = "whole" if (len(x), len(x_test)) == _SIZES[dataset] else "other"
    return Images(source, x, y.ravel(), x_test, y_test.ravel(), dataset=dataset)


def scaled(images: Bytes) -> ScaledArray:
    """uint8 images as float32 from 0 to 1, equal to dividing by 255 first; nothing is copied."""
    return ScaledArray(images, _PIXEL)


def labels(experiment: Experiment, classes: Bytes) -> Labels:
    """Class numbers, or one-hot rows where the experiment's loss wants them."""
    return to_categorical(classes, _CLASSES) if experiment.one_hot else classes


def training_data(experiment: Experiment, images: Images) -> TrainingData:
    """The training and validation data of an experiment; augmented copies are drawn from the global np.random."""
    data = _SPLITS[experiment.split](images)
    if not experiment.one_hot:
        return data
    validation = data.validation and (data.validation[0], to_categorical(data.validation[1], _CLASSES))
    return replace(data, y=to_categorical(data.y, _CLASSES), validation=validation)


def split_sizes(experiment: Experiment, images: Images) -> tuple[int, int]:
    """How many images train and how many validate, known before anything is augmented."""
    n = len(images.x)
    if experiment.split == "random_fifth":
        validating = _random_fifth_size(n)
        return n - validating, validating
    if experiment.split == "test_set":
        return n, len(images.x_test)
    if experiment.split == "last_fifth":
        return training_rows(n, _FIFTH), n - training_rows(n, _FIFTH)
    if experiment.split == "augmented_sound":
        training = training_rows(n, _QUARTER)
        return training + training // 2, n - training
    total = n + n // 2 if experiment.split == "augmented" else n
    return training_rows(total, _QUARTER), total - training_rows(total, _QUARTER)


def _validate_on_last_quarter(images: Images) -> TrainingData:
    return TrainingData(scaled(images.x), images.y, validation_split=_QUARTER)


def _validate_on_last_fifth(images: Images) -> TrainingData:
    return TrainingData(scaled(images.x), images.y, validation_split=_FIFTH)


def _validate_on_test_set(images: Images) -> TrainingData:
    return TrainingData(scaled(images.x), images.y, validation=(scaled(images.x_test), images.y_test))


def _augment_all(images: Images) -> TrainingData:
    """The lecture's way: copies behind the originals, so that the last quarter consists of copies."""
    x_all, y_all = _with_copies(images.x, images.y)
    return TrainingData(x_all, y_all, validation_split=_QUARTER)


def _augment_after_splitting(images: Images) -> TrainingData:
    x, y = images.x, images.y
    training = training_rows(len(x), _QUARTER)
    x_all, y_all = _with_copies(x[:training], y[:training])
    return TrainingData(x_all, y_all, validation=(scaled(x[training:]), y[training:]))


def augmenting() -> ImageDataGenerator:
    """What changes the images of Fashion-MNIST."""
    return ImageDataGenerator(
        rotation_range=10,
        zoom_range=0.10,
        shear_range=0.5,
        width_shift_range=0.10,
        height_shift_range=0.10,
        horizontal_flip=True,
    )


def _with_copies(x: Bytes, y: Bytes) -> tuple[Floats, Bytes]:
    """Images as float32, and behind them augmented copies of half of them, chosen at random.

    Returns:
        float32 [n + n // 2, 28, 28, 1] and uint8 [n + n // 2].
    """
    originals, copies = len(x), len(x) // 2
    chosen = np.random.choice(originals, size=copies, replace=False)
    divided = scaled(x)
    everything = np.empty((originals + copies, *x.shape[1:]), np.float32)
    everything[:originals] = divided
    batch = next(augmenting().flow(divided[chosen], np.zeros(copies), batch_size=copies, shuffle=False))
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


def _validate_on_random_fifth(images: Images) -> TrainingData:
    x, y = images.x, images.y
    training, validating = random_fifth(len(x))
    return TrainingData(scaled(x[training]), y[training], validation=(scaled(x[validating]), y[validating]))


_SPLITS = {
    "last_quarter": _validate_on_last_quarter,
    "last_fifth": _validate_on_last_fifth,
    "test_set": _validate_on_test_set,
    "augmented": _augment_all,
    "augmented_sound": _augment_after_splitting,
    "random_fifth": _validate_on_random_fifth,
}
