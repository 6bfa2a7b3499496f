"""The passes over a graph, each a small function that can be read and tested by itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from pyconvnet.losses import LossSpec
from pyconvnet.ops.rule import Node, Tensor
from pyconvnet.plan.graph import Graph

_FUSED = ("conv2d", "dense")  # ops whose kernels take a ReLU along
_RECOVERED = {"cross_entropy": ("softmax", "sigmoid"), "binary_cross_entropy": ("sigmoid",)}


def _is_identity(node: Node, training: bool) -> bool:
    if node.op == "activation":
        return bool(node.attributes["function"] == "linear")
    if node.op == "dropout":
        return not training or node.attributes["rate"] == 0.0
    return node.op == "flatten"


def _replace(graph: Graph, old: Tensor, new: Tensor) -> None:
    for node in graph.nodes:
        node.inputs = {name: new if tensor is old else tensor for name, tensor in node.inputs.items()}
    for penalty in graph.activity_penalties:
        if penalty.tensor is old:
            penalty.tensor = new
    if graph.output is old:
        graph.output = new


def remove_identities(graph: Graph, training: bool) -> None:
    """Flatten, linear activations and idle dropout become other names of their input."""
    for node in list(graph.nodes):
        if _is_identity(node, training):
            graph.nodes.remove(node)
            _replace(graph, node.output, node.inputs["x"])


@dataclass(frozen=True)
class Head:
    """Where the loss reads, and with which kernel; predictions are what metrics see (None: the loss makes them)."""

    kernel: str
    source: Tensor
    predictions: Tensor | None


def attach_loss(graph: Graph, loss: LossSpec) -> Head:
    """Chooses the loss kernel. A softmax or sigmoid at the end gives way to a kernel on its logits, as in Keras.

    Keras recovers the logits behind a sigmoid too where the loss is a cross-entropy over classes, and where the loss
    was told from_logits=True although the model ends in softmax; so does this.
    """
    last = graph.nodes[-1] if graph.nodes else None
    on_logits = {"cross_entropy": "softmax_cross_entropy", "binary_cross_entropy": "sigmoid_cross_entropy"}
    recovered = _RECOVERED.get(loss.kind, ())
    penalised = any(penalty.tensor is graph.output for penalty in graph.activity_penalties)
    # A penalty on the probabilities needs their gradient, and so keeps the loss on them.
    if last is None or last.op != "activation" or last.attributes["function"] not in recovered or penalised:
        on_outputs = "categorical_cross_entropy" if loss.kind == "cross_entropy" else loss.kind
        kernel = on_logits[loss.kind] if loss.from_logits else on_outputs
        return Head(kernel, graph.output, graph.output)
    logits = last.inputs["x"]
    if loss.from_logits:
        function = last.attributes["function"]
        warnings.warn(
            f"the loss says from_logits=True, but the model ends in {function}: logits are taken", stacklevel=2
        )
    if loss.kind == "cross_entropy" and last.attributes["function"] == "sigmoid":
        return Head(on_logits[loss.kind], logits, graph.output)  # metrics see the sigmoid, the loss its logits
    graph.nodes.remove(last)
    graph.output = logits
    return Head(on_logits[loss.kind], logits, None)


def fuse_relu(graph: Graph, keep: tuple[Tensor, ...]) -> None:
    """conv2d or dense followed by ReLU becomes one call, unless somebody else reads what lies between.

    Args:
        graph: changed in place.
        keep: tensors that are asked for and may not vanish.
    """
    for node in graph.nodes:
        if node.op in _FUSED:
            node.attributes["relu"] = False
    producers = {id(node.output): node for node in graph.nodes}
    for node in list(graph.nodes):
        if node.op != "activation" or node.attributes["function"] != "relu":
            continue
        between = node.inputs["x"]
        producer = producers.get(id(between))
        readers = sum(tensor is between for other in graph.nodes for tensor in other.inputs.values())
        watched = any(tensor is between for tensor in keep) or any(
            penalty.tensor is between for penalty in graph.activity_penalties
        )
        if producer is None or producer.op not in _FUSED or readers > 1 or watched:
            continue
        producer.attributes["relu"] = True
        producer.output = node.output
        graph.nodes.remove(node)


def pooled_relus(graph: Graph, head: Head) -> set[int]:
    """ids of the fused ReLU outputs that only a max pooling reads: their mask is applied behind the pooling.

    A window passes its gradient to its largest cell alone, and that cell is positive exactly if the pooled value
    is; so the mask of the pooled gradient, a quarter of the work for 2x2 windows, gives the same bits.
    """
    watched = {id(head.source), id(head.predictions), id(graph.output)}
    watched |= {id(penalty.tensor) for penalty in graph.activity_penalties}
    readers: dict[int, list[Node]] = {}
    for node in graph.nodes:
        for tensor in node.inputs.values():
            readers.setdefault(id(tensor), []).append(node)
    return {
        id(node.output)
        for node in graph.nodes
        if node.attributes.get("relu")
        and id(node.output) not in watched
        and [reader.op for reader in readers.get(id(node.output), [])] == ["max_pool2d"]
    }


def tensors_before_gradients(graph: Graph, trained: set[int]) -> set[int]:
    """ids of the activations that depend on a trained variable: their gradients are wanted.

    Args:
        graph: its nodes in order.
        trained: ids of the trained variables.
    """
    wanted: set[int] = set()
    for node in graph.nodes:
        for tensor in node.inputs.values():
            if id(tensor) in wanted or (tensor.variable is not None and id(tensor.variable) in trained):
                wanted.add(id(node.output))
    return wanted
