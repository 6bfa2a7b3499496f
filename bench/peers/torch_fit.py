"""PyTorch's side of train_bench.py and memory_bench.py.   usage: torch_fit.py VARIANT [DEVICE]

A training loop as a careful user writes it: the data as one tensor on the device, a random permutation each epoch,
batches gathered by index, fused Adam, loss and accuracy summed without waiting. VARIANT is "contiguous" or
"channels-last"; "compile" is channels-last with torch.compile, "reduce-overhead" that in the mode of this name, and
"graph" channels-last with the whole step captured by hand as a CUDA graph. On a GPU products are in TF32, as ours are.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import worker

VARIANT, DEVICE = sys.argv[1], (*sys.argv[2:], "cpu")[0]


class TorchSide:
    """What has been prepared."""

    def start(self, threads: int) -> dict[str, Any]:
        """Imports PyTorch."""
        import torch

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        torch.set_default_device(DEVICE)
        if DEVICE != "cpu":
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
            torch.backends.cudnn.benchmark = True
        self._torch = torch
        return {"versions": {"torch": torch.__version__}}

    def prepare(
        self, input_shape: list[int], rows: list[Any], parameters: int, batch: int, steps: int
    ) -> dict[str, Any]:
        """Builds the network, makes the data and does everything once."""
        self.load(input_shape, batch * steps)
        self.build(input_shape, rows, parameters, batch)
        seconds = self.fit(epochs=1)
        self.predict()
        return seconds

    def load(self, input_shape: list[int], rows: int) -> dict[str, Any]:
        """Makes the data."""
        torch = self._torch
        x, y = worker.random_data(input_shape, rows)
        # A batch of NHWC rows seen as NCHW is channels-last without a copy.
        self._nhwc = VARIANT != "contiguous"
        x, self._y = torch.from_numpy(x).to(DEVICE), torch.from_numpy(y).to(DEVICE)
        self._x = x if self._nhwc else x.permute(0, 3, 1, 2).contiguous()
        return {}

    def build(self, input_shape: list[int], rows: list[Any], parameters: int, batch: int) -> dict[str, Any]:
        """Builds the network."""
        torch = self._torch
        model = self._sequential(input_shape, rows)
        worker.check_parameters(parameters, sum(weight.numel() for weight in model.parameters()))
        if self._nhwc:
            model = model.to(memory_format=torch.channels_last)
        captured = {"capturable": True} if VARIANT == "graph" else {}
        self._optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True, **captured)
        self._loss = torch.nn.CrossEntropyLoss()
        modes = {"compile": "default", "reduce-overhead": "reduce-overhead"}
        self._model = torch.compile(model, mode=modes[VARIANT]) if VARIANT in modes else model
        self._batch = batch
        if VARIANT == "graph":
            self._capture()
        return {}

    def _capture(self) -> None:
        """The step on rows that are written into a buffer before each replay, as PyTorch's notes on graphs do it."""
        torch = self._torch
        self._index = torch.arange(self._batch)
        self._sums = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._step(self._index, *self._sums)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._step(self._index, *self._sums)

    def fit(self, epochs: int) -> dict[str, Any]:
        """The seconds of each epoch."""
        seconds = []
        for _ in range(epochs):
            start = time.perf_counter()
            self._epoch()
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds}

    def predict(self) -> dict[str, Any]:
        """The seconds of predicting all rows, probabilities in one array."""
        torch = self._torch
        start = time.perf_counter()
        self._model.eval()
        with torch.inference_mode():
            outputs = [
                self._model(self._images(slice(first, first + self._batch))).softmax(dim=1)
                for first in range(0, len(self._x), self._batch)
            ]
            torch.cat(outputs).cpu().numpy()
        return {"seconds": [time.perf_counter() - start]}

    def _epoch(self) -> tuple[float, float]:
        torch = self._torch
        self._model.train()
        loss_sum, right = self._sums if VARIANT == "graph" else (torch.zeros(()), torch.zeros((), dtype=torch.int64))
        loss_sum.zero_()
        right.zero_()
        for index in torch.randperm(len(self._x)).split(self._batch):
            if VARIANT == "graph" and len(index) == self._batch:
                self._index.copy_(index)
                self._graph.replay()
            else:
                self._step(index, loss_sum, right)
        return loss_sum.item() / len(self._x), right.item() / len(self._x)

    def _step(self, index: Any, loss_sum: Any, right: Any) -> None:
        labels = self._y[index]
        self._optimizer.zero_grad()
        logits = self._model(self._images(index))
        loss = self._loss(logits, labels)
        loss.backward()
        self._optimizer.step()
        loss_sum += loss.detach() * len(labels)
        right += (logits.detach().argmax(dim=1) == labels).sum()

    def _images(self, rows: Any) -> Any:
        batch = self._x[rows]
        return batch.permute(0, 3, 1, 2) if self._nhwc else batch

    def _sequential(self, input_shape: list[int], rows: list[Any]) -> Any:
        """A Sequential of (class name, settings); the softmax at its end is left to the loss."""
        nn = self._torch.nn
        height, width, channels = input_shape
        sample = self._torch.zeros(1, channels, height, width)
        modules = []
        for kind, settings in rows:
            for module in self._modules(kind, settings, sample.shape[1]):
                modules.append(module)
                sample = module(sample)
        return nn.Sequential(*modules)

    def _modules(self, kind: str, settings: dict[str, Any], features: int) -> list[Any]:
        nn = self._torch.nn
        after = [nn.ReLU()] if settings.get("activation") == "relu" else []
        if kind == "Conv2D":
            return [
                nn.Conv2d(features, settings["filters"], settings["kernel_size"], padding=settings["padding"]),
                *after,
            ]
        if kind == "Dense":
            return [nn.Linear(features, settings["units"]), *after]
        if kind == "Dropout":
            return [nn.Dropout(settings["rate"])]
        if kind == "Flatten":
            return [nn.Flatten()]
        pools = {"MaxPooling2D": nn.MaxPool2d, "AveragePooling2D": nn.AvgPool2d}
        return [pools[kind](settings["pool_size"])]


if __name__ == "__main__":
    side = TorchSide()
    own = {"load": side.load, "build": side.build}  # memory_bench.py looks at the process in between
    worker.serve({"start": side.start, "prepare": side.prepare, "fit": side.fit, "predict": side.predict, **own})
