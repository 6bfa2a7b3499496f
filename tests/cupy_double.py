"""A stand-in for CuPy on a machine without a GPU: just the part of it that pyconvnet uses, and as strict.

Its arrays live in memory that NumPy does not see: like CuPy's they refuse to become NumPy arrays by themselves, and
they do not mix with NumPy's. Together with the CUDA kernels on the emulator, in the place of a GPU's, they make devices
`cuda:0` and `cuda:1` on which whole models run.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from pyconvnet import devices

FREE = 1 << 30  # bytes that the device says are free; tests change state["free"]
state: dict[str, Any] = {}  # current device, free bytes, what was copied, uploads beside, waits for kernels


class OutOfMemoryError(MemoryError):
    """CuPy's."""


def _host(value: Any) -> Any:
    """Make of an argument what NumPy computes with; CuPy refuses NumPy's arrays."""
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    return value._memory if isinstance(value, ndarray) else value


class ndarray:
    """An array in the device's memory."""

    def __init__(self, memory: Any, device: int | None = None) -> None:
        self._memory = np.asarray(memory)
        self.device = SimpleNamespace(id=state["current"] if device is None else device)

    shape = property(lambda self: self._memory.shape)
    dtype = property(lambda self: self._memory.dtype)
    ndim = property(lambda self: self._memory.ndim)
    size = property(lambda self: self._memory.size)
    nbytes = property(lambda self: self._memory.nbytes)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        memory = self._memory
        strides = None if memory.flags.c_contiguous else memory.strides
        address = memory.ctypes.data if memory.size else 0
        return dict(shape=memory.shape, typestr=memory.dtype.str, data=(address, False), strides=strides, version=3)

    def __array__(self, *_: Any, **__: Any) -> None:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct one.")

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        if not hasattr(sys.modules["cupy"], function.__name__):
            raise TypeError(f"no implementation found for {function.__name__}")
        return getattr(sys.modules["cupy"], function.__name__)(*arguments, **options)

    def get(self) -> np.ndarray:
        """Copy to NumPy's memory."""
        return np.array(self._memory, order="C")

    def set(self, values: np.ndarray) -> None:
        """Copy from NumPy's memory: shape and dtype must be these, both C-contiguous."""
        assert isinstance(values, np.ndarray) and values.flags.c_contiguous and self._memory.flags.c_contiguous
        if values.shape != self.shape or values.dtype != self.dtype:
            raise ValueError(f"cannot set {self.shape} {self.dtype} from {values.shape} {values.dtype}")
        self._memory[...] = values

    def copy(self) -> ndarray:
        """Copy to the current device."""
        return ndarray(self._memory.copy())

    def __len__(self) -> int:
        return len(self._memory)

    def __getitem__(self, index: Any) -> ndarray:
        if isinstance(index, np.ndarray):
            index = np.array(index)  # which CuPy takes
        return ndarray(self._memory[index], self.device.id)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._memory[index] = _host(value)

    def reshape(self, *shape: Any) -> ndarray:
        """Answer a view."""
        return ndarray(self._memory.reshape(*shape), self.device.id)

    def view(self, dtype: Any) -> ndarray:
        """Answer a view."""
        return ndarray(self._memory.view(np.dtype(dtype)), self.device.id)

    def astype(self, dtype: Any, copy: bool = True) -> ndarray:
        """Convert."""
        return ndarray(self._memory.astype(dtype, copy=copy), self.device.id)

    def min(self) -> ndarray:
        """Answer the smallest, an array without axes."""
        return ndarray(self._memory.min())

    def max(self) -> ndarray:
        """Answer the largest, an array without axes."""
        return ndarray(self._memory.max())

    def __ge__(self, other: Any) -> ndarray:
        return ndarray(self._memory >= _host(other))

    def __lt__(self, other: Any) -> ndarray:
        return ndarray(self._memory < _host(other))

    def __bool__(self) -> bool:
        return bool(self._memory)

    def __format__(self, text: str) -> str:
        return format(self._memory, text)


