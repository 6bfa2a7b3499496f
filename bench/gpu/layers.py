#!/usr/bin/env python3
"""Convolutions of vgg and of ResNet in each pass, beside PyTorch's (cuDNN, channels-last), in one run and in turns.

Ours are captured as a graph, so that Python is not what is measured; each launch brings the kernel that moves a step's
numbers on, some microseconds. PyTorch's are launched one after another, its algorithms chosen by trial beforehand.
Errors are against float32 products of the same numbers, the largest of all by the largest of the results.

usage: python bench/gpu/layers.py [--device cuda] [--batch 64] [--seconds 0.2] [--out FILE.json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pyconvnet import _core, devices
from pyconvnet.bench.networks import NETWORKS
from pyconvnet.ops.conv2d import conv2d_geometry
from pyconvnet.ops.conv2d_algorithm import kernel_call

RESNET = [(56, 64), (28, 128), (14, 256), (7, 512)]  # pixels of a side, channels in and out
PASSES = ("forward", "backward_data", "backward_weights")
TURNS, STEPS = 5, 20  # of each contender; launches that are measured together
Geometry = dict[str, int]


def layers() -> Iterator[tuple[str, Geometry]]:
    """What is measured, by name."""
    for side, channels in RESNET:
        geometry = conv2d_geometry("layers", (side, side, channels), 3, channels, padding="same")
        yield f"resnet {channels}x{side}x{side}", geometry
    for call in NETWORKS["vgg"].model().plan().calls:
        if call.kernel.endswith("forward") and call.kernel.startswith("conv2d"):
            g = {name: value for name, value in call.attributes.items() if name not in ("relu", "tile")}
            yield f"vgg {g['c_in']}x{g['h']}x{g['w']} to {g['c_out']}", g


class Ours:
    """One of our kernels, on arrays in the device's memory."""

    def __init__(self, direction: str, g: Geometry, algorithm: str, batch: int, device: devices.Device) -> None:
        kernel, attributes = kernel_call(direction, g, algorithm)
        attributes |= {"relu": False} if direction == "forward" else {}
        self._device, self._batch = device, batch
        self.arrays: dict[str, Any] = {}
        random = np.random.default_rng(0)
        for name, dtype, count, for_each_row, role in _core.describe_kernel(kernel, attributes):
            size = count * (batch if for_each_row else 1)
            values = random.standard_normal(size, np.float32) if role == "input" else np.zeros(size, dtype)
            if not role.startswith("optional"):
                self.arrays[name] = device.put(values)
        places = enumerate(self.arrays.items())
        buffers = {name: (i, 0, array.size, array.dtype.name) for i, (name, array) in places}
        block = None if device.is_host else device.zeros((_core.STEP_BYTES,), np.uint8)
        calls, arrays = [(kernel, attributes, buffers)], list(self.arrays.values())
        self._plan = _core.Plan(calls, arrays, batch, device.backend(tf32=True), block, True)
        self._rates = np.zeros(1, np.float32)

    def run(self, steps: int) -> None:
        """Launch it so many times."""
        indices = np.zeros(steps * self._batch, np.int64)
        there = () if self._device.is_host else (self._device.put(indices), self._device.put(self._rates))
        stream = self._device.stream()
        self._plan.run([], indices, self._batch, 0, 0, self._rates, None, None, None, stream, *there)


class Torch:
    """PyTorch's same pass on the same numbers."""

    def __init__(self, torch: Any, direction: str, g: Geometry, arrays: dict[str, Any], batch: int, dtype: str) -> None:
        def images(name: str, h: int, w: int, c: int) -> Any:
            given = arrays.get(name)
            if given is None:  # of a gradient, which does not look at it
                return torch.zeros(batch, h, w, c).permute(0, 3, 1, 2)
            return torch.as_tensor(given).reshape(batch, h, w, c).permute(0, 3, 1, 2)

        x, dy = images("x", g["h"], g["w"], g["c_in"]), images("dy", g["oh"], g["ow"], g["c_out"])
        shape = (g["kernel_h"], g["kernel_w"], g["c_in"], g["c_out"])
        kernel = torch.as_tensor(arrays["kernel"]).reshape(shape) if "kernel" in arrays else torch.zeros(shape)
        kernel = kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
        x, dy, kernel = (tensor.to(getattr(torch, dtype)) for tensor in (x, dy, kernel))
        stride, padding = [g["stride_h"], g["stride_w"]], [g["pad_top"], g["pad_left"]]
        if direction == "forward":
            self._call: Callable[[], Any] = lambda: torch.conv2d(x, kernel, None, stride, padding)
        else:
            wanted = [direction == "backward_data", direction == "backward_weights", False]
            rest = (None, stride, padding, [1, 1], False, [0, 0], 1, wanted)
            self._call = lambda: torch.ops.aten.convolution_backward(dy, x, kernel, *rest)
        self._direction = direction

    def run(self, steps: int) -> None:
        """Launch it so many times."""
        for _ in range(steps):
            self._call()

    def result(self) -> np.ndarray:
        """Compute once, in the layout and order of ours."""
        answer = self._call()
        one = answer if self._direction == "forward" else answer[PASSES.index(self._direction) - 1]
        order = (2, 3, 1, 0) if self._direction == "backward_weights" else (0, 2, 3, 1)
        return np.asarray(one.permute(order).contiguous().float().cpu()).ravel()


