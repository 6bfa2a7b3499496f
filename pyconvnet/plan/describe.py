"""A plan as text: every kernel call with shapes, algorithm, memory and cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyconvnet import _core
from pyconvnet.ops import conv2d_algorithm
from pyconvnet.ops.rule import Tensor

if TYPE_CHECKING:
    from pyconvnet.plan.build import Plan
    from pyconvnet.plan.emit import Call
    from pyconvnet.plan.memory import Memory


def algorithm(call: Call) -> str:
    """How a call computes: what the cost model chose."""
    if call.kernel.startswith("conv2d_winograd"):
        return f"winograd_{call.attributes['tile']}x{call.attributes['tile']}"
    if call.kernel.startswith("conv2d_bfloat16"):
        return "bfloat16"
    if call.kernel.startswith("conv2d"):
        return "depthwise" if conv2d_algorithm.is_depthwise(call.attributes) else "direct"
    return "gemm" if call.kernel.startswith("dense") else ""


def multiplied(call: Call) -> float:
    """The share of a call's operations that its algorithm multiplies."""
    return conv2d_algorithm.multiplied(call.attributes, algorithm(call)) if "winograd" in call.kernel else 1.0


def _shape(tensor: Tensor, capacity: int) -> str:
    shape = ((capacity,) if tensor.batched else ()) + tensor.shape
    return "x".join(map(str, shape)) or "1"


def table(plan: Plan) -> str:
    """The printed plan."""
    capacity = plan.spec.capacity
    rows = [("#", "kernel", "layer", "algorithm", "MFLOP", "KiB", "buffers")]
    total = 0.0
    for i, call in enumerate(plan.calls):
        flops = call.flops * capacity / 1e6
        total += flops
        nbytes = call_bytes(call, capacity)
        buffers = "  ".join(f"{name} {_shape(tensor, capacity)}" for name, tensor in call.buffers.items())
        cost = f"{flops:,.1f}" if flops else ""
        rows.append((str(i), call.kernel, call.label, algorithm(call), cost, f"{nbytes / 1024:,.0f}", buffers))
    backend = plan.spec.backend
    inside = _core.active_isa() if backend == "cpu" else "TF32" if backend.endswith("_tf32") else "float32"
    head = (
        f"Plan to {plan.spec.mode}, batches of up to {capacity}, {plan.device} ({inside}): "
        f"{len(plan.calls)} kernel calls, {total:,.0f} MFLOP, arena {mebibytes(plan.memory.arena)} MiB "
        f"({mebibytes(plan.memory.live)} MiB live at once)"
    )
    return "\n".join([head, _memory_line(plan.memory), *aligned(rows, "><<<>><")])


def _memory_line(memory: Memory) -> str:
    return (
        f"Memory: {mebibytes(memory.total)} MiB (weights {mebibytes(memory.weights)}, optimizer "
        f"{mebibytes(memory.slots)}, arena {mebibytes(memory.arena)}), {memory.total / memory.needed:.2f} times the "
        f"{mebibytes(memory.needed)} MiB that must be live without scratch; each thread works in "
        f"{mebibytes(memory.thread)} MiB more"
    )


def mebibytes(nbytes: int) -> str:
    """Bytes as MiB.

    Example:
        >>> mebibytes(1_500_000)
        '1.4'
    """
    return f"{nbytes / 2**20:,.1f}"


def aligned(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Rows of cells as lines of columns.

    Args:
        rows: as many cells in each as there are sides.
        sides: "<" or ">" for each column; numbers stand to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in rows
    ]


def call_bytes(call: Call, rows: int) -> int:
    """Bytes of all arrays of a call, for so many rows of a batch."""
    return sum(tensor.nbytes(rows) for tensor in call.buffers.values())
