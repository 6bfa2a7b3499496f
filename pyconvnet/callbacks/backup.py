"""Goes on with a training that was interrupted."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pyconvnet._whole_file import whole_file

from ._frequency import BatchCount, frequency
from .base import Callback, Logs, Phase, has_batch_hooks


class BackupAndRestore(Callback):
    """Keeps the weights, the optimizer's state and the number of the epoch in a folder, and begins from there.

    When `fit` is called again, in this process or the next, it takes up the last backup and goes on with the epoch
    behind it. A run that comes to its end deletes the backup.

    Args:
        backup_dir: the folder, for this callback alone; it is made.
        save_freq: "epoch", or the number of batches between two backups. A run always goes on at the beginning of an
            epoch, as in Keras.
        double_checkpoint: also keep the last but one, for when the last cannot be read.
        delete_checkpoint: delete the backup when the training comes to its end.

    Raises:
        ValueError: an empty `backup_dir` or another `save_freq`.

    Example:
        >>> backup = BackupAndRestore("backup")
        >>> history = model.fit(x, y, epochs=50, callbacks=[backup])  # doctest: +SKIP
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: Literal["epoch"] | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        if not os.fspath(backup_dir):
            raise ValueError("BackupAndRestore: backup_dir must name a folder, got ''")
        self.backup_dir = Path(backup_dir)
        self.save_freq = frequency("BackupAndRestore", save_freq)
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._weights = self.backup_dir / "latest.weights.h5"
        self._position = self.backup_dir / "training_metadata.json"
        # Weights and position cannot change at one moment. What the position is to be is here while they do, with the
        # number of steps by which the weights tell whether they are those before or behind the change.
        self._next = self.backup_dir / "training_metadata.next.json"
        self._epoch = 0
        self._batch = 0
        self._count = BatchCount(self.save_freq)

    def watches_batches(self, phase: Phase) -> bool:
        """Only where it saves after a number of batches, or a subclass has a hook of its own."""
        return has_batch_hooks(self, phase, BackupAndRestore if self.save_freq == "epoch" else Callback)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Takes up the backup where there is one."""
        self._count = BatchCount(self.save_freq)
        files = self._weights, self._position
        before = [_previous(path) for path in files]
        try:
            self._restore(*files)
        except (OSError, ValueError):
            if not before[0].exists():
                raise
            self._restore(*before)
            for old, path in zip(before, files, strict=True):
                if old.exists():
                    old.replace(path)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Remembers the epoch for backups inside it."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Saves where `save_freq` batches have passed."""
        self._batch = batch
        if self._count.is_full(batch):
            self._save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves where `save_freq` is "epoch"."""
        self._epoch, self._batch = epoch + 1, 0
        if self.save_freq == "epoch":
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Deletes the backup; other files in the folder, which should not be there, stay."""
        if not self.delete_checkpoint:
            return
        for path in (self._weights, self._position, self._next):
            path.unlink(missing_ok=True)
            _previous(path).unlink(missing_ok=True)
        with suppress(OSError):
            self.backup_dir.rmdir()

    def _restore(self, weights: Path, position: Path) -> None:
        if not weights.exists():
            return
        self.model.load_weights(str(weights))
        if self._next.exists() and _read(self._next, "step") == self.model.optimizer.iterations:
            position = self._next
        if position.exists():
            self.model._initial_epoch = _read(position, "epoch")

    def _save(self) -> None:
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint:
            for path in (self._weights, self._position):
                if path.exists():
                    shutil.copyfile(path, _previous(path))
        position = {"epoch": self._epoch, "batch": self._batch}
        _write(self._next, {**position, "step": self.model.optimizer.iterations})
        self.model.save_weights(str(self._weights), overwrite=True)
        _write(self._position, position)
        self._next.unlink()


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.bkp")


def _write(path: Path, content: dict[str, int]) -> None:
    with whole_file("BackupAndRestore", path) as beside:
        beside.write_text(json.dumps(content), encoding="utf-8")


def _read(path: Path, name: str) -> int:
    """A number of a position; a ValueError where the file is none."""
    content: Any = json.loads(path.read_text(encoding="utf-8"))
    number = content.get(name) if isinstance(content, dict) else None
    if type(number) is not int or number < 0:
        raise ValueError(f"BackupAndRestore: '{path}' must hold '{name}', a number from 0 on, got {content!r}")
    return number
