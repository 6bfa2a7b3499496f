"""Where the time of a step goes: what each kernel call took, and how near it came to what the machine can do."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyconvnet import _core
from pyconvnet._terminal import counted
from pyconvnet.plan import describe
from pyconvnet.plan.build import Plan

_SECONDS_A_LIMIT = 0.1


@dataclass(frozen=True)
class CallTime:
    """One kernel call of a step.

    Attributes:
        kernel, layer: which, and for whom.
        algorithm: what the plan chose; "" where there is no choice.
        seconds: the median over the steps.
        flops: of a step, as a direct computation counts them.
        multiplied: of these, what the algorithm really multiplies.
        nbytes: of all its arrays, each counted once.
    """

    kernel: str
    layer: str
    algorithm: str
    seconds: float
    flops: float
    multiplied: float
    nbytes: int

    @property
    def gflops(self) -> float:
        """GFLOP/s."""
        return self.flops / self.seconds / 1e9

    @property
    def gigabytes(self) -> float:
        """GB/s, if every array were moved once."""
        return self.nbytes / self.seconds / 1e9


@dataclass(frozen=True)
class Profile:
    """The calls of a step with their times. Print it; `pyconvnet.plot.roofline(profile)` draws it.

    Times on a GPU include the launch and the wait for its end, which a step in one go does not have.

    Attributes:
        calls: in the order in which they run.
        seconds: of a step, all calls together: the median over the steps.
        batch_size: rows of a step.
        mode: "train" or "predict".
        peak: GFLOP/s that the threads reach in registers, measured when the profile was made; NaN for a GPU.
        bandwidth: GB/s, read plus written, of a large copy; NaN for a GPU.
        device: on which they ran.
    """

    calls: tuple[CallTime, ...]
    seconds: float
    batch_size: int
    mode: str
    peak: float
    bandwidth: float
    device: str = "cpu"

    @property
    def floor(self) -> float:
        """Seconds that the multiplications alone take at the peak."""
        return sum(call.multiplied for call in self.calls) / self.peak / 1e9

    def __str__(self) -> str:
        rows = [("kernel", "layer", "algorithm", "ms", "share", "GFLOP/s", "of peak", "GB/s")]
        for call in self.calls:
            computes = call.flops > 0
            rows.append(
                (
                    call.kernel,
                    call.layer,
                    call.algorithm,
                    f"{call.seconds * 1e3:.3f}",
                    f"{call.seconds / self.seconds:.1%}",
                    f"{call.gflops:,.1f}" if computes else "",
                    f"{call.gflops / self.peak:.0%}" if computes and math.isfinite(self.peak) else "",
                    f"{call.gigabytes:.1f}",
                )
            )
        head = (
            f"A step to {self.mode} on {self.batch_size} rows: {self.seconds * 1e3:.3f} ms in {len(self.calls)} kernel "
            "calls"
        )
        if math.isfinite(self.peak):
            threads = counted(_core.get_num_threads(), "thread")
            head += (
                f"; its multiplications alone take {self.floor * 1e3:.3f} ms at the peak "
                f"({_core.active_isa()}, {threads}; peak {self.peak:,.0f} GFLOP/s, copy {self.bandwidth:.1f} GB/s)"
            )
        else:
            head += f" on {self.device}, each waited for"
        return "\n".join([head, *describe.aligned(rows, "<<<>>>>>")])


def profile(plan: Plan, seconds: npt.NDArray[np.float64], rows: int) -> Profile:
    """What the steps say that ran.

    Args:
        plan: that ran.
        seconds: [steps, calls], as `Plan.run` fills it.
        rows: of a step.
    """
    calls = tuple(
        CallTime(
            kernel=call.kernel,
            layer=call.label,
            algorithm=describe.algorithm(call),
            seconds=max(float(median), 1e-9),  # a clock's tick
            flops=call.flops * rows,
            multiplied=call.flops * rows * describe.multiplied(call),
            nbytes=describe.call_bytes(call, rows),
        )
        for call, median in zip(plan.calls, np.median(seconds, axis=0), strict=True)
    )
    host = plan.device.is_host
    return Profile(
        calls,
        float(np.median(seconds.sum(axis=1))),
        rows,
        plan.spec.mode,
        _core.measure_fma_peak(_SECONDS_A_LIMIT) if host else math.nan,
        _core.measure_copy_bandwidth(_SECONDS_A_LIMIT) if host else math.nan,
        str(plan.device),
    )
