"""Keras's side of augment_bench.py.   usage: keras_augment.py {keras,tf_keras}"""

from __future__ import annotations

import sys
import time
import zlib
from typing import Any

import numpy as np
import worker

LIBRARY = sys.argv[1]


class KerasFlow:
    """The batches that are asked for."""

    def start(self, threads: int) -> dict[str, Any]:
        """Imports Keras; its generator works on one thread."""
        if LIBRARY == "keras":
            import keras as library
            from keras.src.legacy.preprocessing.image import ImageDataGenerator
        else:
            import tf_keras as library
            from tf_keras.preprocessing.image import ImageDataGenerator
        import scipy

        self._generator = ImageDataGenerator
        name = LIBRARY.replace("_", "-")
        return {"versions": {name: library.__version__, "scipy": scipy.__version__}}

    def prepare(self, shape: list[int], settings: dict[str, Any], batch: int, images: int, seed: int) -> dict[str, Any]:
        """Makes the data and one batch."""
        x = np.random.default_rng(0).integers(0, 256, (images, *shape), np.uint8)
        self._flow = self._generator(**settings).flow(x, np.arange(images), batch_size=batch)
        np.random.seed(seed)
        start = time.perf_counter()
        first = next(self._flow)[0]
        return {"images": len(first), "seconds": time.perf_counter() - start, "checksum": zlib.crc32(first.tobytes())}

    def batches(self, count: int) -> dict[str, Any]:
        """Images and seconds of so many batches."""
        images = 0
        start = time.perf_counter()
        for _ in range(count):
            images += len(next(self._flow)[0])
        return {"images": images, "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    flow = KerasFlow()
    worker.serve({"start": flow.start, "prepare": flow.prepare, "batches": flow.batches})
