"""What filters find in small drawings of digits: the lecture's principle of feature extraction.

Each filter is a stroke. It is slid over the digit, a bias of -1 is added, ReLU drops what is below zero, and max
pooling over the whole map leaves one number: how much of the stroke was found at the best place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet._suggest import unknown
from pyconvnet.edu._check import number_table
from pyconvnet.edu._grid import draw_grid
from pyconvnet.edu.filters import conv2d_simple
from pyconvnet.ops._check import real

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Table = NDArray[np.float64]


def _drawn(*rows: str) -> Table:
    table = np.array([[float(cell == "#") for cell in row] for row in rows])
    table.setflags(write=False)
    return table


# These tables are functions' defaults, so that nobody may change them.
# The lecture's own drawings did not survive. There is room on every side: a filter's middle never reaches the edge.
DIGITS: Mapping[int, Table] = MappingProxyType(
    {
        1: _drawn(".......", "...#...", "..##...", "...#...", "...#...", "...#...", "..###..", "......."),
        2: _drawn(".......", "..###..", ".#...#.", "....#..", "...#...", "..#....", ".#####.", "......."),
        3: _drawn(".......", ".####..", ".....#.", "..###..", ".....#.", ".....#.", ".####..", "......."),
    }
)

STROKES: Mapping[str, Table] = MappingProxyType(
    {
        "horizontal": _drawn("...", "###", "..."),
        "diagonal": _drawn("..#", ".#.", "#.."),
        "vertical": _drawn(".#.", ".#.", ".#."),
    }
)

_FALLING = _drawn("#..", ".#.", "..#")
# Five for each digit of the exercise: the strokes, the other diagonal, and a piece of the digit itself.
FIVE_FILTERS: Mapping[int, Mapping[str, Table]] = MappingProxyType(
    {
        3: MappingProxyType({**STROKES, "falling": _FALLING, "bow": _drawn("##.", "..#", "##.")}),
        1: MappingProxyType({**STROKES, "falling": _FALLING, "flag": _drawn(".#.", "##.", ".#.")}),
    }
)


@dataclass(frozen=True)
class Feature:
    """What one filter finds.

    Attributes:
        name: of the filter.
        filter: [3, 3].
        feature_map: the convolution and the bias.
        activated: ReLU of it.
        pooled: its largest number.
    """

    name: str
    filter: Table
    feature_map: Table
    activated: Table
    pooled: float


@dataclass(frozen=True)
class FilterScore:
    """How well a filter tells a digit from the others.

    Attributes:
        feature: what it finds in the digit.
        found: the share of the filter's stroke that is found at the best place, 1.0 if all of it.
        elsewhere: the same in that other digit where it is largest.
        margin: `found` less `elsewhere`.
    """

    feature: Feature
    found: float
    elsewhere: float
    margin: float


def digit_features(
    image: ArrayLike = DIGITS[2], filters: Mapping[str, ArrayLike] = STROKES, *, bias: float = -1.0
) -> list[Feature]:
    """Convolution, bias, ReLU and max pooling to one value, for each filter.

    Args:
        image: [h, w], ink 1 and paper 0; by default the digit 2.
        filters: square tables by name.
        bias: added to every cell of the feature map.

    Returns:
        A feature for each filter, in their order.

    Raises:
        ValueError, TypeError: no tables, a filter that is not square or larger than the image.

    Example:
        >>> [(feature.name, feature.pooled) for feature in digit_features()]
        [('horizontal', 2.0), ('diagonal', 2.0), ('vertical', 1.0)]

    Source: the lecture's extraction of the features of the digit 2; stride 1, no padding, bias -1.
    """
    who = "digit_features"
    bias = real(who, "bias", bias)
    found = []
    for name, given in filters.items():
        weights = number_table(who, f"filter '{name}'", given)
        feature_map = conv2d_simple(image, weights, len(weights)) + bias
        activated = np.maximum(feature_map, 0.0)
        found.append(Feature(name, weights, feature_map, activated, float(activated.max())))
    return found


def compare_filters(digit: int, filters: Mapping[str, ArrayLike] | None = None) -> list[FilterScore]:
    """Which filter extracts the feature of a digit best: the one that finds its stroke there and in no other digit.

    Args:
        digit: 1, 2 or 3, one of `DIGITS`.
        filters: drawn with 0 and 1, by name, each with at least two cells of ink; `FIVE_FILTERS[digit]` if None.

    Returns:
        A score for each filter, the best first; of equal ones that which finds more in the digit altogether.

    Raises:
        ValueError, TypeError: another digit, filters that are no such drawings.

    Example:
        >>> [(score.feature.name, score.margin) for score in compare_filters(3)][:2]
        [('bow', 0.25), ('horizontal', 0.0)]
        >>> compare_filters(1)[0].feature.name
        'vertical'

    Source: the lecture's example 1 of feature extraction: at least five filters for the digits 3 and 1.
    """
    who = "compare_filters"
    if not isinstance(digit, (int, np.integer)) or digit not in DIGITS:
        raise ValueError(unknown(who, "digit", digit, [str(known) for known in DIGITS]))
    if filters is None and digit not in FIVE_FILTERS:
        raise ValueError(
            f"{who}: there are five filters for {', '.join(map(str, FIVE_FILTERS))}; pass filters for {digit}"
        )
    scores = []
    for name, given in (FIVE_FILTERS[digit] if filters is None else filters).items():
        weights = number_table(who, f"filter '{name}'", given)
        if not np.isin(weights, (0, 1)).all() or weights.sum() < 2:
            raise ValueError(f"{who}: filter '{name}' must be drawn with 0 and 1 and have at least two cells of 1")
        whole = float(weights.sum()) - 1.0  # with the bias of -1
        features = {other: digit_features(image, {name: weights})[0] for other, image in DIGITS.items()}
        found = features[digit].pooled / whole
        elsewhere = max(feature.pooled / whole for other, feature in features.items() if other != digit)
        scores.append(FilterScore(features[digit], found, elsewhere, found - elsewhere))
    return sorted(scores, key=lambda score: (-score.margin, -score.feature.activated.sum()))


def digit_features_picture(
    image: ArrayLike = DIGITS[2], filters: Mapping[str, ArrayLike] = STROKES, *, bias: float = -1.0
) -> Figure:
    """A row for each filter: the digit, the filter, the feature map, its ReLU, and the pooled value.

    Args:
        image, filters, bias: as for `digit_features`.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it.

    Raises:
        ImportError: matplotlib is missing.
        ValueError, TypeError: as `digit_features`; no filters.

    Example:
        >>> digit_features_picture().savefig("features.png")  # doctest: +SKIP
    """
    from pyconvnet.plot import style

    features = digit_features(image, filters, bias=bias)
    if not features:
        raise ValueError("digit_features_picture: filters must not be empty")
    cells = number_table("digit_features_picture", "image", image)
    style.import_matplotlib()
    with style.applied():
        figure = style.new_figure(10.6, 2.5 * len(features) + 0.3)
        grid = figure.subplots(len(features), 5, width_ratios=(7, 3, 5, 5, 2.4), squeeze=False)
        for i, (feature, axes) in enumerate(zip(features, grid, strict=True)):
            best = np.unravel_index(int(feature.activated.argmax()), feature.activated.shape)
            place = (int(best[0]), int(best[1]))
            heads = [style.word("input"), style.word(feature.name)]
            heads += [f"{style.word('feature map')} ({style.word('bias')} {bias:g})", "ReLU", style.word("max pooling")]
            window = (*place, *feature.filter.shape)
            for axis, values, frame, head in (
                (axes[0], cells, window, heads[0] if i == 0 else None),
                (axes[1], feature.filter, None, heads[1]),
                (axes[2], feature.feature_map, (*place, 1, 1), heads[2] if i == 0 else None),
                (axes[3], feature.activated, (*place, 1, 1), heads[3] if i == 0 else None),
                (axes[4], np.array([[feature.pooled]]), None, heads[4] if i == 0 else None),
            ):
                draw_grid(axis, values, size=8, window=frame, title=head)
    return figure


def compare_filters_picture(digit: int, filters: Mapping[str, ArrayLike] | None = None) -> Figure:
    """The digit, the filters from the best to the worst, and the share of each that is found there and elsewhere.

    Args:
        digit, filters: as for `compare_filters`.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it.

    Raises:
        ImportError: matplotlib is missing.
        ValueError, TypeError: as `compare_filters`.

    Example:
        >>> compare_filters_picture(3).savefig("filters_of_3.png")  # doctest: +SKIP
    """
    from pyconvnet.plot import style

    scores = compare_filters(digit, filters)
    style.import_matplotlib()
    with style.applied():
        figure = style.new_figure(2.2 + 1.7 * len(scores), 4.6)
        grid = figure.subplot_mosaic(
            [["digit", *(f"filter {i}" for i in range(len(scores)))], ["digit", *["bars"] * len(scores)]],
            width_ratios=[1.7, *[1.0] * len(scores)],
            height_ratios=(1, 1.4),
        )
        draw_grid(grid["digit"], DIGITS[digit], size=8, title=str(digit))
        for i, score in enumerate(scores):
            draw_grid(grid[f"filter {i}"], score.feature.filter, size=8, title=style.word(score.feature.name))
        _draw_bars(grid["bars"], digit, scores)
    return figure


def _draw_bars(axes: Any, digit: int, scores: list[FilterScore]) -> None:
    from pyconvnet.plot import style

    places = np.arange(len(scores))
    shown = (f"{style.word('found in')} {digit}", style.word("found elsewhere"))
    axes.bar(places - 0.2, [score.found for score in scores], 0.38, color=style.TRAINING, label=shown[0])
    axes.bar(places + 0.2, [score.elsewhere for score in scores], 0.38, color="#cbd5e1", label=shown[1])
    axes.set_xticks(places, [style.word(score.feature.name) for score in scores])
    axes.set_xlim(-0.6, len(scores) - 0.4)
    axes.set_ylim(0, 1.35)
    axes.legend(loc="upper right", ncols=2)
