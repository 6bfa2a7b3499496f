"""What of CUDA is here, or why it is not, in one sentence that says what to do."""

from __future__ import annotations

import ctypes.util
import importlib
import os
import re
from dataclasses import dataclass
from typing import Any

from pyconvnet import _core

_ON_CPU = "device='cpu' is used"


@dataclass(frozen=True)
class CudaStatus:
    """Whether a GPU is ready for kernels, and a sentence about it.

    Attributes:
        ready: there is a GPU that this build has kernels for.
        broken: the build has a CUDA module that does not fit the rest of the package.
        text: for people; begins in lower case.
        toolkit: the major version of CUDA that this build is for; 0 where it has none.
    """

    ready: bool
    broken: bool
    text: str
    toolkit: int = 0


def cuda_status() -> CudaStatus:
    """Looks for the CUDA module, a driver and a GPU; nothing is left running."""
    try:
        module = importlib.import_module("pyconvnet._cuda")
    except ModuleNotFoundError:
        driver = ctypes.util.find_library("cuda") or os.path.exists("/dev/nvidiactl")
        found = "an NVIDIA driver was found" if driver else "no NVIDIA driver was found"
        return _missing(f"this build has no CUDA module ({found} on this machine); {_ON_CPU}")
    except ImportError as error:
        return CudaStatus(False, True, f"broken: the CUDA module cannot be loaded ({error}); install pyconvnet anew")
    try:
        _core.add_backends(module.kernel_tables())
    except ValueError as error:
        return CudaStatus(False, True, f"broken: {error}")
    return explain(module.probe())


def explain(probe: dict[str, Any]) -> CudaStatus:
    """Turns what the CUDA runtime said into a sentence.

    Args:
        probe: `status` (the runtime's name for the outcome), `message`, `driver` and `runtime` (1000 * major + 10 *
            minor; a driver of 0 is none), `architectures` of the build, `devices` (name, 10 * major + minor, bytes).
    """
    runtime, driver = _version(probe["runtime"]), _version(probe["driver"])
    if probe["status"] == "cudaErrorInsufficientDriver":
        if not probe["driver"]:
            return _missing(f"it needs an NVIDIA GPU, and no NVIDIA driver was found on this machine; {_ON_CPU}")
        return _missing(
            f"this build needs a driver for CUDA {runtime}, and this machine's NVIDIA driver is for CUDA {driver}; "
            f"update the driver or install a build for CUDA {driver}; {_ON_CPU}"
        )
    if probe["status"] == "cudaErrorNoDevice":
        return _missing(f"the NVIDIA driver shows no GPU (does CUDA_VISIBLE_DEVICES hide it?); {_ON_CPU}")
    if probe["status"] != "cudaSuccess":
        return _missing(f"the CUDA runtime says: {probe['message']} ({probe['status']}); {_ON_CPU}")
    oldest = min((int(number) for number in re.findall(r"\d+", probe["architectures"])), default=0)
    usable = [device for device in probe["devices"] if device[1] >= oldest]
    if not usable:
        name, capability, _ = probe["devices"][0]
        return _missing(
            f"this build has kernels for compute capability {oldest / 10:.1f} and newer, and {name} has "
            f"{capability / 10:.1f}; build pyconvnet from source with CMAKE_CUDA_ARCHITECTURES={capability}; {_ON_CPU}"
        )
    name, capability, size = usable[0]
    more = f" and {len(usable) - 1} more" if len(usable) > 1 else ""
    return CudaStatus(
        True,
        False,
        f"{name}{more} (compute capability {capability / 10:.1f}, {size / 2**30:.0f} GiB; driver for CUDA {driver}, "
        f"build for CUDA {runtime})",
        probe["runtime"] // 1000,
    )


def _missing(why: str) -> CudaStatus:
    return CudaStatus(False, False, f"not available: {why}")


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"
