"""Files whose arrays lie elsewhere, are not there, or are not what the network needs: refused before they are read."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from model_files import members, pack, read

from pyconvnet.models import load_model
from pyconvnet.saving.archive import WEIGHTS

Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture
def with_weights(originals: dict[str, Path], tmp_path: Path) -> Callable[[Callable[[h5py.File], Any]], list[Path]]:
    """A `.keras`, a `.weights.h5` file whose HDF5 part was changed."""

    def change(edit: Callable[[h5py.File], Any]) -> list[Path]:
        parts = members(originals[".keras"])
        memory = io.BytesIO(parts[WEIGHTS])
        with h5py.File(memory, "r+") as file:
            edit(file)
        alone = tmp_path / "w.weights.h5"
        alone.write_bytes(memory.getvalue())
        return [pack(tmp_path / "m.keras", {**parts, WEIGHTS: memory.getvalue()}), alone]

    return change


KERNEL = "layers/conv2d/vars/0"


def replace(file: h5py.File, make: Callable[[h5py.File], Any]) -> None:
    del file[KERNEL]
    make(file)


class TestHdf5:
    """HDF5 files that point out of themselves, or declare what they do not hold."""

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda f: f.__setitem__(KERNEL, h5py.ExternalLink("/etc/passwd", "/x")), "is a link, perhaps to another"),
            (lambda f: f.__setitem__(KERNEL, h5py.SoftLink("/layers/dense/vars/0")), "is a link, perhaps to another"),
            (
                lambda f: f.create_dataset(KERNEL, (3, 3, 1, 4), "f4", external=[("/etc/passwd", 0, 144)]),
                "must lie in one piece in this file",
            ),
            (lambda f: f.create_virtual_dataset(KERNEL, virtual(), fillvalue=0), "must lie in one piece in this file"),
            (
                lambda f: f.create_dataset(KERNEL, data=np.zeros((3, 3, 1, 4), "f4"), chunks=True, compression="gzip"),
                "must lie in one piece in this file",
            ),
            (lambda f: f.create_dataset(KERNEL, (30_000, 30_000, 1, 4), "f4"), r"declares 14400000000 bytes"),
            (lambda f: f.create_dataset(KERNEL, (3, 3, 1, 4), "f4"), "declares 144 bytes .* but the file holds 0"),
            (lambda f: f.create_dataset(KERNEL, data=np.zeros((3, 3, 1, 5), "f4")), r"must have shape \(3, 3, 1, 4\)"),
            (lambda f: f.create_dataset(KERNEL, data=np.zeros((3, 3, 1, 4), "f8")), "must be float32 or whole numbers"),
            (
                lambda f: f.create_dataset(KERNEL, data=np.zeros((3, 3, 1, 4), "i4")),
                "must be float32, the file has whole",
            ),
            (lambda f: f.create_dataset(KERNEL, data=["a", "b"]), "must be float32 or whole numbers|cannot be read"),
            (lambda f: f.create_group(KERNEL), "must be an array, got Group"),
            (
                lambda f: f.create_dataset("layers/conv2d/vars/7", data=np.zeros(3)),
                "there is no 'layers/conv2d/vars/0'",
            ),
            (lambda f: None, r"needs 2 arrays .* the file has 1|there is no 'layers/conv2d/vars/0'"),
        ],
    )
    def test_arrays(self, make: Any, message: str, with_weights: Any) -> None:
        for path in with_weights(lambda file: replace(file, make)):
            with pytest.raises(ValueError, match=message):
                read(path)

    @pytest.mark.parametrize("name", ["layers", "layers/conv2d", "layers/conv2d/vars"])
    def test_linked_groups(self, name: str, with_weights: Any) -> None:
        def link(file: h5py.File) -> None:
            del file[name]
            file[name] = h5py.ExternalLink("/etc/passwd", "/x")

        for path in with_weights(link):
            with pytest.raises(ValueError, match=r"is a link, perhaps to another file|there is no"):
                read(path)

    @pytest.mark.parametrize(
        ("place", "value", "message"),
        [
            ("optimizer/vars/0", np.zeros((2,), np.int64), "must be one number of the optimizer"),
            ("optimizer/vars/0", np.int64(-5), "must be a number from 0 on, got -5"),
            ("optimizer/vars/1", np.float32("nan"), "must be a number from 0 on, got nan"),
            (
                "optimizer/vars/2",
                np.zeros((9, 9), "f4"),
                r"m of conv2d\S* must have shape|m of .*/kernel must have shape",
            ),
        ],
    )
    def test_optimizers(self, place: str, value: Any, message: str, with_weights: Any) -> None:
        def change(file: h5py.File) -> None:
            del file[place]
            file[place] = value

        for path in with_weights(change):
            with pytest.raises(ValueError, match=message):
                read(path)

    def test_heaps_that_contradict_themselves(self, originals: dict[str, Path], tmp_path: Path) -> None:
        """The HDF5 library itself would run for ever."""
        whole = originals[".h5"].read_bytes()
        heap = whole.find(b"GCOL\1")
        assert heap > 0
        for place, number in ((heap + 24, 10**6), (heap + 8, 2**40), (heap + 24, 2**63), (heap + 16, 0)):
            data = struct.pack("<Q", number)  # an entry or a heap longer than what holds it; free space of length 10
            path = tmp_path / "m.h5"
            path.write_bytes(whole[:place] + data + whole[place + len(data) :])
            with pytest.raises(ValueError, match=r"a heap of text, at byte [0-9]*, contradicts itself"):
                load_model(path)


def virtual() -> h5py.VirtualLayout:
    layout = h5py.VirtualLayout((3, 3, 1, 4), "f4")
    layout[...] = h5py.VirtualSource("/etc/hostname", "x", (3, 3, 1, 4))
    return layout


class TestLegacy:
    """`.h5` files of another shape."""

    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (lambda f: f.attrs.__delitem__("model_config"), "holds weights without a network"),
            (lambda f: f.attrs.__setitem__("model_config", "{"), "the checksum of its configs"),
            (lambda f: f["model_weights"].attrs.__delitem__("layer_names"), "has no attribute 'layer_names'"),
            (lambda f: f["model_weights"].attrs.__setitem__("layer_names", [1, 2]), "'layer_names' must hold text"),
            (lambda f: f["model_weights"].attrs.__setitem__("layer_names", [b"x"]), "there is no 'model_weights/x'"),
            (lambda f: f["model_weights"].attrs.__setitem__("layer_names", [b".."]), "there is no 'model_weights/..'"),
            (lambda f: f["model_weights"].attrs.__setitem__("layer_names", [b"dense"]), "has 2 layers with weights"),
            (lambda f: f.__delitem__("model_weights"), "there is no 'model_weights'"),
        ],
    )
    def test_refused(self, edit: Any, message: str, originals: dict[str, Path], tmp_path: Path) -> None:
        path = tmp_path / "m.h5"
        path.write_bytes(originals[".h5"].read_bytes())
        with h5py.File(path, "r+") as file:
            names = file["model_weights"].attrs["layer_names"]
            if b"dense" not in list(names):  # layers are counted on from test to test
                dense = next(n for n in names if str(n if isinstance(n, str) else n.decode()).startswith("dense"))
                file["model_weights"].move(dense, "dense") if dense != "dense" else None
            edit(file)
        with pytest.raises(ValueError, match=message):
            load_model(path)


class TestSafetensors:
    """Headers that do not fit their file."""

    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (lambda h: h["conv2d/bias"].update(dtype="F64"), "must be F32, got 'F64'"),
            (lambda h: h["conv2d/bias"].update(shape=[10**9]), "cannot lie in the bytes"),
            (lambda h: h["conv2d/bias"].update(shape=[-4]), "cannot lie in the bytes"),
            (lambda h: h["conv2d/bias"].update(shape="4"), "cannot lie in the bytes"),
            (lambda h: h["conv2d/bias"].update(data_offsets=[0, 16]), "must begin where the array before it ends"),
            (lambda h: h["conv2d/bias"].update(data_offsets=None), "must have dtype, shape and data_offsets"),
            (lambda h: h.pop("dense/bias"), "the header declares"),
            (lambda h: h.update({"__metadata__": {"a": 1}}), "__metadata__ must hold texts"),
            (lambda h: h["__metadata__"].pop("model_config"), "holds weights without a network"),
            (lambda h: h["__metadata__"].update(crc32="1"), "the file is damaged"),
            (lambda h: h.update(other=h.pop("dense/bias")), "is only in one of them"),
        ],
    )
    def test_headers(self, edit: Edit, message: str, originals: dict[str, Path], tmp_path: Path) -> None:
        whole = originals[".safetensors"].read_bytes()
        length = int.from_bytes(whole[:8], "little")
        header = json.loads(whole[8 : 8 + length])
        edit(header)
        text = json.dumps(header).encode()
        path = tmp_path / "m.safetensors"
        path.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + length :])
        with pytest.raises(ValueError, match=message):
            load_model(path)

    def test_a_header_longer_than_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "m.safetensors"
        path.write_bytes((2**62).to_bytes(8, "little") + b"{}")
        with pytest.raises(ValueError, match="one that breaks off: its header has"):
            load_model(path)
