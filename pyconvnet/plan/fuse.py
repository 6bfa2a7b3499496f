"""Fusions of neighbouring kernel calls: pure functions from one list of calls to another."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, Any

from pyconvnet import _core
from pyconvnet.ops.activation import FUNCTIONS
from pyconvnet.ops.conv2d_algorithm import is_depthwise
from pyconvnet.plan.emit import scratch_of

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


_POOLED = {
    "conv2d_forward": "conv2d_pool_forward",
    "conv2d_backward_weights": "conv2d_pool_backward_weights",
    "conv2d_winograd_forward": "conv2d_winograd_pool_forward",
    "conv2d_winograd_backward_data": "conv2d_winograd_pool_backward_data",
    "conv2d_winograd_backward_weights": "conv2d_winograd_pool_backward_weights",
}
_MASKED = ("conv2d_winograd_backward_data", "conv2d_winograd_pool_backward_data", "dropout_backward")
_FEW_CHANNELS = 8  # fewer, and the gradient of a direct kernel joins the taps of a row (kernels/conv2d.h)


def fuse_pooling(calls: list[Call], watched: Set[int], backend: str = "cpu") -> list[Call]:
    """A convolution and the 2x2 max pooling behind it become one call, and so do their gradients.

    The map between them is then never stored, where nobody else reads it, nor its gradient, three quarters of which are
    zeros. The same bits as the calls one by one.

    Args:
        calls: of a step, in order.
        watched: ids of tensors that may not vanish.
        backend: whose kernels are called.
    """
    fused = list(calls)
    for call in calls:
        if call.kernel == "max_pool2d_forward" and _halves(call.attributes) and id(call.buffers["x"]) not in watched:
            _pool_forward(fused, call, backend)
        elif call.kernel == "max_pool2d_backward" and _halves(call.attributes):
            _pool_backward(fused, call, backend)
    return fused


def fuse_relu_gradients(calls: list[Call]) -> list[Call]:
    """The gradient of a ReLU joins that of a dropout behind it, or Winograd's gradient of a layer's input.

    In Winograd's a pixel is masked when the last tile that sees it has added its part. What a dropout gave is above
    zero exactly where both it and the ReLU let something through: no random number is drawn again, and the outputs of
    the ReLU need not be kept. Only where nobody else reads what lies between. The same bits as the calls one by one.

    Args:
        calls: of a step, in order.
    """
    fused = list(calls)
    for call in calls:
        if call.kernel == "activation_backward" and call.attributes["function"] == FUNCTIONS["relu"].code:
            _mask(fused, call)
    return fused


def _mask(calls: list[Call], relu: Call) -> None:
    gradient, masked = relu.buffers["dy"], relu.buffers["dx"]  # often the same
    touching = [call for call in calls if call is not relu and _touches(call, gradient)]
    before = [call for call in touching if calls.index(call) < calls.index(relu)]
    if len(before) != 1 or before[0].kernel not in _MASKED or before[0].buffers["dx"] is not gradient:
        return
    if masked is not gradient and touching != before:
        return
    data, saved = before[0], relu.buffers["saved"]
    activated = _dropped(calls, saved, data) if data.kernel == "dropout_backward" else saved
    if activated is None or "activated" in data.buffers:  # the kernel has room for one
        return
    buffers = {**data.buffers, "activated": activated, "dx": masked}
    calls[calls.index(data)] = type(data)(data.kernel, data.attributes, buffers, data.label, data.flops)
    calls.remove(relu)


def _dropped(calls: list[Call], x: Tensor, backward: Call) -> Tensor | None:
    """What became of x in the dropout that this is the gradient of."""
    for call in calls:
        if call.kernel == "dropout_forward" and call.buffers["x"] is x and call.attributes == backward.attributes:
            return call.buffers["y"]
    return None


def _halves(pool: dict[str, Any]) -> bool:
    """Whether windows of 2x2 lie side by side on the map, without padding."""
    twos = all(pool[name] == 2 for name in ("pool_h", "pool_w", "stride_h", "stride_w"))
    return twos and pool["oh"] == pool["h"] // 2 and pool["ow"] == pool["w"] // 2


def _pool_forward(calls: list[Call], pool: Call, backend: str) -> None:
    others = [call for call in calls if call is not pool and _touches(call, pool.buffers["x"])]
    if len(others) != 1 or others[0].buffers.get("y") is not pool.buffers["x"]:
        return
    conv = others[0]
    if not _can_pool(conv, pool, backend):
        return
    outputs = {name: buffer for name, buffer in pool.buffers.items() if name != "x"}
    calls[calls.index(conv)] = _pooled(conv, pool, {**conv.buffers, **outputs})
    calls.remove(pool)


def _pool_backward(calls: list[Call], pool: Call, backend: str) -> None:
    gradient, pooled = pool.buffers["dx"], pool.buffers["dy"]
    readers = [call for call in calls if call is not pool and _touches(call, gradient)]
    if not readers or not all(call.buffers.get("dy") is gradient for call in readers):
        return
    if not all(_can_pool(call, pool, backend) for call in readers):
        return
    between = calls[calls.index(pool) + 1 : calls.index(readers[-1])]
    if any(_touches(call, pooled) for call in between):  # it may change there
        return
    for call in readers:
        buffers = {**call.buffers, "dy": pooled, "argmax": pool.buffers["argmax"]}
        calls[calls.index(call)] = _pooled(call, pool, buffers)
    calls.remove(pool)


def _can_pool(conv: Call, pool: Call, backend: str) -> bool:
    """Whether there is a kernel for both, and the pooling sees the map as the convolution made it, not reshaped."""
    if conv.kernel not in _POOLED or not _core.offers_kernel(_POOLED[conv.kernel], backend):
        return False
    g, p = conv.attributes, pool.attributes
    cuts_windows = "tile" in g and g["tile"] % 2 == 1  # of Winograd's algorithm
    if (g["oh"], g["ow"], g["c_out"]) != (p["h"], p["w"], p["c"]) or is_depthwise(g) or cuts_windows:
        return False
    return conv.kernel != "conv2d_backward_weights" or (g["groups"] == 1 and g["c_in"] < _FEW_CHANNELS)


def _pooled(conv: Call, pool: Call, buffers: dict[str, Tensor]) -> Call:
    return type(conv)(_POOLED[conv.kernel], conv.attributes, buffers, f"{conv.label}+{pool.label}", conv.flops)


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
    buffers |= scratch_of("dense_backward_adam", attributes, weights.label)
    flops = weights.flops + (data.flops if data is not None else 0)
    calls[at] = type(weights)("dense_backward_adam", attributes, buffers, weights.label, flops)
    for call in (data, adam):
        if call is not None:
            calls.remove(call)


def _touches(call: Call, tensor: Tensor) -> bool:
    return any(buffer is tensor for buffer in call.buffers.values())


def _is_data_of(call: Call, weights: Call) -> bool:
    return call.kernel == "dense_backward_data" and call.buffers["dy"] is weights.buffers["dy"]
