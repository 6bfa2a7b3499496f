"""From a model and a purpose to a plan that runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyconvnet import _core
from pyconvnet.datasets.scaled import ScaledArray
from pyconvnet.losses import LossSpec
from pyconvnet.ops.rule import Tensor
from pyconvnet.plan import passes
from pyconvnet.plan.describe import table
from pyconvnet.plan.emit import Call, CallList, slot_tensor
from pyconvnet.plan.graph import Graph
from pyconvnet.plan.memory import ALIGNMENT, Interval, pack

if TYPE_CHECKING:
    from pyconvnet.models import Sequential
    from pyconvnet.optimizers import Optimizer


@dataclass(frozen=True)
class PlanSpec:
    """What a plan is for.

    Attributes:
        mode: "train", "evaluate" (loss and metrics in inference mode) or "predict".
        capacity: the largest batch.
        training: dropout and batch statistics on.
        loss: None for "predict".
        metrics: names of metric kernels.
        labels: "int" (class numbers), "float", or None.
        label_shape: of one sample's labels.
        weighted: sample weights follow the labels.
    """

    mode: str
    capacity: int
    training: bool = False
    loss: LossSpec | None = None
    metrics: tuple[str, ...] = ()
    labels: str | None = None
    label_shape: tuple[int, ...] = ()
    weighted: bool = False


class Plan:
    """A fixed list of kernel calls over fixed memory. Print it to see them all.

    Attributes:
        spec: what it was made for.
        calls: the kernel calls of a step.
        nbytes: the arena: activations, gradients and scratch.
    """

    def __init__(self, spec: PlanSpec, calls: list[Call], sums: dict[str, Tensor], output: Tensor | None) -> None:
        self.spec, self.calls = spec, calls
        self._sums = {name: tensor.array for name, tensor in sums.items()}
        intervals = _intervals(calls, spec.capacity, output)
        self.offsets, self.nbytes = _place(intervals)
        self._arena = _aligned_bytes(self.nbytes)
        arrays: list[np.ndarray] = [self._arena]
        self._plan = _core.Plan([self._bind(call, arrays) for call in calls], arrays, spec.capacity)
        self._output = None
        if output is not None:
            offset, size = self.offsets[id(output)], 4 * output.size * spec.capacity
            self._output = self._arena[offset : offset + size].view(np.float32)

    def _bind(self, call: Call, arrays: list[np.ndarray]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        buffers = {}
        for name, tensor in call.buffers.items():
            count = tensor.size * (self.spec.capacity if tensor.batched else 1)
            if tensor.array is None:
                buffers[name] = (0, self.offsets[id(tensor)], count, tensor.dtype)
                continue
            index = next((i for i, array in enumerate(arrays) if array is tensor.array), None)
            if index is None:
                index = len(arrays)
                arrays.append(tensor.array)
            buffers[name] = (index, 0, count, tensor.dtype)
        return call.kernel, call.attributes, buffers

    def run(
        self,
        feeds: Sequence[np.ndarray | ScaledArray],
        indices: np.ndarray,
        *,
        batch_size: int,
        seed: int,
        iteration: int,
        learning_rate: float,
    ) -> None:
        """Runs ceil(len(indices) / batch_size) steps in one crossing.

        Args:
            feeds: x, labels, sample weights: those that the spec names. Read where they lie.
            indices: int64, the rows of the feeds, in the order of the steps.
            batch_size: rows a step, at most the capacity; the last step may have fewer.
            seed, iteration: of the random numbers; iteration also counts the optimizer's steps.
            learning_rate: of the optimizer.
        """
        self._plan.run(_feed_list(feeds), indices, batch_size, seed, iteration, learning_rate)

    def predict_into(
        self,
        feeds: Sequence[np.ndarray | ScaledArray],
        indices: np.ndarray,
        *,
        batch_size: int,
        seed: int,
        iteration: int,
        out: np.ndarray,
    ) -> None:
        """As `run`, writing the outputs of row i of `indices` to out[i] (float32, C-contiguous)."""
        self._plan.run(_feed_list(feeds), indices, batch_size, seed, iteration, 0.0, self._output, out)

    def totals(self) -> dict[str, tuple[float, float]]:
        """(sum, count) of the loss and of each metric since `reset_totals`."""
        return {name: (float(sums[0]), float(sums[1])) for name, sums in self._sums.items()}

    def reset_totals(self) -> None:
        """Starts a new epoch of sums."""
        for sums in self._sums.values():
            sums[:] = 0.0

    def __str__(self) -> str:
        return table(self)


def build_plan(model: Sequential, spec: PlanSpec, optimizer: Optimizer | None = None) -> Plan:
    """Lowers a model, runs the passes and binds the calls.

    Args:
        model: built.
        spec: what the plan is for.
        optimizer: for mode "train".
    """
    graph = Graph(model.sample_shapes()[0])
    graph.output = model.lower(graph, graph.input)
    passes.remove_identities(graph, spec.training)
    head = None if spec.loss is None else passes.attach_loss(graph, spec.loss)
    sources = () if head is None else tuple(t for t in (head.source, head.predictions) if t is not None)
    passes.fuse_relu(graph, (graph.output, *sources))

    train = spec.mode == "train"
    trainable = {id(variable) for variable in model.trainable_weights}
    emit = CallList(spec.training, train, trainable, updating_statistics=train)
    labels, weights = emit.gather(graph, spec)
    emit.forward(graph)
    sums: dict[str, Tensor] = {}
    if head is None:
        return Plan(spec, emit.calls, sums, graph.output)
    assert labels is not None
    sums = {name: slot_tensor(name, np.zeros(2)) for name in ("loss", *spec.metrics)}
    penalised = graph.activity_penalties or emit.regularized(graph)
    penalty = slot_tensor("penalty", np.zeros(1)) if penalised else None
    gradient = emit.loss(graph, head, spec, labels, weights, sums, penalty)
    if train:
        assert optimizer is not None and gradient is not None
        emit.backward(graph, head, gradient, optimizer)
    return Plan(spec, emit.calls, sums, None)


def _feed_list(feeds: Sequence[np.ndarray | ScaledArray]) -> list[tuple[np.ndarray, np.ndarray | None]]:
    return [(feed.array, feed.table) if isinstance(feed, ScaledArray) else (feed, None) for feed in feeds]


def _intervals(calls: list[Call], capacity: int, output: Tensor | None) -> dict[int, Interval]:
    """When each tensor of the arena is alive."""
    lives: dict[int, Interval] = {}
    for i, call in enumerate(calls):
        for tensor in call.buffers.values():
            if tensor.array is None:
                itemsize = np.dtype(tensor.dtype).itemsize
                nbytes = tensor.size * itemsize * (capacity if tensor.batched else 1)
                first = lives[id(tensor)].first if id(tensor) in lives else i
                lives[id(tensor)] = Interval(nbytes, first, i)
    if output is not None:
        life = lives[id(output)]
        lives[id(output)] = Interval(life.nbytes, life.first, len(calls))
    return lives


def _place(lives: dict[int, Interval]) -> tuple[dict[int, int], int]:
    offsets, nbytes = pack(list(lives.values()))
    return dict(zip(lives, offsets, strict=True)), nbytes


def _aligned_bytes(nbytes: int) -> np.ndarray:
    block = np.zeros(nbytes + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + nbytes]
