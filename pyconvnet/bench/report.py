"""Tables and files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyconvnet._whole_file import whole_file

Row = Sequence[str]


def text_table(head: Row, rows: Sequence[Row], left: int = 1) -> str:
    """Columns in line: the first `left` to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [
            f"{cell:<{w}}" if i < left else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown_table(head: Row, rows: Sequence[Row], left: int = 1) -> str:
    """The same as Markdown."""
    rule = ["---" if i < left else "---:" for i in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a file as a whole or not at all."""
    with whole_file("bench", path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Writes a dictionary as JSON, as a whole or not at all."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def check_folder(option: str, path: str | None) -> None:
    """A long run should not end with a file that cannot be written.

    Raises:
        ValueError: the folder is not there.
    """
    if path is not None and not Path(path).absolute().parent.is_dir():
        raise ValueError(f"{option}: the folder of {path!r} does not exist; make it first")


def progress(line: str) -> None:
    """One line to stderr, so that stdout holds the result alone."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
