"""Saves the model, or its weights, while it trains."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pyconvnet._terminal import say

from ._frequency import BatchCount, frequency
from .base import Callback, Logs, Phase, has_batch_hooks
from .monitor import Mode, Monitor


class ModelCheckpoint(Monitor):
    """Saves after every epoch, or after so many batches; Keras 3's rules and words.

    Args:
        filepath: where to; ``{epoch:02d}``, ``{val_loss:.2f}`` and the other names of the logs are filled in (the
            first epoch is 1), with a `save_freq` in batches also ``{batch}``. It ends in ".keras" or ".h5", with
            `save_weights_only` in ".weights.h5" or, as in Keras 2, ".h5". Its folder is made.
        monitor: a name of the logs, for `save_best_only`.
        verbose: 1 prints a line when it acts.
        save_best_only: only save where the monitored number beats the best so far; where it is missing, warn and save.
        save_weights_only: ``model.save_weights(filepath)`` instead of ``model.save(filepath)``.
        mode: "min", "max", or "auto" (from the metric).
        save_freq: "epoch", or the number of batches between two files, counted on from epoch to epoch.
        initial_value_threshold: the best so far before the first epoch.

    Attributes:
        best: the best value so far; it outlives a run, so that a second `fit` only saves what is better still.

    Raises:
        ValueError: an unknown `save_freq`, a `filepath` with another ending; when the training begins, a
            model that cannot be saved as a whole.
        KeyError: while training, a name in `filepath` that the logs do not have.

    Example:
        >>> best = ModelCheckpoint("best.keras", save_best_only=True)
        >>> history = model.fit(x, y, validation_split=0.25, callbacks=[best])  # doctest: +SKIP
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: Mode = "auto",
        save_freq: Literal["epoch"] | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = frequency("ModelCheckpoint", save_freq)
        self.best = initial_value_threshold
        self._epoch = 0
        self._count = BatchCount(self.save_freq)
        endings = (".weights.h5", ".h5") if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            raise ValueError(
                f"ModelCheckpoint: with save_weights_only={save_weights_only} filepath must end in "
                f"{' or '.join(map(repr, endings))}, got {self.filepath!r}"
            )

    def watches_batches(self, phase: Phase) -> bool:
        """Only where it saves after a number of batches, or a subclass has a hook of its own."""
        return has_batch_hooks(self, phase, ModelCheckpoint if self.save_freq == "epoch" else Callback)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Finds out what cannot be saved before hours are spent on it."""
        super().on_train_begin(logs)
        from pyconvnet.models import Model
        from pyconvnet.saving import check_savable

        if not self.save_weights_only and isinstance(self.model, Model):
            check_savable(self.model)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Remembers the epoch for files that are saved inside it."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Saves where `save_freq` batches have passed."""
        if self._count.is_full(batch):
            self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves where `save_freq` is "epoch"."""
        self._direction()  # an unknown one is an error in the first epoch, as in Keras
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self._path(epoch, batch, logs)
        if not self._worth_saving(epoch, path, logs):
            return
        if os.path.isdir(path):
            raise IsADirectoryError(f"ModelCheckpoint: filepath must name a file, but {path!r} is a folder")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        self._tell(epoch, f"finished saving model to {path}")

    def _worth_saving(self, epoch: int, path: str, logs: Logs) -> bool:
        if not self.save_best_only:
            self._tell(epoch, f"saving model to {path}")
            return True
        current = self._current(logs)
        if current is None:
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._improves(current, self.best):
            self._tell(epoch, f"{self.monitor} did not improve from {best}")
            return False
        self._tell(epoch, f"{self.monitor} improved from {best} to {current:.5f}, saving model to {path}")
        self.best = current
        return True

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> str:
        numbers: dict[str, Any] = {"epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1}), **logs}
        try:
            return self.filepath.format(**numbers)
        except KeyError as missing:
            raise KeyError(
                f"ModelCheckpoint: filepath {self.filepath!r} asks for {missing}, which is not among "
                f"{', '.join(numbers)}"
            ) from None

    def _tell(self, epoch: int, what: str) -> None:
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: {what}")
