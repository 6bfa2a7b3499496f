"""Keras's ``mnist.npz`` -> ``(x_train, y_train), (x_test, y_test)``, without pickle and within bounds."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from ._errors import NotHere
from ._files import MNIST_NPZ_NAME, MNIST_NPZ_SHA256, PublishedSet, sha256_of_file
from ._idx import UInt8Array
from ._idx_set import MAX_IMAGES, Splits, check_split, read_idx_set, wrong_sha256

if TYPE_CHECKING:
    import zipfile


def read_idx_set_or_npz(folder: Path, published: PublishedSet, trusted: bool) -> tuple[Splits, bool]:
    """Reads MNIST from a folder: its four IDX files, else ``mnist.npz``. Arguments and results of `read_idx_set`."""
    try:
        return read_idx_set(folder, published, trusted)
    except NotHere:
        path = folder / MNIST_NPZ_NAME
        if not path.is_file():
            raise
    sha256 = sha256_of_file(path)
    genuine = sha256 == MNIST_NPZ_SHA256
    if not genuine and not trusted:
        raise ValueError(wrong_sha256(path, published.title, MNIST_NPZ_SHA256, sha256))
    return read_npz(path), genuine


def read_npz(path: Path) -> Splits:
    """Reads x_train, y_train, x_test, y_test (uint8 [n, 28, 28] and [n]) from a NumPy archive.

    ``numpy.load`` would believe the sizes in the file; here they are checked against the file first.

    Raises:
        ValueError: the archive is damaged or holds something else.
    """
    import zipfile  # not needed by those who load no mnist.npz, and slow to import

    with path.open("rb") as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                x_train = _read_array(archive, "x_train.npy", 3)
                y_train = _read_array(archive, "y_train.npy", 1)
                x_test = _read_array(archive, "x_test.npy", 3)
                y_test = _read_array(archive, "y_test.npy", 1)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        # zipfile's ways to say that the archive is damaged, encrypted (RuntimeError) or packed in an unknown way
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
            raise ValueError(f"{path}: expected a whole NumPy archive, got a damaged one ({error})") from error
    check_split(x_train, y_train, f"{path} (x_train)", f"{path} (y_train)")
    check_split(x_test, y_test, f"{path} (x_test)", f"{path} (y_test)")
    return (x_train, y_train), (x_test, y_test)


def _read_array(archive: zipfile.ZipFile, name: str, ndim: int) -> UInt8Array:
    if name not in archive.namelist():
        raise ValueError(f"{name}: expected this array in the archive, got {', '.join(archive.namelist()) or 'none'}")
    with archive.open(name) as member:
        shape, dtype = _read_header(member, name)
        if dtype != np.uint8 or len(shape) != ndim:
            raise ValueError(f"{name}: expected uint8 with {ndim} dimensions, got {dtype} of shape {shape}")
        size = math.prod(shape)
        if size > MAX_IMAGES * 28 * 28:
            raise ValueError(f"{name}: expected at most {MAX_IMAGES} images of 28 x 28, got shape {shape}")
        # one more byte than there should be: shows a file that goes on, and makes zipfile check its CRC
        body = bytearray(member.read(size + 1))
    if len(body) != size:
        raise ValueError(
            f"{name}: expected {size} bytes of data for {shape}, got {'more' if len(body) > size else len(body)}"
        )
    return np.frombuffer(body, np.uint8).reshape(shape)


def _read_header(member: IO[bytes], name: str) -> tuple[tuple[int, ...], np.dtype]:
    try:
        version = npy.read_magic(member)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran_order, dtype = read(member)
    except ValueError as error:
        raise ValueError(f"{name}: expected the header of a NumPy array, got {error}") from error
    if fortran_order and len(shape) > 1:
        raise ValueError(f"{name}: expected an array in C order, got Fortran order")
    return shape, dtype
