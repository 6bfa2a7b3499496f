"""Where data sets are looked for, what is taken from there, the embedded sample, and the whole Fashion-MNIST."""

from __future__ import annotations

import doctest
import gzip
import hashlib
import runpy
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pyconvnet.datasets import DatasetNotFoundError, _files, _idx, _locate, _npz, cifar10, fashion_mnist, mnist, scaled
from pyconvnet.datasets._errors import NotHere
from pyconvnet.datasets._files import CIFAR10, FASHION_MNIST, FASHION_MNIST_SAMPLE, MNIST, Payload, PublishedSet
from pyconvnet.datasets._idx import write_idx
from pyconvnet.datasets._idx_set import read_idx_set

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "pyconvnet" / "datasets" / "sample"


def arrays(first: int) -> list[np.ndarray]:
    """Four arrays of a tiny set; the first pixel of the first image is `first`, so that a test sees which it got."""
    rng = np.random.default_rng(first)
    images = rng.integers(0, 256, (12, 28, 28), np.uint8)
    images[0, 0, 0] = first
    labels = np.arange(12, dtype=np.uint8) % 10
    return [images, labels, images[:5], labels[:5]]


def published_as(published: PublishedSet, content: list[np.ndarray]) -> PublishedSet:
    """The same set as if `content` were what was published."""
    files = []
    for file, array in zip(published.files, content, strict=True):
        payload = write_idx(array)
        packed = gzip.compress(payload, mtime=0)
        inner = Payload(file.payloads[0].name, len(payload), hashlib.sha256(payload).hexdigest())
        files.append(replace(file, size=len(packed), sha256=hashlib.sha256(packed).hexdigest(), payloads=(inner,)))
    return replace(published, files=tuple(files), mirrors=())


def publish(monkeypatch, module, published: PublishedSet) -> None:
    """Lets the `load_data` of a module look for this set."""
    monkeypatch.setattr(module, "SOURCE", (published, module.SOURCE[1]))


