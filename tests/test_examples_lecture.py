"""The lecture's own code, unedited, on data of full size: the real Fashion-MNIST where it is installed."""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pyconvnet.datasets._errors import NotHere
from pyconvnet.datasets._files import CIFAR10, CIFAR10_FOLDER, FASHION_MNIST, MNIST, PublishedSet
from pyconvnet.datasets._idx import write_idx
from pyconvnet.datasets._idx_set import read_idx_set
from pyconvnet.datasets._locate import places

pytestmark = pytest.mark.long
EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "lecture"

# script -> (lines of fit and evaluate that it prints, what else)
PRINTED: dict[str, tuple[int, tuple[str, ...]]] = {
    "augmentation": (0, ()),
    "book_chapter_8": (
        2,
        ("333,526", "(3, 3, 1, 32) (32,)\n", "\n(3, 3, 1, 32)\n", "(1, 28, 28, 32)\n", "(1, 14, 14, 64)\n"),
    ),
    "callbacks": (2, ("val_loss improved from ",)),
    "cifar10": (1, ("890,410", "정확도는  ")),
    "convolution": (0, ()),
    "dropout": (6, ()),
    "fashion_cnn": (3, ("333,526",)),
    "flexible_structure": (1, ("정확도는  ",)),
    "lenet5": (1, ("정확도는  ",)),
    "one_conv": (1, ("63,050", "x_train.shape =  (60000, 28, 28)  , x_test.shape =  (10000, 28, 28)\n")),
    "part3_cnn": (
        10,
        (
            "60000 10000\n",
            "(60000, 28, 28, 1) (10000, 28, 28, 1)\n",
            "(30000, 28, 28, 1)\n(30000,)\n",
            "(90000, 28, 28, 1)\n",
            *("101,770", "3,989,642", "241,546", "5,240,842"),
        ),
    ),
    "weight_decay": (1, ()),
}


def write_idx_set(folder: Path, published: PublishedSet) -> None:
    """60,000 and 10,000 images in files of the true format: bright bars whose place tells the class."""
    random = np.random.default_rng(0)
    folder.mkdir()
    for count, (images, labels) in zip((60_000, 10_000), (published.files[:2], published.files[2:]), strict=True):
        classes = np.arange(1_000, dtype=np.uint8) % 10
        x = random.integers(0, 3, (1_000, 28, 28), np.uint8)
        for image, label in zip(x, classes, strict=True):
            image[2 * label : 2 * label + 8, 8:20] = 255
        (folder / images.name).write_bytes(gzip.compress(write_idx(np.resize(x, (count, 28, 28))), 1))
        (folder / labels.name).write_bytes(gzip.compress(write_idx(np.resize(classes, count)), 1))


def write_cifar10(folder: Path) -> None:
    """The archive of CIFAR-10's size and form: a byte for the class, then 32 x 32 for each of three colours."""
    random = np.random.default_rng(1)
    folder.mkdir()
    rows = np.zeros((10_000, 3073), np.uint8)
    rows[:, 0] = np.arange(10_000) % 10
    rows[:, 1:] = random.integers(0, 256, (100, 96, 1), np.uint8).repeat(32, axis=2).reshape(100, -1)[rows[:, 0] * 10]
    with tarfile.open(folder / CIFAR10.files[0].name, "w:gz", compresslevel=1) as archive:
        for payload in CIFAR10.files[0].payloads:
            assert rows.nbytes == payload.size
            member = tarfile.TarInfo(f"{CIFAR10_FOLDER}/{payload.name}")
            member.size = payload.size
            archive.addfile(member, io.BytesIO(rows.tobytes()))


def is_installed(published: PublishedSet) -> bool:
    """Whether the published files themselves are on this machine."""
    for place in places(published):
        try:
            _, genuine = read_idx_set(place.folder, published, False)
        except (NotHere, ValueError):
            continue
        if genuine and not place.trusted:
            return True
    return False


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_idx_set(folder / MNIST.name, MNIST)
    write_cifar10(folder / CIFAR10.name)
    if not is_installed(FASHION_MNIST):
        write_idx_set(folder / FASHION_MNIST.name, FASHION_MNIST)
    return folder


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_runs(name: str, data: Path, tmp_path: Path) -> None:
    script = EXAMPLES / f"{name}.py"
    if "sklearn" in script.read_text(encoding="utf-8"):
        pytest.importorskip("sklearn", reason="the script imports scikit-learn, which is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "pyconvnet", "run", "--max-epochs", "1", "--max-steps", "25", str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYCONVNET_DATA": str(data), "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    count, said = PRINTED[name]
    lines = re.findall(r"^(\d+)/\d+ - .*\bloss: ", done.stdout, re.MULTILINE)
    assert len(lines) == count and all(int(steps) <= 25 for steps in lines)
    assert not re.search(r"Epoch [2-9]", done.stdout)
    assert [text for text in said if text not in done.stdout] == []
