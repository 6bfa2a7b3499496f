"""Fusions of neighbouring kernel calls: pure functions from one list of calls to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyconvnet.ops.rule import Tensor
    from pyconvnet.plan.emit import Call


def fuse_dense_updates(calls: list[Call]) -> list[Call]:
    """Gradients of a dense layer and Adam's step on its kernel become one sweep over the weights.

    Only where nothing else wants the gradient or the kernel in between: no penalty, clipping or decay, no shared
    weights. The same bits as the calls one by one.
    """
    fused = list(calls)
    for call in calls:
        if call.kernel == "dense_backward_weights":
            _fuse(fused, call)
    return fused


def _fuse(calls: list[Call], weights: Call) -> None:
    gradient = weights.buffers["dkernel"]
    readers = [call for call in calls if call is not weights and _touches(call, gradient)]
    if len(readers) != 1 or readers[0].kernel != "adam":
        return
    adam = readers[0]
    kernel, at = adam.buffers["w"], calls.index(weights)
    between = [call for call in calls[at + 1 : calls.index(adam)] if _touches(call, kernel)]
    data = between[0] if between else None
    if len(between) > 1 or (data is not None and not _is_data_of(data, weights)):
        return
    attributes = {**weights.attributes, **{name: adam.attributes[name] for name in ("beta_1", "beta_2", "epsilon")}}
    buffers = {name: weights.buffers[name] for name in ("x", "dy")}
    buffers |= {name: adam.buffers[name] for name in ("w", "m", "v")}
    if data is not None:
        buffers["dx"] = data.buffers["dx"]
    if "dbias" in weights.buffers:
        buffers["dbias"] = weights.buffers["dbias"]
    flops = weights.flops + (data.flops if data is not None else 0)
    calls[at] = type(weights)("dense_backward_adam", attributes, buffers, weights.label, flops)
    for call in (data, adam):
        if call is not None:
            calls.remove(call)


def _touches(call: Call, tensor: Tensor) -> bool:
    return any(buffer is tensor for buffer in call.buffers.values())


def _is_data_of(call: Call, weights: Call) -> bool:
    return call.kernel == "dense_backward_data" and call.buffers["dy"] is weights.buffers["dy"]
