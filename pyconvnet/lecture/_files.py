"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file beside `path` to be filled, which then takes its place at once; after an error nothing is left of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # same suffix, since matplotlib chooses the format by it
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a whole text file, in UTF-8."""
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")
