"""Variables: the trained and counted arrays of layers and optimizers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike, DTypeLike, NDArray

from pyconvnet.devices import CPU, Device, to_numpy
from pyconvnet.ops._check import float_array

if TYPE_CHECKING:
    from pyconvnet.regularizers import Regularizer


_moving = threading.Lock()


class Variable(NDArrayOperatorsMixin):
    """A float32 array with a name: a weight of a layer, or a moving statistic.

    It prints, indexes and computes like an array (``==`` too goes element by element), but every array it hands out
    is a copy: only `assign` (and training) changes it.

    Args:
        value: the first value, numbers of any shape.
        name: its name within the layer, such as "kernel".
        path: "layer/name".
        trainable: whether training changes it.
        regularizer: the penalty on it, or None.

    Example:
        >>> from pyconvnet.variables import Variable
        >>> bias = Variable([0.0, 1.0], name="bias", path="dense/bias")
        >>> bias.assign([2.0, 3.0])
        >>> bias[0], bias.shape
        (np.float32(2.0), (2,))
        >>> bias * 2
        array([4., 6.], dtype=float32)
    """

    def __init__(
        self,
        value: ArrayLike,
        *,
        name: str,
        path: str | None = None,
        trainable: bool = True,
        regularizer: Regularizer | None = None,
    ) -> None:
        self.name = name
        self.path = path or name
        self.trainable = trainable
        self.regularizer = regularizer
        self.version = 0
        first = float_array(f"Variable '{self.path}'", "value", value)
        # The plan reads and writes this buffer; it stays where it is until the variable moves to another device.
        self.buffer: Any = CPU.zeros(np.shape(value))
        self.buffer[...] = first.reshape(self.buffer.shape)
        self.device = CPU
        self.moves = 0

    @classmethod
    def zeros(
        cls,
        shape: tuple[int, ...],
        *,
        name: str,
        path: str | None = None,
        trainable: bool = True,
        regularizer: Regularizer | None = None,
    ) -> Variable:
        """A variable of zeros, without first values that would be copied."""
        variable = cls(0.0, name=name, path=path, trainable=trainable, regularizer=regularizer)
        variable.buffer = CPU.zeros(shape)
        return variable

    @property
    def array(self) -> NDArray[np.float32]:
        """The values, to be read: the buffer itself, or a copy of one in a GPU's memory."""
        return to_numpy(self.buffer)  # type: ignore[no-any-return]

    def move_to(self, device: Device) -> None:
        """Brings the buffer into this device's memory; plans that were bound before no longer see it.

        Args:
            device: where the next plans with this variable run.
        """
        with _moving:
            if device.memory != self.device.memory:
                self._take(device.zeros(self.shape), device)

    def return_to(self, buffer: Any, device: Device) -> None:
        """Brings the values back into a buffer that they were in, for a plan that is bound to it.

        Args:
            buffer: of this shape.
            device: where it lies.
        """
        with _moving:
            if self.buffer is not buffer:
                self._take(buffer, device)

    def _take(self, buffer: Any, device: Device) -> None:
        device.write(buffer, self.array)
        device.synchronize()
        self.buffer, self.device = buffer, device
        self.moves += 1

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return tuple(self.buffer.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return int(self.buffer.ndim)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(self.buffer.size)

    @property
    def dtype(self) -> str:
        """Always "float32"."""
        return "float32"

    @property
    def value(self) -> NDArray[np.float32]:
        """A copy of the values, as `numpy()` answers it."""
        return self.array.copy()

    def numpy(self) -> NDArray[np.float32]:
        """A copy of the values, float32 of this shape."""
        return self.array.copy()

    def assign(self, value: ArrayLike) -> None:
        """Writes new values.

        Args:
            value: numbers of exactly this variable's shape.

        Raises:
            ValueError, TypeError: another shape, or no numbers.
        """
        who = f"Variable '{self.path}'"
        value = to_numpy(value)
        if np.shape(value) != self.shape:
            raise ValueError(f"{who}: value must have shape {self.shape}, got {np.shape(value)}")
        self.device.write(self.buffer, float_array(who, "value", value).reshape(self.shape))
        self.version += 1

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError(f"Variable '{self.path}': an array of it is always a copy, got copy=False")
        return self.array.astype(dtype or np.float32)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        written = (*options.get("out", ()), *(inputs[:1] if method == "at" else ()))
        for target in written:
            if isinstance(target, Variable):
                target._refuse_writing()
        arrays = [value.array if isinstance(value, Variable) else value for value in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __hash__(self) -> int:
        return id(self)  # by identity, since == is that of arrays

    def mean(self, axis: Any = None, **options: Any) -> Any:
        """As `numpy.ndarray.mean`."""
        return self.array.mean(axis, **options)

    def std(self, axis: Any = None, **options: Any) -> Any:
        """As `numpy.ndarray.std`."""
        return self.array.std(axis, **options)

    def min(self, axis: Any = None, **options: Any) -> Any:
        """As `numpy.ndarray.min`."""
        return self.array.min(axis, **options)

    def max(self, axis: Any = None, **options: Any) -> Any:
        """As `numpy.ndarray.max`."""
        return self.array.max(axis, **options)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        self._refuse_writing()

    def _refuse_writing(self) -> NoReturn:
        raise TypeError(
            f"Variable '{self.path}': cannot be written in place; change a copy, value = variable.numpy(), "
            "and write it back with variable.assign(value)"
        )

    def __getitem__(self, index: Any) -> Any:
        item = self.array[index]
        return item.copy() if isinstance(item, np.ndarray) else item

    def __len__(self) -> int:
        return len(self.array)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype=float32, value={self.array}>"

    def __getstate__(self) -> dict[str, Any]:
        # Copies and pickles of an array lie anywhere: ours has to be aligned again.
        return {**self.__dict__, "buffer": self.array.copy(), "device": None, "moves": 0}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.device = CPU
        self.buffer = CPU.zeros(state["buffer"].shape)
        self.buffer[...] = state["buffer"]
