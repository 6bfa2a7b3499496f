"""`.safetensors`: a JSON header and the numbers behind it, nothing that runs.

Written from the format's description (huggingface/safetensors, README): 8 bytes little-endian length of the header,
the header {"name": {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, "__metadata__": {...}}, the bytes.
A weight is named after its layer's class, counted within the model, and after itself: conv2d_1/kernel. The metadata
hold the architecture, so that the file alone gives the model back.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pyconvnet.saving.json_text import MOST_BYTES, read_json
from pyconvnet.saving.stored import Pair, check_shape
from pyconvnet.saving.weights_h5 import layer_groups
from pyconvnet.variables import Variable

ENDING = ".safetensors"
_METADATA = "__metadata__"


class Tensor:
    """One array of a `.safetensors` file, unread; see `StoredArray`."""

    kind = "f"

    def __init__(self, who: str, file: BinaryIO, name: str, shape: tuple[int, ...], start: int) -> None:
        self.name, self.shape = name, shape
        self._who, self._file, self._start = who, file, start

    def read_into(self, out: NDArray[np.float32]) -> None:
        """Reads all numbers; `out` is float32, C-contiguous, of this shape."""
        self._file.seek(self._start)
        view = out.data.cast("B") if out.size else memoryview(b"")
        if self._file.readinto(view) != len(view):  # type: ignore[attr-defined]
            raise ValueError(f"{self._who}: the file breaks off in '{self.name}'")

    def read_number(self) -> float:
        """The only number of an array without axes."""
        out = np.empty(self.shape, np.float32)
        self.read_into(out)
        return float(out.item())


class TensorFile:
    """A `.safetensors` file whose header was read and checked; the numbers are still in the file.

    Attributes:
        tensors: its arrays by name, in the header's order.
        metadata: its texts by name.

    Raises:
        ValueError: the header does not fit the file, or there are other numbers than float32.
    """

    def __init__(self, who: str, file: BinaryIO) -> None:
        self._who, self._file = who, file
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, MOST_BYTES):
            raise ValueError(f"{who}: no .safetensors file, or one that breaks off: its header has {length} bytes")
        header = read_json(who, "the header", file.read(length))
        self.metadata = self._texts(header.pop(_METADATA, {}))
        self.tensors: dict[str, Tensor] = {}
        self._data, end = 8 + length, 0
        for name, begin, stop, shape in sorted(map(self._entry, header.items()), key=lambda entry: entry[1:3]):
            if begin != end:
                raise ValueError(f"{who}: '{name}' must begin where the array before it ends, at {end}, got {begin}")
            self.tensors[name] = Tensor(who, file, name, shape, self._data + begin)
            end = stop
        if self._data + end != size:
            raise ValueError(f"{who}: the header declares {end} bytes of numbers, the file has {size - self._data}")

    def check_sum(self) -> None:
        """Compares the checksum of the numbers, where pyconvnet wrote one.

        Raises:
            ValueError: they are not those that were written.
        """
        expected = self.metadata.get("crc32")
        if expected is None:
            return
        self._file.seek(self._data)
        found = 0
        while chunk := self._file.read(2**20):
            found = zlib.crc32(chunk, found)
        if str(found) != expected:
            raise ValueError(f"{self._who}: the file is damaged: its checksum is not the one written with it")

    def _entry(self, item: tuple[str, Any]) -> tuple[str, int, int, tuple[int, ...]]:
        name, entry = item
        try:
            dtype, shape, (begin, stop) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
            whole = all(type(number) is int and number >= 0 for number in (*shape, begin, stop))
        except (TypeError, KeyError, ValueError):
            raise ValueError(f"{self._who}: '{name}' must have dtype, shape and data_offsets, got {entry!r}") from None
        if dtype != "F32":
            raise ValueError(f"{self._who}: '{name}' must be F32, got {dtype!r}")
        if not whole or stop - begin != 4 * math.prod(shape):
            raise ValueError(f"{self._who}: '{name}' of shape {list(shape)} cannot lie in the bytes {begin} to {stop}")
        return name, begin, stop, shape

    def _texts(self, metadata: Any) -> dict[str, str]:
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError(f"{self._who}: {_METADATA} must hold texts")
        return metadata


def tensor_names(model: Any) -> list[tuple[str, Variable]]:
    """Every weight's name in a `.safetensors` file, in order."""
    return [
        (f"{path.removeprefix('layers/').replace('/layers/', '/')}/{variable.name}", variable)
        for path, variables in layer_groups(model)
        for variable in variables
    ]


def write_tensors(path: Path, model: Any, metadata: dict[str, str]) -> None:
    """Writes all weights and some texts."""
    header: dict[str, Any] = {}
    end = total = 0
    named = tensor_names(model)
    for name, variable in named:
        begin, end = end, end + variable.array.nbytes
        header[name] = {"dtype": "F32", "shape": list(variable.shape), "data_offsets": [begin, end]}
        total = zlib.crc32(variable.array.data, total)
    text = json.dumps({_METADATA: {**metadata, "crc32": str(total)}, **header}).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, variable in named:
            file.write(variable.array.astype("<f4", copy=False).tobytes() if not variable.ndim else variable.array.data)


def pair_weights(who: str, file: TensorFile, model: Any) -> list[Pair]:
    """Which array of the file belongs to which variable of the model, by name; nothing is read.

    Raises:
        ValueError: the file has other names, or weights of other shapes.
    """
    named = tensor_names(model)
    other = set(file.tensors).symmetric_difference(name for name, _ in named)
    if other:
        raise ValueError(
            f"{who}: the model's weights are {_some(name for name, _ in named)}, the file's are {_some(file.tensors)}; "
            f"'{min(other)}' is only in one of them"
        )
    for name, variable in named:
        check_shape(who, variable.path, variable.shape, file.tensors[name])
    return [(variable, file.tensors[name]) for name, variable in named]


def _some(names: Any, most: int = 6) -> str:
    words = list(names)
    return ", ".join(words[:most]) + (", ..." if len(words) > most else "")
