"""The machine that is measured, and what it can do at most."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np

import pyconvnet
from pyconvnet import _core


@dataclass(frozen=True)
class Limits:
    """What no kernel can beat: GFLOP/s of all threads in registers, GB/s read plus written by a large copy."""

    gflops: float
    gigabytes: float


def measure_limits(seconds: float) -> Limits:
    """Measures both, each for so many seconds, with the threads and the instruction set in use."""
    return Limits(_core.measure_fma_peak(seconds), _core.measure_copy_bandwidth(seconds))


def prepare(threads: int | None, isa: str | None) -> None:
    """Sets threads and instruction set where they are given.

    Raises:
        ValueError: not offered here; the message says what is.
    """
    if threads is not None:
        _core.set_num_threads(threads)
    if isa is not None:
        _core.set_isa(isa)


def describe() -> dict[str, Any]:
    """Date, processor, threads and versions, for the head of a report and for JSON."""
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "processor": _core.cpu_model_name(),
        "cores": _cores(),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "isa": _core.active_isa(),
        "threads": _core.get_num_threads(),
        "compiler": _core.compiler(),
        "versions": {
            "pyconvnet": pyconvnet.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }


def headline(machine: dict[str, Any]) -> str:
    """The machine in one line."""
    threads = machine["threads"]
    if "cuda" in machine:
        return f"{machine['date'][:10]}, {machine['cuda']}, pyconvnet {machine['versions']['pyconvnet']}"
    return (
        f"{machine['date'][:10]}, {machine['processor']}, {machine['cores']} cores, "
        f"{threads} thread{'s' if threads != 1 else ''}, {machine['isa']}, pyconvnet {machine['versions']['pyconvnet']}"
    )


def libraries(machine: dict[str, Any]) -> str:
    """Python and the libraries with their versions, pyconvnet left out."""
    return ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if name != "pyconvnet")


def busy(machine: dict[str, Any]) -> str | None:
    """A warning where something else was running before the bench began; None on an idle machine."""
    if machine["load"] < 0.25 * machine["cores"]:
        return None
    return (
        f"the machine was busy at the start (load {machine['load']:.1f} on {machine['cores']} cores): the figures are "
        "unsteady, and most so those of libraries whose threads wait actively"
    )


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
