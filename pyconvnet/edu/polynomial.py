"""Too many weights: a polynomial of degree 12 through 20 noisy points, and what L1 and L2 penalties do to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconvnet.edu._check import number_row
from pyconvnet.ops._check import integer, real

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]

DEGREE, POINTS = 12, 20
L1, L2 = 1e-3, 1e-4  # what `polynomial_study` draws with

_MOST_TURNS = 1000  # to find the weights that are not 0; a few more than there are is enough
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Polynomial:
    """A polynomial that was fitted to points.

    Attributes:
        weights: of x to the power of 0, 1, 2, ...
        l1, l2: the factors of the penalties that it was fitted with.
    """

    weights: FloatArray
    l1: float
    l2: float

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Its values."""
        return np.asarray(np.polynomial.polynomial.polyval(np.asarray(x, np.float64), self.weights), np.float64)

    @property
    def largest(self) -> float:
        """The largest weight without its sign; that of x to the power of 0 does not count."""
        return float(np.abs(self.weights[1:]).max())

    @property
    def zeros(self) -> int:
        """How many weights are exactly 0."""
        return int((self.weights[1:] == 0).sum())


@dataclass(frozen=True)
class PolynomialStudy:
    """The same points with and without penalties.

    Attributes:
        x, y: the points, y with noise.
        fits: by name: "no penalty", "L2" and "L1".
        training_error: mean squared distance from the points, by name.
        true_error: mean squared distance from the curve that the points were drawn from, by name.
    """

    x: FloatArray
    y: FloatArray
    fits: Mapping[str, Polynomial]
    training_error: Mapping[str, float]
    true_error: Mapping[str, float]


def true_curve(x: ArrayLike) -> FloatArray:
    """What `polynomial_points` adds noise to: sin(2 pi x)."""
    return np.sin(2 * np.pi * np.asarray(x, np.float64))


def polynomial_points(count: int = POINTS, noise: float = 0.25, seed: int = 3) -> tuple[FloatArray, FloatArray]:
    """Points of a smooth curve with noise.

    Args:
        count: how many, at equal distances from 0 to 1.
        noise: standard deviation of what is added to y.
        seed: of the noise.

    Returns:
        x and y, float64 [count].

    Raises:
        ValueError, TypeError: no such numbers.
    """
    who = "polynomial_points"
    count, noise = integer(who, "count", count), real(who, "noise", noise, minimum=0)
    x = np.linspace(0.0, 1.0, count)
    random = np.random.default_rng(integer(who, "seed", seed, minimum=0))
    return x, true_curve(x) + noise * random.standard_normal(count)


def fit_polynomial(x: ArrayLike, y: ArrayLike, degree: int = DEGREE, *, l1: float = 0.0, l2: float = 0.0) -> Polynomial:
    """The polynomial with the smallest mean((y - p(x))^2) + l1 sum|w| + l2 sum(w^2).

    The penalties are those of `pyconvnet.regularizers`; the weight of x to the power of 0 has none, like a bias.

    Args:
        x, y: the points, [n] numbers each.
        degree: the highest power.
        l1, l2: factors of the penalties, at least 0.

    Returns:
        The polynomial.

    Raises:
        ValueError, TypeError: rows that do not fit, factors below 0.

    Example:
        >>> line = fit_polynomial([0, 1, 2], [1, 3, 5], degree=1)
        >>> line.weights.round(6).tolist(), line(10).round(6).item()
        ([1.0, 2.0], 21.0)

    Source: the lecture's lasso (L1) and ridge (L2) regularization.
    """
    who = "fit_polynomial"
    rows, values = number_row(who, "x", x), number_row(who, "y", y)
    if rows.shape != values.shape:
        raise ValueError(f"{who}: x and y must have the same length, got {len(rows)} and {len(values)}")
    degree = integer(who, "degree", degree)
    l1, l2 = real(who, "l1", l1, minimum=0), real(who, "l2", l2, minimum=0)
    powers = rows[:, None] ** np.arange(1, degree + 1)
    # Without a penalty on it, the constant is what makes the means agree.
    centred, target = powers - powers.mean(axis=0), values - values.mean()
    if l1:
        weights = _lasso(centred, target, l1, l2)
    else:
        # Ridge is least squares with a row more for each weight.
        more = np.sqrt(l2 * len(rows)) * np.eye(degree)
        weights = np.linalg.lstsq(np.vstack([centred, more]), np.append(target, np.zeros(degree)), rcond=None)[0]
    return Polynomial(np.append(values.mean() - powers.mean(axis=0) @ weights, weights), l1, l2)


