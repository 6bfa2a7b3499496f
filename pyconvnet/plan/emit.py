"""From a graph to a list of kernel calls: forward, loss, backward, update."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pyconvnet import _core, ops
from pyconvnet.ops.loss import emit_loss
from pyconvnet.ops.metric import emit_mean, emit_metric
from pyconvnet.ops.optimizer import emit_update
from pyconvnet.ops.regularizer import (
    emit_activity_l1_l2,
    emit_activity_l1_l2_backward,
    emit_add_penalty,
    emit_l1_l2,
)
from pyconvnet.ops.rule import Node, Tensor
from pyconvnet.plan.graph import Graph
from pyconvnet.plan.passes import Head, pooled_relus, tensors_before_gradients

if TYPE_CHECKING:
    from pyconvnet.optimizers import Optimizer
    from pyconvnet.plan.build import PlanSpec
    from pyconvnet.regularizers import Regularizer


@dataclass(eq=False)
class Call:
    """One kernel call: which kernel, on which tensors, and what it costs for one row."""

    kernel: str
    attributes: dict[str, Any]
    buffers: dict[str, Tensor]
    label: str
    flops: int = 0


@dataclass
class CallList:
    """An `Emitter` (see `pyconvnet.ops.rule`) that collects calls."""

    training: bool
    differentiating: bool
    trainable: set[int]  # ids of variables
    updating_statistics: bool
    calls: list[Call] = field(default_factory=list)
    _wanted: set[int] = field(default_factory=set)
    _gradients: dict[int, Tensor] = field(default_factory=dict)
    _flops: int = 0

    def call(self, kernel: str, attributes: dict[str, Any], label: str, /, **buffers: Tensor | None) -> None:
        """Adds a call; scratch buffers are looked up from the kernel itself."""
        tensors = {name: tensor for name, tensor in buffers.items() if tensor is not None}
        for name, dtype, count, for_each_row, role in _core.describe_kernel(kernel, attributes):
            if role == "scratch":
                tensors[name] = Tensor(f"{label}.{name}", (count,), dtype, batched=for_each_row)
        heavy = kernel.startswith(("conv2d", "dense"))
        self.calls.append(Call(kernel, attributes, tensors, label, self._flops if heavy else 0))

    def tensor(self, name: str, shape: tuple[int, ...], dtype: str = "float32", batched: bool = True) -> Tensor:
        """A new activation."""
        return Tensor(name, tuple(shape), dtype, batched)

    def gradient(self, variable: Tensor) -> Tensor | None:
        """The gradient of a trained variable, else None."""
        if not self.differentiating or id(variable.variable) not in self.trainable:
            return None
        if id(variable) not in self._gradients:
            self._gradients[id(variable)] = Tensor(f"d_{variable.name}", variable.shape, batched=False)
        return self._gradients[id(variable)]

    def wants_gradient(self, tensor: Tensor) -> bool:
        """Whether a trained variable lies before this activation."""
        return id(tensor) in self._wanted

    # ---- the parts of a step ----

    def gather(self, graph: Graph, spec: PlanSpec) -> tuple[Tensor | None, Tensor | None]:
        """Rows of x, labels and sample weights; answers labels and weights."""
        self.call("gather", dict(feed=0, size=graph.input.size), "x", out=graph.input)
        labels = weights = None
        feeds = 1
        if spec.labels is not None:
            kernel, dtype = ("gather_labels", "int32") if spec.labels == "int" else ("gather", "float32")
            labels = self.tensor("labels", spec.label_shape, dtype)
            self.call(kernel, dict(feed=feeds, size=labels.size), "labels", out=labels)
            feeds += 1
        if spec.weighted:
            weights = self.tensor("sample_weight", ())
            self.call("gather", dict(feed=feeds, size=1), "sample_weight", out=weights)
        return labels, weights

    def forward(self, graph: Graph) -> None:
        """Every node in order."""
        self._wanted = tensors_before_gradients(graph, self.trainable) if self.differentiating else set()
        for node in graph.nodes:
            rule = ops.RULES[node.op]
            self._flops = rule.flops(node)
            rule.forward(node, self)

    def loss(
        self,
        graph: Graph,
        head: Head,
        spec: PlanSpec,
        labels: Tensor,
        weights: Tensor | None,
        sums: dict[str, Tensor],
        penalty: Tensor | None,
    ) -> Tensor | None:
        """The loss, the metrics and the penalties; answers the gradient of the head's source."""
        sparse = spec.labels == "int"
        features = head.source.shape[-1]
        values, gradient, probabilities = emit_loss(
            self, head.kernel, head.source, labels if sparse else None, None if sparse else labels, weights,
            vectors=head.source.size // features, features=features,
            want_gradient=self.differentiating, want_probabilities=head.predictions is None and bool(spec.metrics),
        )  # fmt: skip
        emit_mean(self, values, sums["loss"])
        for name in spec.metrics:
            predictions = head.predictions if head.predictions is not None else probabilities
            assert predictions is not None
            emit_metric(self, name, predictions, labels, sums[name])
        if penalty is not None:
            for tensor, regularizer in self.regularized(graph):
                emit_l1_l2(self, tensor, None, penalty, l1=regularizer.l1, l2=regularizer.l2)
            for item in graph.activity_penalties:
                emit_activity_l1_l2(self, item.tensor, penalty, item.label, l1=item.l1, l2=item.l2)
            emit_add_penalty(self, penalty, sums["loss"])
        return gradient

    def backward(self, graph: Graph, head: Head, gradient: Tensor, optimizer: Optimizer) -> None:
        """Every node in reverse; a node's weights move as soon as nobody before it needs them."""
        gradients = {id(head.source): gradient}
        masked = pooled_relus(graph, head)
        for node in reversed(graph.nodes):
            dy = self._complete_gradient(graph, node, gradients)
            if dy is None:
                continue
            rule = ops.RULES[node.op]
            self._flops = rule.flops(node)
            relu = node.attributes.get("relu") and id(node.output) not in masked
            if relu or (node.op == "max_pool2d" and id(node.inputs["x"]) in masked):
                attributes = dict(function="relu", parameter=0.0, size=node.output.size, features=1)
                ops.emit_activation_backward(self, node.name, attributes, dy=dy, saved=node.output, dx=dy)
            for name, tensor in rule.backward(node, dy, self).items():
                gradients[id(node.inputs[name])] = tensor
            for tensor in node.inputs.values():
                self._update(tensor, optimizer)

    def regularized(self, graph: Graph) -> list[tuple[Tensor, Regularizer]]:
        """The trainable variables with a penalty; those of frozen layers cost nothing, as in Keras 3."""
        found = []
        for tensor in graph.variables:
            variable = tensor.variable
            if variable is not None and variable.regularizer is not None and id(variable) in self.trainable:
                found.append((tensor, variable.regularizer))
        return found

    def _complete_gradient(self, graph: Graph, node: Node, gradients: dict[int, Tensor]) -> Tensor | None:
        """The gradient of a node's output, with the penalty on it."""
        if not self.wants_gradient(node.output):
            return None
        dy = gradients.get(id(node.output))
        for item in graph.activity_penalties:
            if item.tensor is node.output:
                assert dy is not None
                emit_activity_l1_l2_backward(self, item.tensor, dy, item.label, l1=item.l1, l2=item.l2)
        return dy

    def _update(self, tensor: Tensor, optimizer: Optimizer) -> None:
        gradient = self.gradient(tensor)
        if gradient is None:
            return
        variable = tensor.variable
        assert variable is not None
        if variable.regularizer is not None:
            attributes = dict(size=tensor.size, l1=variable.regularizer.l1, l2=variable.regularizer.l2)
            self.call("l1_l2_backward", attributes, tensor.name, w=tensor, gradient=gradient)
        slots = {name: slot_tensor(f"{name}_{tensor.name}", array) for name, array in optimizer.slots(variable).items()}
        emit_update(self, optimizer.kind, optimizer.attributes, tensor, gradient, slots)


def slot_tensor(name: str, array: np.ndarray) -> Tensor:
    """A tensor over a persistent array."""
    return Tensor(name, array.shape, array.dtype.name, batched=False, kind="slot", array=array)
