"""The CUDA kernels on an emulator, where this build has it: backends `emu` and, with TF32 products, `emu_tf32`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pyconvnet import config, devices

ORDERS = ("forward", "reverse", "random")


def emulator() -> None:
    """Load the emulated kernels, or skip where the build has none."""
    try:
        devices.get("emu")
    except ValueError:
        pytest.skip("this build has no emulator: configure it with -DPYCONVNET_EMULATOR=ON", allow_module_level=True)


@contextmanager
def emulated(backend: str = "emu", order: str = "forward", seed: int = 1) -> Iterator[None]:
    """Run new plans and eager ops on the emulator, the threads of each block in the given order."""
    emu = importlib.import_module("pyconvnet._emu")
    emu.set_order(order, seed)
    before = config.device, config.tf32
    config.device, config.tf32 = "emu", backend == "emu_tf32"
    try:
        yield
    finally:
        config.device, config.tf32 = before
        emu.set_order("forward")
