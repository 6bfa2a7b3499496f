"""From a graph to a list of kernel calls: gather, forward, loss. The way back is in `backward`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyconvnet import _core, ops
from pyconvnet.ops.loss import emit_loss, emit_smoothing
from pyconvnet.ops.metric import emit_mean, emit_metric
from pyconvnet.ops.regularizer import (
    emit_activity_l1_l2,
    emit_add_penalty,
    emit_l1_l2,
)
from pyconvnet.ops.rule import Tensor
from pyconvnet.plan.graph import Graph
from pyconvnet.plan.passes import Head, tensors_before_gradients

if TYPE_CHECKING:
    from pyconvnet.plan.build import PlanSpec, Target
    from pyconvnet.regularizers import Regularizer
    from pyconvnet.variables import Variable


@dataclass(eq=False)
class Call:
    """One kernel call: which kernel, on which tensors, and what it costs for one row."""

    kernel: str
    attributes: dict[str, Any]
    buffers: dict[str, Tensor]
    label: str
    flops: int = 0


def scratch_of(kernel: str, attributes: dict[str, Any], label: str) -> dict[str, Tensor]:
    """The scratch buffers of a call, looked up from the kernel itself."""
    return {
        name: Tensor(f"{label}.{name}", (count,), dtype, batched=for_each_row, kind="scratch")
        for name, dtype, count, for_each_row, role in _core.describe_kernel(kernel, attributes)
        if role == "scratch"
    }


@dataclass
class CallList:
    """An `Emitter` (see `pyconvnet.ops.rule`) that collects calls."""

    training: bool
    differentiating: bool
    trainable: set[int]  # ids of variables
    updating_statistics: bool
    winograd: bool
    bfloat16: str
    backend: str
    asked: frozenset[int] = frozenset()  # ids of activations whose gradients are asked for
    calls: list[Call] = field(default_factory=list)
    variable_gradients: dict[int, list[Tensor]] = field(default_factory=dict)  # parts by id of the variable's tensor
    _wanted: set[int] = field(default_factory=set)
    flops: int = 0  # of the node whose calls are emitted

    def call(self, kernel: str, attributes: dict[str, Any], label: str, /, **buffers: Tensor | None) -> None:
        """Adds a call and its scratch."""
        tensors = {name: tensor for name, tensor in buffers.items() if tensor is not None}
        tensors |= scratch_of(kernel, attributes, label)
        heavy = kernel.startswith(("conv2d", "dense"))
        self.calls.append(Call(kernel, attributes, tensors, label, self.flops if heavy else 0))

    def tensor(self, name: str, shape: tuple[int, ...], dtype: str = "float32", batched: bool = True) -> Tensor:
        """A new activation."""
        return Tensor(name, tuple(shape), dtype, batched)

    def gradient(self, variable: Tensor) -> Tensor | None:
        """Where a node writes its part of the gradient of a trained variable; None for one that is not trained."""
        if not self.differentiating or id(variable.variable) not in self.trainable:
            return None
        part = Tensor(f"d_{variable.name}", variable.shape, batched=False)
        self.variable_gradients.setdefault(id(variable), []).append(part)
        return part

    def wants_gradient(self, tensor: Tensor) -> bool:
        """Whether a trained variable, or an activation asked for, lies before this activation or is it."""
        return id(tensor) in self._wanted

    # ---- the parts of a step ----

    def gather(self, graph: Graph, spec: PlanSpec) -> tuple[list[Tensor | None], Tensor | None]:
        """Rows of the inputs, the labels of each output and the sample weights; answers labels and weights."""
        feed = 0
        for tensor in graph.inputs:
            self.call("gather", dict(feed=feed, size=tensor.size), tensor.name, out=tensor)
            feed += 1
        labels: list[Tensor | None] = []
        for target in spec.targets:
            labels.append(None)
            if target is not None:
                kernel, dtype = ("gather_labels", "int32") if target.labels == "int" else ("gather", "float32")
                labels[-1] = out = self.tensor(target.prefix + "labels", target.label_shape, dtype)
                self.call(kernel, dict(feed=feed, size=out.size), out.name, out=out)
                feed += 1
        weights = None
        if spec.weighted:
            weights = self.tensor("sample_weight", ())
            self.call("gather", dict(feed=feed, size=1), "sample_weight", out=weights)
        return labels, weights

    def forward(self, graph: Graph) -> None:
        """Every node in order."""
        if self.differentiating:
            self._wanted = tensors_before_gradients(graph, self.trainable, self.asked)
        for node in graph.nodes:
            rule = ops.RULES[node.op]
            self.flops = rule.flops(node)
            rule.forward(node, self)

    def join(self, outputs: list[Tensor]) -> Tensor:
        """The outputs as one row, side by side; a single one is that itself."""
        if len(outputs) == 1:
            return outputs[0]
        joined = self.tensor("outputs", (sum(tensor.size for tensor in outputs),))
        offset = 0
        for tensor in outputs:
            ops.emit_join(self, tensor, joined, outer=1, length=tensor.size, total=joined.size, offset=offset)
            offset += tensor.size
        return joined

    def loss(
        self, target: Target, head: Head, labels: Tensor, weights: Tensor | None, sums: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor | None]:
        """The loss and the metrics of one output; answers the loss of each row and the gradient of the head's source.

        Both are multiplied by the output's share in the whole loss.
        """
        sparse = target.labels == "int"
        truth = emit_smoothing(self, target.loss.kind, labels, target.loss.label_smoothing)  # the loss's alone
        size, features = head.source.size, head.shape[-1] if head.shape else 1
        values, gradient, probabilities = emit_loss(
            self, head.kernel, head.source, labels if sparse else None, None if sparse else truth, weights,
            vectors=size // features, features=features, want_gradient=self.differentiating,
            want_probabilities=head.predictions is None and bool(target.metrics), label=target.prefix + "loss",
        )  # fmt: skip
        if target.own_loss:
            emit_mean(self, values, sums[target.prefix + "loss"])
        for name in target.metrics:
            predictions = head.predictions if head.predictions is not None else probabilities
            assert predictions is not None
            emit_metric(self, name, predictions, labels, sums[target.prefix + name], features, head.logits)
        for tensor in (values, gradient):
            if tensor is not None and target.weight != 1.0:
                ops.emit_rescale(self, values.name, tensor, tensor, scale=target.weight)
        return values, gradient

    def total_loss(self, graph: Graph, values: list[Tensor], whole: Tensor, penalty: Tensor | None) -> None:
        """Adds the losses of all outputs and the penalties to `whole`, the sums of the epoch's loss."""
        total = values[0]
        for tensor in values[1:]:
            ops.emit_add(self, "loss", total, tensor, total)
        emit_mean(self, total, whole)
        if penalty is None:
            return
        for tensor, regularizer in self.regularized(graph):
            emit_l1_l2(self, tensor, penalty, l1=regularizer.l1, l2=regularizer.l2)
        for item in graph.activity_penalties:
            emit_activity_l1_l2(self, item.tensor, penalty, item.label, l1=item.l1, l2=item.l2)
        emit_add_penalty(self, penalty, whole)

    def regularized(self, graph: Graph) -> list[tuple[Tensor, Regularizer]]:
        """The trainable variables with a penalty; those of frozen layers cost nothing, as in Keras 3."""
        found = []
        for tensor in graph.variables:
            variable = tensor.variable
            if variable is not None and variable.regularizer is not None and id(variable) in self.trainable:
                found.append((tensor, variable.regularizer))
        return found


def slot_tensor(name: str, array: Any, variable: Variable | None = None) -> Tensor:
    """A tensor over a persistent array, the buffer of a variable or of nobody."""
    return Tensor(name, array.shape, array.dtype.name, batched=False, kind="slot", array=array, variable=variable)
