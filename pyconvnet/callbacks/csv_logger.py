"""The numbers of every epoch as lines of a file."""

from __future__ import annotations

import csv
import os
from typing import Any

from .base import Callback, Logs


class CSVLogger(Callback):
    """Writes a line for every epoch: ``epoch`` (the first is 0) and the logs, their names sorted.

    The first epoch's names are the columns; where it was not validated, columns ``val_...`` are kept free for later
    epochs. What an epoch does not have is "NA".

    Args:
        filename: the file; its folder must exist.
        separator: one character between two columns.
        append: go on with an existing file, without another line of names, instead of writing a new one.

    Raises:
        ValueError: a `separator` that is not one character, or that a CSV file needs for something else.
        OSError: when the training begins, a file that cannot be written.

    Example:
        >>> log = CSVLogger("training.csv")
        >>> history = model.fit(x, y, epochs=3, callbacks=[log])  # doctest: +SKIP
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.filename = os.fspath(filename)
        if not isinstance(separator, str) or len(separator) != 1 or separator in '\r\n"':
            raise ValueError(
                f"CSVLogger: separator must be one character and no quotation mark or line break, got {separator!r}"
            )
        self.separator = separator
        self.append = append
        self._columns: list[str] | None = None
        self._names_wanted = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Makes the file, or sees that it can be written."""
        self._columns = None
        going_on = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self._names_wanted = not going_on
        with open(self.filename, "a" if self.append else "w", encoding="utf-8"):
            pass

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the line of an epoch."""
        logs = logs or {}
        with open(self.filename, "a", newline="", encoding="utf-8") as file:  # closed, whatever ends the training
            self._write(csv.writer(file, delimiter=self.separator), epoch, logs)

    def _write(self, writer: Any, epoch: int, logs: Logs) -> None:
        if self._columns is None:
            self._columns = sorted(logs)
            if not any(name.startswith("val_") for name in self._columns):
                self._columns += [f"val_{name}" for name in self._columns]
            if self._names_wanted:
                writer.writerow(["epoch", *self._columns])
        writer.writerow([epoch, *(logs.get(name, "NA") for name in self._columns)])
