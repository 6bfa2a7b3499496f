"""What an optimizer remembers, as a list of arrays in Keras's orders.

Keras 3 writes the step number, the learning rate and then the slots; Keras 2 leaves the learning rate out; TensorFlow
up to 2.10 (its first entry is named "iter") sorts the slots by kind: all m, then all v.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyconvnet.saving.stored import StoredArray, check_shape
from pyconvnet.variables import Variable

if TYPE_CHECKING:
    from pyconvnet.optimizers import Optimizer

# Every optimizer's slots in Keras's order, as far as it has them: first all averages, then all that follows. The slots
# of one group alternate from variable to variable.
_GROUPS = (("average",), ("m", "v"), ("velocity",), ("momentum_buffer",))


def state_arrays(optimizer: Optimizer, trainable: Sequence[Variable]) -> list[tuple[str, Any]]:
    """The state as Keras 3 orders it: step number, learning rate, slots; no slots before the first step.

    Args:
        optimizer: a model's optimizer.
        trainable: the model's trainable variables in order.

    Returns:
        A name and the array of each.
    """
    found: list[tuple[str, Any]] = [("iteration", np.int64(optimizer.iterations))]
    if optimizer.schedule is None:
        found.append(("learning_rate", np.float32(optimizer.learning_rate)))
    if optimizer.iterations:
        found += [(f"{variable.path}/{name}", slot.array) for variable, name, slot in _slots(optimizer, trainable)]
    return found


def read_state(
    who: str, optimizer: Optimizer, trainable: Sequence[Variable], stored: Sequence[StoredArray], *, new: bool
) -> Callable[[], None]:
    """Reads and checks a stored state; where it is of another optimizer or network, warns as Keras does.

    Args:
        who: who loads what, for messages.
        optimizer: the model's optimizer, as compiled.
        trainable: the model's trainable variables in order.
        stored: the arrays of the file, in order.
        new: whether nobody has seen the optimizer yet; its slots are then filled at once.

    Returns:
        What puts the optimizer into that state; without a call one that is not new stays as it was.

    Raises:
        ValueError: an array of another shape, or a step number or learning rate that is none.
    """
    if not stored:
        return lambda: None
    slots = list(stored[1:])
    rate = slots.pop(0) if slots and slots[0].shape == () else None
    by_kind = stored[0].name.split("/")[-1].startswith("iter:")
    targets = _slots(optimizer, trainable, by_kind=by_kind) if slots else []
    if _unused(optimizer, trainable, slots):
        slots, targets = [], []
    if len(slots) != len(targets):
        warnings.warn(
            f"{who}: the optimizer's state was not restored: {type(optimizer).__name__} keeps {len(targets)} arrays "
            f"for this model, the file has {len(slots)}; training begins with a fresh optimizer",
            stacklevel=2,
        )
        return lambda: None
    for (variable, slot, _), array in zip(targets, slots, strict=True):
        check_shape(who, f"{slot} of {variable.path}", variable.shape, array)
    iterations = int(_number(who, stored[0], "i"))
    learning_rate = None if rate is None else _number(who, rate, "f")
    values = [target.buffer if new else np.empty(target.shape, np.float32) for _, _, target in targets]
    for value, array in zip(values, slots, strict=True):
        array.read_into(value)

    def write() -> None:
        if not new:
            for (_, _, target), value in zip(targets, values, strict=True):
                target.assign(value)
        optimizer.iterations = iterations
        # The file's float32 is the configured number rounded, unless that was changed while training.
        changed = learning_rate is not None and np.float32(optimizer.learning_rate) != np.float32(learning_rate)
        if changed and optimizer.schedule is None:
            optimizer.learning_rate = learning_rate

    return write


def _slots(
    optimizer: Optimizer, trainable: Sequence[Variable], *, by_kind: bool = False
) -> list[tuple[Variable, str, Variable]]:
    """Variable, slot's name and slot, in Keras's order."""
    kept_of = [(variable, optimizer.slots(variable)) for variable in trainable]
    kept = set(kept_of[0][1]) if kept_of else set()
    groups = [[slot for slot in group if slot in kept] for group in _GROUPS]
    if by_kind:
        groups = [[slot] for group in groups for slot in group]
    return [(variable, slot, own[slot]) for group in groups for variable, own in kept_of for slot in group]


def _unused(optimizer: Optimizer, trainable: Sequence[Variable], slots: Sequence[StoredArray]) -> bool:
    """Whether these are the momentums that Keras 2 keeps for an SGD that has no momentum."""
    idle = optimizer.kind == "sgd" and not optimizer.attributes["momentum"]
    return idle and [slot.shape for slot in slots] == [variable.shape for variable in trainable]


def _number(who: str, array: StoredArray, kind: str) -> Any:
    if array.shape != () or array.kind != kind:
        raise ValueError(f"{who}: '{array.name}' must be one number of the optimizer, got an array {array.shape}")
    value = array.read_number()
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{who}: '{array.name}' must be a number from 0 on, got {value}")
    return value
