"""Checks and names that all layers share."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyconvnet._identifiers import snake_case

Shape = tuple[int, ...]

_made: Counter[str] = Counter()


def auto_name(cls: type) -> str:
    """A name that no object of this process got yet: conv2d, conv2d_1, conv2d_2, as Keras counts."""
    stem = snake_case(cls.__name__)
    count = _made[stem]
    _made[stem] += 1
    return f"{stem}_{count}" if count else stem


def forget_names() -> None:
    """Counts from the beginning again, as Keras does behind `clear_session`."""
    _made.clear()


def check_name(who: str, name: Any) -> str:
    """A name that can be part of a weight's path."""
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"{who}: name must be a non-empty string without '/', got {name!r}")
    return name


def check_flag(who: str, name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{who}: {name} must be True or False, got {value!r}")
    return bool(value)


def check_shape(who: str, name: str, value: Any, *, batched: bool = False) -> Shape:
    """The shape of one sample from what a user wrote.

    Args:
        who: for messages.
        name: the argument's name.
        value: such as (28, 28, 1), or (None, 28, 28, 1) where `batched`.
        batched: whether the first size is the batch's, which is left out.
    """
    example = "(None, 28, 28, 1)" if batched else "(28, 28, 1)"
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)):
        raise TypeError(f"{who}: {name} must be a tuple such as {example}, got {value!r}")
    if batched and len(value) == 0:
        raise ValueError(f"{who}: {name} must begin with the batch's size, such as {example}, got {value!r}")
    sizes = tuple(value)[1:] if batched else tuple(value)
    if None in sizes:
        raise ValueError(f"{who}: {name} must give every size but the batch's, such as {example}, got {value!r}")
    try:
        shape = tuple(operator.index(size) for size in sizes)
    except TypeError:
        raise TypeError(f"{who}: {name} must hold whole numbers, such as {example}, got {value!r}") from None
    if any(size < 1 for size in shape):
        raise ValueError(f"{who}: {name} must hold positive sizes, got {value!r}")
    return shape


def check_data_format(who: str, value: Any) -> str:
    """Only channels_last."""
    if value not in (None, "channels_last"):
        raise ValueError(
            f"{who}: data_format must be 'channels_last' ([n, height, width, channels]), got {value!r}; "
            "turn images with np.moveaxis(x, 1, -1)"
        )
    return "channels_last"


def check_strides_and_dilation(who: str, strides: tuple[int, int], dilation_rate: tuple[int, int]) -> None:
    """Refuses both above 1 at once, as Keras does."""
    if max(strides) > 1 and max(dilation_rate) > 1:
        raise ValueError(
            f"{who}: strides and dilation_rate cannot both be above 1, "
            f"got strides {strides} and dilation_rate {dilation_rate}"
        )
