"""Data as numbered batches, for sets that do not fit into memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from pyconvnet.ops._check import integer


class PyDataset:
    """Base class: override ``__len__`` and ``__getitem__`` and pass an instance to `fit`, `evaluate` or `predict`.

    ``self[i]`` answers batch number i as ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``. Batches are asked for one
    after the other, as they are needed; ``fit(shuffle=True)`` asks in a new order every epoch.

    Args:
        workers, use_multiprocessing, max_queue_size: as in Keras, where they fetch ahead in the background; kept, and
            without effect here.

    Raises:
        TypeError, ValueError: `workers` or `max_queue_size` is not a number of things.

    Example:
        >>> import numpy as np
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, index):
        ...         x = np.arange(2 * index, 2 * index + 2)
        ...         return x, x**2
        >>> [y.tolist() for x, y in Squares()]
        [[0, 1], [4, 9], [16, 25]]
    """

    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        who = type(self).__name__
        self.workers = integer(who, "workers", workers, minimum=0)
        self.use_multiprocessing = bool(use_multiprocessing)
        self.max_queue_size = integer(who, "max_queue_size", max_queue_size, minimum=0)

    def __getitem__(self, index: int) -> Any:
        """Batch number `index`."""
        raise NotImplementedError(f"{type(self).__name__}: define __getitem__(self, index), which answers a batch")

    def __iter__(self) -> Iterator[Any]:
        """All batches in their order."""
        number = self.num_batches
        for index in itertools.count() if number is None else range(number):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """How many batches there are: the length. Override it to answer None where there is no end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__}: define __len__(self), the number of batches")

    def on_epoch_begin(self) -> None:
        """An epoch begins."""

    def on_epoch_end(self) -> None:
        """An epoch ends, or the first is about to begin; the place to shuffle."""


Sequence = PyDataset
