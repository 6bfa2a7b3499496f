"""Checks and conversions that every op shares: one place, one wording."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from pyconvnet import devices

FloatArray = NDArray[np.float32]

_MOST_CELLS = 2**20  # of a window along one axis: far more than any image, far from overflowing
_MOST_BITS = 63  # of what the kernels count


def integer(who: str, name: str, value: Any, minimum: int = 1, bits: int | None = None) -> int:
    """A whole number of at least `minimum` (and below 2**bits), or an error that names the argument."""
    rule = "positive" if minimum == 1 else f"at least {minimum}"
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{who}: {name} must be a whole number, got {value!r}") from None
    if isinstance(value, bool):
        raise TypeError(f"{who}: {name} must be a whole number, got {value!r}")
    if number < minimum:
        raise ValueError(f"{who}: {name} must be {rule}, got {value!r}")
    if bits is not None and number >= 2**bits:
        raise ValueError(f"{who}: {name} must be below 2**{bits}, got {value!r}")
    return number


def sizes(who: str, name: str, values: Any) -> tuple[int, ...]:
    """A shape from what a user wrote: whole numbers from 0."""
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        raise TypeError(f"{who}: {name} must be a tuple of whole numbers, got {values!r}")
    return tuple(integer(who, f"{name}[{i}]", value, minimum=0, bits=_MOST_BITS) for i, value in enumerate(values))


def pair(who: str, name: str, value: Any) -> tuple[int, int]:
    """`3` or `(3, 3)` as a pair of positive whole numbers (rows, columns)."""
    if (isinstance(value, Sequence) and not isinstance(value, str)) or isinstance(value, np.ndarray):
        if len(value) != 2:
            raise ValueError(f"{who}: {name} must be one number or two (rows, columns), got {value!r}")
        first, second = value
    else:
        first = second = value
    try:
        numbers = operator.index(first), operator.index(second)
    except TypeError:
        raise TypeError(f"{who}: {name} must be a whole number or two of them, got {value!r}") from None
    if min(numbers) < 1:
        raise ValueError(f"{who}: {name} must be positive, got {value!r}")
    if max(numbers) >= 2**_MOST_BITS:
        raise ValueError(f"{who}: {name} must be below 2**{_MOST_BITS}, got {value!r}")
    return numbers


def padding_name(who: str, value: Any) -> str:
    """`valid` or `same`, whatever its case."""
    if not isinstance(value, str) or value.lower() not in ("valid", "same"):
        raise ValueError(f"{who}: padding must be 'valid' or 'same', got {value!r}")
    return value.lower()


def output_size(
    who: str, axis: str, size: int, window: int, stride: int, padding: str, dilation: int = 1
) -> tuple[int, int]:
    """Output length of a sliding window along one axis and the padding before the first element.

    `same` pads so that the output has ceil(size / stride) cells; an odd cell goes to the end, as in Keras.
    """
    reach = (window - 1) * dilation + 1
    if reach > _MOST_CELLS:
        raise ValueError(
            f"{who}: the window covers {reach} {axis}, at most {_MOST_CELLS}; use a smaller one or less dilation"
        )
    if padding == "same":
        out = -(-size // stride)
        total = max((out - 1) * stride + reach - size, 0)
        return out, total // 2
    if reach > size:
        raise ValueError(
            f"{who}: the window covers {reach} {axis}, more than the {size} of its input; "
            "use a smaller window, less dilation, or padding='same'"
        )
    return (size - reach) // stride + 1, 0


def float_array(who: str, name: str, value: ArrayLike, rank: int | None = None) -> FloatArray:
    """A C-contiguous float32 copy or view of a numeric array, in the memory in which it lies."""
    refuse_masked(who, name, value)
    array = numbers(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{who}: {name} must hold numbers, got dtype {array.dtype}")
    if rank is not None and array.ndim != rank:
        raise ValueError(f"{who}: {name} must have {rank} axes, got shape {array.shape}")
    return contiguous(array)


def numbers(value: ArrayLike) -> np.ndarray:
    """An array as NumPy's, or one in a GPU's memory as CuPy's."""
    array: np.ndarray = devices.as_array(value) if devices.on_gpu(value) else np.asarray(value)
    return array


def contiguous(array: np.ndarray, dtype: DTypeLike = np.float32) -> Any:
    """The same values, C-contiguous and of this dtype, where they are."""
    return devices.of(array).contiguous(array, dtype)


def empty(beside: np.ndarray, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Any:
    """A C-contiguous array with anything in it, in the memory in which `beside` lies."""
    return devices.of(beside).empty(shape, dtype)


def zeros(beside: np.ndarray, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Any:
    """A C-contiguous array of zeros, in the memory in which `beside` lies."""
    return devices.of(beside).zeros(shape, dtype)


def refuse_masked(who: str, name: str, value: Any) -> None:
    """Refuses an array some of whose values are masked: the numbers under the mask would count."""
    if np.ma.is_masked(value):
        raise ValueError(f"{who}: {name} has masked values; fill or drop masked values: {name}.filled(0)")


def image_sizes(who: str, shape: Sequence[int]) -> tuple[int, int, int]:
    """(h, w, c) of one image, each a positive whole number."""
    if len(shape) != 3:
        raise ValueError(f"{who}: an image has 3 axes (height, width, channels), got shape {tuple(shape)}")
    axes = zip(("height", "width", "channels"), shape, strict=True)
    h, w, c = (integer(who, f"input {axis}", size, bits=_MOST_BITS) for axis, size in axes)
    return h, w, c


def image_shape(who: str, input_shape: Sequence[int], rows: int) -> tuple[int, int, int]:
    """(h, w, c) from (h, w, c) or (n, h, w, c); n must be the rows of the gradient."""
    shape = sizes(who, "input_shape", input_shape)
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[0] != rows):
        raise ValueError(f"{who}: input_shape must be (height, width, channels) or ({rows}, ...), got {shape}")
    return shape[-3], shape[-2], shape[-1]


def same_shape(who: str, name: str, got: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Refuses an array whose shape is not the one that follows from the others."""
    if tuple(got) != tuple(expected):
        raise ValueError(f"{who}: {name} must have shape {tuple(expected)}, got {tuple(got)}")


def check_dtype(who: str, dtype: Any) -> None:
    """Refuses a dtype but for None and float32."""
    if dtype is not None and (dtype != "float32" and dtype is not np.float32):
        raise ValueError(f"{who}: dtype must be 'float32', the only one there is, got {dtype!r}")


def check_last_axis(who: str, axis: Any) -> None:
    """Refuses an axis that is not the last one."""
    if axis != -1:
        raise ValueError(f"{who}: axis must be -1, the last one, got {axis!r}")


def rate(who: str, name: str, value: Any, *, below_one: bool = False) -> float:
    """A number from 0 to 1 (NaN is refused)."""
    number = real(who, name, value)
    if not 0.0 <= number <= 1.0 or (below_one and number == 1.0):
        raise ValueError(f"{who}: {name} must be from 0 to 1{' (1 excluded)' if below_one else ''}, got {value!r}")
    return number


def real(who: str, name: str, value: Any, *, minimum: float | None = None) -> float:
    """A finite number, at least `minimum` where one is given; text and True are none."""
    if isinstance(value, (str, bytes, bool, np.bool_)):
        raise TypeError(f"{who}: {name} must be a number, got {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{who}: {name} must be a number, got {value!r}") from None
    if not np.isfinite(number):
        raise ValueError(f"{who}: {name} must be finite, got {value!r}")
    if minimum is not None and number < minimum:
        raise ValueError(f"{who}: {name} must be at least {minimum:g}, got {value!r}")
    return number
