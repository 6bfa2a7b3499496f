"""The plans of a model, kept while they fit into memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyconvnet.plan import Plan

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

    def get(self, key: Hashable, build: Callable[[], Plan]) -> Plan:
        """The plan of this key, built where it is not there."""
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = build()
            while len(self._plans) > 1 and sum(plan.nbytes for plan in self._plans.values()) > self._most_bytes:
                self._plans.popitem(last=False)
        self._plans.move_to_end(key)
        return plan

    def clear(self) -> None:
        """Forgets all plans."""
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
