"""Each op that layers declare as ONNX's operators of opset 17 (onnx.ai/onnx/operators), in inference mode."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pyconvnet.ops.rule import Node, Tensor
from pyconvnet.saving.onnx_graph import OnnxGraph

_SIMPLE = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus"}
_WITH_ALPHA = {"elu": "Elu", "leaky_relu": "LeakyRelu"}


def _activation(graph: OnnxGraph, node: Node) -> None:
    function, parameter = node.attributes["function"], node.attributes["parameter"]
    first = graph.has_channels_first(node.inputs["x"])
    x = graph.value(node.inputs["x"], channels_first=first)
    if function in _SIMPLE:
        y = graph.add(_SIMPLE[function], node.name, [x])
    elif function in _WITH_ALPHA:
        y = graph.add(_WITH_ALPHA[function], node.name, [x], alpha=parameter)
    elif function == "softmax":
        y = graph.add("Softmax", node.name, [x], axis=1 if first else -1)
    elif function == "clipped_relu":
        bounds = [_number(graph, node, "smallest", 0.0), _number(graph, node, "largest", parameter)]
        y = graph.add("Clip", node.name, [x, *bounds])
    elif function == "silu":
        y = graph.add("Mul", node.name, [x, graph.add("Sigmoid", node.name, [x])])
    elif function == "gelu":
        y = _gelu(graph, node, x)
    else:  # linear
        y = x
    graph.put(node.output, y, channels_first=first)


def _gelu(graph: OnnxGraph, node: Node, x: str) -> str:
    """x (1 + erf(x / sqrt 2)) / 2, from its parts: opset 17 has no Gelu."""
    scaled = graph.add("Mul", node.name, [x, _number(graph, node, "inverse_root", math.sqrt(0.5))])
    one = _number(graph, node, "one", 1.0)
    grown = graph.add("Add", node.name, [graph.add("Erf", node.name, [scaled]), one])
    half = graph.add("Mul", node.name, [x, _number(graph, node, "half", 0.5)])
    return graph.add("Mul", node.name, [half, grown])


def _avg_pool2d(graph: OnnxGraph, node: Node) -> None:
    _pool2d(graph, node, "GlobalAveragePool", "AveragePool", count_include_pad=0)


def _max_pool2d(graph: OnnxGraph, node: Node) -> None:
    _pool2d(graph, node, "GlobalMaxPool", "MaxPool")


def _pool2d(graph: OnnxGraph, node: Node, of_maps: str, of_windows: str, **attributes: int) -> None:
    a = node.attributes
    x = graph.value(node.inputs["x"], channels_first=True)
    if (a["pool_h"], a["pool_w"], a["oh"], a["ow"]) == (a["h"], a["w"], 1, 1):
        y = graph.add(of_maps, node.name, [x])
    else:
        window, strides = [a["pool_h"], a["pool_w"]], [a["stride_h"], a["stride_w"]]
        pads = _pads(a, window)
        y = graph.add(of_windows, node.name, [x], kernel_shape=window, strides=strides, pads=pads, **attributes)
    if len(node.output.shape) == 1:  # a global pool without keepdims
        y = graph.add("Flatten", node.name, [y], axis=1)
    graph.put(node.output, y, channels_first=True)


def _batch_norm(graph: OnnxGraph, node: Node) -> None:
    vectors = []
    for name, first in (("gamma", np.ones), ("beta", np.zeros)):
        tensor = node.inputs.get(name)
        fixed = first(node.attributes["features"], np.float32)
        vectors.append(graph.constant(f"{node.name}/{name}", fixed) if tensor is None else graph.weight(tensor))
    vectors += [graph.weight(node.inputs[name]) for name in ("moving_mean", "moving_variance")]
    x = graph.value(node.inputs["x"], channels_first=True)
    y = graph.add("BatchNormalization", node.name, [x, *vectors], epsilon=node.attributes["epsilon"])
    graph.put(node.output, y, channels_first=True)


def _concatenate(graph: OnnxGraph, node: Node) -> None:
    parts, joined = list(node.inputs.values()), node.output.shape
    # Two parts and more: the axis is the only one along which the whole is longer than the first.
    axis = 1 + next(i for i, size in enumerate(joined) if size != parts[0].shape[i])
    first = any(graph.has_channels_first(part) for part in parts)
    if first:
        axis = 1 if axis == len(joined) else axis + 1
    values = [graph.value(part, channels_first=first) for part in parts]
    graph.put(node.output, graph.add("Concat", node.name, values, axis=axis), channels_first=first)


def _conv2d(graph: OnnxGraph, node: Node) -> None:
    a = node.attributes
    window = [a["kernel_h"], a["kernel_w"]]
    hwio = (*window, a["c_in"] // a["groups"], a["c_out"])  # a depthwise kernel [h, w, c, multiplier] lies alike
    inputs = [graph.value(node.inputs["x"], channels_first=True)]
    inputs.append(graph.weight(node.inputs["kernel"], lambda kernel: kernel.reshape(hwio).transpose(3, 2, 0, 1)))
    if "bias" in node.inputs:
        inputs.append(graph.weight(node.inputs["bias"]))
    dilations = [a["dilation_h"], a["dilation_w"]]
    reach = [(size - 1) * step + 1 for size, step in zip(window, dilations, strict=True)]
    y = graph.add(
        "Conv",
        node.name,
        inputs,
        kernel_shape=window,
        strides=[a["stride_h"], a["stride_w"]],
        dilations=dilations,
        pads=_pads(a, reach),
        group=a["groups"],
    )
    graph.put(node.output, y, channels_first=True)


def _pads(a: dict[str, int], reach: list[int]) -> list[int]:
    """Cells around an image, [top, left, bottom, right]; what the last window lacks is below and on the right."""
    bottom = (a["oh"] - 1) * a["stride_h"] + reach[0] - a["h"] - a["pad_top"]
    right = (a["ow"] - 1) * a["stride_w"] + reach[1] - a["w"] - a["pad_left"]
    return [a["pad_top"], a["pad_left"], max(bottom, 0), max(right, 0)]


def _dense(graph: OnnxGraph, node: Node) -> None:
    x, kernel = graph.value(node.inputs["x"]), graph.weight(node.inputs["kernel"])
    bias = [graph.weight(node.inputs["bias"])] if "bias" in node.inputs else []
    if len(node.output.shape) == 1:
        y = graph.add("Gemm", node.name, [x, kernel, *bias])
    else:  # Gemm takes matrices only
        y = graph.add("MatMul", node.name, [x, kernel])
        y = graph.add("Add", node.name, [y, *bias]) if bias else y
    graph.put(node.output, y)


def _dropout(graph: OnnxGraph, node: Node) -> None:
    """Nothing: another name of its input."""
    x = node.inputs["x"]
    first = graph.has_channels_first(x)
    graph.put(node.output, graph.value(x, channels_first=first), channels_first=first)


def _add(graph: OnnxGraph, node: Node) -> None:
    _of_two(graph, node, "Add")


def _multiply(graph: OnnxGraph, node: Node) -> None:
    _of_two(graph, node, "Mul")


def _of_two(graph: OnnxGraph, node: Node, operator: str) -> None:
    pair = [node.inputs["a"], node.inputs["b"]]
    first = any(graph.has_channels_first(tensor) for tensor in pair)
    y = graph.add(operator, node.name, [graph.value(tensor, channels_first=first) for tensor in pair])
    graph.put(node.output, y, channels_first=first)


def _rescale(graph: OnnxGraph, node: Node) -> None:
    first = graph.has_channels_first(node.inputs["x"])
    y = graph.value(node.inputs["x"], channels_first=first)
    y = graph.add("Mul", node.name, [y, _number(graph, node, "scale", node.attributes["scale"])])
    y = graph.add("Add", node.name, [y, _number(graph, node, "offset", node.attributes["offset"])])
    graph.put(node.output, y, channels_first=first)


def _reshape(graph: OnnxGraph, node: Node) -> None:
    x, shape = node.inputs["x"], node.output.shape
    # Where one pixel or one channel is all there is, both orders are one.
    first = graph.has_channels_first(x) and _is_one_line(x)
    y = graph.value(x, channels_first=first)
    if len(shape) == 1:
        y = graph.add("Flatten", node.name, [y], axis=1)
    else:
        sizes = graph.constant(f"{node.name}/shape", np.array([0, *shape], np.int64))  # 0: as the input's
        y = graph.add("Reshape", node.name, [y, sizes])
    graph.put(node.output, y)


def _is_one_line(tensor: Tensor) -> bool:
    return 1 in (tensor.shape[-1], math.prod(tensor.shape[:-1]))


def _zero_pad2d(graph: OnnxGraph, node: Node) -> None:
    a, x = node.attributes, node.inputs["x"]
    first = graph.has_channels_first(x)
    before, after = [a["top"], a["left"]], [a["bottom"], a["right"]]
    pads = [0, 0, *before, 0, 0, *after] if first else [0, *before, 0, 0, *after, 0]
    sizes = graph.constant(f"{node.name}/pads", np.array(pads, np.int64))
    y = graph.add("Pad", node.name, [graph.value(x, channels_first=first), sizes])
    graph.put(node.output, y, channels_first=first)


def _number(graph: OnnxGraph, node: Node, name: str, value: float) -> str:
    return graph.constant(f"{node.name}/{name}", np.array(value, np.float32))


# By the op's name, as in `pyconvnet.ops.RULES`.
OPS: dict[str, Callable[[OnnxGraph, Node], None]] = {
    "activation": _activation,
    "add": _add,
    "avg_pool2d": _avg_pool2d,
    "batch_norm": _batch_norm,
    "concatenate": _concatenate,
    "conv2d": _conv2d,
    "dense": _dense,
    "dropout": _dropout,
    "max_pool2d": _max_pool2d,
    "multiply": _multiply,
    "rescale": _rescale,
    "reshape": _reshape,
    "zero_pad2d": _zero_pad2d,
}
