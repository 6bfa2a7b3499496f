"""The file formats of the data sets: what is sound is read exactly, all else is a ValueError that names the file."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet.datasets import _cifar, _npz
from pyconvnet.datasets._cifar import read_archive, read_cifar
from pyconvnet.datasets._errors import NotHere
from pyconvnet.datasets._files import CIFAR10, MNIST
from pyconvnet.datasets._idx import read_idx, write_idx
from pyconvnet.datasets._idx_set import read_idx_set
from pyconvnet.datasets._npz import read_idx_set_or_npz, read_npz

RNG = np.random.default_rng(5)
IMAGES = RNG.integers(0, 256, (20, 28, 28), np.uint8)
LABELS = np.arange(20, dtype=np.uint8) % 10
PAYLOADS = CIFAR10.files[0].payloads
NAMES = [payload.name for payload in PAYLOADS]


def read(data: bytes, ndim: int = 3, max_bytes: int = 1 << 20) -> np.ndarray:
    return read_idx(io.BytesIO(data), "some.gz", ndim=ndim, max_bytes=max_bytes)[0]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape", [(3,), (1,), (4, 5, 6), (1, 28, 28), (0, 28, 28)])
def test_idx_round_trip(pack, shape):
    array = RNG.integers(0, 256, shape, np.uint8)
    back = read(pack(write_idx(array)), ndim=len(shape))
    assert back.dtype == np.uint8 and back.shape == shape
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable


def test_idx_bytes_are_those_of_the_format():
    assert write_idx(np.array([[[1, 2]]], np.uint8)) == bytes.fromhex("00000803 00000001 00000001 00000002 01 02")
    with pytest.raises(TypeError, match=r"write_idx: array must be uint8, got float64"):
        write_idx(np.zeros(3))


GOOD = write_idx(IMAGES)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected an IDX header of 16 bytes, got 0 bytes"),
        (GOOD[:15], "expected an IDX header of 16 bytes, got 15 bytes"),
        (write_idx(LABELS), r"magic number must be 0x00000803 \(3-dimensional bytes\), got 0x00000801"),
        (b"\x00\x00\x0d\x03" + GOOD[4:], "got 0x00000d03"),
        (b"PK\x03\x04" + GOOD[4:], "got 0x504b0304"),
        (GOOD[:-1], r"expected 15680 bytes of data for \(20, 28, 28\), got 15679: the file is cut short"),
        (GOOD + b"\0", r"expected 15680 bytes .* got more: the file goes on after its end"),
        (GOOD[:4] + b"\xff" * 12, "expected at most 1048576 bytes, got a header for"),
        (gzip.compress(GOOD)[:-20], "expected a whole gzip file, got a damaged one"),
        (gzip.compress(GOOD)[:5], "expected a whole gzip file, got a damaged one"),
        (gzip.compress(GOOD)[:-8] + b"\0" * 8, "CRC check failed"),
        (gzip.compress(GOOD) + b"rubbish", "expected a whole gzip file, got a damaged one"),
        (gzip.compress(GOOD[:-3]), "cut short"),
        (gzip.compress(GOOD + b"more"), "goes on after its end"),
        (b"\x1f\x8brubbish", "expected a whole gzip file, got a damaged one"),
    ],
)
def test_idx_refuses(data, message):
    with pytest.raises(ValueError, match=f"some.gz: .*{message}"):
        read(data)


def test_idx_is_not_unpacked_beyond_what_its_header_says():
    large = gzip.compress(write_idx(LABELS) + RNG.bytes(2_000_000))
    stream = io.BytesIO(large)
    with pytest.raises(ValueError, match=r"goes on after its end"):
        read_idx(stream, "large.gz", ndim=1, max_bytes=1000)
    assert stream.tell() < len(large) // 2  # stopped there, did not unpack the rest


mutation = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "insert"]), st.integers(0, 400), st.binary(min_size=1, max_size=6)),
    min_size=1,
    max_size=5,
)


def mutate(data: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    for kind, where, new in changes:
        where %= len(data) + 1
        rest = {"set": data[where + len(new) :], "insert": data[where:], "cut": b""}[kind]
        data = data[:where] + (b"" if kind == "cut" else new) + rest
    return data


@settings(max_examples=300, deadline=None)
@given(changes=mutation, packed=st.booleans())
def test_idx_of_mutated_bytes_raises_nothing_but_value_errors(changes, packed):
    source = write_idx(IMAGES[:1, :9])
    data = mutate(gzip.compress(source, mtime=0) if packed else source, changes)
    try:
        array = read(data)
    except ValueError as error:
        assert str(error).startswith("some.gz: ")
    else:
        assert array.ndim == 3 and array.dtype == np.uint8


# ---- four IDX files in a folder


def write_set(folder: Path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:9], y_test=LABELS[:9]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file, array in zip(MNIST.files, (x_train, y_train, x_test, y_test), strict=True):
        (folder / file.name).write_bytes(gzip.compress(write_idx(array)))
    return folder


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y_train": LABELS[:19]}, "train-labels.*: expected a label for each of the 20 images of .*, got 19"),
        ({"y_test": LABELS}, "t10k-labels.*: expected a label for each of the 9 images of .*, got 20"),
        ({"y_train": LABELS + np.uint8(1)}, "train-labels.*: labels must be 0 to 9, got 10 at index 9"),
        ({"x_test": IMAGES[:9, :27]}, "t10k-images.*: images must be 28 x 28, got 27 x 28"),
        ({"x_train": IMAGES[:0], "y_train": LABELS[:0]}, "train-images.*: expected at least one image, got none"),
        ({"x_train": LABELS}, "train-images.*: IDX magic number must be"),
    ],
)
def test_idx_set_refuses(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        read_idx_set(write_set(tmp_path, **arrays), MNIST, True)


def test_idx_set_incomplete(tmp_path):
    write_set(tmp_path)
    (tmp_path / MNIST.files[1].name).unlink()
    with pytest.raises(ValueError, match=r"MNIST must have 4 files, got none named train-labels-idx1-ubyte.gz"):
        read_idx_set(tmp_path, MNIST, True)
    with pytest.raises(NotHere, match=r"incomplete, without train-labels-idx1-ubyte.gz"):
        read_idx_set(tmp_path, MNIST, False)


# ---- mnist.npz


def write_npz(path: Path, **changes: np.ndarray) -> Path:
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:9], "y_test": LABELS[:9]} | changes
    np.savez_compressed(path, **arrays)
    return path


def test_npz_is_read_as_numpy_reads_it(tmp_path):
    path = write_npz(tmp_path / "mnist.npz")
    ((x_train, y_train), (x_test, y_test)), genuine = read_idx_set_or_npz(tmp_path, MNIST, True)
    assert not genuine
    with np.load(path) as arrays:
        np.testing.assert_array_equal(x_train, arrays["x_train"])
        np.testing.assert_array_equal(y_train, arrays["y_train"])
        np.testing.assert_array_equal(x_test, arrays["x_test"])
        np.testing.assert_array_equal(y_test, arrays["y_test"])
    with pytest.raises(ValueError, match=r"mnist.npz: not the published file of MNIST: sha256 must be 731c5ac6"):
        read_idx_set_or_npz(tmp_path, MNIST, False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": IMAGES.astype(np.float32)}, r"x_train.npy: expected uint8 with 3 dimensions, got float32"),
        ({"y_test": np.array([object()] * 9)}, r"y_test.npy: expected uint8 with 1 dimensions, got object"),
        ({"x_train": np.asfortranarray(IMAGES)}, r"x_train.npy: expected an array in C order"),
        ({"y_train": LABELS[:3]}, r"y_train\): expected a label for each of the 20 images"),
        ({"y_train": LABELS * np.uint8(9)}, r"y_train\): labels must be 0 to 9, got 18 at index 2"),
    ],
)
def test_npz_refuses(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        read_npz(write_npz(tmp_path / "mnist.npz", **changes))


def test_npz_refuses_missing_arrays_and_lying_headers(tmp_path):
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=IMAGES)
    with pytest.raises(ValueError, match=r"y_train.npy: expected this array in the archive, got x_train.npy"):
        read_npz(path)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**7, 28, 28)})
    for data, message in (
        (header.getvalue(), "expected at most 1000000 images"),
        (
            header.getvalue().replace(b"10000000", b"20      "),
            r"expected 15680 bytes of data for \(20, 28, 28\), got 0",
        ),
        (b"not an array", "expected the header of a NumPy array"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x_train.npy", data)
        with pytest.raises(ValueError, match=message):
            read_npz(path)


@settings(max_examples=100, deadline=None)
@given(changes=mutation)
def test_npz_of_mutated_bytes_raises_nothing_but_value_errors(tmp_path_factory, changes):
    path = tmp_path_factory.getbasetemp() / "mutated.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in (
            ("x_train", IMAGES[:1]),
            ("y_train", LABELS[:1]),
            ("x_test", IMAGES[:1]),
            ("y_test", LABELS[:1]),
        ):
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(f"{name}.npy", buffer.getvalue())
    data = path.read_bytes()
    # the directory at the end is as worth changing as the beginning
    path.write_bytes(mutate(data[-400:], changes) if len(changes) % 2 else data[:-400] + mutate(data[-400:], changes))
    try:
        _npz.read_npz(path)
    except ValueError as error:
        assert "mutated.npz" in str(error)


# ---- CIFAR-10


def batch(first: int, count: int) -> bytes:
    """Records whose label is the index and whose pixels say where they are: 80 channel + 2 row + column."""
    channel, row, column = np.ogrid[:3, :32, :32]
    pixels = (80 * channel + 2 * row + column).astype(np.uint8).tobytes()
    return b"".join(bytes([(first + i) % 10]) + pixels for i in range(count))


def batches() -> dict[str, bytes]:
    return {name: batch(i, 2 + i) for i, name in enumerate(NAMES)}


def tar_gz(members: dict[str, bytes], folder: str = "cifar-10-batches-bin/") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(folder + name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def check_tiny_cifar(splits) -> None:
    (x_train, y_train), (x_test, y_test) = splits
    assert x_train.shape == (2 + 3 + 4 + 5 + 6, 32, 32, 3) and y_train.shape == (20, 1)
    assert x_test.shape == (7, 32, 32, 3) and y_test.shape == (7, 1)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert y_train.ravel().tolist() == [0, 1, 1, 2, 3, 2, 3, 4, 5, 3, 4, 5, 6, 7, 4, 5, 6, 7, 8, 9]
    assert y_test.ravel().tolist() == [5, 6, 7, 8, 9, 0, 1]
    assert x_train[7, 3, 5].tolist() == [11, 91, 171] and x_test[6, 31, 0].tolist() == [62, 142, 222]


def test_cifar_archive_and_unpacked_folder_give_the_same(tmp_path):
    backwards = dict(reversed(batches().items())) | {"batches.meta.txt": b"airplane\n", "readme.html": b"<html>"}
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(tar_gz(backwards))
    splits, genuine = read_cifar(tmp_path, CIFAR10, True)
    check_tiny_cifar(splits)
    assert not genuine
    (tmp_path / "cifar-10-binary.tar.gz").unlink()
    for folder in (tmp_path / "cifar-10-batches-bin", tmp_path / "elsewhere"):
        folder.mkdir()
        for name, data in batches().items():
            (folder / name).write_bytes(data)
    check_tiny_cifar(read_cifar(tmp_path, CIFAR10, True)[0])
    check_tiny_cifar(read_cifar(tmp_path / "elsewhere", CIFAR10, True)[0])
    with pytest.raises(ValueError, match=r"data_batch_1.bin: not the published file of CIFAR-10"):
        read_cifar(tmp_path, CIFAR10, False)
    (tmp_path / "elsewhere" / "test_batch.bin").unlink()
    with pytest.raises(ValueError, match=r"expected 6 batches, got none named test_batch.bin"):
        read_cifar(tmp_path / "elsewhere", CIFAR10, True)
    with pytest.raises(NotHere, match=r"not there"):
        read_cifar(tmp_path / "nowhere", CIFAR10, True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_batch.bin": batch(0, 2)[:-1]}, r"\(test_batch.bin\): expected whole records of 3073 bytes, got 6145"),
        ({"data_batch_2.bin": b""}, r"\(data_batch_2.bin\): expected whole records of 3073 bytes, got 0"),
        ({"data_batch_5.bin": batch(0, 1) + b"\x0a" + bytes(3072)}, "labels must be 0 to 9, got 10 at index 1"),
    ],
)
def test_cifar_refuses_bad_batches(tmp_path, changes, message):
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(tar_gz(batches() | changes))
    with pytest.raises(ValueError, match=f"cifar-10-binary.tar.gz .*{message}"):
        read_cifar(tmp_path, CIFAR10, True)


@pytest.mark.parametrize(
    "folder", ["", "../cifar-10-batches-bin/", "/cifar-10-batches-bin/", "cifar-10-batches-bin/a/"]
)
def test_cifar_takes_members_of_its_folder_only(folder):
    with pytest.raises(
        ValueError, match=r"expected 6 batches in cifar-10-batches-bin/, got none named data_batch_1.bin, "
    ):
        read_archive(io.BytesIO(tar_gz(batches(), folder)), "archive", PAYLOADS)


def test_cifar_passes_over_links():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in NAMES:
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.type = tarfile.SYMTYPE
            info.linkname = "/etc/passwd"
            archive.addfile(info)
    with pytest.raises(ValueError, match=r"expected 6 batches"):
        read_archive(io.BytesIO(buffer.getvalue()), "archive", PAYLOADS)


def test_cifar_archive_damaged_or_too_large(monkeypatch):
    good = tar_gz(batches())
    assert read_archive(io.BytesIO(good), "archive", PAYLOADS) == batches()
    for bad in (good[: len(good) // 2], b"rubbish", b"", gzip.compress(b"no tar at all" * 100)):
        with pytest.raises(ValueError, match=r"archive: expected"):
            read_archive(io.BytesIO(bad), "archive", PAYLOADS)
    monkeypatch.setattr(_cifar, "_MAX_BYTES", 50_000)
    with pytest.raises(ValueError, match=r"archive: expected at most 50000 bytes when unpacked, got more"):
        read_archive(io.BytesIO(good), "archive", PAYLOADS)


@settings(max_examples=100, deadline=None)
@given(changes=mutation, packed=st.booleans())
def test_cifar_of_mutated_bytes_raises_nothing_but_value_errors(changes, packed):
    good = tar_gz(dict.fromkeys(NAMES, struct.pack("B", 3)))
    data = mutate(good, changes) if packed else gzip.compress(mutate(gzip.decompress(good), changes))
    try:
        read_archive(io.BytesIO(data), "archive", PAYLOADS)
    except ValueError as error:
        assert str(error).startswith("archive: ")
