"""The heaps of an HDF5 file, in which its texts of any length lie, looked through before the HDF5 library reads them.

The library believes what such a heap says of itself, and an entry of length 0 keeps it busy for ever. So every heap is
walked through here first (HDF5 File Format Specification, III.E "Disk Format: Level 1E - Global Heap").
"""

from __future__ import annotations

import mmap
import os
import struct

_SIGNATURE = b"GCOL\1"
_HEAD = struct.Struct("<4sB3xQ")  # signature, version, bytes of the heap with this head
_ENTRY = struct.Struct("<HHLQ")  # number, references, reserved, bytes
_MOST_HEAPS = 1000


def check_heaps(who: str, path: str | os.PathLike[str]) -> None:
    """Refuses a file with a heap that contradicts itself.

    Args:
        who: who loads what, for messages.
        path: an HDF5 file.

    Raises:
        ValueError: such a heap, or more than 1000.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start, count = data.find(_SIGNATURE), 0
        while start >= 0:
            count += 1
            if count > _MOST_HEAPS:
                raise ValueError(f"{who}: the HDF5 file must have at most {_MOST_HEAPS} heaps of text")
            if not _is_sound(data, start):
                raise ValueError(
                    f"{who}: the HDF5 file is damaged: a heap of text, at byte {start}, contradicts itself"
                )
            start = data.find(_SIGNATURE, start + 1)


def _is_sound(data: mmap.mmap, start: int) -> bool:
    """Whether the entries of a heap follow each other to its end, and its end lies in the file."""
    if start + _HEAD.size > len(data):
        return False
    end = start + _HEAD.unpack_from(data, start)[-1]
    if end > len(data):
        return False
    at = start + _HEAD.size
    while at + _ENTRY.size <= end:
        number, _, _, size = _ENTRY.unpack_from(data, at)
        if number == 0:  # what is free, to the end
            return at + size == end
        at += _ENTRY.size + -(-size // 8) * 8
    return at <= end
