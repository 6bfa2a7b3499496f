"""Callbacks that change the learning rate between epochs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from pyconvnet._terminal import say
from pyconvnet.ops._check import integer, real

from .base import Callback, Logs
from .monitor import Mode, Monitor


def current_rate(model: Any) -> float:
    """The optimizer's learning rate as Keras holds and reports it: rounded to float32."""
    return float(np.float32(model.optimizer.learning_rate))


class ReduceLROnPlateau(Monitor):
    """Makes the learning rate smaller when the monitored number has stopped improving; Keras 3's rules and words.

    The learning rate of every epoch is added to the logs as ``learning_rate``.

    Args:
        monitor: a name of the logs, such as "val_loss".
        factor: the new rate is the old one times this; below 1.
        patience: epochs without improvement that are endured.
        verbose: 1 prints a line when it acts.
        mode: "min", "max", or "auto" (from the metric).
        min_delta: smallest change that counts.
        cooldown: epochs after a reduction in which nothing is counted. As in Keras one of them is used up before the
            first of them is looked at, so that 1 does what 0 does.
        min_lr: no rate below this one.

    Attributes:
        best, wait, cooldown_counter: as the names say.

    Raises:
        ValueError: a `factor` of 1 or more, or other settings out of range; when the training begins, a `monitor`
            that mode "auto" does not know.

    Example:
        >>> reduce = ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=5, min_lr=0.001)
        >>> history = model.fit(x, y, validation_split=0.25, callbacks=[reduce])  # doctest: +SKIP
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: Mode = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        who = "ReduceLROnPlateau"
        super().__init__(monitor, mode, min_delta)
        self.factor = real(who, "factor", factor, minimum=0)
        if self.factor >= 1:
            raise ValueError(f"{who}: factor must be below 1, got {factor!r}; the new rate is the old one times it")
        self.patience = integer(who, "patience", patience, minimum=0)
        self.verbose = verbose
        self.cooldown = integer(who, "cooldown", cooldown, minimum=0)
        self.min_lr = real(who, "min_lr", min_lr, minimum=0)
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets an earlier run; with mode "auto" checks `monitor`."""
        self._forget()
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds the rate to the logs, compares with the best epoch so far and may reduce the rate."""
        self._direction()  # an unknown one is an error in the first epoch, before anything is compared
        logs = {} if logs is None else logs
        logs["learning_rate"] = current_rate(self.model)
        current = self._current(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether a reduction was so short ago that nothing is counted."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch: int) -> bool:
        old = current_rate(self.model)
        if old <= np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = new
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
        return True


class LearningRateScheduler(Callback):
    """Asks a function for the learning rate at the beginning of every epoch; Keras 3's rules and words.

    The learning rate of every epoch is added to the logs as ``learning_rate``.

    Args:
        schedule: called with the epoch (the first is 0) and the current rate, or with the epoch alone where it takes
            one argument; answers the new rate, a float.
        verbose: 1 prints a line each epoch.

    Raises:
        TypeError: `schedule` cannot be called.
        ValueError: while training, an answer that is no float. What `schedule` itself raises goes on as it is.

    Example:
        >>> halve = LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else rate * 0.5)
        >>> history = model.fit(x, y, epochs=20, callbacks=[halve])  # doctest: +SKIP
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"LearningRateScheduler: schedule must be a function of the epoch, got {schedule!r}")
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Sets the rate of this epoch."""
        now = (current_rate(self.model),) if _takes_rate(self.schedule) else ()
        rate = self.schedule(epoch, *now)
        if not isinstance(rate, (float, np.float32, np.float64)):
            raise ValueError(f"LearningRateScheduler: schedule must answer a float, got {rate!r} for epoch {epoch}")
        self.model.optimizer.learning_rate = rate
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds the rate to the logs."""
        if logs is not None:
            logs["learning_rate"] = current_rate(self.model)


def _takes_rate(schedule: Callable[..., float]) -> bool:
    """Whether a function of the epoch can be given the rate too; one in C that does not tell is given it."""
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:
        return True
    return True
