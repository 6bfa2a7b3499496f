"""What the tests of pictures share."""

from __future__ import annotations

from typing import Any

import pytest

from pyconvnet.plot import style

LANGUAGES = ["korean", "english"]


def speak(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are labelled in this language; skips the test where it cannot be drawn."""
    pytest.importorskip("matplotlib")
    if language == "english":
        monkeypatch.setattr(style, "korean_font", lambda: None)
    elif style.korean_font() is None:
        pytest.skip("no Korean font on this machine")


def assert_nothing_is_cut(figure: Any) -> None:
    """Every text lies inside the picture and over no other text."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    FigureCanvasAgg(figure).draw()
    around = figure.get_tightbbox()  # in inches, of all that is drawn
    width, height = figure.get_size_inches()
    assert around.x0 >= 0 and around.y0 >= 0 and around.x1 <= width and around.y1 <= height
    both = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    ticks = {text for axis in both for text in axis.findobj(Text)} - {axis.label for axis in both}
    shown = [text for text in figure.findobj(Text) if text.get_text().strip() and text not in ticks]
    boxes = [text.get_window_extent() for text in shown]
    for i, box in enumerate(boxes):
        assert not [shown[j] for j in range(i) if box.overlaps(boxes[j])], shown[i]
