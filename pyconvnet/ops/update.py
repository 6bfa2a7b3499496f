"""What happens to the weights in a step of the plan: clipping, weight decay, the optimizer's kernel, their average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyconvnet.ops.clip import emit_clip
from pyconvnet.ops.rule import Emitter, Tensor


@dataclass(frozen=True)
class UpdateRule:
    """What an optimizer does in a step, whatever the variable.

    Attributes:
        kind: "sgd", "adam" or "rmsprop".
        attributes: of that kernel, as (name, value).
        clipping: the kernel that clips the gradients and its limit, or None.
        average: the momentum of the moving average and the steps between overwriting the weights (0: never), or None.
    """

    kind: str
    attributes: tuple[tuple[str, Any], ...]
    clipping: tuple[str, float] | None = None
    average: tuple[float, int] | None = None

    @property
    def needs_all_gradients(self) -> bool:
        """Whether no variable can move before all gradients are there."""
        return self.clipping is not None and self.clipping[0] == "clip_by_global_norm"


@dataclass(frozen=True, eq=False)
class Update:
    """One variable that moves: its gradient, what is remembered of it, and its weight decay."""

    variable: Tensor
    gradient: Tensor
    slots: Mapping[str, Tensor]
    decay: float = 0.0


def slot_names(kind: str, attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """The arrays that an optimizer keeps for each variable: sgd, adam or rmsprop with these attributes."""
    moving = attributes.get("momentum", 0.0) != 0
    if kind == "sgd":
        return ("velocity",) if moving else ()
    if kind == "adam":
        return "m", "v"
    if kind == "rmsprop":
        return ("velocity", "momentum_buffer") if moving else ("velocity",)
    raise ValueError(f"optimizer '{kind}': must be sgd, adam or rmsprop")


def emit_updates(emit: Emitter, rule: UpdateRule, updates: Sequence[Update]) -> None:
    """Adds the kernel calls of a step: clipping, then for each variable decay, step and average, as in Keras.

    Args:
        emit: where calls go; rate and step number come with each run.
        rule: what happens.
        updates: variables whose gradients are complete; all of the model where the rule needs all gradients.

    Raises:
        ValueError: an unknown kind, or a slot that is missing.
    """
    if rule.clipping is not None:
        emit_clip(emit, *rule.clipping, [(update.variable.name, update.gradient) for update in updates])
    for update in updates:
        variable = update.variable
        if update.decay != 0:
            emit.call("decay_weights", dict(size=variable.size, rate=update.decay), variable.name, w=variable)
        _emit_step(emit, rule.kind, dict(rule.attributes), update)
        if rule.average is not None:
            momentum, frequency = rule.average
            attributes = dict(size=variable.size, momentum=momentum, overwrite_frequency=frequency)
            average = update.slots["average"]
            emit.call("average_weights", attributes, variable.name, w=variable, average=average)


def _emit_step(emit: Emitter, kind: str, attributes: Mapping[str, Any], update: Update) -> None:
    """Adds the kernel call that moves the weights."""
    names = slot_names(kind, attributes)
    missing = [name for name in names if name not in update.slots]
    variable = update.variable
    if missing:
        raise ValueError(f"optimizer '{kind}': needs {', '.join(names)} for {variable.name}, got no {missing[0]}")
    arrays = {name: update.slots[name] for name in names}
    call = {"size": variable.size, **attributes}
    emit.call(kind, call, variable.name, w=variable, gradient=update.gradient, **arrays)
