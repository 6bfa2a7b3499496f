"""Switches, and what this build and machine offer."""

from __future__ import annotations

import os
import platform
from typing import Any

import numpy as np

from pyconvnet import _core, devices
from pyconvnet._cuda_status import cuda_status
from pyconvnet._terminal import say
from pyconvnet.devices import Device
from pyconvnet.mixed_precision import dtype_policy as dtype_policy
from pyconvnet.mixed_precision import set_dtype_policy as set_dtype_policy
from pyconvnet.ops._check import integer

# Switches: `pyconvnet.config.winograd = False`. Plans that are built from then on obey.
winograd: bool = True
"""Whether 3x3 convolutions may be computed by Winograd's F(4x4, 3x3) or F(3x3, 3x3) where that is quicker."""
strict: bool = False
"""Nothing that rounds otherwise than the plain formulas: no Winograd, no average pooling before a linear convolution in
place of behind it, no bfloat16 whatever the policy, no TF32 on a GPU. (Adam's quotient is within two units in the last
place on AVX-512, strict or not.)"""
tf32: bool = True
"""Whether a GPU multiplies in TF32 (10 bits behind the point, sums in float32), as cuDNN does for convolutions."""
graphs: bool = True
"""Whether the steps of a plan on a GPU are captured once as a CUDA graph and replayed; the bits are the same."""
device: str = os.environ.get("PYCONVNET_DEVICE", "auto")
"""Where models run that are compiled without a device, or for "auto": "auto", "cpu", "cuda" or "cuda:N"."""


def default_device() -> Device:
    """What `device` means on this machine.

    Raises:
        ValueError: an unknown name, or a device that is not there.
    """
    return devices.get(device, "config.device")


def set_num_threads(threads: int) -> None:
    """Sets how many threads kernels use, from 1 to 256. Results do not depend on it, to the bit."""
    _core.set_num_threads(integer("set_num_threads", "threads", threads))


def get_num_threads() -> int:
    """How many threads kernels use: PYCONVNET_NUM_THREADS, or the cores that this process may use."""
    return int(_core.get_num_threads())


def plan_switches(on: Device) -> dict[str, Any]:
    """How plans that are built now may compute: the arguments of `PlanSpec` that follow from the switches.

    Args:
        on: the device that they run on.
    """
    return {
        "strict": strict,
        "winograd": winograd and not strict,
        "bfloat16": "plain" if strict else on.bfloat16,
        "device": on,
        "backend": on.backend(tf32 and not strict),
        "graphs": graphs,
    }


def _device() -> str:
    try:
        found = str(default_device())
    except ValueError as error:
        return str(error).removeprefix("config.device: device ")
    return f"{found} (auto)" if device == "auto" else found


def _bfloat16() -> str:
    fast = [name for name in _core.available_bfloat16() if name != "plain"]
    found = [f"{_core.active_bfloat16()} (offered: {', '.join(fast)})"] if fast else []
    gpus = [name for name in devices.available() if name != "cpu" and devices.get(name).bfloat16 != "plain"]
    return "; ".join([*found, *(f"{devices.TENSOR_CORES} of {name}" for name in gpus)]) or "not offered"


def describe() -> dict[str, str]:
    """What `show_config` prints, as a dictionary."""
    from pyconvnet import __version__

    offered = ", ".join(_core.available_isas())
    why = "forced by PYCONVNET_ISA" if os.environ.get("PYCONVNET_ISA") else "chosen"
    return {
        "pyconvnet": __version__,
        "compiler": _core.compiler(),
        "python": f"{platform.python_version()} ({platform.system()} {platform.machine()})",
        "numpy": np.__version__,
        "processor": _core.cpu_model_name(),
        "instruction set": f"{_core.active_isa()} ({why}; offered: {offered})",
        "bfloat16": _bfloat16(),
        "threads": str(get_num_threads()),
        "winograd": "off (strict)" if strict else "on" if winograd else "off",
        "device": _device(),
        "tf32": "off (strict)" if strict else "on" if tf32 else "off",
        "cuda": cuda_status().text,
    }


def show_config() -> None:
    """Prints version, compiler, instruction set, threads and what of CUDA was found."""
    for name, value in describe().items():
        say(f"{name + ':':<17}{value}")
