"""The passes over a graph, each a small function that can be read and tested by itself."""

from __future__ import annotations

import warnings
from collections.abc import Sequence, Set
from dataclasses import dataclass

from pyconvnet.losses import LossSpec
from pyconvnet.ops.rule import Node, Tensor
from pyconvnet.plan.graph import Graph

_FUSED = ("conv2d", "dense")  # ops whose kernels take a ReLU along
_OWN = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}  # what the loss on logits includes
_ON_LOGITS = {"cross_entropy": "softmax_cross_entropy", "binary_cross_entropy": "sigmoid_cross_entropy"}


def _is_identity(node: Node, training: bool) -> bool:
    if node.op == "activation":
        return bool(node.attributes["function"] == "linear")
    if node.op == "dropout":
        return not training or node.attributes["rate"] == 0.0
    return node.op == "reshape"


def _replace(graph: Graph, old: Tensor, new: Tensor) -> None:
    for node in graph.nodes:
        node.inputs = {name: new if tensor is old else tensor for name, tensor in node.inputs.items()}
    for penalty in graph.activity_penalties:
        if penalty.tensor is old:
            penalty.tensor = new
    graph.outputs = [new if tensor is old else tensor for tensor in graph.outputs]


def remove_identities(graph: Graph, training: bool) -> None:
    """Reshapes, linear activations and idle dropout become other names of their input."""
    for node in list(graph.nodes):
        if _is_identity(node, training):
            graph.nodes.remove(node)
            _replace(graph, node.output, node.inputs["x"])


@dataclass(frozen=True)
class Head:
    """Where the loss of one output reads, and with which kernel.

    Attributes:
        kernel: of the loss.
        source: what it reads.
        predictions: what metrics see, but for the cross-entropies; None: the loss makes them.
        shape: of one sample, which that of `source` need not be behind a reshape.
        logits: what lies behind a softmax or sigmoid at the model's end.
    """

    kernel: str
    source: Tensor
    predictions: Tensor | None
    shape: tuple[int, ...]
    logits: Tensor | None = None


def attach_losses(graph: Graph, losses: Sequence[LossSpec | None], keep_outputs: bool = False) -> list[Head | None]:
    """Chooses the loss kernel of each output; None for outputs without a loss.

    Where the outputs are kept, an activation at the end is computed although the loss does without it.

    A softmax or sigmoid at the end gives way to a kernel on its logits, as in Keras. Keras recovers the logits behind
    a sigmoid too where the loss is a cross-entropy over classes, behind a softmax where it is the binary one, and where
    the loss was told from_logits=True although the model ends in either; so does this.
    """
    return [None if loss is None else _attach_loss(graph, i, loss, keep_outputs) for i, loss in enumerate(losses)]


def _attach_loss(graph: Graph, index: int, loss: LossSpec, keep_output: bool) -> Head:
    output, shape = graph.outputs[index], graph.output_shapes[index]
    last = next((node for node in graph.nodes if node.output is output), None)
    ends_in = "" if last is None or last.op != "activation" else last.attributes["function"]
    recoverable = last is not None and ends_in in _OWN.values() and last.output.shape == shape
    logits = last.inputs["x"] if last is not None and recoverable else None
    if last is None or logits is None or loss.kind not in _OWN:
        on_outputs = "categorical_cross_entropy" if loss.kind == "cross_entropy" else loss.kind
        kernel = _ON_LOGITS[loss.kind] if loss.from_logits else on_outputs
        return Head(kernel, output, output, shape, logits)
    if loss.from_logits:
        warnings.warn(
            f"the loss says from_logits=True, but the model ends in {ends_in}: logits are taken", stacklevel=2
        )
    others = graph.readers(output) or sum(tensor is output for tensor in graph.outputs) > 1
    others = others or any(penalty.tensor is output for penalty in graph.activity_penalties)
    if keep_output or others or ends_in != _OWN[loss.kind]:
        return Head(_ON_LOGITS[loss.kind], logits, output, shape, logits)
    graph.nodes.remove(last)
    graph.outputs[index] = logits
    return Head(_ON_LOGITS[loss.kind], logits, None, shape, logits)


def watched_tensors(graph: Graph, heads: Sequence[Head | None] = ()) -> set[int]:
    """ids of the tensors that somebody besides the nodes reads, which therefore may not vanish."""
    watched = {id(tensor) for tensor in graph.outputs}
    watched |= {id(penalty.tensor) for penalty in graph.activity_penalties}
    for head in heads:
        if head is not None:
            watched |= {id(head.source), id(head.predictions)}
    return watched


def fuse_relu(graph: Graph, watched: set[int]) -> None:
    """conv2d or dense followed by ReLU becomes one call, unless somebody else reads what lies between.

    Args:
        graph: changed in place.
        watched: ids of tensors that may not vanish.
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
        if producer is None or producer.op not in _FUSED or len(graph.readers(between)) > 1 or id(between) in watched:
            continue
        producer.attributes["relu"] = True
        producer.output = node.output
        graph.nodes.remove(node)


def pooled_relus(graph: Graph, watched: set[int]) -> set[int]:
    """ids of the fused ReLU outputs that only a max pooling reads: their mask is applied behind the pooling.

    A window passes its gradient to its largest cell alone, and that cell is positive exactly if the pooled value
    is; so the mask of the pooled gradient, a quarter of the work for 2x2 windows, gives the same bits.
    """
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


def tensors_before_gradients(graph: Graph, trained: set[int], asked: Set[int] = frozenset()) -> set[int]:
    """ids of the activations that depend on a trained variable or on one asked for: their gradients are wanted.

    Args:
        graph: its nodes in order.
        trained: ids of the trained variables.
        asked: ids of activations whose gradients are asked for.
    """
    wanted = set(asked)
    for node in graph.nodes:
        for tensor in node.inputs.values():
            if id(tensor) in wanted or (tensor.variable is not None and id(tensor.variable) in trained):
                wanted.add(id(node.output))
    return wanted
