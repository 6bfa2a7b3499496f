"""The pass that averages before a linear convolution rather than behind it."""

from __future__ import annotations

from collections.abc import Set
from functools import partial

from pyconvnet.ops.conv2d_algorithm import choose_algorithm, cost
from pyconvnet.ops.rule import Node, Tensor
from pyconvnet.plan.graph import Graph

# What a cell of a window costs the pooling, in multiply-adds of the direct kernel; it works on whole vectors of
# channels. Measured on AVX-512.
_CELL_COST, _LANES = 10.0, 16


def average_first(graph: Graph, watched: Set[int], *, winograd: bool, bfloat16: str, backend: str) -> None:
    """A convolution without activation and the average pooling behind it trade places, where that costs less.

    The mean of what a linear map makes of some inputs is what it makes of their mean: the input is averaged over
    windows that move by one cell, and the convolution, with the pooling's strides, computes only what is left behind
    the pooling. Rounding is another.

    Args:
        graph: changed in place; ReLUs are nodes of their own yet.
        watched: ids of tensors that may not vanish.
        winograd, bfloat16, backend: as in `PlanSpec`.
    """
    producers = {id(node.output): node for node in graph.nodes}
    for pool in list(graph.nodes):
        between = pool.inputs.get("x")
        conv = producers.get(id(between))
        if pool.op != "avg_pool2d" or between is None or conv is None or conv.op != "conv2d":
            continue
        if id(between) in watched or len(graph.readers(between)) > 1:
            continue
        g, p = conv.attributes, pool.attributes
        if between.shape != (p["h"], p["w"], p["c"]) or not _may_average_first(g, p):
            continue
        averaged, strided = _averaged_geometry(g, p), {**g, **_strided_sizes(g, p)}
        dot = bfloat16 if g["bfloat16"] else "plain"
        choose = partial(choose_algorithm, winograd=winograd, bfloat16=dot, backend=backend)
        before, behind = (cost(shape, choose(shape), dot) for shape in (strided, g))
        if _pooling_cost(averaged) + before >= behind:
            continue
        means = Tensor(f"{pool.name}.avg_pool2d", (averaged["oh"], averaged["ow"], averaged["c"]))
        averaging = Node("avg_pool2d", pool.name, {"x": conv.inputs["x"]}, means, averaged)
        graph.nodes.insert(graph.nodes.index(conv), averaging)
        conv.attributes, conv.inputs, conv.output = strided, {**conv.inputs, "x": means}, pool.output
        graph.nodes.remove(pool)


def _pooling_cost(p: dict[str, int]) -> float:
    channels = -(-p["c"] // _LANES) * _LANES
    return _CELL_COST * p["oh"] * p["ow"] * channels * p["pool_h"] * p["pool_w"]


def _may_average_first(g: dict[str, int], p: dict[str, int]) -> bool:
    """Whether neither pads and the convolution visits every cell."""
    pads = any(each[side] for each in (g, p) for side in ("pad_top", "pad_left"))
    inside = all((p[f"o{side}"] - 1) * p[f"stride_{side}"] + p[f"pool_{side}"] <= p[side] for side in "hw")
    reaches = all(_reach(g, side) + g[f"o{side}"] - 1 <= g[side] for side in "hw")
    return not pads and inside and reaches and g["stride_h"] == g["stride_w"] == 1


def _reach(g: dict[str, int], side: str) -> int:
    return (g[f"kernel_{side}"] - 1) * g[f"dilation_{side}"] + 1


def _strided_sizes(g: dict[str, int], p: dict[str, int]) -> dict[str, int]:
    """What changes of a convolution that the pooling comes before: it sees no cell that it does not need."""
    sizes = {name: p[name] for name in ("oh", "ow", "stride_h", "stride_w")}
    return sizes | {side: (p[f"o{side}"] - 1) * p[f"stride_{side}"] + _reach(g, side) for side in "hw"}


def _averaged_geometry(g: dict[str, int], p: dict[str, int]) -> dict[str, int]:
    seen = _strided_sizes(g, p)
    moved = dict(oh=seen["h"], ow=seen["w"], stride_h=1, stride_w=1)
    return {**p, "h": g["h"], "w": g["w"], "c": g["c_in"], **moved}