def _lasso(centred: FloatArray, target: FloatArray, l1: float, l2: float) -> FloatArray:
    """The weights where no pull of the error exceeds that of the penalty: one weight more at a time leaves zero.

    A weight that would change its sign on the way becomes zero again, as in Lawson and Hanson's least squares.
    """
    n, count = centred.shape
    products = centred.T @ centred / n + l2 * np.eye(count)
    wanted = centred.T @ target / n
    weights, sign = np.zeros(count), np.zeros(count)
    for _ in range(_MOST_TURNS):
        pull = np.where(sign == 0, wanted - products @ weights, 0.0)
        next_one = int(np.abs(pull).argmax())
        if 2 * abs(pull[next_one]) <= l1 * (1 + _ROUNDING):
            break
        sign[next_one] = np.sign(pull[next_one])
        while True:
            used = sign != 0
            best = np.zeros(count)
            best[used] = np.linalg.solve(products[np.ix_(used, used)], (wanted - l1 / 2 * sign)[used])
            turned = used & (best * sign <= 0)
            if not turned.any():
                weights = best
                break
            reach = np.full(count, np.inf)
            reach[turned] = weights[turned] / (weights[turned] - best[turned])
            first = int(reach.argmin())
            weights = weights + reach[first] * (best - weights)
            weights[first] = sign[first] = 0.0
    return weights


def polynomial_study(seed: int = 3) -> PolynomialStudy:
    """Degree 12 through 20 points, three times: without a penalty, with L2, with L1.

    Without a penalty the polynomial learns the noise, and its weights run into the millions, as the printed
    1005.7 x^12 - 27774.4 x^11 + ... - 22852612.5 x - 12.8 of the lecture (whose points did not survive). L2 makes all
    weights small; L1 makes most of them exactly 0. With nearly every seed both lie nearer to the curve that the points
    come from.

    Args:
        seed: of the noise.

    Returns:
        The points, the fits and their errors.

    Example:
        >>> study = polynomial_study()
        >>> for name, fit in study.fits.items():
        ...     print(f"{name:10} {fit.largest:8.3g}, {fit.zeros} zeros, error {study.true_error[name]:.3f}")
        no penalty 2.47e+07, 0 zeros, error 0.064
        L2              6.2, 0 zeros, error 0.016
        L1             12.4, 7 zeros, error 0.015

    Source: the lecture's chapter on weight decay.
    """
    x, y = polynomial_points(seed=seed)
    fits = {"no penalty": fit_polynomial(x, y), "L2": fit_polynomial(x, y, l2=L2), "L1": fit_polynomial(x, y, l1=L1)}
    between = np.linspace(0.0, 1.0, 1001)
    training = {name: float(np.mean((fit(x) - y) ** 2)) for name, fit in fits.items()}
    true = {name: float(np.mean((fit(between) - true_curve(between)) ** 2)) for name, fit in fits.items()}
    return PolynomialStudy(x, y, fits, training, true)


def polynomial_picture(study: PolynomialStudy | None = None) -> Figure:
    """The three curves through the points, and below them their weights without their signs.

    Args:
        study: what `polynomial_study` answers; that of the default seed if None.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it.

    Raises:
        ImportError: matplotlib is missing.

    Example:
        >>> polynomial_picture().savefig("polynomial.png")  # doctest: +SKIP
    """
    from pyconvnet.plot import style

    study = polynomial_study() if study is None else study
    style.import_matplotlib()
    with style.applied():
        figure = style.new_figure(11.0, 5.6)
        grid = figure.subplots(2, len(study.fits), sharex="row", sharey="row", height_ratios=(1.5, 1))
        for axes, (name, fit) in zip(grid.T, study.fits.items(), strict=True):
            axes[0].set_title(f"{style.word(name)}  ·  {style.word('error')} {study.true_error[name]:.3f}")
            _draw_curves(axes[0], study, fit)
            _draw_weights(axes[1], fit)
        grid[0][0].legend(loc="lower left")
        grid[1][0].set_ylabel(style.word("size of the weight"))
    return figure


def _draw_curves(axes: Any, study: PolynomialStudy, fit: Polynomial) -> None:
    from pyconvnet.plot import style

    x = np.linspace(0.0, 1.0, 1001)
    axes.plot(x, true_curve(x), "--", color=style.QUIET, linewidth=1.2, label=style.word("true curve"))
    axes.plot(x, fit(x), color=style.TRAINING, linewidth=2, label=style.word("polynomial"))
    axes.plot(study.x, study.y, "o", color=style.VALIDATION, markersize=4.5, label=style.word("points"))
    axes.set_ylim(-2.2, 2.2)


def _draw_weights(axes: Any, fit: Polynomial) -> None:
    from pyconvnet.plot import style

    powers = np.arange(1, len(fit.weights))
    axes.bar(powers, np.abs(fit.weights[1:]), color=style.TRAINING)
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_yticks([0, 1, 1e2, 1e4, 1e6, 1e8])
    axes.set_xticks(powers, [f"$x^{{{power}}}$" for power in powers])
    axes.set_title(f"{style.word('largest')} {fit.largest:,.1f}  ·  {style.word('exactly 0')}: {fit.zeros}")
