"""Where a model's arrays lie and whose kernels work on them: the processor, or a GPU through CuPy."""

from __future__ import annotations

import functools
import importlib
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconvnet import _core
from pyconvnet._cuda_status import cuda_status

__all__ = ["CPU", "Device", "available", "get"]

_ALIGNMENT = 64  # bytes: a cache line, and an AVX-512 register
_ANYWHERE: AbstractContextManager[Any] = nullcontext()
TENSOR_CORES = "tensor cores"
_RULE = "must be 'auto', 'cpu', 'cuda' or 'cuda:N'"


class Device(ABC):
    """A memory, and the kernels that work in it.

    Attributes:
        name: "cpu", "emu" or "cuda:N".
        memory: "host", or "cuda:N"; devices of one memory share arrays.
        is_host: whether its arrays are NumPy's.
    """

    name: str
    memory: str
    is_host: bool
    _products: str  # the backend that multiplies in float32
    _tf32: str  # that in TF32, or the same where there is none

    def backend(self, tf32: bool) -> str:
        """The kernels' name in `_core`.

        Args:
            tf32: whether products may be rounded to TF32 where the device has such.
        """
        return self._tf32 if tf32 else self._products

    @property
    @abstractmethod
    def bfloat16(self) -> str:
        """What multiplies numbers in bfloat16, such as "amx"; "plain" where nothing does so fast."""

    @abstractmethod
    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> Any:
        """A C-contiguous array of zeros here, its first element on a 64-byte boundary."""

    @abstractmethod
    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> Any:
        """A C-contiguous array here with anything in it, its first element on a 64-byte boundary."""

    @abstractmethod
    def contiguous(self, array: Any, dtype: npt.DTypeLike) -> Any:
        """The same values, C-contiguous and of this dtype: the array itself where it is so already."""

    @abstractmethod
    def put(self, array: Any) -> Any:
        """An array with these values here: itself where it lies here already."""

    @abstractmethod
    def write(self, target: Any, values: npt.NDArray[Any]) -> None:
        """Copies NumPy's values into a C-contiguous array that lies here."""

    def current(self) -> AbstractContextManager[Any]:
        """Inside it, arrays are made and kernels are launched here."""
        return _ANYWHERE

    def aside(self) -> AbstractContextManager[Any]:
        """Inside it, arrays arrive here while kernels run that were queued outside; they are there when it ends."""
        return _ANYWHERE

    def stream(self) -> int:
        """Where kernels are queued: CuPy's current stream, 0 for none."""
        return 0

    @abstractmethod
    def synchronize(self) -> None:
        """Waits for what is queued on the current stream."""

    def room(self) -> float:
        """Bytes that data sets may take."""
        return math.inf

    def __repr__(self) -> str:
        return self.name

    def __deepcopy__(self, memo: dict[int, Any]) -> Device:
        return self

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _unpickled, (self.name,)


def _aligned(make: Callable[..., npt.NDArray[Any]], shape: tuple[int, ...], kind: np.dtype[Any]) -> npt.NDArray[Any]:
    # NumPy's own arrays begin anywhere in a cache line, and then each vector of 64 bytes that is read lies in two.
    nbytes = math.prod(shape) * kind.itemsize
    block = make(nbytes + _ALIGNMENT, np.uint8)
    start = -block.ctypes.data % _ALIGNMENT
    return block[start : start + nbytes].view(kind).reshape(shape)


