"""The kernel calls of a training step that are measured, with their operations and bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from pyconvnet import _core
from pyconvnet.bench.networks import Network
from pyconvnet.devices import CPU
from pyconvnet.plan.describe import algorithm

_MEASURED = ("conv2d", "dense", "max_pool2d", "avg_pool2d")
_DIRECTIONS = ("forward", "backward_data", "backward_weights", "backward", "backward_adam")
_LINE = 64  # bytes, at which buffers of a plan begin
Geometry = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """One kernel call on a batch.

    Attributes:
        kernel: its name.
        op: "conv2d", "dense", "max_pool2d" or "avg_pool2d".
        direction: "forward", "backward", "backward_data", "backward_weights", or "backward_adam" (both gradients and
            the optimizer's step in one).
        algorithm: as the printed plan names it; "" where there is no choice.
        attributes: of the kernel.
        buffers: names of the kernel's buffers that the training step gives it.
        networks: whose step makes this call; none for a direct kernel that is there for comparison.
        batch: rows.
    """

    kernel: str
    op: str
    direction: str
    algorithm: str
    attributes: Geometry
    buffers: tuple[str, ...]
    networks: tuple[str, ...]
    batch: int

    @property
    def layer(self) -> str:
        """The layer in a few words, such as ``conv2d 3x3 28x28 32>64 same relu pooled``."""
        g = self.attributes
        relu = " relu" if g.get("relu") else ""
        pooled = " pooled" if _is_pooled(self.kernel) else ""
        stride = g.get("stride_h", 1)
        strides = f" strides {stride}" if stride != (1 if self.op == "conv2d" else g.get("pool_h", 1)) else ""
        if self.op == "dense":
            return f"dense {g['k']}>{g['m']}{relu}"
        if self.op == "conv2d":
            padding = "same" if g["pad_top"] or g["pad_left"] else "valid"
            size = f"{g['kernel_h']}x{g['kernel_w']} {g['h']}x{g['w']} {g['c_in']}>{g['c_out']}"
            return f"conv2d {size} {padding}{strides}{relu}{pooled}"
        return f"{self.op} {g['pool_h']}x{g['pool_w']} {g['h']}x{g['w']} {g['c']}{strides}"

    @property
    def flops(self) -> int:
        """Operations with those on padding, two for each multiply-add; 0 for pools."""
        return self.batch * self._passes * _flops(self.op, self.attributes, _all_taps)

    @property
    def flops_without_padding(self) -> int:
        """Operations on cells that lie on the map."""
        return self.batch * self._passes * _flops(self.op, self.attributes, _taps_on_map)

    @property
    def _passes(self) -> int:
        return 2 if self.direction == "backward_adam" and "dx" in self.buffers else 1

    def arrays(self, seed: int = 0) -> dict[str, np.ndarray]:
        """Buffers in one block, aligned as in a plan: small normal numbers, winners of windows, scratch."""
        random = np.random.default_rng(seed)
        buffers = [
            (name, count * (self.batch if for_each_row else 1), np.dtype(dtype), role)
            for name, dtype, count, for_each_row, role in _core.describe_kernel(self.kernel, self.attributes)
            if role == "scratch" or name in self.buffers
        ]
        block = CPU.zeros((sum(size * dtype.itemsize + _LINE for _, size, dtype, _ in buffers),), np.uint8)
        made: dict[str, np.ndarray] = {}
        begin = 0
        for name, size, dtype, role in buffers:
            end = begin + size * dtype.itemsize
            made[name] = block[begin:end].view(dtype)
            begin = -(-end // _LINE) * _LINE
            if name == "argmax":
                made[name][...] = random.integers(0, _cells(self.attributes), size)
            elif role in ("input", "optional_input"):
                made[name][...] = 0.1 * random.standard_normal(size, np.float32)
        return made

    def nbytes(self) -> int:
        """Bytes that the call must read or write at least once: its buffers without scratch."""
        total = 0
        for name, dtype, count, for_each_row, _ in _core.describe_kernel(self.kernel, self.attributes):
            if name in self.buffers:
                total += count * np.dtype(dtype).itemsize * (self.batch if for_each_row else 1)
        return total


def timer(work: Work) -> Callable[[float], list[float]]:
    """Makes the arrays of a call; answers what runs it again and again for some seconds, with the seconds of each."""
    arguments = (work.kernel, work.attributes, work.arrays(), work.batch)
    _core.time_kernel(*arguments, 1e-9)  # faults the pages in
    return partial(_core.time_kernel, *arguments)


def work_of(networks: Iterable[Network], batch: int) -> list[Work]:
    """What training steps of these networks call, each once: layer by layer, the passes of a layer together.

    The calls are taken from the plans, so a first layer has no `backward_data`. Behind each Winograd kernel comes the
    direct kernel of the same layer; direct gradients of many channels know no pooling and get that of the whole map,
    and mask nothing.
    """
    found: dict[tuple[Any, ...], Work] = {}
    for network in networks:
        for call in network.model().plan(batch).calls:
            op, direction = _split(call.kernel)
            if op not in _MEASURED:
                continue
            described = _core.describe_kernel(call.kernel, call.attributes)
            scratch = {name for name, _, _, _, role in described if role == "scratch"}
            buffers = tuple(name for name in call.buffers if name not in scratch)
            key = (call.kernel, tuple(sorted(call.attributes.items())), buffers)
            before = found[key].networks if key in found else ()
            names = (*before, *(() if network.name in before else (network.name,)))
            attributes = dict(call.attributes)
            found[key] = Work(call.kernel, op, direction, algorithm(call), attributes, buffers, names, batch)
    for work in list(found.values()):
        if work.algorithm.startswith("winograd"):
            direct = _direct(work)
            found.setdefault((direct.kernel, tuple(sorted(direct.attributes.items())), direct.buffers), direct)
    layers = list(dict.fromkeys(_layer_key(work) for work in found.values()))
    return sorted(found.values(), key=lambda work: (layers.index(_layer_key(work)), _DIRECTIONS.index(work.direction)))


def _direct(work: Work) -> Work:
    attributes = {name: value for name, value in work.attributes.items() if name != "tile"}
    kernel, buffers = work.kernel.replace("_winograd", ""), work.buffers
    if work.direction != "forward":
        kernel = kernel.replace("_pool", "")
        buffers = tuple(name for name in buffers if name not in ("argmax", "activated"))
    return replace(work, kernel=kernel, algorithm="direct", attributes=attributes, buffers=buffers, networks=())


def _is_pooled(kernel: str) -> bool:
    return kernel.startswith("conv2d") and "_pool_" in kernel


def _cells(g: Geometry) -> int:
    """Of a pooling window."""
    return int(g.get("pool_h", 2) * g.get("pool_w", 2))


def _layer_key(work: Work) -> tuple[Any, ...]:
    own = ("relu", "tile", "beta_1", "beta_2", "epsilon")  # of one pass or algorithm
    return work.op, *((name, value) for name, value in sorted(work.attributes.items()) if name not in own)


def _split(kernel: str) -> tuple[str, str]:
    for direction in _DIRECTIONS:
        if kernel.endswith(f"_{direction}"):
            return kernel[: -len(direction) - 1].removesuffix("_pool").removesuffix("_winograd"), direction
    return kernel, ""


def _flops(op: str, g: Geometry, taps: Any) -> int:
    """For one row. The three passes of a layer multiply the same pairs."""
    if op == "dense":
        return int(2 * g["vectors"] * g["k"] * g["m"])
    if op == "conv2d":
        cells = taps(g, "h") * taps(g, "w")
        return int(2 * cells * (g["c_in"] // g["groups"]) * g["c_out"])
    return 0


def _all_taps(g: Geometry, axis: str) -> int:
    return int(g[f"o{axis}"] * g[f"kernel_{axis}"])


def _taps_on_map(g: Geometry, axis: str) -> int:
    """Pairs of an output position and a tap of the kernel along one axis whose input cell exists."""
    before = g["pad_top" if axis == "h" else "pad_left"]
    first = np.arange(g[f"o{axis}"])[:, None] * g[f"stride_{axis}"] - before
    cells = first + np.arange(g[f"kernel_{axis}"])[None, :] * g[f"dilation_{axis}"]
    return int(np.count_nonzero((cells >= 0) & (cells < g[axis])))
