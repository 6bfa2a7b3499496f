"""PyTorch's side of conv_bench.py: one kernel at a time, channels-last.   usage: torch_kernels.py"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import worker


class TorchKernels:
    """Times single operations."""

    def start(self, threads: int) -> dict[str, Any]:
        """Imports PyTorch."""
        import torch

        torch.set_num_threads(threads)
        self._torch = torch
        return {"versions": {"torch": torch.__version__}}

    def time(self, op: str, direction: str, attributes: dict[str, Any], batch: int, seconds: float) -> dict[str, Any]:
        """The median seconds of a run, over `seconds` and at least three runs."""
        make = {"conv2d": self._conv2d, "dense": self._dense, "max_pool2d": self._pool, "avg_pool2d": self._pool}[op]
        samples: list[float] = []
        with self._torch.inference_mode():
            run = make(op, direction, attributes, batch)
            run()
            end = time.perf_counter() + seconds
            while len(samples) < 3 or time.perf_counter() < end:
                start = time.perf_counter()
                run()
                samples.append(time.perf_counter() - start)
        return {"seconds": statistics.median(samples)}

    def _image(self, batch: int, height: int, width: int, channels: int) -> Any:
        return self._torch.randn(batch, height, width, channels).mul_(0.1).permute(0, 3, 1, 2)

    def _conv2d(self, op: str, direction: str, g: dict[str, Any], batch: int) -> Callable[[], Any]:
        torch = self._torch
        x = self._image(batch, g["h"], g["w"], g["c_in"])
        dy = self._image(batch, g["oh"], g["ow"], g["c_out"])
        weight = torch.randn(g["c_out"], g["c_in"] // g["groups"], g["kernel_h"], g["kernel_w"])
        weight, bias = weight.to(memory_format=torch.channels_last), torch.zeros(g["c_out"])
        stride, padding = [g["stride_h"], g["stride_w"]], [g["pad_top"], g["pad_left"]]
        dilation, groups = [g["dilation_h"], g["dilation_w"]], g["groups"]
        if direction == "forward":

            def forward() -> Any:
                y = torch.conv2d(x, weight, bias, stride, padding, dilation, groups)
                return y.relu_() if g["relu"] else y

            if forward().shape != dy.shape:
                raise ValueError("PyTorch has no padding that is wider at one end")
            return forward
        wanted = [True, False, False] if direction == "backward_data" else [False, True, True]
        rest = ([g["c_out"]], stride, padding, dilation, False, [0, 0], groups, wanted)
        return lambda: torch.ops.aten.convolution_backward(dy, x, weight, *rest)

    def _dense(self, op: str, direction: str, g: dict[str, Any], batch: int) -> Callable[[], Any]:
        torch = self._torch
        x, dy = torch.randn(batch * g["vectors"], g["k"]), torch.randn(batch * g["vectors"], g["m"])
        weight, bias = torch.randn(g["m"], g["k"]), torch.zeros(g["m"])
        if direction == "backward_data":
            return lambda: dy @ weight
        if direction == "backward_weights":
            return lambda: (dy.T @ x, dy.sum(0))

        def forward() -> Any:
            y = torch.nn.functional.linear(x, weight, bias)
            return y.relu_() if g["relu"] else y

        return forward

    def _pool(self, op: str, direction: str, g: dict[str, Any], batch: int) -> Callable[[], Any]:
        aten = self._torch.ops.aten
        x = self._image(batch, g["h"], g["w"], g["c"])
        dy = self._image(batch, g["oh"], g["ow"], g["c"])
        window = ([g["pool_h"], g["pool_w"]], [g["stride_h"], g["stride_w"]], [g["pad_top"], g["pad_left"]])
        if op == "avg_pool2d":
            if direction == "forward":
                return lambda: aten.avg_pool2d(x, *window, False, False)
            return lambda: aten.avg_pool2d_backward(dy, x, *window, False, False, None)
        if direction == "forward":
            return lambda: aten.max_pool2d_with_indices(x, *window)
        _, indices = aten.max_pool2d_with_indices(x, *window)
        return lambda: aten.max_pool2d_with_indices_backward(dy, x, *window, [1, 1], False, indices)


if __name__ == "__main__":
    kernels = TorchKernels()
    worker.serve({"start": kernels.start, "time": kernels.time})