class _Host(Device):
    """The processor's memory, for its own kernels or, in tests, those of the emulator."""

    memory, is_host = "host", True

    def __init__(self, name: str, tf32: str) -> None:
        self.name = self._products = name
        self._tf32 = tf32

    @property
    def bfloat16(self) -> str:
        return str(_core.active_bfloat16()) if self.name == "cpu" else TENSOR_CORES

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
        return _aligned(np.zeros, shape, np.dtype(dtype))

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
        return _aligned(np.empty, shape, np.dtype(dtype))

    def contiguous(self, array: Any, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        if array.dtype == dtype and array.flags.c_contiguous:
            return array  # type: ignore[no-any-return]
        return np.ascontiguousarray(array, dtype).reshape(array.shape)  # which makes an axis of none

    def put(self, array: Any) -> npt.NDArray[Any]:
        return to_numpy(array)  # type: ignore[no-any-return]

    def write(self, target: Any, values: npt.NDArray[Any]) -> None:
        target[...] = values

    def synchronize(self) -> None:
        pass  # nothing is ever queued


class _Cuda(Device):
    """A GPU. Its memory and its streams are CuPy's."""

    is_host, _products = False, "cuda"
    _SHARE = 0.5  # of the free memory, for data sets
    _AMPERE = 80  # the first compute capability, times 10, whose tensor cores know TF32 and bfloat16

    def __init__(self, number: int) -> None:
        self.name = self.memory = f"cuda:{number}"
        self._number, self._cupy = number, importlib.import_module("cupy")
        self._has_tensor_cores = int(self._cupy.cuda.Device(number).compute_capability) >= self._AMPERE
        self._tf32 = "cuda_tf32" if self._has_tensor_cores else self._products

    @property
    def bfloat16(self) -> str:
        return TENSOR_CORES if self._has_tensor_cores else "plain"

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> Any:
        with self.current():
            return self._allocate(self._cupy.zeros, shape, dtype)

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> Any:
        with self.current():
            return self._allocate(self._cupy.empty, shape, dtype)

    def contiguous(self, array: Any, dtype: npt.DTypeLike) -> Any:
        with self.current():
            return self._allocate(self._cupy.ascontiguousarray, array, dtype).reshape(array.shape)

    def put(self, array: Any) -> Any:
        with self.current():
            if on_gpu(array) and array.device.id != self._number:
                of(array).synchronize()
                return self._allocate(array.copy)  # to the current GPU
            return self._allocate(self._cupy.asarray, array)

    def write(self, target: Any, values: npt.NDArray[Any]) -> None:
        with self.current():
            target.set(np.ascontiguousarray(values, target.dtype))

    def current(self) -> AbstractContextManager[Any]:
        return self._cupy.cuda.Device(self._number)  # type: ignore[no-any-return]

    @contextmanager
    def aside(self) -> Iterator[None]:
        stream = self._stream_aside
        with self.current(), stream:
            yield
            stream.synchronize()

    @functools.cached_property
    def _stream_aside(self) -> Any:
        return self._cupy.cuda.Stream(non_blocking=True)

    def stream(self) -> int:
        return int(self._cupy.cuda.get_current_stream().ptr)

    def room(self) -> float:
        with self.current():
            free, _ = self._cupy.cuda.runtime.memGetInfo()
            return self._SHARE * (free + self._cupy.get_default_memory_pool().free_bytes())

    def synchronize(self) -> None:
        with self.current():
            self._cupy.cuda.get_current_stream().synchronize()

    def _allocate(self, make: Any, *arguments: Any) -> Any:
        try:
            return make(*arguments)
        except self._cupy.cuda.memory.OutOfMemoryError as error:
            raise MemoryError(
                f"{self.name} is out of memory: {error}; use a smaller batch_size, close other programs on this GPU, "
                "or use device='cpu'"
            ) from None


CPU: Device = _Host("cpu", "cpu")


def get(name: Any, who: str = "compile") -> Device:
    """A device by name.

    Args:
        name: "cpu", "cuda" (the current GPU), "cuda:N", or "auto": a GPU where there is one ready, else the processor.
            "emu" runs the CUDA kernels on the processor, for tests.
        who: for messages.

    Raises:
        ValueError: another name, or a device that is not there: the message says what is missing.

    Example:
        >>> from pyconvnet import devices
        >>> devices.get("cpu")
        cpu
    """
    if isinstance(name, Device):
        return name
    if name == "cpu" or (name == "auto" and not _has_gpu()):
        return CPU
    kind, colon, number = name.partition(":") if isinstance(name, str) else ("", "", "")
    if name == "auto":
        return _cuda(_current_gpu())
    if name == "emu":
        try:
            return _emulator()
        except ModuleNotFoundError:
            raise ValueError(
                f"{who}: device 'emu' is for tests, and this build has none; configure it with -DPYCONVNET_EMULATOR=ON"
            ) from None
    if kind not in ("cuda", "gpu") or (colon and not number.isdecimal()):
        raise ValueError(f"{who}: device {_RULE}, got {name!r}")
    missing = why_no_gpu()
    if missing:
        raise ValueError(f"{who}: device {name!r} is {missing}")
    chosen, count = int(number) if number else _current_gpu(), _gpus()
    if chosen >= count:
        raise ValueError(f"{who}: device {name!r} is not there: this machine has {count} (cuda:0 to cuda:{count - 1})")
    return _cuda(chosen)


def available() -> list[str]:
    """The devices of this machine that models can run on, "cpu" first."""
    return ["cpu", *(f"cuda:{i}" for i in range(_gpus()))] if _has_gpu() else ["cpu"]


def why_no_gpu() -> str | None:
    """What is missing, as a sentence that says what to do; None where a GPU is ready."""
    status = cuda_status()
    if not status.ready:
        return status.text.removesuffix("; device='cpu' is used") + "; use device='cpu'"
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        return (
            f"not available: arrays on a GPU are CuPy's, and it cannot be imported ({error}); "
            f"pip install \"pyconvnet[cuda{status.toolkit}]\", or use device='cpu'"
        )
    if not cupy.cuda.is_available():
        return "not available: CuPy finds no GPU that it can use; cupy.show_config() says more; use device='cpu'"
    return None


def of(array: Any) -> Device:
    """Where an array lies."""
    if not on_gpu(array):
        return CPU
    return _cuda(int(array.device.id))


def on_gpu(value: Any) -> bool:
    """Whether this is an array in a GPU's memory, of any library."""
    return not isinstance(value, np.ndarray) and hasattr(value, "__cuda_array_interface__")


def as_array(value: Any) -> Any:
    """An array in a GPU's memory as CuPy's, which shares its memory; all else as it is."""
    if not on_gpu(value):
        return value
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(value, cupy.ndarray):
        return value
    missing = None if _has_gpu() else why_no_gpu()
    if missing:
        raise ValueError(f"an array of {type(value).__module__} lies in a GPU's memory, and a GPU is {missing}")
    return importlib.import_module("cupy").asarray(value)


def to_numpy(value: Any) -> Any:
    """A copy of an array that lies on a GPU as NumPy's; all else as it is."""
    return as_array(value).get() if on_gpu(value) else value


@functools.cache
def _has_gpu() -> bool:
    try:
        importlib.import_module("pyconvnet._cuda")
    except ImportError:
        return False
    return why_no_gpu() is None


def _unpickled(name: str) -> Device:
    """The device of a model that was pickled, perhaps on another machine: where there is none such, the default."""
    return get(name if name in (*available(), "emu") else "auto")


def _gpus() -> int:
    return int(importlib.import_module("cupy").cuda.runtime.getDeviceCount())


def _current_gpu() -> int:
    return int(importlib.import_module("cupy").cuda.runtime.getDevice())


@functools.cache
def _cuda(number: int) -> Device:
    return _Cuda(number)


@functools.cache
def _emulator() -> Device:
    _core.add_backends(importlib.import_module("pyconvnet._emu").kernel_tables())
    return _Host("emu", "emu_tf32")
