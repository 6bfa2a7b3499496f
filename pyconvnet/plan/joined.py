"""The gradients of a step in one array, between the backward pass and the update: where machines meet.

`Model.gradient_hook` is called there. Gradients lie side by side, so that one call of NCCL or MPI adds those of all
workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyconvnet.ops.update import Update

if TYPE_CHECKING:
    from pyconvnet.devices import Device
    from pyconvnet.plan.emit import Call
    from pyconvnet.variables import Variable


class JoinedGradients:
    """Room for the gradients of some variables, and the call of a step before which all of them are there.

    Args:
        variables: in the order in which their gradients lie.
        device: in whose memory.

    Attributes:
        array: float32 [all weights].
        update: the first call that moves a weight; None where none does.
    """

    def __init__(self, variables: Sequence[Variable], device: Device) -> None:
        self._begins = dict(zip(map(id, variables), np.cumsum([0, *(v.size for v in variables)]), strict=False))
        self.array = device.zeros((sum(variable.size for variable in variables),))
        self.update: Call | None = None

    def take(self, update: Update) -> None:
        """Gives the gradient of an update its place."""
        gradient, variable = update.gradient, update.variable.variable
        begin = self._begins[id(variable)]
        gradient.array, gradient.kind = self.array[begin : begin + gradient.size].reshape(gradient.shape), "slot"

    def cut(self, calls: Sequence[Call]) -> int:
        """How many calls of a step come before the update."""
        if self.update is None:
            return len(calls)
        return next(i for i, call in enumerate(calls) if call is self.update)
