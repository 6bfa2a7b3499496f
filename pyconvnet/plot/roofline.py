"""Which kernel calls wait for memory, and which for multiplications."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyconvnet.plan.profile import CallTime, Profile
from pyconvnet.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED = 6


def roofline(profile: Profile, *, title: str | None = None) -> Figure:
    """Draws the kernel calls of a step under the roof of the machine.

    Across: how much a call computes for each byte of its arrays. Up: how fast it computes. The roof is the lower of the
    bandwidth times the former and of the peak: ``min(peak, bandwidth * FLOP / byte)`` (Williams, Waterman and
    Patterson, Roofline, CACM 2009). A point's area is its share of the step; the longest calls are named. Calls that
    multiply nothing, such as pooling, are left out. A point may lie above the slope where its arrays stay in a cache,
    and above the peak where Winograd's algorithm multiplies less than is counted.

    Args:
        profile: from `model.profile(x, y)`.
        title: written above; the step's time if None.

    Returns:
        A matplotlib figure; ``.savefig(path)`` writes it. It needs no display.

    Raises:
        ImportError: matplotlib is missing.
        TypeError: not a profile.
        ValueError: none of its calls computes, or it ran on a GPU, whose roof is not measured.

    Example:
        >>> plot.roofline(model.profile(x, y))  # doctest: +SKIP
    """
    if not isinstance(profile, Profile):
        raise TypeError(f"plot.roofline: needs what model.profile(x, y) answers, got {type(profile).__name__}")
    if not math.isfinite(profile.peak):
        raise ValueError(f"plot.roofline: the roof of {profile.device} is not measured; draw a profile of device='cpu'")
    calls = sorted((call for call in profile.calls if call.flops > 0), key=lambda call: -call.seconds)
    if not calls:
        raise ValueError("plot.roofline: none of the calls of this profile computes anything that is counted")
    style.import_matplotlib()
    with style.applied():
        figure = style.new_figure(7.6, 4.8)
        axes = figure.subplots()
        _roof(axes, profile, calls)
        _points(axes, profile, calls)
        axes.set_xlabel("FLOP / byte")
        axes.set_ylabel("GFLOP/s")
        style.set_title(figure, title or f"{profile.mode}: {profile.seconds * 1e3:.2f} ms")
    return figure


def _intensity(call: CallTime) -> float:
    return call.flops / call.nbytes


def _roof(axes: Axes, profile: Profile, calls: list[CallTime]) -> None:
    reach = [_intensity(call) for call in calls] + [profile.peak / profile.bandwidth]
    across = np.geomspace(min(reach) / 3, max(reach) * 6, 200)
    axes.loglog(across, np.minimum(profile.peak, profile.bandwidth * across), color=style.QUIET, linewidth=1.4)
    for text, place in ((f"{profile.peak:,.0f} GFLOP/s", across[-1]), (f"{profile.bandwidth:.0f} GB/s", across[0])):
        left = place == across[0]
        height = min(profile.peak, profile.bandwidth * place)
        axes.annotate(
            text,
            (place, height),
            (4 if left else -4, 8 if left else 6),
            textcoords="offset points",
            ha="left" if left else "right",
            fontsize=9,
            color=style.QUIET,
        )


def _points(axes: Axes, profile: Profile, calls: list[CallTime]) -> None:
    shares = [call.seconds / profile.seconds for call in calls]
    axes.scatter(
        [_intensity(call) for call in calls],
        [call.gflops for call in calls],
        s=[18 + 900 * share for share in shares],
        color=style.TRAINING,
        alpha=0.55,
        linewidths=0,
    )
    for number, (call, share) in enumerate(zip(calls[:_NAMED], shares, strict=False), 1):
        at = (_intensity(call), call.gflops)
        axes.annotate(str(number), at, ha="center", va="center", fontsize=8, color=style.INK)
        axes.plot([], [], " ", label=f"{number}  {call.kernel}, {call.layer}  {share:.0%}")
    axes.legend(loc="lower right", handlelength=0, handletextpad=0, fontsize=8)
