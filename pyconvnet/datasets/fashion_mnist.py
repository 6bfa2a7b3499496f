"""Fashion-MNIST: 28 x 28 grey images of clothes in ten classes (Zalando Research, MIT licence)."""

from __future__ import annotations

from pathlib import Path

from ._errors import NotHere
from ._files import FASHION_MNIST, FASHION_MNIST_SAMPLE
from ._idx_set import Splits, read_idx_set
from ._search import Source, load

__all__ = ["CLASS_NAMES", "CLASS_NAMES_KO", "load_data", "load_sample"]

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
CLASS_NAMES_KO = ("티셔츠/상의", "바지", "풀오버", "드레스", "코트", "샌들", "셔츠", "스니커즈", "가방", "앵클 부츠")

SOURCE: Source = (FASHION_MNIST, read_idx_set)
_SAMPLE_FOLDER = Path(__file__).parent / "sample"


def load_data() -> Splits:
    """Loads the whole set, downloading it where it is not on this machine.

    Looked for in ``PYCONVNET_DATA``, the cache, Debian's package ``dataset-fashion-mnist``, Keras's and torchvision's
    folders; then the mirrors. The sha256 of what is read is always checked.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images uint8 [60000, 28, 28] and [10000, 28, 28], 0 to 255; labels
        uint8 [60000] and [10000], 0 to 9 (`CLASS_NAMES`). As Keras's function of this name.

    Raises:
        DatasetNotFoundError: it is nowhere and cannot be downloaded; the message says which files to put where.
        ValueError: a file in ``PYCONVNET_DATA`` is damaged.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, CLASS_NAMES[y_train[0]]  # doctest: +SKIP
        ((60000, 28, 28), 'Ankle boot')
    """
    return load(*SOURCE)


def load_sample() -> Splits:
    """Loads the sample that comes with this package: the first images of each class, 600 for training, 100 for testing.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images uint8 [6000, 28, 28] and [1000, 28, 28]; labels uint8 [6000]
        and [1000]. In the order of the whole set.

    Raises:
        ValueError: the installed files are damaged or missing.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_sample()
        >>> x_train.shape, x_test.shape, CLASS_NAMES[y_train[0]]
        ((6000, 28, 28), (1000, 28, 28), 'Ankle boot')
    """
    try:
        return read_idx_set(_SAMPLE_FOLDER, FASHION_MNIST_SAMPLE, False)[0]
    except (NotHere, ValueError) as reason:
        raise ValueError(
            f"the embedded sample is damaged ({_SAMPLE_FOLDER}: {reason}); install the package anew"
        ) from None
