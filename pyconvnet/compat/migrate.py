"""Which lines of a script or a notebook today's Keras 3 and NumPy 2 reject, and what to write instead."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyconvnet.compat.migrate_rules import Visitor

_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # all of which ast.parse raises


@dataclass(frozen=True)
class Finding:
    """A line to mend.

    Attributes:
        place: such as "cell 3, line 2" (cells of all kinds, and lines, count from 1) or "line 12".
        source: the line.
        what: what is wrong with it.
        mend: what to write instead.
    """

    place: str
    source: str
    what: str
    mend: str


def findings(path: str | os.PathLike[str]) -> list[Finding]:
    """The lines of a notebook (.ipynb) or a script that Keras 3 or NumPy 2 rejects, in order.

    The code is parsed, never run. What a name stands for is followed through imports and assignments only.

    Raises:
        OSError: the file cannot be read.
        ValueError: an .ipynb file that is no notebook, or a script that is no text.
    """
    file = Path(path)
    visitor = Visitor()
    found = []
    for cell, source in _parts(file):
        lines = source.splitlines()
        for line, what, mend in _of_part(visitor, source):
            place = f"line {line}" if cell is None else f"cell {cell}, line {line}"
            shown = lines[line - 1].strip() if line <= len(lines) else ""
            found.append(Finding(place, shown, what, mend))
    return found


def _of_part(visitor: Visitor, source: str) -> list[tuple[int, str, str]]:
    try:
        tree = ast.parse(source)
    except _UNREADABLE:
        try:
            tree = ast.parse(_without_magics(source))
        except _UNREADABLE as error:
            line = getattr(error, "lineno", None) or 1
            return [(line, f"Python cannot read it: {getattr(error, 'msg', error)}", "correct it; no rule was applied")]
    return visitor.look_at(tree)


def _parts(file: Path) -> Sequence[tuple[int | None, str]]:
    """The code of a script, or of each cell with its number."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix != ".ipynb":
            return [(None, text)]
        notebook = json.loads(text)
        # format 3 keeps its cells in worksheets
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        code = [
            (number, "".join(cell.get("source", cell.get("input", ""))))
            for number, cell in enumerate(cells, 1)
            if cell["cell_type"] == "code"
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"migrate: {file} is no notebook or script ({type(error).__name__}: {error})") from error
    return code


# %magic, !command, ?name, name = %magic, name = !command, name? and name??
_MAGIC = re.compile(r"""^(\s*)(?:[%!?]|[\w.,()\[\]'"\s]+=\s*[%!]|[\w.*\[\]]+\?\??\s*$)""")
# cell magics whose cell is Python
_PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun")


def _without_magics(source: str) -> str:
    """IPython's own lines replaced by `pass`, so that all others keep their numbers."""
    first = source.lstrip().split(maxsplit=1)[:1]
    if first and first[0].startswith("%%") and first[0] not in _PYTHON_CELLS:
        return ""
    lines, goes_on = [], False
    for line in source.splitlines():
        magic = None if goes_on else _MAGIC.match(line)
        lines.append(f"{magic.group(1)}pass" if magic else "" if goes_on else line)
        goes_on = (goes_on or magic is not None) and line.endswith("\\")
    return "\n".join(lines)
