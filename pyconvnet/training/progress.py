"""The line that tells how far it is: Keras 3's on a terminal, plain lines elsewhere, ASCII where it must be."""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from pyconvnet._terminal import can_encode, write

_WIDTH = 20
_ASCII_WIDTH = 30
_SECONDS_BETWEEN_UPDATES = 0.05
_BOLD, _GREEN, _WHITE, _END = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this process; that its package was imported says nothing."""
    kernel = sys.modules.get("ipykernel.kernelapp")
    return kernel is not None and bool(kernel.IPKernelApp.initialized())


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and hasattr(stream, "isatty") and stream.isatty()


def verbosity(who: str, verbose: Any) -> int:
    """0 (silent), 1 (a bar) or 2 (a line an epoch); "auto" is 1 on a terminal or in a notebook, else 2.

    Raises:
        ValueError: anything else.
    """
    if isinstance(verbose, str) and verbose == "auto":
        return 1 if _in_notebook() or _is_terminal(sys.stdout) else 2
    if isinstance(verbose, (bool, int, float)) and verbose in (0, 1, 2):
        return int(verbose)
    raise ValueError(f"{who}: verbose must be 'auto', 0, 1 or 2, got {verbose!r}")


class Progress:
    """The progress of one epoch, or of one `evaluate` or `predict`.

    Args:
        total: steps; None while nobody knows: then there is no bar until the end.
        verbose: 0, 1 or 2.

    Example:
        >>> bar = Progress(3, verbose=2)
        >>> bar.finish({"loss": 0.5})  # doctest: +SKIP
        3/3 - 0s - 2ms/step - loss: 0.5000
    """

    def __init__(self, total: int | None, verbose: int) -> None:
        self._total = total
        self._done = 0
        self._verbose = verbose
        self._stream = sys.stdout
        terminal = _is_terminal(self._stream)
        self._rewrites = verbose == 1 and (terminal or _in_notebook())
        # On a terminal colour alone tells what is done; without it the signs must.
        colourless = self._rewrites and ("NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb")
        self._ascii = self._stream is None or not can_encode(self._stream, "━µ") or colourless
        self._colours = self._rewrites and not self._ascii
        self._columns = shutil.get_terminal_size().columns if terminal else sys.maxsize
        self._start = time.perf_counter()
        self._first: tuple[int, float] | None = None  # steps done and time after the first chunk, which also warms up
        self._last_update = -math.inf
        self._printed = 0  # characters on the line that is being rewritten

    def update(self, done: int, logs: Mapping[str, float] | None = None) -> None:
        """Shows that `done` steps are done, at most every 50 ms."""
        now = time.perf_counter()
        self._done = done
        if self._first is None:
            self._first = (done, now)
        if not self._rewrites or now - self._last_update < _SECONDS_BETWEEN_UPDATES:
            return
        self._last_update = now
        if self._total is None:
            timing = f"{now - self._start:.0f}s"
        else:
            timing = _clock(self._seconds_a_step(done, now) * (self._total - done))
        self._show(self._line(done, f"{timing} {self._pace(done, now)}", logs or {}, self._columns - 1))

    def finish(self, logs: Mapping[str, float] | None = None) -> None:
        """Shows the last numbers and ends the line."""
        now = time.perf_counter()
        if self._verbose == 0:
            return
        if self._total is None:
            self._total = self._done
        seconds, pace = f"{now - self._start:.0f}s", self._pace(self._total, now)
        if self._verbose == 2:
            write(self._stream, f"{self._total}/{self._total} - {seconds} - {pace}{_numbers(logs or {})}\n")
            return
        self._show(self._line(self._total, f"{seconds} {pace}", logs or {}, sys.maxsize))
        self.close()
        if not self._rewrites:
            write(self._stream, "\n")

    def close(self) -> None:
        """Ends a line that is being rewritten."""
        if self._rewrites and self._printed:
            write(self._stream, "\n")
        self._printed = 0

    def _show(self, line: str) -> None:
        visible = len(line)
        for code in (_BOLD, _GREEN, _WHITE, _END):
            visible -= line.count(code) * len(code)
        rest = " " * (self._printed - visible)
        write(self._stream, f"\r{line}{rest}" if self._rewrites else line)
        self._printed = visible

    def _line(self, done: int, timing: str, logs: Mapping[str, float], columns: int) -> str:
        if self._total is None:
            return f"{done:7d}/Unknown {timing}{_numbers(logs)}"[:columns]
        count = f"{done:{len(str(self._total))}d}/{self._total}"
        width = _ASCII_WIDTH if self._ascii else _WIDTH
        filled = width * done // self._total
        if self._ascii:
            arrow = "" if filled == width else ">"
            bar = f"[{('=' * filled)[len(arrow) :]}{arrow}".ljust(width + 1, ".") + "]"
        else:
            bar = "━" * width
        # A line that wraps could not be rewritten.
        info = f" {timing}{_numbers(logs)}"[: max(0, columns - len(count) - 1 - len(bar))]
        if self._colours:
            count = f"{_BOLD}{count}{_END}"
            bar = f"{_GREEN}{bar[:filled]}{_END}{_WHITE}{bar[filled:]}{_END}"
        return f"{count} {bar}{info}"

    def _seconds_a_step(self, done: int, now: float) -> float:
        if self._first is not None and done > self._first[0]:
            steps, since = self._first
            return (now - since) / (done - steps)
        return (now - self._start) / max(1, done)

    def _pace(self, done: int, now: float) -> str:
        seconds = self._seconds_a_step(done, now)
        if seconds >= 1 or seconds == 0:
            return f"{seconds:.0f}s/step"
        if seconds >= 1e-3:
            return f"{seconds * 1e3:.0f}ms/step"
        return f"{seconds * 1e6:.0f}{'us' if self._ascii else 'µs'}/step"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole >= 60 else f"{whole}s"


def _numbers(logs: Mapping[str, float]) -> str:
    return "".join(
        f" - {name}: {value:.4f}" if abs(value) > 1e-3 else f" - {name}: {value:.4e}" for name, value in logs.items()
    )
