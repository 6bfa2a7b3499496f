"""CIFAR-10's binary version -> ``(x_train, y_train), (x_test, y_test)``.

Format (https://www.cs.toronto.edu/~kriz/cifar.html): records of 3,073 bytes, one of the label and 1,024 each of red,
green and blue, row by row. The archive is read as a stream and never unpacked to the disk.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from ._errors import NotHere
from ._files import CIFAR10_FOLDER, Payload, PublishedSet, sha256_of_file
from ._idx import UInt8Array
from ._idx_set import Split, Splits, check_labels, wrong_sha256

_SIDE = 32
_CHANNELS = 3
_RECORD = 1 + _SIDE * _SIDE * _CHANNELS
# the published archive has 184.4 MB once unpacked
_MAX_BYTES = 256 << 20


def read_cifar(folder: Path, published: PublishedSet, trusted: bool) -> tuple[Splits, bool]:
    """Reads CIFAR-10 from a folder: the binary archive, else the unpacked batches in it or in ``cifar-10-batches-bin``.

    Args:
        folder: where they lie.
        published: their names and checksums.
        trusted: take other files of the same form, too.

    Returns:
        The arrays, images uint8 [n, 32, 32, 3] and labels uint8 [n, 1], and whether they are the published ones.

    Raises:
        NotHere: the folder has none of this.
        ValueError: a file is damaged, or not the published one where it has to be.
    """
    file = published.files[0]
    archive = folder / file.name
    if archive.is_file():
        sha256 = sha256_of_file(archive)
        genuine = sha256 == file.sha256
        if not genuine and not trusted:
            raise ValueError(wrong_sha256(archive, published.title, file.sha256, sha256))
        with archive.open("rb") as stream:
            batches = read_archive(stream, str(archive), file.payloads)
        return _join(batches, str(archive), file.payloads), genuine
    for inner in (folder / CIFAR10_FOLDER, folder):
        if any((inner / payload.name).is_file() for payload in file.payloads):
            batches, genuine = _read_folder(inner, published, trusted)
            return _join(batches, str(inner), file.payloads), genuine
    raise NotHere("not there")


def read_archive(stream: IO[bytes], who: str, payloads: tuple[Payload, ...]) -> dict[str, bytes]:
    """Reads the batches out of the .tar.gz; members that are not batches are passed over.

    Returns:
        The bytes of each batch by its name, all of `payloads`.

    Raises:
        ValueError: the archive is damaged, too large when unpacked, or lacks a batch.
    """
    import tarfile  # not needed by those who load no CIFAR-10, and slow to import

    wanted = {payload.name for payload in payloads}
    batches: dict[str, bytes] = {}
    try:
        with (
            _BoundedGzip(stream, who) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r|", bufsize=1 << 20) as archive,
        ):
            for member in archive:
                name = PurePosixPath(member.name)
                if not member.isreg() or name.parts != (CIFAR10_FOLDER, name.name) or name.name not in wanted:
                    continue
                content = archive.extractfile(member)
                assert content is not None  # it is a regular file
                batches[name.name] = content.read()
                if len(batches) == len(wanted):
                    break
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{who}: expected a whole .tar.gz, got a damaged one ({error}); fetch it again") from error
    missing = sorted(wanted - batches.keys())
    if missing:
        raise ValueError(
            f"{who}: expected {len(wanted)} batches in {CIFAR10_FOLDER}/, got none named {', '.join(missing)}"
        )
    return batches


class _BoundedGzip(gzip.GzipFile):
    """Refuses to give more than the largest archive that is taken (a small .gz may hold terabytes)."""

    def __init__(self, stream: IO[bytes], who: str) -> None:
        super().__init__(fileobj=stream, mode="rb")
        self._who = who
        self._left = _MAX_BYTES

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(f"{self._who}: expected at most {_MAX_BYTES} bytes when unpacked, got more")
        return data


def _read_folder(folder: Path, published: PublishedSet, trusted: bool) -> tuple[dict[str, bytes], bool]:
    payloads = published.files[0].payloads
    missing = [payload.name for payload in payloads if not (folder / payload.name).is_file()]
    if missing:
        raise ValueError(f"{folder}: expected {len(payloads)} batches, got none named {', '.join(missing)}")
    batches: dict[str, bytes] = {}
    genuine = True
    for payload in payloads:
        path = folder / payload.name
        limit = _MAX_BYTES if trusted else payload.size
        if path.stat().st_size > limit:
            raise ValueError(f"{path}: expected at most {limit} bytes, got {path.stat().st_size}")
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 != payload.sha256:
            if not trusted:
                raise ValueError(wrong_sha256(path, published.title, payload.sha256, sha256))
            genuine = False
        batches[payload.name] = data
    return batches, genuine


def _join(batches: dict[str, bytes], who: str, payloads: tuple[Payload, ...]) -> Splits:
    names = [payload.name for payload in payloads]
    train = [name for name in names if name.startswith("data")]
    test = [name for name in names if not name.startswith("data")]
    return _split(batches, train, who), _split(batches, test, who)


def _split(batches: dict[str, bytes], names: list[str], who: str) -> Split:
    for name in names:
        size = len(batches[name])
        if size == 0 or size % _RECORD:
            raise ValueError(f"{who} ({name}): expected whole records of {_RECORD} bytes, got {size} bytes")
    count = sum(len(batches[name]) for name in names) // _RECORD
    images: UInt8Array = np.empty((count, _SIDE, _SIDE, _CHANNELS), np.uint8)
    labels: UInt8Array = np.empty((count, 1), np.uint8)
    first = 0
    for name in names:
        records = np.frombuffer(batches.pop(name), np.uint8).reshape(-1, _RECORD)
        check_labels(records[:, 0], f"{who} ({name})")
        rows = slice(first, first + len(records))
        labels[rows] = records[:, :1]
        # [n, channel, row, column] -> [n, row, column, channel]
        images[rows] = records[:, 1:].reshape(-1, _CHANNELS, _SIDE, _SIDE).transpose(0, 2, 3, 1)
        first = rows.stop
    return images, labels
