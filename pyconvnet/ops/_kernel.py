"""One eager call of a kernel, where its arrays lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyconvnet import _core, config, devices

_NO_INDICES = np.empty(0, np.int64)


def run_kernel(
    kernel: str,
    attributes: Mapping[str, Any],
    /,
    *,
    rows: int,
    seed: int = 0,
    iteration: int = 0,
    learning_rate: float = 0.0,
    feed: np.ndarray | None = None,
    indices: np.ndarray = _NO_INDICES,
    **buffers: np.ndarray | None,
) -> None:
    """Runs `kernel` once; `buffers` are C-contiguous arrays by the kernel's own names, outputs written in place.

    CuPy's arrays are worked on where they lie, NumPy's by the processor (by the emulator, where `config.device` asks
    for it). A missing optional buffer is None. A kernel that gathers reads the rows `indices` int64 [rows] of `feed`,
    an array of any numeric dtype and strides.
    """
    given = {name: array for name, array in buffers.items() if array is not None}
    sources = [] if feed is None else [(feed, None)]
    gpus: dict[devices.Device, str] = {}
    for name, array in given.items():
        if devices.on_gpu(array):
            gpus.setdefault(devices.of(array), name)
    if len(gpus) > 1:
        where = ", ".join(f"'{name}' on {device}" for device, name in gpus.items())
        raise ValueError(f"{kernel}: all arrays must be on one device, got {where}; copy them to one")
    device = next(iter(gpus), devices.get("emu") if config.device == "emu" else devices.CPU)
    if kernel.startswith("conv2d_bfloat16") and device.bfloat16 == "plain" and not device.is_host:
        raise ValueError(
            f"{kernel}: {device} has no tensor cores for bfloat16 numbers, which begin with compute capability 8.0; "
            "use algorithm='direct'"
        )
    attributes = dict(attributes)
    with device.current():
        if not device.is_host:
            given |= _scratch(device, kernel, attributes, rows)
        uploaded = None if device.is_host or feed is None else device.put(indices)
        block = None if device.is_host else device.empty((_core.STEP_BYTES,), np.uint8)
        _core.run_kernel(
            kernel, attributes, given, rows, seed, iteration, learning_rate, sources, indices,
            device.backend(config.tf32 and not config.strict), device.stream(), uploaded, block,
        )  # fmt: skip


def _scratch(device: devices.Device, kernel: str, attributes: dict[str, Any], rows: int) -> dict[str, Any]:
    return {
        name: device.empty((count * (rows if for_each_row else 1),), dtype)
        for name, dtype, count, for_each_row, role in _core.describe_kernel(kernel, attributes)
        if role == "scratch"
    }
