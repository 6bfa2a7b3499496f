"""HDF5 files, read with suspicion.

HDF5 can point out of itself: links to other files, arrays whose bytes lie in other files, arrays put together from
others, filters that blow bytes up, arrays of any declared size that hold nothing. Keras writes none of these, so each
is refused: a hop goes along a hard link only, and an array must lie in the file with all of its bytes, uncompressed.
Memory is then bounded by the file's size.
"""

from __future__ import annotations

import functools
import math
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import RawIOBase
from typing import Any, BinaryIO, Concatenate, ParamSpec, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from pyconvnet.saving.heap_check import check_heaps

CHECKSUM = "pyconvnet_crc32"
_HEADER_LIMIT = 64512  # bytes of one attribute; longer lists are cut, as Keras does
_LAYOUTS = (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT)
# What h5py raises where a file does not make sense.
_DAMAGED = (OSError, RuntimeError, KeyError, TypeError, ValueError, IndexError, UnicodeError, OverflowError)
_STRING, _INTEGER = h5py.h5t.STRING, h5py.h5t.INTEGER
P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def _h5py(who: str) -> Iterator[None]:
    """Calls of h5py, whose errors become a ValueError that names the file."""
    try:
        yield
    except _DAMAGED as error:
        if str(error).startswith(who):
            raise
        raise ValueError(f"{who}: no HDF5 file, or a damaged one: {error}") from error


