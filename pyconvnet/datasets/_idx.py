"""The IDX format of MNIST: a magic number, the sizes as big-endian 32-bit integers, then the bytes.

Format: http://yann.lecun.com/exdb/mnist (bytes 0-1 zero, byte 2 the type, byte 3 the number of dimensions).
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]

_UNSIGNED_BYTE = 0x08
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


def read_idx_file(path: Path, *, ndim: int, max_bytes: int) -> tuple[UInt8Array, str]:
    """Reads one IDX file of bytes, gzip-compressed or not. See `read_idx`."""
    with path.open("rb") as stream:
        return read_idx(stream, str(path), ndim=ndim, max_bytes=max_bytes)


def read_idx(stream: BinaryIO, who: str, *, ndim: int, max_bytes: int) -> tuple[UInt8Array, str]:
    """Reads one IDX array of bytes from a seekable stream, gzip-compressed or not (the content tells, not the name).

    Args:
        stream: at the start of the file.
        who: the file's name, for messages.
        ndim: the number of dimensions that the file must have.
        max_bytes: the most bytes that the uncompressed file may have.

    Returns:
        The array (uint8, writable, `ndim` dimensions) and the sha256 of the uncompressed file.

    Raises:
        ValueError: the file is not such an array, or is short, or goes on after its end.
    """
    start = stream.read(2)
    stream.seek(0)
    if start != _GZIP_MAGIC:
        return _read_payload(stream, who, ndim, max_bytes)
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
            return _read_payload(cast(BinaryIO, unpacked), who, ndim, max_bytes)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{who}: expected a whole gzip file, got a damaged one ({error}); fetch it again") from error


def write_idx(array: npt.ArrayLike) -> bytes:
    """Returns the uncompressed IDX file of an array of uint8.

    >>> write_idx(np.array([7, 8], np.uint8)).hex()
    '00000801000000020708'
    """
    values = np.asarray(array)
    if values.dtype != np.uint8:
        raise TypeError(f"write_idx: array must be uint8, got {values.dtype}")
    return struct.pack(f">HBB{values.ndim}I", 0, _UNSIGNED_BYTE, values.ndim, *values.shape) + values.tobytes()


def _read_payload(stream: BinaryIO, who: str, ndim: int, max_bytes: int) -> tuple[UInt8Array, str]:
    header_size = 4 + 4 * ndim
    header = _read_at_most(stream, header_size)
    if len(header) < header_size:
        raise ValueError(f"{who}: expected an IDX header of {header_size} bytes, got {len(header)} bytes in all")
    magic = int.from_bytes(header[:4], "big")
    if magic != (_UNSIGNED_BYTE << 8 | ndim):
        expected = f"{_UNSIGNED_BYTE << 8 | ndim:#010x} ({ndim}-dimensional bytes)"
        raise ValueError(f"{who}: IDX magic number must be {expected}, got {magic:#010x}")
    shape = struct.unpack(f">{ndim}I", header[4:])
    size = math.prod(shape)
    if header_size + size > max_bytes:
        raise ValueError(
            f"{who}: expected at most {max_bytes} bytes, got a header for {shape}, {header_size + size} bytes"
        )
    body = _read_at_most(stream, size)
    if len(body) < size:
        raise ValueError(f"{who}: expected {size} bytes of data for {shape}, got {len(body)}: the file is cut short")
    if stream.read(1):
        raise ValueError(f"{who}: expected {size} bytes of data for {shape}, got more: the file goes on after its end")
    digest = hashlib.sha256(header)
    digest.update(body)
    return np.frombuffer(body, np.uint8).reshape(shape), digest.hexdigest()


def _read_at_most(stream: BinaryIO, size: int) -> bytearray:
    # grows with what is really there, so a header that promises too much costs no memory
    data = bytearray()
    while len(data) < size and (chunk := stream.read(min(_CHUNK, size - len(data)))):
        data += chunk
    return data
