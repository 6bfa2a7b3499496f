"""The backward pass: every node in reverse, gradients added up where several readers send some, weights updated.

Who holds a gradient: usually one tensor. A sum hands its own gradient on to all its inputs, and so several do; it is
then changed in a copy only.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pyconvnet import ops
from pyconvnet.ops.regularizer import emit_activity_l1_l2_backward, emit_l1_l2_backward
from pyconvnet.ops.rule import Node, Tensor
from pyconvnet.ops.update import Update, emit_updates
from pyconvnet.plan.emit import CallList, slot_tensor
from pyconvnet.plan.graph import Graph

if TYPE_CHECKING:
    from pyconvnet.optimizers import Optimizer
    from pyconvnet.plan.joined import JoinedGradients


class Backward:
    """Emits the backward pass of a graph.

    Args:
        graph: the nodes, in order.
        emit: takes the calls; its forward pass is emitted.
        masked: ids of fused ReLU outputs whose mask is applied behind the pooling that reads them.
    """

    def __init__(self, graph: Graph, emit: CallList, masked: set[int]) -> None:
        self._graph, self._emit, self._masked = graph, emit, masked
        self._gradients: dict[int, Tensor] = {}  # by id of the activation
        self._holders: Counter[int] = Counter()  # of each gradient, by its id
        self._uses = Counter(
            id(tensor) for node in graph.nodes for tensor in node.inputs.values() if tensor.variable is not None
        )

    def run(
        self, sources: list[tuple[Tensor, Tensor]], optimizer: Optimizer, joined: JoinedGradients | None = None
    ) -> None:
        """Every node in reverse; a variable moves as soon as no node before needs it.

        Args:
            sources: tensors that losses read, each with its gradient.
            optimizer: updates the weights.
            joined: gets all gradients before a variable moves.
        """
        for tensor, gradient in sources:
            self._arrive(tensor, gradient)
        rule, complete = optimizer.rule, list[Update]()
        for node in reversed(self._graph.nodes):
            self._pass(node)
            for tensor in node.inputs.values():
                if tensor.variable is not None:
                    complete += self._used(tensor, optimizer)
            if not rule.needs_all_gradients and joined is None:
                emit_updates(self._emit, rule, complete)
                complete = []
        first = len(self._emit.calls)
        emit_updates(self._emit, rule, complete)
        if joined is not None and complete:
            joined.update = self._emit.calls[first]
            for update in complete:
                joined.take(update)

    def gradient(self, source: Tensor, gradient: Tensor, tensor: Tensor) -> Tensor | None:
        """Back from `source` to one activation and no further; no variable moves.

        Args:
            source: where the way back begins.
            gradient: that of `source`.
            tensor: one of the tensors that were asked for (`CallList.asked`).

        Returns:
            The gradient of `tensor`, or None where `source` does not depend on it.
        """
        self._arrive(source, gradient)
        for node in reversed(self._graph.nodes):
            if node.output is tensor:  # its own ReLU and all before it lie beyond
                break
            self._pass(node)
        return self._gradients.get(id(tensor))

    def _pass(self, node: Node) -> None:
        """From the gradient of a node's output to those of its inputs."""
        dy = self._complete(node)
        if dy is None:
            return
        rule = ops.RULES[node.op]
        self._emit.flops = rule.flops(node)
        for name, tensor in rule.backward(node, dy, self._emit).items():
            self._arrive(node.inputs[name], tensor)
        self._holders[id(dy)] -= 1  # not before: until here every input gets the same dy

    def _arrive(self, tensor: Tensor, gradient: Tensor) -> None:
        """Adds a gradient to those that have come for a tensor."""
        known = self._gradients.get(id(tensor))
        if known is None:
            self._hold(tensor, gradient)
            return
        target = known
        if self._holders[id(known)] > 1:  # somebody else's as well
            target = gradient if self._holders[id(gradient)] == 0 else self._new(tensor)
        ops.emit_add(self._emit, gradient.name, known, gradient, target)
        self._hold(tensor, target)

    def _hold(self, tensor: Tensor, gradient: Tensor) -> None:
        known = self._gradients.get(id(tensor))
        if known is not gradient:
            if known is not None:
                self._holders[id(known)] -= 1
            self._gradients[id(tensor)] = gradient
            self._holders[id(gradient)] += 1

    def _new(self, tensor: Tensor) -> Tensor:
        return self._emit.tensor(f"d_{tensor.name}", tensor.shape)

    def _complete(self, node: Node) -> Tensor | None:
        """The gradient of a node's output with the penalty on it, behind a fused ReLU's mask; None if there is none."""
        output = node.output
        if not self._emit.wants_gradient(output):
            return None
        for item in self._graph.activity_penalties:
            if item.tensor is output:
                emit_activity_l1_l2_backward(
                    self._emit, output, self._writable(output), item.label, l1=item.l1, l2=item.l2
                )
        dy = self._gradients.get(id(output))
        if dy is None:
            return None
        relu = node.attributes.get("relu") and id(output) not in self._masked
        if relu or (node.op == "max_pool2d" and id(node.inputs["x"]) in self._masked):
            attributes = dict(function="relu", parameter=0.0, size=output.size, features=1)
            dx = dy if self._holders[id(dy)] == 1 else self._new(output)
            ops.emit_activation_backward(self._emit, node.name, attributes, dy=dy, saved=output, dx=dx)
            self._hold(output, dx)
            return dx
        return dy

    def _writable(self, tensor: Tensor) -> Tensor:
        """The gradient of a tensor as one that nobody else holds; zeros where none has come."""
        known = self._gradients.get(id(tensor))
        if known is not None and self._holders[id(known)] == 1:
            return known
        own = self._new(tensor)
        source, scale = (tensor, 0.0) if known is None else (known, 1.0)
        ops.emit_rescale(self._emit, own.name, source, own, scale=scale)
        self._hold(tensor, own)
        return own

    def _used(self, tensor: Tensor, optimizer: Optimizer) -> list[Update]:
        """One more node is done with a variable; after the last one it is told how the variable moves."""
        self._uses[id(tensor)] -= 1
        parts = self._emit.variable_gradients.get(id(tensor), [])
        if len(parts) == 2:
            ops.emit_add(self._emit, tensor.name, parts[0], parts.pop(), parts[0])
        variable = tensor.variable
        if not parts or self._uses[id(tensor)] or variable is None:
            return []
        if (regularizer := variable.regularizer) is not None:
            emit_l1_l2_backward(self._emit, tensor, parts[0], l1=regularizer.l1, l2=regularizer.l2)
        slots = {
            name: slot_tensor(f"{name}_{tensor.name}", slot.buffer, slot)
            for name, slot in optimizer.slots(variable).items()
        }
        return [Update(tensor, parts[0], slots, optimizer.decay_of(variable))]