def _reads(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """A method of a group or an array that calls h5py."""

    @functools.wraps(method)
    def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        with _h5py(self.who):
            return method(self, *args, **kwargs)

    return call


class Group:
    """A group of a file that is not trusted; every answer was checked."""

    def __init__(self, who: str, group: h5py.Group, file_size: int, path: str = "") -> None:
        self.who, self.path, self.file_size = who, path, file_size
        self._group = group

    @_reads
    def has(self, name: str) -> bool:
        """Whether something of this name (without '/') is here."""
        return name in self._group

    @_reads
    def __len__(self) -> int:
        return len(self._group)

    @_reads
    def names(self, most: int) -> list[str]:
        """The names of what is here; refused where there are more than `most`."""
        if len(self._group) > most:
            raise ValueError(
                f"{self.who}: '{self.path or '/'}' must hold at most {most} things, got {len(self._group)}"
            )
        return [_decoded(name) for name in self._group]

    @_reads
    def group(self, path: str) -> Group:
        """The group at a path below this one.

        Raises:
            ValueError: there is none, or the way to it leaves the file.
        """
        found = self._walk(path)
        if not isinstance(found, h5py.Group):
            raise ValueError(f"{self.who}: '{self._full(path)}' must be a group, got {type(found).__name__}")
        return Group(self.who, found, self.file_size, self._full(path))

    @_reads
    def array(self, path: str) -> Array:
        """The array at a path below this group, unread.

        Raises:
            ValueError: there is none, or it is not one that lies in this file as plain float32 or whole numbers.
        """
        found = self._walk(path)
        if not isinstance(found, h5py.Dataset):
            raise ValueError(f"{self.who}: '{self._full(path)}' must be an array, got {type(found).__name__}")
        return Array(self.who, found, self._full(path), self.file_size)

    @_reads
    def text(self, name: str) -> str | None:
        """The attribute of this name as text; None where there is none."""
        value = self._attribute(name, _STRING)
        if value is None:
            return None
        if not isinstance(value, (str, bytes)):
            raise ValueError(f"{self.who}: attribute '{name}' must be one text, got {type(value).__name__}")
        return _decoded(value)

    @_reads
    def texts(self, name: str) -> list[str]:
        """The attribute of this name as a list of texts; put together where Keras cut it.

        Raises:
            ValueError: there is none, or it holds something else.
        """
        parts = [self._attribute(name, _STRING)]
        if parts[0] is None:
            parts = []
            while (part := self._attribute(f"{name}{len(parts)}", _STRING)) is not None:
                parts.append(part)
        if not parts:
            raise ValueError(f"{self.who}: '{self.path or '/'}' has no attribute '{name}'; it is no weights group")
        return [_decoded(value) for part in parts for value in np.asarray(part).reshape(-1).tolist()]

    @_reads
    def checksum(self) -> int | None:
        """The checksum that pyconvnet wrote for this group's texts, or None."""
        return _checksum(self.who, self._group)

    def _attribute(self, name: str, kind: int) -> Any:
        return _attribute(self.who, self._group, name, kind)

    def _full(self, path: str) -> str:
        return f"{self.path}/{path}".lstrip("/")

    def _walk(self, path: str) -> Any:
        here: Any = self._group
        for name in path.split("/"):
            if not isinstance(here, h5py.Group) or name in ("", ".", "..") or name not in here:
                raise ValueError(f"{self.who}: there is no '{self._full(path)}' in the file")
            if here.id.links.get_info(name.encode("utf-8")).type != h5py.h5l.TYPE_HARD:
                raise ValueError(
                    f"{self.who}: '{self._full(path)}' is a link, perhaps to another file; links are not followed"
                )
            here = here[name]
        return here


class Array:
    """An array of an HDF5 file that lies in it with all its bytes; see `StoredArray`."""

    def __init__(self, who: str, dataset: h5py.Dataset, name: str, file_size: int) -> None:
        self.name = name
        self.who, self._dataset = who, dataset
        made = dataset.id.get_create_plist()
        if made.get_layout() not in _LAYOUTS or made.get_external_count() or made.get_nfilters():
            raise ValueError(
                f"{who}: array '{name}' must lie in one piece in this file (no chunks, compression, virtual or "
                "external data), as Keras writes it; h5repack -f NONE -l CONTI makes it so"
            )
        self.kind = _kind(dataset.id.get_type())
        if not self.kind:
            raise ValueError(f"{who}: array '{name}' must be float32 or whole numbers, got {dataset.dtype}")
        self.shape = tuple(int(size) for size in dataset.shape or ())
        declared, there = math.prod(self.shape) * dataset.dtype.itemsize, dataset.id.get_storage_size()
        start = dataset.id.get_offset() or 0  # None for the small ones that lie in the header
        if declared != there or start + there > file_size:
            raise ValueError(
                f"{who}: array '{name}' declares {declared} bytes (shape {self.shape}), "
                f"but the file holds {max(min(there, file_size - start), 0)} of them"
            )
        self._checksum = _checksum(who, dataset)

    @_reads
    def read_into(self, out: NDArray[np.float32]) -> None:
        """Reads all numbers; `out` is float32, C-contiguous, of this shape.

        Raises:
            ValueError: the bytes are not those that were written.
        """
        if out.size:
            self._dataset.read_direct(out)
        if self._checksum is not None and zlib.crc32(out.data) != self._checksum:
            raise ValueError(f"{self.who}: array '{self.name}' is damaged: its checksum is another than was written")

    @_reads
    def read_number(self) -> float | int:
        """The only number of an array without axes."""
        return self._dataset[()].item()  # type: ignore[no-any-return]


@contextmanager
def open_hdf5(who: str, source: str | os.PathLike[str] | BinaryIO | RawIOBase) -> Iterator[Group]:
    """An HDF5 file to read from.

    Args:
        who: who loads what, for messages.
        source: a path, or an open binary file of which no texts are read.

    Raises:
        ValueError: it is no HDF5 file, or a damaged one; where that shows only while it is read, groups and arrays
            raise it.
    """
    with _h5py(who):
        if isinstance(source, (str, os.PathLike)):
            size = os.stat(source).st_size
            check_heaps(who, source)
        else:
            size = source.seek(0, os.SEEK_END)
        opened = h5py.File(source, "r")
    with opened as file:
        yield Group(who, file, size)


def write_array(group: h5py.Group, path: str, value: Any, *, checksums: bool) -> None:
    """Adds an array at a path below a group, in one piece, with its checksum where wanted."""
    array = np.asarray(value)
    dataset = group.create_dataset(path, data=array)
    if checksums and array.ndim:
        dataset.attrs[CHECKSUM] = np.uint32(zlib.crc32(np.ascontiguousarray(array).data))


def write_texts(attributes: h5py.AttributeManager, name: str, texts: Sequence[str]) -> None:
    """Adds a list of names as Keras does: bytes, cut into pieces where they are too long for one attribute.

    Raises:
        ValueError: one name alone is too long.
    """
    encoded = [text.encode("utf-8") for text in texts]
    if any(len(text) > _HEADER_LIMIT for text in encoded):
        raise ValueError(f"save: a name in '{name}' is too long for an HDF5 file; give the layers shorter names")
    pieces = 1
    while any(np.asarray(part).nbytes > _HEADER_LIMIT for part in np.array_split(np.asarray(encoded), pieces)):
        pieces += 1
    if pieces == 1:
        attributes[name] = encoded
        return
    for index, part in enumerate(np.array_split(np.asarray(encoded), pieces)):
        attributes[f"{name}{index}"] = part


def texts_checksum(texts: Sequence[str]) -> int:
    """One number for some texts in order."""
    return zlib.crc32("\0".join(texts).encode("utf-8"))


def _attribute(who: str, owner: h5py.Group | h5py.Dataset, name: str, kind: int) -> Any:
    """An attribute of a certain kind, looked at before it is read; None where there is none."""
    key = name.encode("utf-8")
    if not h5py.h5a.exists(owner.id, key):
        return None
    found = h5py.h5a.open(owner.id, key)
    if math.prod(found.shape) == 0:
        return []
    if found.get_type().get_class() != kind:
        raise ValueError(f"{who}: attribute '{name}' must hold {'text' if kind == _STRING else 'a whole number'}")
    return owner.attrs[name]


def _decoded(value: str | bytes) -> str:
    """A text as h5py gives it, which lets bytes that are no UTF-8 pass in a `str`."""
    return (value.encode("utf-8") if isinstance(value, str) else value).decode("utf-8")


def _checksum(who: str, owner: h5py.Group | h5py.Dataset) -> int | None:
    value = _attribute(who, owner, CHECKSUM, _INTEGER)
    return None if value is None else int(value)


def _kind(dtype: h5py.h5t.TypeID) -> str:
    if dtype.get_class() == h5py.h5t.FLOAT and dtype.get_size() == 4:
        return "f"
    return "i" if dtype.get_class() == _INTEGER else ""
