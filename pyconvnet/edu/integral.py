"""The convolution of two functions, and the correlation that deep learning calls by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.edu._check import number_row
from pyconvnet.ops._check import real

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Function = Callable[[NDArray[np.float64]], ArrayLike]

_PIECES, _POINTS = 1200, 8


def ramp(x: ArrayLike) -> NDArray[np.float64]:
    """The lecture's f(x) = x, from 0 to 3 and 0 elsewhere.

    Example:
        >>> ramp([-1, 0, 2, 4])
        array([0., 0., 2., 0.])
    """
    values = np.asarray(x, np.float64)
    return np.where((values >= 0) & (values <= 3), values, 0.0)


def convolution_integral(f: Function, g: Function, t: float, low: float, high: float) -> float:
    """The convolution of two functions at time t: the integral of f(x) g(t - x) over x.

    Args:
        f, g: functions of an array of numbers that answer an array of the same shape.
        t: the time.
        low, high: where the integral begins and ends; f must be 0 outside, for the whole integral.

    Returns:
        The number. Polynomials of degrees up to 15 together are exact but for rounding, also in pieces that end at
        multiples of (high - low) / 1200.

    Raises:
        ValueError, TypeError: no finite numbers, low not below high, a function that answers another shape.

    Example:
        >>> [round(convolution_integral(ramp, ramp, t, 0, 3), 6) for t in (0, 1, 2)]
        [0.0, 0.166667, 1.333333]

    Source: the first integral of the lecture; Gauss and Legendre's rule on equal pieces.
    """
    return _integral("convolution_integral", f, lambda x: g(t - x), t, low, high)


def correlation_integral(f: Function, g: Function, t: float, low: float, high: float) -> float:
    """The correlation of two functions at time t: the integral of f(x) g(x - t) over x.

    This is the second integral of the lecture, which writes it as equal to the first. It is not: g slides over f
    without being turned round, as a filter does in a convolution layer. Both agree where g(-x) = g(x).

    Args:
        f, g, t, low, high: as for `convolution_integral`.

    Returns:
        The number.

    Raises:
        ValueError, TypeError: as `convolution_integral`.

    Example:
        >>> [round(correlation_integral(ramp, ramp, t, 0, 3), 6) for t in (0, 1, 2)]
        [9.0, 4.666667, 1.333333]
        >>> even = lambda x: x**2
        >>> correlation_integral(ramp, even, 1, 0, 3) == convolution_integral(ramp, even, 1, 0, 3)
        True
    """
    return _integral("correlation_integral", f, lambda x: g(x - t), t, low, high)


def _integral(who: str, f: Function, shifted: Function, t: float, low: float, high: float) -> float:
    t, low, high = real(who, "t", t), real(who, "low", low), real(who, "high", high)
    if low >= high:
        raise ValueError(f"{who}: low must be below high, got {low:g} and {high:g}")
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    half = (high - low) / _PIECES / 2
    middles = low + half * (2 * np.arange(_PIECES) + 1)
    x = (middles[:, None] + half * points).ravel()
    product = _values(who, "f", f, x) * _values(who, "g", shifted, x)
    return float(half * (product.reshape(_PIECES, _POINTS) @ weights).sum())


def _values(who: str, name: str, function: Function, x: NDArray[np.float64]) -> NDArray[np.float64]:
    values = number_row(who, f"the answer of {name}", function(x))
    if values.shape != x.shape:
        raise ValueError(f"{who}: {name} must answer a number for each of {len(x)} numbers, got {len(values)}")
    return values


def integral_picture(
    f: Function = ramp,
    g: Function = ramp,
    times: Sequence[float] = (0.0, 1.0, 2.0),
    low: float = 0.0,
    high: float = 3.0,
) -> Figure:
    """The convolution above and the correlation below, a column for each time; the area is the integral.

    Args:
        f, g, low, high: as for `convolution_integral`.
        times: up to six.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it.

    Raises:
        ImportError: matplotlib is missing.
        ValueError, TypeError: as `convolution_integral`; no times or too many.

    Example:
        >>> integral_picture().savefig("integral.png")  # doctest: +SKIP
    """
    from pyconvnet.plot import style

    if not 1 <= len(times) <= 6:
        raise ValueError(f"integral_picture: times must be 1 to 6 numbers, got {len(times)}")
    kinds: list[tuple[str, Any, Any]] = [
        ("convolution", convolution_integral, lambda x, t: g(t - x)),
        ("correlation", correlation_integral, lambda x, t: g(x - t)),
    ]
    numbers = [[integral(f, g, t, low, high) for t in times] for _, integral, _ in kinds]
    style.import_matplotlib()
    x = np.linspace(low - 1, high + 1, 801)
    first = number_row("integral_picture", "the answer of f", f(x))
    with style.applied():
        figure = style.new_figure(3.2 * len(times) + 0.6, 5.2)
        grid = figure.subplots(2, len(times), sharex=True, sharey=True, squeeze=False)
        for (name, _, shifted), row, answers in zip(kinds, grid, numbers, strict=True):
            for axes, t, answer in zip(row, times, answers, strict=True):
                second = number_row("integral_picture", "the answer of g", shifted(x, t))
                _panel(axes, x, first, second, (low, high))
                axes.set_title(f"{style.word(name)}  t = {t:g}:  {answer:.4g}")
        for axes in grid[1]:
            axes.set_xlabel("x")
        labels = (("g(t - x)", grid[0][0]), ("g(x - t)", grid[1][0]))
        for label, axes in labels:
            axes.lines[1].set_label(label)
            axes.legend(loc="upper left")
    return figure


def _panel(axes: Any, x: Any, first: Any, second: Any, limits: tuple[float, float]) -> None:
    from pyconvnet.plot import style

    inside = (x >= limits[0]) & (x <= limits[1])
    axes.plot(x, first, color=style.TRAINING, linewidth=2, label="f(x)")
    axes.plot(x, second, "--", color=style.VALIDATION, linewidth=2)
    axes.fill_between(x, first * second, where=inside, color=style.RIGHT, alpha=0.25, linewidth=0, label="f · g")
