"""The `.keras` archive: a zip of metadata.json, config.json and model.weights.h5, none of them compressed.

Compressed members are refused, so that a small file cannot become a large one; the zip's checksum is compared before
the weights are looked at.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from pyconvnet.saving.json_text import MOST_BYTES

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
_MEMBERS = (METADATA, CONFIG, WEIGHTS)
_END = struct.Struct("<4s4H2LH")  # the zip's last record, when it has no comment
# Before it in a zip64, for files beyond 2 GiB: where that one's last record is, and that record itself.
_END64_PLACE, _END64 = struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")
_LOCAL = struct.Struct("<4s5H3L2H")  # what stands before each member
_MOST_DIRECTORY = 2**12  # bytes: three short names take about 180
_CHUNK = 2**20


class Window(io.RawIOBase):
    """A part of an open file as a file of its own."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As every file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """As every file."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Reads straight into the buffer, never beyond the part's end."""
        view = memoryview(buffer).cast("B")
        view = view[: max(min(len(view), self._size - self._at), 0)]
        self._file.seek(self._start + self._at)
        done = 0
        while done < len(view) and (count := self._file.readinto(view[done:])):  # type: ignore[attr-defined]
            done += count  # the system reads at most 2 GiB at once
        self._at += done
        return done


class Archive:
    """A `.keras` archive that was looked over and is open for reading."""

    def __init__(self, who: str, file: BinaryIO) -> None:
        self._who, self._file = who, file
        self._size = file.seek(0, os.SEEK_END)
        self._check_end()
        try:
            self._members = {info.filename: info for info in zipfile.ZipFile(file).infolist()}
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error, UnicodeError) as error:
            raise ValueError(f"{who}: no .keras archive, or a damaged one: {error}") from None
        unknown = sorted(set(self._members) - set(_MEMBERS))
        if unknown:
            raise ValueError(f"{who}: the archive must hold {', '.join(_MEMBERS)} only, got {', '.join(unknown[:3])}")
        for name in (CONFIG, WEIGHTS):
            if name not in self._members:
                raise ValueError(f"{who}: the archive has no {name}; it is no Keras model")

    def text(self, name: str) -> str:
        """A member as text.

        Raises:
            ValueError: it is too long, damaged, or no text.
        """
        start, size = self._place(name)
        if size > MOST_BYTES:
            raise ValueError(f"{self._who}: {name} must have at most {MOST_BYTES} bytes, got {size}")
        self._file.seek(start)
        data = self._file.read(size)
        self._check_sum(name, zlib.crc32(data))
        try:
            return data.decode("utf-8")
        except UnicodeError as error:
            raise ValueError(f"{self._who}: {name} is no text: {error}") from None

    def weights(self) -> Window:
        """The weights as a file; their checksum was compared."""
        start, size = self._place(WEIGHTS)
        self._file.seek(start)
        total, left, chunk = 0, size, memoryview(bytearray(min(size, _CHUNK)))
        while left:
            count = self._file.readinto(chunk[: min(left, _CHUNK)])  # type: ignore[attr-defined]
            if not count:
                raise ValueError(f"{self._who}: {WEIGHTS} ends {left} bytes too early")
            total, left = zlib.crc32(chunk[:count], total), left - count
        self._check_sum(WEIGHTS, total)
        return Window(self._file, start, size)

    def has(self, name: str) -> bool:
        """Whether the archive has this member."""
        return name in self._members

    def _check_end(self) -> None:
        end = self._record(self._size - _END.size, _END, b"PK\5\6")
        if end is None:
            raise ValueError(f"{self._who}: no .keras archive, or one that breaks off: it does not end as a zip does")
        directory = end[5]
        at = self._size - _END.size - _END64_PLACE.size
        place = self._record(at, _END64_PLACE, b"PK\6\7")
        if place is not None:
            end = self._record(at - _END64.size, _END64, b"PK\6\6")
            if end is None or place[2] != at - _END64.size:
                raise ValueError(f"{self._who}: the archive is damaged: its last record is not where it is said to be")
            directory = end[8]
        if directory > _MOST_DIRECTORY:
            raise ValueError(
                f"{self._who}: the archive must hold {', '.join(_MEMBERS)} only; its directory is too long"
            )

    def _record(self, at: int, layout: struct.Struct, signature: bytes) -> tuple[Any, ...] | None:
        """A record of the zip; None where there is none of this kind."""
        if not 0 <= at <= self._size - layout.size:
            return None
        self._file.seek(at)
        data = self._file.read(layout.size)
        return layout.unpack(data) if data.startswith(signature) else None

    def _place(self, name: str) -> tuple[int, int]:
        info = self._members[name]
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 or info.compress_size != info.file_size:
            raise ValueError(
                f"{self._who}: {name} is compressed or encrypted; Keras stores it as it is: "
                "unpack the archive and pack it with zip -0"
            )
        header = self._record(info.header_offset, _LOCAL, b"PK\3\4")
        if header is None:
            raise ValueError(f"{self._who}: the archive is damaged: {name} is not where its directory says")
        *_, name_length, extra_length = header
        start = info.header_offset + _LOCAL.size + name_length + extra_length
        if start + info.file_size > self._size:
            raise ValueError(f"{self._who}: {name} declares {info.file_size} bytes, more than the archive has")
        return start, info.file_size

    def _check_sum(self, name: str, found: int) -> None:
        if found != self._members[name].CRC:
            raise ValueError(f"{self._who}: {name} is damaged: its checksum is not the one written with it")


@contextmanager
def open_archive(who: str, path: str | os.PathLike[str]) -> Iterator[Archive]:
    """A `.keras` archive to read from.

    Raises:
        ValueError: it is none, or a damaged or suspicious one.
    """
    with open(path, "rb", buffering=0) as file:
        yield Archive(who, file)  # type: ignore[arg-type]


def write_archive(path: str | os.PathLike[str], metadata: str, config: str, weights: memoryview) -> None:
    """Writes a `.keras` archive as Keras does: three members, uncompressed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(METADATA, metadata)
        archive.writestr(CONFIG, config)
        archive.writestr(WEIGHTS, weights)  # type: ignore[arg-type]
