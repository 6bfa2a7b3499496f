"""The figure that every picture is; it needs matplotlib, so that it is imported when one is drawn."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure

from pyconvnet.plot import style


class Picture(Figure):
    """A figure that needs no display and no pyplot, keeps its style, and shows itself in a notebook."""

    def draw(self, renderer: Any) -> None:
        """Draws in our style: tick labels are made while drawing."""
        with style.applied():
            super().draw(renderer)

    def savefig(self, fname: Any, **options: Any) -> None:
        """Writes a file in our style."""
        with style.applied():
            super().savefig(fname, **options)

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png")
        return stream.getvalue()
