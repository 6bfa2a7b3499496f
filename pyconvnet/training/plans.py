"""The plans of a model, kept while they fit into memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, cast

from pyconvnet import config
from pyconvnet.plan import Plan, PlanSpec, Target, build_plan

if TYPE_CHECKING:
    from pyconvnet.devices import Device
    from pyconvnet.models import Model

    from .learner import Learner

_MOST_BYTES = 1 << 30
_SMALLEST_CAPACITY = 32


class PlanCache:
    """Plans by key; the least recently used go first. A copy or a pickle of it is empty.

    Args:
        most_bytes: how much the plans may hold together; the newest stays in any case.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._plans: OrderedDict[Hashable, Plan] = OrderedDict()
        self._turn = threading.Lock()

    def get(self, key: Hashable, build: Callable[[], Plan]) -> Plan:
        """The plan of this key, built where it is not there."""
        with self._turn:
            plan = self._plans.get(key)
            if plan is None:
                plan = self._plans[key] = build()
                while len(self._plans) > 1 and sum(plan.nbytes for plan in self._plans.values()) > self._most_bytes:
                    self._plans.popitem(last=False)
            self._plans.move_to_end(key)
            return plan

    def clear(self) -> None:
        """Forgets all plans."""
        with self._turn:
            self._plans.clear()

    def __len__(self) -> int:
        return len(self._plans)

    def __reduce__(self) -> tuple[type[PlanCache], tuple[int]]:
        return PlanCache, (self._most_bytes,)


def capacity(batch_size: int, rows: int) -> int:
    """The rows of a plan for batches of `batch_size` from `rows` rows: no more than needed, in few different sizes.

    Example:
        >>> capacity(32, 5), capacity(1000, 40), capacity(50, 60000)
        (32, 64, 50)
    """
    return min(batch_size, max(_SMALLEST_CAPACITY, 1 << (rows - 1).bit_length()))


def bring_weights(model: Learner) -> Device:
    """Moves the weights to where the model runs, and answers where that is; before a plan is built of them."""
    device = model.device
    for variable in model.weights:
        if variable.device is not device:
            variable.move_to(device)
    return device


def plan_for(model: Learner, mode: str, rows: int, *, weighted: bool = False, training: bool | None = None) -> Plan:
    """The plan for batches of up to `rows`, from the model's cache or built now.

    Args:
        model: built, and compiled unless `mode` is "predict".
        mode: "train", "evaluate" or "predict".
        rows: the largest batch.
        weighted: whether samples have weights.
        training: whether dropout is on and batches are normalized by themselves; None: in mode "train" only.
    """
    device = bring_weights(model)
    targets: tuple[Target | None, ...] = ()
    if mode != "predict":
        assert model.compilation is not None and model.compilation.loss is not None
        targets = model.compilation.targets(model.sample_output_shapes)
    spec = PlanSpec(
        mode=mode,
        capacity=rows,
        training=mode == "train" if training is None else training,
        targets=targets,
        weighted=weighted,
        joins_gradients=mode == "train" and model.gradient_hook is not None,
        keeps_outputs=mode != "predict" and bool(model.compilation and model.compilation.functions),
        **config.plan_switches(device),
    )
    optimizer = model.optimizer if mode == "train" else None
    layers = tuple((layer, layer.trainable, layer.dtype_policy) for layer in model.all_layers())
    variables = tuple((variable, variable.trainable, variable.moves) for variable in model.weights)
    key = (spec, layers, variables, optimizer, optimizer and optimizer.structure)

    def build() -> Plan:
        return build_plan(cast("Model", model), spec, optimizer)

    try:
        return model.plans.get(key, build)
    except MemoryError:  # a GPU's is small: without the plans that nobody runs it may be enough
        if not len(model.plans):
            raise
        model.plans.clear()
        return model.plans.get(key, build)
