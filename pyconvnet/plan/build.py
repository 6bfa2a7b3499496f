"""From a model and a purpose to a plan that runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyconvnet import _core, devices
from pyconvnet.datasets.scaled import ScaledArray
from pyconvnet.devices import Device
from pyconvnet.losses import LossSpec
from pyconvnet.ops.rule import Tensor
from pyconvnet.plan import passes
from pyconvnet.plan.average_first import average_first
from pyconvnet.plan.backward import Backward
from pyconvnet.plan.describe import table
from pyconvnet.plan.emit import Call, CallList, slot_tensor
from pyconvnet.plan.fuse import fuse_dense_updates, fuse_pooling, fuse_relu_gradients
from pyconvnet.plan.graph import Graph
from pyconvnet.plan.joined import JoinedGradients
from pyconvnet.plan.memory import Interval, Memory, most_live, pack

if TYPE_CHECKING:
    from pyconvnet.models import Model
    from pyconvnet.optimizers import Optimizer


@dataclass(frozen=True)
class Target:
    """What one output of a model is compared with.

    Attributes:
        loss: how.
        metrics: names of metric kernels.
        labels: "int" (class numbers) or "float".
        label_shape: of one sample's labels.
        prefix: of the names of its sums, "output_"; empty where the model has one output.
        weight: factor of this loss in the whole one.
        own_loss: whether this loss is summed beside the whole one.
    """

    loss: LossSpec
    metrics: tuple[str, ...] = ()
    labels: str = "float"
    label_shape: tuple[int, ...] = ()
    prefix: str = ""
    weight: float = 1.0
    own_loss: bool = False

    def sums(self) -> list[str]:
        """The names of its sums besides the whole loss."""
        names = [self.prefix + name for name in self.metrics]
        return [f"{self.prefix}loss", *names] if self.own_loss else names


@dataclass(frozen=True)
class PlanSpec:
    """What a plan is for.

    Attributes:
        mode: "train", "evaluate" (loss and metrics in inference mode), "predict", or "differentiate" (see `gradients`).
        capacity: the largest batch.
        training: dropout and batch statistics on.
        targets: one for each output, None for outputs without a loss; empty for "predict".
        weighted: sample weights follow the labels.
        strict: nothing that rounds otherwise than the plain formulas.
        winograd: convolutions may be computed by Winograd's algorithm.
        bfloat16: how bfloat16 numbers are multiplied where a layer's policy asks for it; "plain": they are not.
        device: in whose memory it works.
        backend: of the device's kernels those that are called.
        graphs: a GPU's steps are captured once and replayed.
        keeps_outputs: the model's outputs stay to the end of a step beside the loss, for who asks for them.
        joins_gradients: all gradients lie in one array, complete before a weight moves (`Model.gradient_hook`).
    """

    mode: str
    capacity: int
    training: bool = False
    targets: tuple[Target | None, ...] = ()
    weighted: bool = False
    strict: bool = False
    winograd: bool = True
    bfloat16: str = "plain"
    device: Device = devices.CPU
    backend: str = "cpu"
    graphs: bool = True
    keeps_outputs: bool = False
    joins_gradients: bool = False


class Sums:
    """What is summed over the rows of an epoch, as slots: one block, which is written and read at once.

    Attributes:
        block: float64 [names, 2], (sum, count) of each.
        tensors: its rows by name.
    """

    def __init__(self, names: Sequence[str], device: Device) -> None:
        rows = dict.fromkeys(names)
        self.block = device.zeros((len(rows), 2), np.float64)
        self.tensors = {name: slot_tensor(name, self.block[i]) for i, name in enumerate(rows)}


class Plan:
    """A fixed list of kernel calls over fixed memory. Print it to see them all.

    Attributes:
        spec: what it was made for.
        calls: the kernel calls of a step.
        memory: what it needs of the machine's.
        device: in whose memory it works.
        nbytes: the arena: activations, gradients and scratch.
        output_size: numbers that a step can copy out for each row, all outputs side by side; 0 where it keeps none.
        sums: the names of what is summed over the rows, the loss and the metrics.
        gradients: float32 [trainable weights], side by side, where the spec joins them; its steps run one by one.
    """

    def __init__(
        self, spec: PlanSpec, calls: list[Call], sums: Sums | None, output: Tensor | None,
        joined: JoinedGradients | None = None,
    ) -> None:  # fmt: skip
        self.spec, self.calls, self.device = spec, calls, spec.device
        self.sums = tuple(sums.tensors) if sums else ()
        self._sums = sums.block if sums else None
        self._turn = threading.Lock()  # its memory serves one caller at a time
        intervals = _intervals(calls, spec.capacity, output)
        self.offsets, self.nbytes = _place(intervals)
        self._arena = spec.device.zeros((self.nbytes,), np.uint8)
        arrays: list[Any] = [self._arena]
        bound = [self._bind(call, arrays) for call in calls]
        self.gradients = None if joined is None else joined.array
        self._cut = len(calls) if joined is None else joined.cut(calls)
        halves = [bound] if joined is None else [bound[: self._cut], bound[self._cut :]]
        self._parts = [self._bound(half, arrays) for half in halves]
        tensors = {id(tensor): tensor for call in calls for tensor in call.buffers.values()}.values()
        self._variables = [(tensor.variable, tensor.array) for tensor in tensors if tensor.variable is not None]
        spec.device.synchronize()
        self.memory = _memory(calls, intervals, self.nbytes, max(part.scratch_bytes for part in self._parts))
        self._output = None
        self.output_size = 0 if output is None else output.size
        if output is not None:
            offset = self.offsets[id(output)]
            self._output = self._arena[offset : offset + output.nbytes(spec.capacity)].view(np.float32)

    def _bind(self, call: Call, arrays: list[Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
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

    def _bound(self, calls: list[Any], arrays: list[Any]) -> Any:
        device = self.device
        block = None if device.is_host else device.zeros((_core.STEP_BYTES,), np.uint8)
        return _core.Plan(calls, arrays, self.spec.capacity, self.spec.backend, block, self.spec.graphs)

    def run(
        self,
        feeds: Sequence[np.ndarray | ScaledArray],
        indices: np.ndarray,
        *,
        batch_size: int,
        seed: int,
        iteration: int,
        learning_rate: float | npt.NDArray[np.float32] = 0.0,
        out: Any = None,
        totals: npt.NDArray[np.float64] | None = None,
        seconds: npt.NDArray[np.float64] | None = None,
        gradient_hook: Callable[[Any], None] | None = None,
    ) -> None:
        """Runs ceil(len(indices) / batch_size) steps in one crossing; a single one where gradients are joined.

        Args:
            feeds: inputs, labels, sample weights: those that the spec names. Read where they lie; what lies in
                another memory than the plan's is copied for this call.
            indices: int64, the rows of the feeds, in the order of the steps.
            batch_size: rows a step, at most the capacity; the last step may have fewer.
            seed, iteration: of the random numbers; iteration also counts the optimizer's steps.
            learning_rate: of the optimizer, for all steps or one for each.
            out: C-contiguous float32 [len(indices), output_size], in the plan's memory or NumPy's; row i gets the
                outputs of row i of `indices`.
            totals: [sums, 2], (sum, count) of the steps before, of each of `sums`; these steps add to them.
            seconds: C-contiguous [steps, calls]; gets how long each call took.
            gradient_hook: gets the joined gradients before the weights move.
        """
        device = self.device
        with self._turn, device.current():
            for variable, array in self._variables:
                if variable.buffer is not array:  # it worked elsewhere in between
                    variable.return_to(array, device)
            if totals is not None and self._sums is not None:
                device.write(self._sums, totals)
            fed = [_parts(place(feed, device)) for feed in feeds]
            elsewhere = out is not None and devices.of(out).memory != device.memory
            target = device.empty(out.shape) if elsewhere else out
            numbers = (fed, indices, batch_size, seed, iteration, learning_rate)
            if self.gradients is None:
                self._cross(0, numbers, target, seconds)
            else:
                assert len(indices) <= batch_size, "joined gradients are those of one step"
                before, after = (None, None) if seconds is None else np.split(seconds, [self._cut], axis=1)
                self._cross(0, numbers, target, before)
                if gradient_hook is not None:
                    gradient_hook(self.gradients)
                self._cross(1, numbers, None, after)
            if elsewhere:
                devices.of(out).write(out, devices.to_numpy(target))
            if totals is not None and self._sums is not None:
                totals[...] = devices.to_numpy(self._sums)

    def _cross(self, part: int, numbers: tuple[Any, ...], out: Any, seconds: npt.NDArray[np.float64] | None) -> None:
        """Runs steps of the whole plan, or the step of one of its halves."""
        device = self.device
        uploaded: tuple[Any, ...] = ()
        if not device.is_host:
            *others, rates = numbers
            rates = np.atleast_1d(np.asarray(rates, np.float32))
            numbers, uploaded = (*others, rates), (device.put(numbers[1]), device.put(rates))
        output = None if out is None else self._output
        self._parts[part].run(*numbers, output, out, seconds, device.stream(), *uploaded)

    def __str__(self) -> str:
        return table(self)


def build_plan(model: Model, spec: PlanSpec, optimizer: Optimizer | None = None) -> Plan:
    """Lowers a model, runs the passes and binds the calls.

    Args:
        model: built.
        spec: what the plan is for.
        optimizer: for mode "train".
    """
    graph = Graph(model.sample_shapes)
    graph.finish(model.lower(graph, graph.inputs))
    passes.remove_identities(graph, spec.training)
    losses = [None if target is None else target.loss for target in spec.targets]
    heads = passes.attach_losses(graph, losses, spec.keeps_outputs)
    watched = passes.watched_tensors(graph, heads)
    if not spec.strict:
        average_first(graph, watched, winograd=spec.winograd, bfloat16=spec.bfloat16, backend=spec.backend)
    passes.fuse_relu(graph, watched)

    train = spec.mode == "train"
    trainable = {id(variable) for variable in model.trainable_weights}
    emit = CallList(
        spec.training, train, trainable, updating_statistics=train, winograd=spec.winograd, bfloat16=spec.bfloat16,
        backend=spec.backend,
    )  # fmt: skip
    labels, weights = emit.gather(graph, spec)
    emit.forward(graph)
    output = emit.join(graph.outputs) if spec.keeps_outputs or not spec.targets else None
    if not spec.targets:
        return Plan(spec, fuse_pooling(emit.calls, watched, spec.backend), None, output)
    names = [name for target in spec.targets if target is not None for name in target.sums()]
    sums = Sums(("loss", *names), spec.device)
    values, sources = [], []
    for target, head, truth in zip(spec.targets, heads, labels, strict=True):
        if target is not None and head is not None and truth is not None:
            value, gradient = emit.loss(target, head, truth, weights, sums.tensors)
            values.append(value)
            sources += [] if gradient is None else [(head.source, gradient)]
    penalised = graph.activity_penalties or emit.regularized(graph)
    penalty = slot_tensor("penalty", spec.device.zeros((1,), np.float64)) if penalised else None
    emit.total_loss(graph, values, sums.tensors["loss"], penalty)
    if train:
        assert optimizer is not None
        joined = None
        if spec.joins_gradients and model.trainable_weights:
            joined = JoinedGradients(model.trainable_weights, spec.device)
        Backward(graph, emit, passes.pooled_relus(graph, watched)).run(sources, optimizer, joined)
        if joined is not None:
            calls = fuse_relu_gradients(fuse_pooling(emit.calls, watched, spec.backend))
            return Plan(spec, calls, sums, output, joined)
    calls = fuse_relu_gradients(fuse_pooling(fuse_dense_updates(emit.calls), watched, spec.backend))
    return Plan(spec, calls, sums, output)


def place(feed: Any, device: Device) -> Any:
    """An array or a `ScaledArray` with these values in the memory of a device; itself where it is there."""
    return feed.on(device) if isinstance(feed, ScaledArray) else device.put(feed)


def _parts(feed: Any) -> tuple[Any, Any]:
    return (feed.array, feed.table) if isinstance(feed, ScaledArray) else (feed, None)


def _intervals(calls: list[Call], capacity: int, output: Tensor | None) -> dict[int, Interval]:
    """When each tensor of the arena is alive."""
    lives: dict[int, Interval] = {}
    for i, call in enumerate(calls):
        for tensor in call.buffers.values():
            if tensor.array is None:
                first = lives[id(tensor)].first if id(tensor) in lives else i
                lives[id(tensor)] = Interval(tensor.nbytes(capacity), first, i)
    if output is not None:
        life = lives[id(output)]
        lives[id(output)] = Interval(life.nbytes, life.first, len(calls))
    return lives


def _place(lives: dict[int, Interval]) -> tuple[dict[int, int], int]:
    offsets, nbytes = pack(list(lives.values()))
    return dict(zip(lives, offsets, strict=True)), nbytes


def _memory(calls: list[Call], lives: dict[int, Interval], arena: int, thread: int) -> Memory:
    tensors = {id(tensor): tensor for call in calls for tensor in call.buffers.values()}
    outside = {id(tensor.array): tensor for tensor in tensors.values() if tensor.array is not None}
    return Memory(
        arena=arena,
        live=most_live(lives.values()),
        kept=most_live(life for key, life in lives.items() if tensors[key].kind != "scratch"),
        weights=sum(tensor.nbytes(1) for tensor in outside.values() if tensor.kind == "variable"),
        slots=sum(tensor.nbytes(1) for tensor in outside.values() if tensor.kind != "variable"),
        thread=thread,
    )