def write_set(folder: Path, content: list[np.ndarray], packed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file, array in zip(FASHION_MNIST.files, content, strict=True):
        data = write_idx(array)
        name = file.name if packed else file.payloads[0].name
        # compressed as nobody published it, as Debian does
        (folder / name).write_bytes(gzip.compress(data, compresslevel=1, mtime=7) if packed else data)
    return folder


GOOD = arrays(1)


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Path:
    """An empty machine without a network, on which GOOD is what Zalando and LeCun published."""
    for name in ("PYCONVNET_DATA", "XDG_CACHE_HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(_locate, "DEBIAN_DATASETS", tmp_path / "debian")
    publish(monkeypatch, fashion_mnist, published_as(FASHION_MNIST, GOOD))
    publish(monkeypatch, mnist, published_as(MNIST, GOOD))
    publish(monkeypatch, cifar10, replace(CIFAR10, mirrors=()))
    return tmp_path


def got(splits) -> int:
    (x_train, y_train), (x_test, y_test) = splits
    assert x_train.dtype == y_train.dtype == x_test.dtype == y_test.dtype == np.uint8
    return int(x_train[0, 0, 0])


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    "folder",
    [
        "home/.cache/pyconvnet/datasets/fashion-mnist",
        "debian/fashion-mnist",
        "home/.keras/datasets/fashion-mnist",
        "work/data/FashionMNIST/raw",
        "home/data/FashionMNIST/raw",
    ],
)
def test_each_place_of_fashion_mnist(machine, folder, packed):
    write_set(machine / folder, GOOD, packed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    for array, expected in zip((x_train, y_train, x_test, y_test), GOOD, strict=True):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(
    "folder", ["home/.cache/pyconvnet/datasets/mnist", "home/.keras/datasets", "home/data/MNIST/raw"]
)
def test_each_place_of_mnist(machine, folder):
    write_set(machine / folder, GOOD)
    assert got(mnist.load_data()) == 1


def test_keras_and_cache_follow_their_variables(machine, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(machine / "xdg"))
    write_set(machine / "xdg/pyconvnet/datasets/fashion-mnist", GOOD)
    assert got(fashion_mnist.load_data()) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", "xdg")  # relative: to be ignored
    with pytest.raises(DatasetNotFoundError, match=f"{machine}/home/.cache/pyconvnet/datasets/fashion-mnist"):
        fashion_mnist.load_data()
    monkeypatch.setenv("KERAS_HOME", str(machine / "keras"))
    write_set(machine / "keras/datasets/fashion-mnist", GOOD)
    assert got(fashion_mnist.load_data()) == 1


def test_mnist_npz_of_keras(machine, monkeypatch):
    folder = machine / "home/.keras/datasets"
    folder.mkdir(parents=True)
    np.savez(folder / "mnist.npz", **dict(zip(("x_train", "y_train", "x_test", "y_test"), GOOD, strict=True)))
    with pytest.warns(UserWarning, match=r"passed over .*mnist.npz: not the published file"), pytest.raises(OSError):
        mnist.load_data()
    monkeypatch.setattr(_npz, "MNIST_NPZ_SHA256", hashlib.sha256((folder / "mnist.npz").read_bytes()).hexdigest())
    assert got(mnist.load_data()) == 1


@pytest.mark.parametrize("folder", ["", "fashion-mnist", "FashionMNIST/raw"])
def test_named_folder_comes_first_and_may_hold_other_files(machine, monkeypatch, folder):
    write_set(machine / "debian/fashion-mnist", GOOD)
    write_set(machine / "mine" / folder, arrays(2))
    assert got(fashion_mnist.load_data()) == 1
    monkeypatch.setenv("PYCONVNET_DATA", str(machine / "mine"))
    with pytest.warns(UserWarning) as caught:
        assert got(fashion_mnist.load_data()) == 2
    assert len(caught) == 1 and caught[0].filename == __file__
    assert str(caught[0].message).endswith(
        "(PYCONVNET_DATA) does not hold the published files; its 12 training and 5 test images are taken as they are"
    )


def test_named_folder_with_the_published_files_warns_of_nothing(machine, monkeypatch):
    monkeypatch.setenv("PYCONVNET_DATA", "~/mine")
    write_set(machine / "home/mine", GOOD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert got(fashion_mnist.load_data()) == 1


def test_the_folder_of_the_set_goes_before_the_named_folder_itself(machine, monkeypatch):
    monkeypatch.setenv("PYCONVNET_DATA", str(machine))
    write_set(machine, arrays(3))
    write_set(machine / "mnist", GOOD)
    assert got(mnist.load_data()) == 1


def test_named_folder_without_the_set_is_passed_over(machine, monkeypatch):
    monkeypatch.setenv("PYCONVNET_DATA", str(machine))
    write_set(machine / "debian/fashion-mnist", GOOD)
    assert got(fashion_mnist.load_data()) == 1


def test_named_folder_that_is_none(machine, monkeypatch):
    monkeypatch.setenv("PYCONVNET_DATA", str(machine / "nowhere"))
    with pytest.raises(ValueError, match=r"PYCONVNET_DATA must name a folder, got '.*nowhere'"):
        cifar10.load_data()


def test_named_folder_with_a_damaged_file_is_an_error(machine, monkeypatch):
    write_set(machine / "debian/fashion-mnist", GOOD)
    write_set(machine / "mine", GOOD)
    broken = machine / "mine" / "t10k-images-idx3-ubyte.gz"
    broken.write_bytes(broken.read_bytes()[:-30])
    monkeypatch.setenv("PYCONVNET_DATA", str(machine / "mine"))
    with pytest.raises(
        ValueError, match=r"mine/t10k-images-idx3-ubyte.gz: expected a whole gzip file, got a damaged one"
    ):
        fashion_mnist.load_data()


def test_files_of_another_set_with_the_same_names_are_not_taken(machine, monkeypatch):
    monkeypatch.setattr(_files, "MNIST", published_as(MNIST, arrays(4)))
    write_set(machine / "mine", arrays(4))
    monkeypatch.setenv("PYCONVNET_DATA", str(machine / "mine"))
    with pytest.raises(DatasetNotFoundError, match=r"mine: train-images-idx3-ubyte.gz is the file of MNIST"):
        fashion_mnist.load_data()


def test_elsewhere_the_sha256_must_match(machine):
    write_set(machine / "debian/fashion-mnist", arrays(2))
    message = "passed over .*train-images-idx3-ubyte.gz: not the published file of Fashion-MNIST: sha256 must be"
    with pytest.warns(UserWarning, match=message), pytest.raises(DatasetNotFoundError, match=r"sha256 must be"):
        fashion_mnist.load_data()
    write_set(machine / "home/.keras/datasets/fashion-mnist", GOOD)
    with pytest.warns(UserWarning, match=message) as caught:
        assert got(fashion_mnist.load_data()) == 1
    assert len(caught) == 1 and caught[0].filename == __file__


def test_cifar10_in_the_named_folder_and_elsewhere(machine, monkeypatch):
    record = bytes([7]) + bytes(range(256)) * 12
    for folder in (machine / "mine/cifar-10/cifar-10-batches-bin", machine / "work/data/cifar-10-batches-bin"):
        folder.mkdir(parents=True)
        for payload in CIFAR10.files[0].payloads:
            (folder / payload.name).write_bytes(record)
    message = "passed over data/cifar-10-batches-bin/data_batch_1.bin: not the published file"
    with pytest.warns(UserWarning, match=message), pytest.raises(DatasetNotFoundError, match=r"cifar-10-binary.tar.gz"):
        cifar10.load_data()
    monkeypatch.setenv("PYCONVNET_DATA", str(machine / "mine"))
    with pytest.warns(UserWarning, match=r"5 training and 1 test images are taken as they are"):
        (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert x_train.shape == (5, 32, 32, 3) and y_train.tolist() == [[7]] * 5
    assert x_test.shape == (1, 32, 32, 3) and cifar10.CLASS_NAMES[y_test[0, 0]] == "horse"


def test_not_found_says_what_to_put_where(machine, monkeypatch):
    publish(monkeypatch, fashion_mnist, replace(FASHION_MNIST, mirrors=("http://127.0.0.1:9/",)))
    with pytest.raises(DatasetNotFoundError) as caught:
        fashion_mnist.load_data()
    assert isinstance(caught.value, OSError)
    message = str(caught.value)
    assert message.startswith("Fashion-MNIST is not on this machine and could not be downloaded.")
    for file in FASHION_MNIST.files:
        assert f"{file.name}  ({file.size} bytes, sha256 {file.sha256})" in message
    for place in _locate.places(FASHION_MNIST):
        assert f"{place.folder}: not there" in message
    assert f"into {machine}/home/.cache/pyconvnet/datasets/fashion-mnist, or" in message
    assert "sudo apt install dataset-fashion-mnist" in message
    assert "http://127.0.0.1:9/train-images-idx3-ubyte.gz: " in message


def test_a_cache_that_cannot_be_written_is_not_found(machine):
    (machine / "home").write_text("a file where the home folder should be")
    with pytest.raises(DatasetNotFoundError, match=r"Not a directory|File exists"):
        fashion_mnist.load_data()


def test_download_fills_the_cache_and_replaces_what_is_wrong(machine, monkeypatch):
    content = [gzip.compress(write_idx(array), mtime=0) for array in GOOD]
    fetched: list[str] = []

    def fetch(file, mirrors, target):
        assert mirrors == ("https://mirror/",)
        fetched.append(file.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content[[f.name for f in FASHION_MNIST.files].index(file.name)])

    monkeypatch.setattr("pyconvnet.datasets._download.fetch", fetch)
    published = replace(published_as(FASHION_MNIST, GOOD), mirrors=("https://mirror/",))
    publish(monkeypatch, fashion_mnist, published)
    assert got(fashion_mnist.load_data()) == 1
    assert fetched == [file.name for file in FASHION_MNIST.files]
    assert got(fashion_mnist.load_data()) == 1 and len(fetched) == 4
    cached = machine / "home/.cache/pyconvnet/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz"
    cached.write_bytes(b"damaged")
    with pytest.warns(UserWarning, match=r"passed over .*t10k-labels-idx1-ubyte.gz"):
        assert got(fashion_mnist.load_data()) == 1
    assert fetched[4:] == ["t10k-labels-idx1-ubyte.gz"]


# ---- the sample


def test_sample_is_balanced_and_small():
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_sample()
    assert x_train.shape == (6000, 28, 28) and x_test.shape == (1000, 28, 28)
    assert np.bincount(y_train).tolist() == [600] * 10 and np.bincount(y_test).tolist() == [100] * 10
    # real pixels: the mean and spread of the whole training set, as published, are .2860 and .3530
    assert abs(x_train.mean() / 255 - 0.2860) < 0.01 and abs(x_train.std() / 255 - 0.3530) < 0.01
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) <= 5_000_000
    assert "Copyright © 2017 Zalando SE" in (SAMPLE / "LICENSE").read_text(encoding="utf-8")


def test_damaged_sample_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "_SAMPLE_FOLDER", tmp_path)
    with pytest.raises(ValueError, match=f"{tmp_path}: not there.*install the package anew"):
        fashion_mnist.load_sample()
    write_set(tmp_path, GOOD)
    with pytest.raises(ValueError, match=r"not the published file of the sample of Fashion-MNIST.*install the package"):
        fashion_mnist.load_sample()


def test_sample_has_no_times_or_names_in_its_headers():
    for file in FASHION_MNIST_SAMPLE.files:
        data = (SAMPLE / file.name).read_bytes()
        assert data[3:8] == bytes(5) and len(data) == file.size and hashlib.sha256(data).hexdigest() == file.sha256


# ---- the whole set


@pytest.fixture(scope="module")
def whole():
    for place in _locate.places(FASHION_MNIST):
        try:
            return read_idx_set(place.folder, FASHION_MNIST, False)[0]
        except (NotHere, ValueError):
            continue
    pytest.skip("the whole Fashion-MNIST is not on this machine (Debian: dataset-fashion-mnist)")


def test_whole_set(whole):
    (x_train, y_train), (x_test, y_test) = whole
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert np.bincount(y_train).tolist() == [6000] * 10 and np.bincount(y_test).tolist() == [1000] * 10
    assert y_train[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert round(x_train.mean() / 255, 4) == 0.2860 and round(x_train.std() / 255, 4) == 0.3530


def test_sample_is_made_again_from_the_whole_set(whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fashion_mnist, "load_data", lambda: whole)
    runpy.run_path(str(ROOT / "tools" / "make_sample.py"))["make_sample"](tmp_path)
    printed = capsys.readouterr().out
    for file in FASHION_MNIST_SAMPLE.files:
        payload = gzip.decompress((tmp_path / file.name).read_bytes())
        assert hashlib.sha256(payload).hexdigest() == file.payloads[0].sha256
        assert file.payloads[0].sha256 in printed


def test_class_names():
    assert len(set(fashion_mnist.CLASS_NAMES)) == len(set(fashion_mnist.CLASS_NAMES_KO)) == 10
    assert len(set(cifar10.CLASS_NAMES)) == len(set(cifar10.CLASS_NAMES_KO)) == 10
    assert fashion_mnist.CLASS_NAMES[9] == "Ankle boot" and fashion_mnist.CLASS_NAMES_KO[0] == "티셔츠/상의"


@pytest.mark.parametrize("module", [_idx, scaled, fashion_mnist, mnist, cifar10])
def test_docstring_examples(module):
    assert doctest.testmod(module).failed == 0
