"""Why L1 makes weights exactly 0 and L2 only small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pyconvnet.ops._check import integer, real

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def decay(
    weight: float, *, l1: float = 0.0, l2: float = 0.0, rate: float = 0.1, steps: int = 50
) -> NDArray[np.float64]:
    """What gradient descent on a penalty alone does to one weight.

    L2's gradient 2 l2 w takes the same share at every step, so the weight becomes small and never 0; L1's gradient
    l1 sign(w) takes the same amount, so the weight is 0 after a while and stays there.

    Args:
        weight: where it begins.
        l1, l2: factors of the penalties, at least 0.
        rate: the learning rate, above 0, with 2 rate l2 below 1.
        steps: how many.

    Returns:
        float64 [steps + 1], the first is `weight`.

    Raises:
        ValueError, TypeError: no such numbers.

    Example:
        >>> decay(1.0, l2=2.5, steps=3)
        array([1.   , 0.5  , 0.25 , 0.125])
        >>> decay(1.0, l1=4.0, steps=3).round(6)
        array([1. , 0.6, 0.2, 0. ])
    """
    who = "decay"
    l1, l2, rate = (real(who, n, v, minimum=0) for n, v in (("l1", l1), ("l2", l2), ("rate", rate)))
    if rate == 0 or 2 * rate * l2 >= 1:
        raise ValueError(f"{who}: rate must be above 0 and 2 * rate * l2 below 1, got rate {rate:g} and l2 {l2:g}")
    path = [real(who, "weight", weight)]
    for _ in range(integer(who, "steps", steps)):
        shrunk = path[-1] * (1 - 2 * rate * l2)
        # A step that would pass 0 ends there.
        path.append(float(np.sign(shrunk)) * max(abs(shrunk) - rate * l1, 0.0))
    return np.array(path)


def decay_picture(
    weight: float = 1.0, *, l1: float = 0.4, l2: float = 0.4, rate: float = 0.1, steps: int = 50
) -> Figure:
    """The way of one weight under each of the two penalties.

    Args:
        weight, l1, l2, rate, steps: as for `decay`.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it.

    Raises:
        ImportError: matplotlib is missing.
        ValueError, TypeError: as `decay`.

    Example:
        >>> decay_picture().savefig("decay.png")  # doctest: +SKIP
    """
    from pyconvnet.plot import style

    ways = {
        "L1": decay(weight, l1=l1, rate=rate, steps=steps),
        "L2": decay(weight, l2=l2, rate=rate, steps=steps),
    }
    style.import_matplotlib()
    with style.applied():
        figure = style.new_figure(5.6, 3.4)
        axes = figure.subplots()
        for (name, way), colour in zip(ways.items(), (style.VALIDATION, style.TRAINING), strict=True):
            axes.plot(way, color=colour, linewidth=2, label=f"{name} ({l1 if name == 'L1' else l2:g})")
        axes.axhline(0.0, color=style.QUIET, linewidth=1)
        axes.set_xlabel(style.word("step"))
        axes.set_ylabel(style.word("weight"))
        axes.legend()
    return figure
