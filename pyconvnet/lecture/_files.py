"""Files that appear whole or not at all, in folders that are made for them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from pyconvnet import _whole_file


def whole_file(path: Path) -> AbstractContextManager[Path]:
    """A file beside `path` to be filled, which then takes its place at once; after an error nothing is left of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return _whole_file.whole_file("lecture", path)


def write_text(path: Path, text: str) -> None:
    """Writes a whole text file, in UTF-8."""
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")
