"""CIFAR-10: 32 x 32 colour images in ten classes (Krizhevsky 2009, "Learning Multiple Layers of Features")."""

from __future__ import annotations

from ._cifar import read_cifar
from ._files import CIFAR10
from ._idx_set import Splits
from ._search import Source, load

__all__ = ["CLASS_NAMES", "CLASS_NAMES_KO", "load_data"]

SOURCE: Source = (CIFAR10, read_cifar)

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CLASS_NAMES_KO = ("비행기", "자동차", "새", "고양이", "사슴", "개", "개구리", "말", "배", "트럭")


def load_data() -> Splits:
    """Loads the whole set, downloading the binary archive (170 MB) where it is not on this machine.

    Looked for in ``PYCONVNET_DATA``, the cache, Keras's and torchvision's folders; then the mirrors. The sha256 of what
    is read is always checked. The Python batches that Keras and torchvision keep are pickles and are not read.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images uint8 [50000, 32, 32, 3] and [10000, 32, 32, 3], 0 to 255, red,
        green, blue; labels uint8 [50000, 1] and [10000, 1], 0 to 9 (`CLASS_NAMES`). As Keras's function of this name.

    Raises:
        DatasetNotFoundError: it is nowhere and cannot be downloaded; the message says which files to put where.
        ValueError: a file in ``PYCONVNET_DATA`` is damaged.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape, CLASS_NAMES[y_train[0, 0]]  # doctest: +SKIP
        ((50000, 32, 32, 3), (50000, 1), 'frog')
    """
    return load(*SOURCE)
