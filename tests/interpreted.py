"""The emulator's launches run by the interpreter of PTX: nvcc's code on NumPy's memory, every access of it checked."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pyconvnet import _core

sys.path.insert(0, str(Path(__file__).parent / "cuda"))

import ptx_machine
import ptx_units
from ptx_memory import ProcessMemory

KERNELS: set[tuple[str, str]] = set()  # what has run as PTX: backend and kernel


def missing() -> str:
    """Say what keeps this machine from interpreting kernels, if anything does."""
    tools = [tool for tool in ("nvcc", "nm", "c++filt") if shutil.which(tool) is None]
    if tools:
        return f"there is no {tools[0]} here"
    return "" if _names() else "the emulator's module has lost the names of its kernels: it has been stripped"


def _names() -> dict[int, str]:
    return ptx_units.symbols(Path(str(importlib.import_module("pyconvnet._emu").__file__)))


@contextmanager
def launches(memory: ProcessMemory, hint: str = "", one_block: bool = False) -> Iterator[None]:
    """Interpret what is launched from here on; kernels see this memory alone, `hint` begins with their stem.

    `one_block`: of kernels whose threads take one element after another, which any grid is enough for.
    """
    emu = importlib.import_module("pyconvnet._emu")
    names = _names()

    def launcher(place: int, grid: Any, block: Any, shared_bytes: int, arguments: list[bytes]) -> None:
        name = names[place]
        assert shared_bytes == 0, "shared memory whose size the launch says is not interpreted"
        if one_block and re.search("::(each_element|each_warp|adam_elements)[<(]", name):
            grid = (1, 1, 1)
        memory.begin_launch()
        ptx_machine.launch(ptx_units.entry(name, hint), memory, grid, block, arguments)

    emu.set_launcher(launcher)
    try:
        yield
    finally:
        emu.set_launcher(None)


@contextmanager
def interpreted(one_block: bool = False) -> Iterator[None]:
    """Interpret kernels that are called alone, on the emulator's backends.

    What a kernel promises to write is poison when it gets it; what it only reads it cannot write.
    """
    run_kernel = _core.run_kernel

    def run(kernel: str, attributes: dict[str, Any], arrays: Mapping[str, np.ndarray], rows: int, *rest: Any) -> None:
        memory, arrays = ProcessMemory(), dict(arrays)
        roles = {}
        for name, dtype, count, for_each_row, role in _core.describe_kernel(kernel, attributes):
            roles[name] = role
            if role == "scratch":
                arrays[name] = np.empty(count * (rows if for_each_row else 1), dtype)
        inputs = [
            array.ctypes.data for name, array in arrays.items() if not roles[name].endswith(("output", "scratch"))
        ]
        for name, array in arrays.items():
            memory.allow(array, writable="input" not in roles[name])
            if array.ctypes.data not in inputs:  # what works in place gets its input there
                array.view(np.uint8).fill(0xFF)
        seed, iteration, learning_rate, feeds, indices, backend, stream, *_ = rest
        step = np.zeros(_core.STEP_BYTES, np.uint8)
        memory.allow(step, writable=kernel == "next_step")
        for array in (indices, *(array for feed in feeds for array in feed if array is not None)):
            memory.allow(array)
        numbers = (seed, iteration, learning_rate, feeds, indices, backend, stream, None, step)
        with launches(memory, kernel, one_block):
            run_kernel(kernel, attributes, arrays, rows, *numbers)
        KERNELS.add((backend, kernel))

    _core.run_kernel = run
    try:
        yield
    finally:
        _core.run_kernel = run_kernel
