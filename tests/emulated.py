"""The CUDA kernels on an emulator, where this build has it: backends `emu` and, with TF32 products, `emu_tf32`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pyconvnet import _core

ORDERS = ("forward", "reverse", "random")


def emulator() -> None:
    """Load the emulated kernels, or skip where the build has none."""
    try:
        module = importlib.import_module("pyconvnet._emu")
    except ModuleNotFoundError:
        pytest.skip("this build has no emulator: configure it with -DPYCONVNET_EMULATOR=ON", allow_module_level=True)
    _core.add_backends(module.kernel_tables())


@contextmanager
def emulated(backend: str = "emu", order: str = "forward", seed: int = 1) -> Iterator[None]:
    """Run new plans and eager ops on the emulator, the threads of each block in the given order."""
    emu = importlib.import_module("pyconvnet._emu")
    emu.set_order(order, seed)
    _core.set_backend(backend)
    try:
        yield
    finally:
        _core.set_backend("cpu")
        emu.set_order("forward")
