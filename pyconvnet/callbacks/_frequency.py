"""When callbacks save: after every epoch, or after a number of batches."""

from __future__ import annotations

from typing import Any, Literal

from pyconvnet.ops._check import integer


class BatchCount:
    """Counts batches on from epoch to epoch and is full after every `frequency` of them; never with "epoch"."""

    def __init__(self, frequency: Literal["epoch"] | int) -> None:
        self._frequency = frequency
        self._seen = 0
        self._last: int | None = None

    def is_full(self, batch: int) -> bool:
        """Counts the batches up to this one; a number that is not larger than the last begins a new epoch."""
        if self._frequency == "epoch":
            return False
        self._seen += batch + 1 if self._last is None or batch <= self._last else batch - self._last
        self._last = batch
        if self._seen < self._frequency:
            return False
        self._seen = 0
        return True


def frequency(who: str, save_freq: Any) -> Literal["epoch"] | int:
    """A checked `save_freq`."""
    if save_freq == "epoch":
        return "epoch"
    if isinstance(save_freq, str):
        raise ValueError(f"{who}: save_freq must be 'epoch' or a number of batches, got {save_freq!r}")
    return integer(who, "save_freq", save_freq)
