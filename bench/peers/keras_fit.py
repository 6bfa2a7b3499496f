"""Keras's side of train_bench.py.   usage: keras_fit.py {tensorflow,jax} {auto,on,off} STEPS_PER_EXECUTION

The network is built from rows of (class name, settings) and trained by `fit` on float32 arrays with shuffling and
accuracy; an epoch is timed from on_epoch_begin to on_epoch_end, `predict` as a whole.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import worker

BACKEND, JIT, STEPS_PER_EXECUTION = sys.argv[1], {"auto": "auto", "on": True, "off": False}[sys.argv[2]], sys.argv[3]


class KerasSide:
    """What has been prepared."""

    def start(self, threads: int) -> dict[str, Any]:
        """Imports Keras on its backend."""
        os.environ["KERAS_BACKEND"] = BACKEND
        if BACKEND == "tensorflow":
            import tensorflow as library

            library.config.threading.set_intra_op_parallelism_threads(threads)
            library.config.threading.set_inter_op_parallelism_threads(threads)
        else:
            import jax as library
        import keras

        self._keras = keras
        return {"versions": {"keras": keras.__version__, BACKEND: library.__version__}}

    def prepare(
        self, input_shape: list[int], rows: list[Any], parameters: int, batch: int, steps: int
    ) -> dict[str, Any]:
        """Builds the network, makes the data and does everything once."""
        keras = self._keras
        layers = [getattr(keras.layers, kind)(**settings) for kind, settings in rows]
        self._model = keras.Sequential([keras.Input(tuple(input_shape)), *layers])
        worker.check_parameters(parameters, self._model.count_params())
        self._model.compile(
            "adam",
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=JIT,
            steps_per_execution=int(STEPS_PER_EXECUTION),
        )
        self._batch = batch
        self._x, self._y = worker.random_data(input_shape, batch * steps)
        seconds = self.fit(epochs=1)
        self.predict()
        return seconds

    def fit(self, epochs: int) -> dict[str, Any]:
        """The seconds of each epoch."""
        starts: list[float] = []
        ends: list[float] = []
        clock = self._keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: starts.append(time.perf_counter()),
            on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()),
        )
        self._model.fit(
            self._x, self._y, batch_size=self._batch, epochs=epochs, shuffle=True, verbose=0, callbacks=[clock]
        )
        return {"seconds": [end - start for start, end in zip(starts, ends, strict=True)]}

    def predict(self) -> dict[str, Any]:
        """The seconds of one `predict` over all rows."""
        start = time.perf_counter()
        self._model.predict(self._x, batch_size=self._batch, verbose=0)
        return {"seconds": [time.perf_counter() - start]}


if __name__ == "__main__":
    side = KerasSide()
    worker.serve({"start": side.start, "prepare": side.prepare, "fit": side.fit, "predict": side.predict})
