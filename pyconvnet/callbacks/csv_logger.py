"""The numbers of every epoch as lines of a file."""

from __future__ import annotations

import csv
import os
from typing import Any, TextIO

from .base import Callback, Logs


class CSVLogger(Callback):
    """Writes a line for every epoch: ``epoch`` (the first is 0) and the logs, their names sorted.

    The first epoch's names are the columns; where it was not validated, columns ``val_...`` are kept free for later
    epochs. What an epoch does not have is "NA".

    Args:
        filename: the file; its folder must exist.
        separator: between two columns.
        append: go on with an existing file, without another line of names, instead of writing a new one.

    Raises:
        OSError: when the training begins, a file that cannot be written.

    Example:
        >>> log = CSVLogger("training.csv")
        >>> history = model.fit(x, y, epochs=3, callbacks=[log])  # doctest: +SKIP
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._file: TextIO | None = None
        self._columns: list[str] | None = None
        self._names_wanted = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Opens the file."""
        self._close()
        if self.append and os.path.exists(self.filename):
            self._names_wanted = os.path.getsize(self.filename) == 0
        self._columns = None
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the line of an epoch."""
        logs = logs or {}
        assert self._file is not None
        writer = csv.writer(self._file, delimiter=self.separator)
        if self._columns is None:
            self._columns = sorted(logs)
            if not any(name.startswith("val_") for name in self._columns):
                self._columns += [f"val_{name}" for name in self._columns]
            if self._names_wanted:
                writer.writerow(["epoch", *self._columns])
        writer.writerow([epoch, *(logs.get(name, "NA") for name in self._columns)])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Closes the file."""
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_file": None}
