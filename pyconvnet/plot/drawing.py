"""Shapes and texts in points, and the files they become: SVG without any library, PNG and PDF by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from pyconvnet.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

Point = tuple[float, float]
Step = tuple[str, tuple[Point, ...]]  # SVG's letters: M to a point, L a line, C a curve by three points, Z closes

_CORNER = 0.5523  # of a radius: where a curve's middle points make it a quarter of a circle
_MOST_PIXELS = 65_000  # a side, by matplotlib's Agg
_MOST_AREA = 100_000_000  # 400 MB while it is drawn


@dataclass(frozen=True)
class Outline:
    """Lines and curves; without `fill` or `stroke` nothing is drawn of it."""

    steps: Sequence[Step]
    fill: str | None = None
    stroke: str | None = None
    width: float = 1.0
    dashes: float = 0.0


@dataclass(frozen=True)
class Text:
    """A line of text; its place is the left or the middle of its base line."""

    text: str
    x: float
    y: float
    size: float
    colour: str
    bold: bool = False
    centred: bool = False


@dataclass
class Drawing:
    """What is drawn, the last on top. x goes to the right and y down, in points."""

    width: float
    height: float
    title: str
    items: list[Outline | Text] = field(default_factory=list)


def rounded(x: float, y: float, width: float, height: float, top: float, bottom: float) -> list[Step]:
    """A rectangle with round corners.

    Args:
        x, y: the upper left corner.
        width, height: its size.
        top, bottom: the radius of the corners there, 0 for none.
    """
    right, low = x + width, y + height
    t, b = top * (1 - _CORNER), bottom * (1 - _CORNER)
    return [
        ("M", ((x + top, y),)),
        ("L", ((right - top, y),)),
        ("C", ((right - t, y), (right, y + t), (right, y + top))),
        ("L", ((right, low - bottom),)),
        ("C", ((right, low - b), (right - b, low), (right - bottom, low))),
        ("L", ((x + bottom, low),)),
        ("C", ((x + b, low), (x, low - b), (x, low - bottom))),
        ("L", ((x, y + top),)),
        ("C", ((x, y + t), (x + t, y), (x + top, y))),
        ("Z", ()),
    ]


def svg(drawing: Drawing) -> str:
    """The drawing as an SVG document; one point is one of its pixels."""
    size = f'width="{_number(drawing.width)}" height="{_number(drawing.height)}"'
    box = f'viewBox="0 0 {_number(drawing.width)} {_number(drawing.height)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} '
        "font-family=\"Helvetica, Arial, NanumGothic, 'Malgun Gothic', 'DejaVu Sans', sans-serif\">",
        f"<title>{escape(drawing.title)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for item in drawing.items:
        lines.append(_svg_text(item) if isinstance(item, Text) else _svg_outline(item))
    return "\n".join([*lines, "</svg>", ""])


def _svg_outline(item: Outline) -> str:
    steps = "".join(letter + " ".join(f"{_number(x)},{_number(y)}" for x, y in points) for letter, points in item.steps)
    line = ""
    if item.stroke:
        line = f' stroke="{item.stroke}" stroke-width="{_number(item.width)}"'
        line += f' stroke-dasharray="{_number(item.dashes)}"' if item.dashes else ""
    return f'<path d="{steps}" fill="{item.fill or "none"}"{line}/>'


def _svg_text(item: Text) -> str:
    weight = ' font-weight="bold"' if item.bold else ""
    anchor = ' text-anchor="middle"' if item.centred else ""
    place = f'x="{_number(item.x)}" y="{_number(item.y)}" font-size="{_number(item.size)}"'
    return f'<text {place} fill="{item.colour}"{weight}{anchor}>{escape(item.text)}</text>'


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def figure(who: str, drawing: Drawing, dots_per_inch: float) -> Figure:
    """The drawing as a matplotlib figure of its size.

    Args:
        who: for messages.
        drawing: what is drawn.
        dots_per_inch: of the pixels that it will have.

    Raises:
        ImportError: matplotlib is missing.
        ValueError: it would have more pixels than matplotlib can draw.
    """
    scale = dots_per_inch / 72
    most = min(_MOST_PIXELS / max(drawing.width, drawing.height), (_MOST_AREA / drawing.width / drawing.height) ** 0.5)
    if scale > most:
        raise ValueError(
            f"{who}: the picture would have {drawing.width * scale:,.0f} x {drawing.height * scale:,.0f} pixels, more "
            f"than can be drawn; use a dpi of at most {int(most * 72)} or a file that ends in .svg"
        )
    style.import_matplotlib()
    with style.applied():
        made = style.new_figure(drawing.width / 72, drawing.height / 72)
        made.set_layout_engine("none")
        axes = made.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set_xlim(0, drawing.width)
        axes.set_ylim(drawing.height, 0)
        for i, item in enumerate(drawing.items):
            if isinstance(item, Text):
                place = "center" if item.centred else "left"
                weight = "bold" if item.bold else "normal"
                axes.text(
                    item.x,
                    item.y,
                    item.text,
                    fontsize=item.size,
                    color=item.colour,
                    fontweight=weight,
                    ha=place,
                    va="baseline",
                    zorder=i,
                    parse_math=False,
                )
            else:
                axes.add_patch(_patch(item, i))
    return made


def _patch(item: Outline, order: int) -> Patch:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    codes = {"M": [Path.MOVETO], "L": [Path.LINETO], "C": [Path.CURVE4] * 3, "Z": [Path.CLOSEPOLY]}
    points = [point for _, given in item.steps for point in (given or ((0.0, 0.0),))]
    return PathPatch(
        Path(points, [code for letter, _ in item.steps for code in codes[letter]]),
        facecolor=item.fill or "none",
        edgecolor=item.stroke or "none",
        linewidth=item.width,
        linestyle=(0, (item.dashes, item.dashes)) if item.dashes else "-",
        capstyle="round",
        joinstyle="round",
        zorder=order,
        clip_on=False,
    )
