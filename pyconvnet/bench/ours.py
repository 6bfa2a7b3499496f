"""The training of a network by this library, measured as any user calls it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyconvnet.bench import turns
from pyconvnet.bench.networks import CLASSES, Network
from pyconvnet.callbacks import Callback


class EpochClock(Callback):
    """The seconds of each epoch: gathering, shuffling, steps, metrics."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Starts the clock."""
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stops it."""
        self.seconds.append(time.perf_counter() - self._start)


def random_data(shape: tuple[int, ...], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Images float32 [rows, *shape] in [0, 1) and class numbers; the peers' worker makes the same."""
    random = np.random.default_rng(0)
    return random.random((rows, *shape), np.float32), random.integers(0, CLASSES, rows)


class Ours(turns.Ours):
    """This library trains a network."""

    def __init__(self, network: Network, device: str = "cpu") -> None:
        self._model = network.model(device)
        self._network = network

    def prepare(self, batch: int, steps: int) -> Mapping[str, Any]:
        """Makes the data and does everything once."""
        self._batch = batch
        self._x, self._y = random_data(self._network.input_shape, batch * steps)
        seconds = self.fit(epochs=1)
        self.predict()
        return seconds

    def fit(self, epochs: int) -> Mapping[str, Any]:
        """The seconds of each epoch."""
        clock = EpochClock()
        self._model.fit(
            self._x, self._y, batch_size=self._batch, epochs=epochs, shuffle=True, verbose=0, callbacks=[clock]
        )
        return {"seconds": clock.seconds}

    def predict(self) -> Mapping[str, Any]:
        """The seconds of one pass over all rows."""
        start = time.perf_counter()
        self._model.predict(self._x, batch_size=self._batch, verbose=0)
        return {"seconds": [time.perf_counter() - start]}
