"""The progress of a download on stderr: one line that is rewritten on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import sys
import time

_SECONDS_BETWEEN_UPDATES = 0.1
_BAR = 24


class Progress:
    """Shows how much of one file has arrived.

    Args:
        name: the file's name.
        total: its bytes.
    """

    def __init__(self, name: str, total: int) -> None:
        self._name = name
        self._total = total
        self._stream = sys.stderr
        self._terminal = self._stream.isatty()
        self._next_update = 0.0
        self._quarter = 0
        self._line_open = False

    def begin(self, done: int, host: str) -> None:
        """Says from where the file comes, and where a download that was cut goes on."""
        self.close()
        resumed = f", going on at {done / 1e6:.1f} MB" if done else ""
        self._write(f"Downloading {self._name} ({self._total / 1e6:.1f} MB) from {host}{resumed}\n")
        self._quarter = 4 * done // self._total

    def update(self, done: int) -> None:
        """Shows that `done` bytes are there."""
        if not self._terminal:
            quarter = 4 * done // self._total
            if quarter > self._quarter:
                self._quarter = quarter
                self._write(f"{self._name}: {25 * quarter}%\n")
            return
        now = time.monotonic()
        if now < self._next_update and done < self._total:
            return
        self._next_update = now + _SECONDS_BETWEEN_UPDATES
        bar = "=" * (_BAR * done // self._total)
        share = f"{100 * done // self._total:3d}%  {done / 1e6:.1f}/{self._total / 1e6:.1f} MB"
        self._write(f"\r{self._name} [{bar:<{_BAR}}] {share}")
        self._line_open = True

    def close(self) -> None:
        """Ends the line that is being rewritten."""
        if self._line_open:
            self._write("\n")
            self._line_open = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
