"""Endless batches of transformed images, in Keras's order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet._suggest import unknown
from pyconvnet.preprocessing import checks

if TYPE_CHECKING:
    from pyconvnet.preprocessing.image import ImageDataGenerator

WHO = "ImageDataGenerator.flow"
SUBSETS = ("training", "validation")

Batch = np.ndarray | tuple[np.ndarray, ...]


class NumpyArrayIterator(Iterator[Batch]):
    """What `ImageDataGenerator.flow` answers: `next(it)`, `it.next()`, `it[i]`, `len(it)`, and `for` without end.

    Args:
        x: Images [n, h, w, c], any numeric dtype.
        y: Labels [n, ...] or None.
        image_data_generator: Transforms and standardizes each batch.
        batch_size: Images in a batch; the last one of a pass may be shorter.
        shuffle: Draw a new order before each pass.
        sample_weight: Weights [n, ...] or None; needs y.
        seed: If given, np.random is seeded with seed + total_batches_seen before each batch.
        subset: None, "training" or "validation".
    Raises:
        TypeError, ValueError: As `ImageDataGenerator.flow`.
    Example:
        >>> from pyconvnet.preprocessing.image import ImageDataGenerator
        >>> batches = ImageDataGenerator().flow(np.zeros((5, 4, 4, 1)), np.arange(5), batch_size=3, shuffle=False)
        >>> [labels.tolist() for _, labels in (next(batches), next(batches), next(batches))]
        [[0, 1, 2], [3, 4], [0, 1, 2]]

    Follows Keras 3's `NumpyArrayIterator`, with Keras 2's `.next()`.
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike | None,
        image_data_generator: ImageDataGenerator,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: ArrayLike | None = None,
        seed: int | None = None,
        subset: str | None = None,
    ) -> None:
        self.x = checks.images(WHO, "x", x, rank=4)
        self.y = _beside(self.x, "y", y)
        self.sample_weight = _beside(self.x, "sample_weight", sample_weight)
        if self.sample_weight is not None and self.y is None:
            raise ValueError(f"{WHO}: sample_weight needs y, got y=None")
        if subset is not None:
            self._take_subset(subset, image_data_generator.validation_split)
        self.image_data_generator = image_data_generator
        self.n = len(self.x)
        self.batch_size = checks.whole(WHO, "batch_size", batch_size, minimum=1)
        self.shuffle = checks.flag(WHO, "shuffle", shuffle)
        self.seed = checks.seed(WHO, seed)
        self.batch_index = 0
        self.total_batches_seen = 0
        self.index_array: np.ndarray | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Batches in a pass."""
        return -(-self.n // self.batch_size)

    def __iter__(self) -> NumpyArrayIterator:
        return self

    def __next__(self) -> Batch:
        with self._lock:
            self._seed()
            if self.batch_index == 0:
                self.on_epoch_end()
            batch = self._batch(self.batch_index)
            self.batch_index = (self.batch_index + 1) % len(self)
            return batch

    def next(self) -> Batch:
        """The next batch, as Keras 2 spells it."""
        return self.__next__()

    def __getitem__(self, idx: int) -> Batch:
        """Batch number `idx` of the pass, freshly transformed."""
        index = checks.whole(WHO, "batch number", idx, minimum=0)
        if index >= len(self):
            raise ValueError(f"{WHO}: batch number must be below {len(self)}, the batches of a pass, got {index}")
        with self._lock:
            self._seed()
            if self.index_array is None:
                self.on_epoch_end()
            return self._batch(index)

    def reset(self) -> None:
        """Begin a new pass with the next batch."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Draw the order of the next pass."""
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _seed(self) -> None:
        if self.seed is not None:
            np.random.seed((self.seed + self.total_batches_seen) % 2**32)
        self.total_batches_seen += 1

    def _batch(self, number: int) -> Batch:
        assert self.index_array is not None
        rows = self.index_array[number * self.batch_size : (number + 1) * self.batch_size]
        result = [self.image_data_generator.augment_batch(self.x, rows)]
        result += [beside[rows] for beside in (self.y, self.sample_weight) if beside is not None]
        return result[0] if self.y is None else tuple(result)

    def _take_subset(self, subset: Any, validation_split: float) -> None:
        if subset not in SUBSETS:
            raise ValueError(unknown(WHO, "subset", subset, SUBSETS))
        split = int(len(self.x) * validation_split)
        rows = slice(split) if subset == "validation" else slice(split, None)
        if not 0 < split < len(self.x):
            raise ValueError(
                f"{WHO}: subset needs a validation_split that leaves images on both sides, "
                f"got {validation_split} of {len(self.x)} images"
            )
        if self.y is not None and not np.array_equal(np.unique(self.y[:split]), np.unique(self.y[split:])):
            raise ValueError(
                f"{WHO}: both subsets must hold the same classes; shuffle x and y together first (the first "
                f"{split} images are for validation)"
            )
        self.x = self.x[rows]
        self.y = None if self.y is None else self.y[rows]
        self.sample_weight = None if self.sample_weight is None else self.sample_weight[rows]


def _beside(x: np.ndarray, name: str, values: ArrayLike | None) -> np.ndarray | None:
    """An array with one entry for each image of x."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.ndim == 0 or len(array) != len(x):
        raise ValueError(f"{WHO}: {name} must have one entry for each of the {len(x)} images, got shape {array.shape}")
    return array
