"""A plan that computes no loss and moves no weight: the gradient of scores by the values inside a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconvnet.plan import passes
from pyconvnet.plan.backward import Backward
from pyconvnet.plan.build import Plan, PlanSpec
from pyconvnet.plan.emit import CallList
from pyconvnet.plan.graph import Graph

if TYPE_CHECKING:
    from pyconvnet.models import Model

_PROBABILITIES = ("softmax", "sigmoid")


def build_gradient_plan(model: Model, spec: PlanSpec) -> Plan | None:
    """A plan for the values of an inner tensor and the gradient of a weighted sum of scores by them.

    The scores are the model's last output before its softmax or sigmoid, if it ends in one. Dropout is off and batch
    normalization uses its moving statistics, as in `predict`.

    Args:
        model: built, with two outputs: the inner tensor, then the scores.
        spec: of mode "differentiate".

    Returns:
        The plan. It is fed the inputs and the weights of the scores, float32 [rows, number of scores]; each row of its
        output holds the values of the inner tensor, then the gradient by each of them. None where the scores do not
        depend on the inner tensor.
    """
    graph = Graph(model.sample_shapes)
    graph.finish(model.lower(graph, graph.inputs))
    graph.activity_penalties.clear()  # they belong to the loss, not to the scores
    passes.remove_identities(graph, training=False)
    _stop_before_probabilities(graph)
    watched = passes.watched_tensors(graph)
    passes.fuse_relu(graph, watched)

    inner, scores = graph.outputs
    asked = frozenset([id(inner)])
    emit = CallList(
        False, True, set(), updating_statistics=False, winograd=spec.winograd, bfloat16=spec.bfloat16,
        backend=spec.backend, asked=asked,
    )  # fmt: skip
    emit.gather(graph, spec)
    weights = emit.tensor("score_weights", scores.shape)
    emit.call("gather", dict(feed=len(graph.inputs), size=weights.size), weights.name, out=weights)
    emit.forward(graph)
    gradient = Backward(graph, emit, passes.pooled_relus(graph, watched)).gradient(scores, weights, inner)
    return None if gradient is None else Plan(spec, emit.calls, None, emit.join([inner, gradient]))


def _stop_before_probabilities(graph: Graph) -> None:
    """The scores are what the softmax or sigmoid at the end reads, which is then computed for nobody."""
    scores = graph.outputs[1]
    last = next((node for node in graph.nodes if node.output is scores), None)
    if last is None or last.op != "activation" or last.attributes["function"] not in _PROBABILITIES:
        return
    graph.outputs[1] = last.inputs["x"]
    if scores is not graph.outputs[0] and not graph.readers(scores):
        graph.nodes.remove(last)
