"""Makes the sample of Fashion-MNIST that comes with the package: ``python tools/make_sample.py [FOLDER]``.

The sample is the first 600 training images and the first 100 test images of each class, in the order of the whole set.
"""

from __future__ import annotations

import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np

from pyconvnet.datasets import fashion_mnist
from pyconvnet.datasets._idx import UInt8Array, write_idx

TRAINING_IMAGES_OF_A_CLASS = 600
TEST_IMAGES_OF_A_CLASS = 100
SAMPLE_FOLDER = Path(__file__).parents[1] / "pyconvnet" / "datasets" / "sample"


def first_of_each_class(labels: UInt8Array, count: int) -> np.ndarray:
    """Returns the sorted indices of the first `count` labels of each class."""
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:count] for label in np.unique(labels)]))


def make_sample(folder: Path) -> None:
    """Writes the four files into `folder` and prints the rows for ``pyconvnet/datasets/_files.py``."""
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    train = first_of_each_class(y_train, TRAINING_IMAGES_OF_A_CLASS)
    test = first_of_each_class(y_test, TEST_IMAGES_OF_A_CLASS)
    arrays = {
        "train-images-idx3-ubyte": x_train[train],
        "train-labels-idx1-ubyte": y_train[train],
        "t10k-images-idx3-ubyte": x_test[test],
        "t10k-labels-idx1-ubyte": y_test[test],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        payload = write_idx(array)
        # no time and no name in the header: the same set gives the same file
        packed = gzip.compress(payload, compresslevel=9, mtime=0)
        (folder / f"{name}.gz").write_bytes(packed)
        rows = (
            name,
            len(packed),
            hashlib.sha256(packed).hexdigest(),
            len(payload),
            hashlib.sha256(payload).hexdigest(),
        )
        print(rows)


if __name__ == "__main__":
    make_sample(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE_FOLDER)
