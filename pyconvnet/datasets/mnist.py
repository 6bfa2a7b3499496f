"""MNIST: 28 x 28 grey images of handwritten digits (LeCun, Cortes and Burges; CC BY-SA 3.0)."""

from __future__ import annotations

from ._files import MNIST
from ._idx_set import Splits
from ._npz import read_idx_set_or_npz
from ._search import Source, load

__all__ = ["load_data"]

SOURCE: Source = (MNIST, read_idx_set_or_npz)


def load_data(path: str = "mnist.npz") -> Splits:
    """Loads the whole set, downloading it where it is not on this machine.

    Looked for in ``PYCONVNET_DATA``, the cache, Keras's (``mnist.npz``) and torchvision's folders; then the mirrors.
    The sha256 of what is read is always checked.

    Args:
        path: the file's name in Keras's cache; it changes nothing, since the set is the same wherever it lies.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images uint8 [60000, 28, 28] and [10000, 28, 28], 0 to 255; labels
        uint8 [60000] and [10000], the digits. As Keras's function of this name.

    Raises:
        DatasetNotFoundError: it is nowhere and cannot be downloaded; the message says which files to put where.
        ValueError: a file in ``PYCONVNET_DATA`` is damaged.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train[0]  # doctest: +SKIP
        ((60000, 28, 28), np.uint8(5))
    """
    return load(*SOURCE)
