"""The loss and the metrics of an epoch, summed over the plans whose steps it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyconvnet.metrics import Function
from pyconvnet.plan import Plan

from .data import apart
from .feeds import Stretch
from .loop import Chunk, Totals
from .plans import plan_for

if TYPE_CHECKING:
    from .learner import Learner

Logs = dict[str, float]


class Tally:
    """Sums since it was made, over the steps of any plans; they belong to it, and nobody else adds to them.

    Args:
        model: compiled with a loss.
        mode: "train" or "evaluate".

    Attributes:
        totals: of the plans' sums, as `Plan.run` takes them.
    """

    def __init__(self, model: Learner, mode: str) -> None:
        assert model.compilation is not None
        self._model, self._mode = model, mode
        self._functions = model.compilation.functions
        self._own = dict.fromkeys(self._functions, (0.0, 0.0))
        self._plan: Plan | None = None
        self._kind: tuple[int, bool] | None = None
        self.totals: Totals = np.zeros((0, 2))

    def plan(self, stretch: Stretch) -> Plan:
        """The plan for the next steps; batches of another size may need another one."""
        kind = (stretch.capacity, stretch.data.weights is not None)
        if self._plan is None or kind != self._kind:
            plan = plan_for(self._model, self._mode, stretch.capacity, weighted=kind[1])
            if self._plan is None:
                self.totals = np.zeros((len(plan.sums), 2))
            self._plan, self._kind = plan, kind
        return self._plan

    def add(self, stretch: Stretch, chunk: Chunk) -> None:
        """Calls the metrics that are Python functions with each batch of a chunk."""
        if chunk.outputs is None or not self._functions:
            return
        assert self._model.compilation is not None
        predictions = apart(chunk.outputs, self._model.sample_output_shapes)
        labels = iter(stretch.data.given)
        for output, predicted in zip(self._model.compilation.outputs, predictions, strict=True):
            if output.loss is None:
                continue
            truth = next(labels)[chunk.rows]
            if truth.dtype.kind == "f":
                truth = truth.astype(np.float32, copy=False)
            for name, function in output.functions.items():
                self._own[name] = _add(self._own[name], name, function, truth, predicted, stretch.batch_size)

    def means(self) -> Logs:
        """What is reported: the loss and the metrics, sorted by name as Keras 3 does."""
        assert self._model.compilation is not None
        assert self._plan is not None
        sums = dict(zip(self._plan.sums, self.totals.tolist(), strict=True))
        names = self._model.compilation.sums(self._model.sample_output_shapes)
        found = {name: sums[kernel] for name, kernel in names.items()} | self._own
        return {name: total / count if count else 0.0 for name, (total, count) in sorted(found.items())}


def _add(
    sums: tuple[float, float],
    name: str,
    function: Function,
    truth: np.ndarray,
    predictions: np.ndarray,
    batch_size: int,
) -> tuple[float, float]:
    """The sum over the samples of what a metric answers, and their number, with those of more batches."""
    total, count = sums
    for first in range(0, len(truth), batch_size):
        batch = slice(first, first + batch_size)
        answer = function(truth[batch].copy(), predictions[batch].copy())  # which may write into them
        try:
            values = np.asarray(answer).astype(np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"metric '{name}': must answer a number for each sample, got {answer!r}") from None
        if values.size:
            total += float(values.reshape(len(values), -1).mean(axis=1).sum() if values.ndim else values)
        count += len(values) if values.ndim else 1
    return total, count
