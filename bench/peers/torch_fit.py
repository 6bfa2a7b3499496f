"""PyTorch's side of train_bench.py and memory_bench.py.   usage: torch_fit.py {contiguous,channels-last,compile}

A training loop as a careful user writes it: the data as one tensor, a random permutation each epoch, batches gathered
by index, fused Adam, loss and accuracy summed without waiting. "compile" is channels-last with torch.compile.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import worker

VARIANT = sys.argv[1]


class TorchSide:
    """What has been prepared."""

    def start(self, threads: int) -> dict[str, Any]:
        """Imports PyTorch."""
        import torch

        torch.set_num_threads(threads)
        torch.manual_seed(0)
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
        self._x = torch.from_numpy(x) if self._nhwc else torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()
        self._y = torch.from_numpy(y)
        return {}

    def build(self, input_shape: list[int], rows: list[Any], parameters: int, batch: int) -> dict[str, Any]:
        """Builds the network."""
        torch = self._torch
        model = self._sequential(input_shape, rows)
        worker.check_parameters(parameters, sum(weight.numel() for weight in model.parameters()))
        if self._nhwc:
            model = model.to(memory_format=torch.channels_last)
        self._optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)
        self._loss = torch.nn.CrossEntropyLoss()
        self._model = torch.compile(model) if VARIANT == "compile" else model
        self._batch = batch
        return {}

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
            torch.cat(outputs).numpy()
        return {"seconds": [time.perf_counter() - start]}

    def _epoch(self) -> tuple[float, float]:
        torch = self._torch
        self._model.train()
        loss_sum, right = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for index in torch.randperm(len(self._x)).split(self._batch):
            labels = self._y[index]
            self._optimizer.zero_grad()
            logits = self._model(self._images(index))
            loss = self._loss(logits, labels)
            loss.backward()
            self._optimizer.step()
            loss_sum += loss.detach() * len(labels)
            right += (logits.detach().argmax(dim=1) == labels).sum()
        return loss_sum.item() / len(self._x), right.item() / len(self._x)

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
