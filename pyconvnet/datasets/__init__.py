"""The lecture's data sets as Keras gives them: ``(x_train, y_train), (x_test, y_test)`` of uint8.

Who does what:
    fashion_mnist, mnist, cifar10   the public modules, each with ``load_data()``
    scaled                          ``ScaledArray``: a uint8 array that reads as float32(v / divisor)
    _files                          the published files: names, bytes, sha256, mirrors
    _locate                         the folders that are searched, in order
    _search                         the search itself: first good folder, else download, else an error that helps
    _idx, _idx_set, _npz, _cifar    the formats, checked byte by byte; nothing here unpickles
    _download, _progress            fetching with resume, and its one line on stderr
"""

from __future__ import annotations

from . import cifar10, fashion_mnist, mnist
from ._errors import DatasetNotFoundError
from .scaled import ScaledArray

SETS = {"fashion_mnist": fashion_mnist, "mnist": mnist, "cifar10": cifar10}  # by the names of their modules

__all__ = ["SETS", "DatasetNotFoundError", "ScaledArray", "cifar10", "fashion_mnist", "mnist"]
