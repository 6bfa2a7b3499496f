"""What the callbacks that look at one number of an epoch share."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np

from pyconvnet._suggest import unknown
from pyconvnet.ops._check import real

from .base import Callback, Logs

Mode = Literal["auto", "min", "max"]


class Monitor(Callback):
    """Base class of the callbacks that ask whether a number of the logs has improved.

    Args:
        monitor: a name of the logs, such as "val_loss".
        mode: "min", "max", or "auto" (from the metric: losses and errors "min", accuracies "max"), also for any other,
            with a warning.
        min_delta: smallest change that counts; its sign is ignored.

    Raises:
        ValueError: when the training begins, a `monitor` that mode "auto" does not know.
    """

    def __init__(self, monitor: str, mode: Mode, min_delta: float = 0.0) -> None:
        who = type(self).__name__
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{who}: mode must be 'auto', 'min' or 'max', got {mode!r}; 'auto' is taken", stacklevel=3)
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(real(who, "min_delta", min_delta))

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """With mode "auto" checks `monitor` before hours are spent on it."""
        if self.mode == "auto" and self.model is not None and self.model.compiled:
            names = self.model.metrics_names
            known = [*names, *(f"val_{name}" for name in names)]
            if self.monitor not in known:
                problem = unknown(type(self).__name__, "monitor", self.monitor, known)
                raise ValueError(f"{problem}; for a number of another callback pass mode='min' or mode='max'")

    def _direction(self) -> str:
        if self.mode != "auto":
            return self.mode
        direction: str | None = self.model.metric_direction(self.monitor.removeprefix("val_"))
        if direction is None:
            raise ValueError(
                f"{type(self).__name__}: mode 'auto' does not know whether {self.monitor!r} should fall or rise; "
                "pass mode='min' or mode='max'"
            )
        return direction

    def _improves(self, value: float, reference: float | None) -> bool:
        """Whether `value` beats `reference` by more than `min_delta`; compared in float32, as Keras does."""
        if reference is None:
            return True
        falling = self._direction() == "min"
        with np.errstate(over="ignore"):  # what overflows is infinite
            moved = np.float32(value + self.min_delta if falling else value - self.min_delta)
            bar = np.float32(reference)
        return bool(moved < bar if falling else moved > bar)

    def _current(self, logs: Logs) -> float | None:
        """The number that is monitored, or None and a warning."""
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__}: {self.monitor!r} is not among the metrics of this epoch: {', '.join(logs)}",
                stacklevel=2,
            )
        return value