def clock(torch: Any, device: devices.Device) -> Callable[[Callable[[int], None]], float]:
    """Answer what measures the seconds of one launch, by the GPU's own clock where there is one."""

    def on_the_processor(run: Callable[[int], None]) -> float:
        start = time.perf_counter()
        run(STEPS)
        return (time.perf_counter() - start) / STEPS

    def on_the_gpu(run: Callable[[int], None]) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run(STEPS)
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) * 1e-3 / STEPS

    return on_the_processor if device.is_host else on_the_gpu


def measure(torch: Any, direction: str, g: Geometry, batch: int, seconds: float, device: devices.Device) -> Any:
    """One pass of a layer: all contenders in turns, and how far each is from float32."""
    names = {"ours": "direct", **({} if device.bfloat16 == "plain" else {"ours_bfloat16": "bfloat16"})}
    ours = {name: Ours(direction, g, algorithm, batch, device) for name, algorithm in names.items()}
    arrays = ours["ours"].arrays
    contenders: dict[str, Any] = dict(ours)
    contenders["torch"] = Torch(torch, direction, g, arrays, batch, "float32")
    if "ours_bfloat16" in names:
        contenders["torch_bfloat16"] = Torch(torch, direction, g, arrays, batch, "bfloat16")
    torch.backends.cudnn.allow_tf32 = False
    exact = contenders["torch"].result()
    torch.backends.cudnn.allow_tf32 = True
    one, samples = clock(torch, device), {name: list[float]() for name in contenders}
    for contender in contenders.values():
        contender.run(2)  # loads kernels, captures, tries algorithms
    for _ in range(TURNS):
        for name, contender in contenders.items():
            begin = time.perf_counter()
            while not samples[name] or time.perf_counter() - begin < seconds / TURNS:
                samples[name].append(one(contender.run))
    row: dict[str, Any] = {"pass": direction, "attributes": g}
    output = {"forward": "y", "backward_data": "dx", "backward_weights": "dkernel"}[direction]
    flops = 2 * batch * g["oh"] * g["ow"] * g["kernel_h"] * g["kernel_w"] * g["c_in"] * g["c_out"]
    for name, contender in contenders.items():
        got = devices.to_numpy(contender.arrays[output]) if name in ours else contender.result()
        row[f"{name}_ms"] = 1e3 * statistics.median(samples[name])
        row[f"{name}_teraflops"] = flops / row[f"{name}_ms"] * 1e-9
        row[f"{name}_error"] = float(np.abs(got - exact).max() / np.abs(exact).max())
    return row | {"ratio": row["torch_ms"] / row["ours_ms"]}


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda (the default); cpu tries the script where there is none")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=0.2, help="how long each contender runs")
    parser.add_argument("--out", metavar="FILE.json")
    given = parser.parse_args()
    device = devices.get(given.device, "layers")
    torch.set_default_device("cpu" if device.is_host else "cuda")
    torch.backends.cudnn.benchmark = True
    torch.set_grad_enabled(False)
    rows = []
    print(f"{'layer':24} {'pass':18} {'ours ms':>9} {'torch ms':>9} {'ratio':>6} {'TFLOP/s':>8} {'error':>9}")
    for name, geometry in layers():
        for direction in PASSES:
            row = {"layer": name, **measure(torch, direction, geometry, given.batch, given.seconds, device)}
            rows.append(row)
            numbers = f"{row['ours_ms']:9.3f} {row['torch_ms']:9.3f} {row['ratio']:6.2f} {row['ours_teraflops']:8.2f}"
            print(f"{name:24} {direction:18} {numbers} {row['ours_error']:9.1e}", flush=True)
            if given.out:  # after every row: time may run out
                content = {"device": str(device), "torch": torch.__version__, "batch": given.batch, "rows": rows}
                Path(given.out).write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
