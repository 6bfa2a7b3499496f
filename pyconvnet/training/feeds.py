"""Where the batches of an epoch come from: arrays, a Sequence, or an iterator that is gone through once."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyconvnet import devices
from pyconvnet.ops._check import integer

from .data import Dataset
from .loop import Indices, data_order
from .plans import capacity

Read = Callable[[str, Any, Any, Any], Dataset]


@dataclass(frozen=True)
class Stretch:
    """Steps that are fed from the same arrays.

    Attributes:
        data: the arrays.
        order: the rows of `data` that are fed.
        batch_size: rows a step.
        capacity: of the plan that is wanted, at least `batch_size`.
        first: number of the first of these steps in the epoch.
    """

    data: Dataset
    order: Indices
    batch_size: int
    capacity: int
    first: int = 0


class Feed(ABC):
    """The data of a run, an epoch at a time.

    Attributes:
        steps: of an epoch; None while nobody knows.
    """

    def __init__(self, who: str, asked: int | None) -> None:
        self._who, self._asked = who, asked
        self.steps = asked

    @abstractmethod
    def epoch(self, seed: int, iteration: int) -> Iterator[Stretch]:
        """The steps of the next epoch.

        Args:
            seed: the model's, for the order of what is shuffled.
            iteration: finished steps of the optimizer.
        """

    @abstractmethod
    def reset(self) -> None:
        """Begins from the front, where that can be done."""

    def ready(self) -> bool:
        """Whether there is a batch for another epoch."""
        return True

    def ran_out(self, steps: int) -> None:
        """Warns that an epoch has only so many steps."""
        wanted = "" if self._asked is None else f" of {self._asked}"
        warnings.warn(
            f"{self._who}: the data ran out after {steps}{wanted} steps of this epoch; a generator must yield a batch "
            "for every step of every epoch, and arrays or a Sequence are best without a number of steps",
            stacklevel=2,
        )


class _Counted(Feed):
    """What can be gone through again and again, in an order of its own each time.

    Where an epoch is asked to have fewer steps than there are, the next one goes on behind them, as in Keras.
    """

    def __init__(self, who: str, asked: int | None, entries: int, batch_size: int, shuffle: bool) -> None:
        super().__init__(who, asked)
        self._entries, self._batch_size, self._shuffle = entries, batch_size, shuffle
        self._rest: Indices | None = None
        self.steps = asked or -(-entries // batch_size)

    def reset(self) -> None:
        """Begins from the front."""
        self._rest = None

    def _next(self, seed: int, iteration: int) -> Indices:
        """The entries of the next epoch, in their order."""
        rest = data_order(seed, iteration, self._entries, self._shuffle) if self._rest is None else self._rest
        if self._asked is None:
            return rest
        cut = self._asked * self._batch_size
        self._rest = rest[cut:] if cut < len(rest) else None
        return rest[:cut]

    def _finished(self, entries: int) -> None:
        steps = -(-entries // self._batch_size)
        if self._asked is not None and steps < self._asked:
            self.ran_out(steps)


class ArrayFeed(_Counted):
    """Arrays, in batches of one size; the last may be smaller."""

    def __init__(self, who: str, data: Dataset, batch_size: int, asked: int | None = None, shuffle: bool = False):
        self._data, self._capacity = data, capacity(batch_size, len(data))
        super().__init__(who, asked, len(data), min(batch_size, len(data)), shuffle)

    def epoch(self, seed: int, iteration: int) -> Iterator[Stretch]:
        """All steps at once."""
        order = self._next(seed, iteration)
        yield Stretch(self._data, order, self._batch_size, self._capacity)
        self._finished(len(order))


class _Batches:
    """Batches as stretches of one step, with room for the largest so far."""

    def __init__(self) -> None:
        self._capacity = 0

    def stretch(self, data: Dataset, step: int) -> Stretch:
        """One batch."""
        rows = len(data)
        if rows > self._capacity:
            self._capacity = 1 << (rows - 1).bit_length() if self._capacity else rows
        return Stretch(data, np.arange(rows, dtype=np.int64), rows, self._capacity, step)


class SequenceFeed(_Counted):
    """Numbered batches: ``len(source)`` of them, ``source[i]``, and a call at the end of each epoch."""

    def __init__(self, who: str, source: Any, read: Read, asked: int | None, shuffle: bool, built: bool) -> None:
        number = source.num_batches if hasattr(source, "num_batches") else len(source)
        self._endless = number is None
        if number is None:
            if asked is None:
                raise ValueError(f"{who}: a {type(source).__name__} without an end needs a number of steps")
        elif integer(who, f"the number of batches of {type(source).__name__}", number, minimum=0) == 0:
            raise ValueError(f"{who}: {type(source).__name__} has no batches (its length is 0)")
        super().__init__(who, asked, number or 0, 1, shuffle)
        self._passed = 0
        self._source, self._read, self._batches = source, read, _Batches()
        if not built:
            self._batch(0)  # which builds the model

    def reset(self) -> None:
        """Begins from the front; ends an epoch, as Keras does before it begins."""
        super().reset()
        self._passed = 0
        self._source.on_epoch_end()

    def epoch(self, seed: int, iteration: int) -> Iterator[Stretch]:
        """A step at a time."""
        begin = getattr(self._source, "on_epoch_begin", None)
        if begin is not None:
            begin()
        order = self._next(seed, iteration)
        for step, number in enumerate(order.tolist()):
            yield self._batches.stretch(self._batch(number), step)
        self._finished(len(order))
        self._source.on_epoch_end()

    def _next(self, seed: int, iteration: int) -> Indices:
        if not self._endless:
            return super()._next(seed, iteration)
        assert self._asked is not None
        self._passed += self._asked
        return np.arange(self._passed - self._asked, self._passed, dtype=np.int64)

    def _batch(self, number: int) -> Dataset:
        who = f"{self._who}: batch {number}"
        return self._read(who, *unpacked(who, self._source[number]))


class IteratorFeed(Feed):
    """Batches as a generator yields them, gone through once. One batch is fetched ahead, before an epoch begins."""

    def __init__(self, who: str, source: Iterator[Any], read: Read, asked: int | None) -> None:
        super().__init__(who, asked)
        self._source, self._read, self._batches = source, read, _Batches()
        self._fetched = 0
        self._ahead: Dataset | None = None
        if not self.ready():
            raise ValueError(f"{who}: {type(source).__name__} yields no batch; at least one is needed")

    def reset(self) -> None:
        """An iterator goes on where it is."""

    def ready(self) -> bool:
        """Whether there is another batch."""
        if self._ahead is None:
            try:
                batch = next(self._source)
            except StopIteration:
                return False
            who = f"{self._who}: batch {self._fetched}"
            self._ahead = self._read(who, *unpacked(who, batch))
            self._fetched += 1
        return True

    def epoch(self, seed: int, iteration: int) -> Iterator[Stretch]:
        """A step at a time, in the order in which they come."""
        step = 0
        while (self._asked is None or step < self._asked) and self.ready():
            assert self._ahead is not None
            data, self._ahead = self._ahead, None
            yield self._batches.stretch(data, step)
            step += 1
        if self._asked is not None and step < self._asked:
            self.ran_out(step)


def is_batches(value: Any) -> bool:
    """Whether this gives batches: an iterator, or a Sequence with its `on_epoch_end`."""
    return hasattr(value, "__next__") or (hasattr(value, "__getitem__") and hasattr(value, "on_epoch_end"))


def batches(who: str, source: Any, read: Read, *, steps: int | None, shuffle: bool, built: bool) -> Feed:
    """A feed of what gives batches; a Sequence that is an iterator too is taken as a Sequence, as Keras 3 does.

    Args:
        who: for messages.
        source: for which `is_batches` is true.
        read: makes samples that fit the model of ``(who, x, y, sample_weight)``.
        steps: of an epoch; None: all batches.
        shuffle: a new order of a Sequence's batches every epoch.
        built: whether the model knows its input shape; otherwise the first batch is read for it.

    Raises:
        ValueError: no batches, or no end and no `steps`.
    """
    if hasattr(source, "__getitem__"):
        return SequenceFeed(who, source, read, steps, shuffle, built)
    return IteratorFeed(who, source, read, steps)


def unpacked(who: str, batch: Any) -> tuple[Any, Any, Any]:
    """Inputs, labels and sample weights of a batch; None for what it does not have.

    Raises:
        ValueError: a tuple of another length.
    """
    if isinstance(batch, (np.ndarray, dict)) or devices.on_gpu(batch):
        return batch, None, None
    if not isinstance(batch, (tuple, list)) or len(batch) not in (1, 2, 3):
        got = f"{len(batch)} entries" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise ValueError(f"{who}: must be (x,), (x, y) or (x, y, sample_weight), got {got}")
    x, y, weights = (*batch, None, None)[:3]
    return x, y, weights
