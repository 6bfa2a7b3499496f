"""The rules for arguments of `ImageDataGenerator`: each answers the checked value or raises, naming the argument."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np

from pyconvnet._suggest import known
from pyconvnet.layers._check import check_flag
from pyconvnet.ops._check import integer as whole
from pyconvnet.ops._check import rate, real, refuse_masked
from pyconvnet.ops.affine_warp import FILL_MODES

CHANNELS = (1, 3, 4)


def number(who: str, name: str, value: Any, *, minimum: float | None = None) -> Any:
    """A finite number, at least `minimum` where one is given; a whole number stays whole."""
    checked = real(who, name, value, minimum=minimum)
    return value if isinstance(value, Real) else checked


def numbers(who: str, name: str, values: Any, *, minimum: float | None = None) -> list[Any]:
    """A sequence of finite real numbers, none below `minimum`."""
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        raise TypeError(f"{who}: {name} must be a number or a list of numbers, got {values!r}")
    return [number(who, f"{name}[{i}]", value, minimum=minimum) for i, value in enumerate(values)]


def pair(who: str, name: str, values: Any, *, minimum: float) -> list[Any]:
    """Two finite real numbers, none below `minimum`."""
    checked = numbers(who, name, values, minimum=minimum)
    if len(checked) != 2:
        raise ValueError(f"{who}: {name} must be a pair of numbers, got {values!r}")
    return checked


def shift_range(who: str, name: str, value: Any) -> float | int | list[float]:
    """A shift: a float (fraction below 1, else pixels), a whole number of pixels, or a list to choose from."""
    if isinstance(value, Real):
        checked = number(who, name, value, minimum=0.0)
        return int(checked) if isinstance(checked, (int, np.integer)) else float(checked)
    choices = numbers(who, name, value)
    if not choices:
        raise ValueError(f"{who}: {name} must name at least one shift, got an empty list; use 0 for no shift")
    return choices


def zoom_range(who: str, value: Any) -> list[float]:
    """A zoom: z stands for [1 - z, 1 + z], a pair for itself."""
    if isinstance(value, Real):
        checked = rate(who, "zoom_range", value)
        return [1 - checked, 1 + checked]
    return pair(who, "zoom_range", value, minimum=0.0)


def flag(who: str, name: str, value: Any) -> bool:
    """True or False, or 0 and 1, which Keras takes here too."""
    return check_flag(who, name, bool(value) if isinstance(value, int) and value in (0, 1) else value)


def seed(who: str, value: Any) -> int | None:
    """None or a seed that np.random.seed takes."""
    return None if value is None else whole(who, "seed", value, minimum=0, bits=32)


def fill_mode(who: str, value: Any) -> str:
    """One of the fill modes."""
    return known(who, "fill_mode", value, FILL_MODES)


def images(who: str, name: str, value: Any, *, rank: int) -> np.ndarray:
    """A numeric array of images, channels last: rank 4 for a set, 3 for a single image."""
    layout = "[n, height, width, channels]" if rank == 4 else "[height, width, channels]"
    if rank == 4 and isinstance(value, (list, tuple)):
        raise TypeError(f"{who}: {name} must be one array {layout}, got a {type(value).__name__}; use np.stack")
    refuse_masked(who, name, value)
    array = np.asarray(value)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{who}: {name} must be numeric, got dtype {array.dtype}")
    if array.ndim != rank:
        hint = "; add the axis of channels with x[..., np.newaxis]" if array.ndim == rank - 1 else ""
        raise ValueError(f"{who}: {name} must have rank {rank} {layout}, got shape {array.shape}{hint}")
    if array.size == 0:
        raise ValueError(f"{who}: {name} must not be empty, got shape {array.shape}")
    if rank == 4 and array.shape[3] not in CHANNELS:
        warnings.warn(f"{who}: {name} should have 1, 3 or 4 channels in its last axis, got {array.shape}", stacklevel=4)
    return array


def function(who: str, name: str, value: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """None or something to call."""
    if value is not None and not callable(value):
        raise TypeError(f"{who}: {name} must be callable, got {value!r}")
    return value


def fraction(who: str, name: str, value: Any) -> float:
    """A number in [0, 1)."""
    return rate(who, name, value, below_one=True)


def refuse_unoffered(
    who: str, zca_whitening: Any, zca_epsilon: Any, data_format: Any, interpolation_order: Any, dtype: Any
) -> None:
    """Raise for values that Keras takes and pyconvnet does not, naming what is offered instead."""
    number(who, "zca_epsilon", zca_epsilon, minimum=0.0)
    if flag(who, "zca_whitening", zca_whitening):
        raise ValueError(
            f"{who}: zca_whitening is not offered; use featurewise_center=True, featurewise_std_normalization=True"
        )
    if data_format not in (None, "channels_last"):
        raise ValueError(
            f"{who}: data_format must be 'channels_last', got {data_format!r}; use np.moveaxis(x, 1, -1) first"
        )
    if isinstance(interpolation_order, bool) or interpolation_order != 1:
        raise ValueError(f"{who}: interpolation_order must be 1 (linear), got {interpolation_order!r}")
    if dtype not in (None, "float32", np.float32, np.dtype(np.float32)):
        raise ValueError(f"{who}: dtype must be 'float32', got {dtype!r}; convert the batches with astype")