class Device:
    """Inside it, this device is the current one."""

    compute_capability = "90"

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> None:
        self.before, state["current"] = state["current"], self.number

    def __exit__(self, *_: Any) -> None:
        state["current"] = self.before


def _allocated(memory: np.ndarray) -> ndarray:
    if memory.nbytes > state["free"]:
        raise OutOfMemoryError(f"Out of memory allocating {memory.nbytes:,} bytes")
    # 512 bytes: the device's arrays lie better than NumPy's
    block = np.empty(memory.nbytes + 512, np.uint8)
    start = -block.ctypes.data % 512
    placed = block[start : start + memory.nbytes].view(memory.dtype).reshape(memory.shape)
    placed[...] = memory
    return ndarray(placed)


def _asarray(value: Any) -> ndarray:
    if isinstance(value, ndarray):
        return value
    state["copied"].append(np.asarray(value))
    return _allocated(np.asarray(value))


def _ascontiguousarray(value: Any, dtype: Any = None) -> ndarray:
    memory = _asarray(value)._memory
    if memory.flags.c_contiguous and dtype in (None, memory.dtype):
        return _asarray(value)
    return _allocated(np.ascontiguousarray(memory, dtype))


class Stream:
    """Inside it, this stream is the current one of the thread."""

    def __init__(self, non_blocking: bool = False) -> None:
        assert non_blocking

    def __enter__(self) -> None:
        state["streams"].append(threading.current_thread().name)

    def __exit__(self, *_: Any) -> None:
        pass

    def synchronize(self) -> None:
        """Wait."""


def _wait() -> None:
    state["waits"] += 1


def _module() -> ModuleType:
    cupy: Any = ModuleType("cupy")
    cupy.ndarray, cupy.asarray, cupy.ascontiguousarray = ndarray, _asarray, _ascontiguousarray
    cupy.zeros = lambda shape, dtype: _allocated(np.zeros(shape, dtype))
    cupy.empty = lambda shape, dtype: _allocated(np.full(shape, 77, dtype))
    cupy.concatenate = lambda parts: _allocated(np.concatenate([_host(part) for part in parts]))
    cupy.get_default_memory_pool = lambda: SimpleNamespace(free_bytes=lambda: 0)
    cupy.cuda = SimpleNamespace(
        Device=Device,
        Stream=Stream,
        is_available=lambda: True,
        get_current_stream=lambda: SimpleNamespace(ptr=0, synchronize=_wait),
        memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
        runtime=SimpleNamespace(
            getDeviceCount=lambda: 2,
            getDevice=lambda: state["current"],
            memGetInfo=lambda: (state["free"], FREE),
        ),
    )
    return cupy


def _cuda_module() -> ModuleType:
    """Stand in for `pyconvnet._cuda`: the emulator's kernels under a GPU's names, and a healthy runtime."""
    emu, cuda = importlib.import_module("pyconvnet._emu"), ModuleType("pyconvnet._cuda")
    gpu = ("NVIDIA Emulator", 90, FREE)
    healthy = dict(status="cudaSuccess", message="no error", driver=13000, runtime=13000)
    cuda.__spec__ = ModuleSpec("pyconvnet._cuda", None)
    cuda.kernel_tables = lambda: emu.kernel_tables(in_place_of_gpu=True)  # type: ignore[attr-defined]
    cuda.probe = lambda: {**healthy, "architectures": "90-real", "devices": [gpu, gpu]}  # type: ignore[attr-defined]
    return cuda


@contextmanager
def gpu() -> Iterator[Any]:
    """Make this a machine with two GPUs; answers the module `cupy`."""
    names = ("cupy", "pyconvnet._cuda")
    before = {name: sys.modules.get(name) for name in names}
    state.update(current=0, free=FREE, copied=[], streams=[], waits=0)
    sys.modules["cupy"], sys.modules["pyconvnet._cuda"] = _module(), _cuda_module()
    forget()
    try:
        yield sys.modules["cupy"]
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
        forget()


def forget() -> None:
    """Let the devices be looked for anew."""
    devices._has_gpu.cache_clear()
    devices._cuda.cache_clear()
