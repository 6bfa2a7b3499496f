"""Ends the training when it no longer helps."""

from __future__ import annotations

from typing import Literal

from pyconvnet._terminal import say
from pyconvnet.ops._check import integer

from .base import Logs
from .monitor import Mode, Monitor


class EarlyStopping(Monitor):
    """Stops when the monitored number has not improved for `patience` epochs; Keras 3's rules.

    An epoch improves when ``value < best - min_delta`` (or ``value > best + min_delta`` for mode "max"); NaN never
    does. The first epoch that is looked at always counts as the best so far, so training never stops after it.

    Args:
        monitor: a name of the logs, such as "val_loss".
        min_delta: smallest change that counts; its sign is ignored.
        patience: epochs without improvement that are endured.
        verbose: 1 prints a line when it acts.
        mode: "min", "max", or "auto" (from the metric: losses and errors "min", accuracies "max").
        baseline: a value to beat; while it is not beaten, improvements do not reset the count.
        restore_best_weights: give the model the weights of its best epoch at the end.
        start_from_epoch: epochs before this one are ignored.
        restore: "always" restores at every end of the training (Keras 3), "stopped" only after stopping early
            (Keras up to 2.15).

    Attributes:
        stopped_epoch: the epoch after which it stopped; 0 when it did not.
        best, best_epoch, best_weights, wait: as the names say.

    Raises:
        ValueError: an unknown `restore`, a negative `patience`; when the training begins, a `monitor`
            that mode "auto" does not know.

    Example:
        >>> stop = EarlyStopping(monitor="val_loss", patience=5)
        >>> history = model.fit(x, y, validation_split=0.25, callbacks=[stop])  # doctest: +SKIP
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: Mode = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
        *,
        restore: Literal["always", "stopped"] = "always",
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if restore not in ("always", "stopped"):
            raise ValueError(f"EarlyStopping: restore must be 'always' or 'stopped', got {restore!r}")
        self.patience = integer("EarlyStopping", "patience", patience, minimum=0)
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = integer("EarlyStopping", "start_from_epoch", start_from_epoch, minimum=0)
        self.restore = restore
        self._forget()

    def _forget(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: list[object] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets an earlier run, so that one instance serves several; with mode "auto" checks `monitor`."""
        self._forget()
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compares with the best epoch so far and may stop the training."""
        self._direction()  # an unknown one is an error in the first epoch, before anything is compared
        current = self._current(logs or {})
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._improves(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self._improves(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restores the best weights where asked to."""
        if self.stopped_epoch > 0 and self.verbose > 0:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        wanted = self.restore == "always" or self.stopped_epoch > 0
        if self.restore_best_weights and self.best_weights is not None and wanted:
            if self.verbose > 0:
                say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)
