"""The lecture's own code, unedited, on stand-ins for its data."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pyconvnet.datasets._files import CIFAR10, FASHION_MNIST, MNIST, PublishedSet
from pyconvnet.datasets._idx import write_idx

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "lecture"
TRAIN, TEST = 120, 20


def write_idx_set(folder: Path, published: PublishedSet) -> None:
    """Files of the true format with few images: bright squares whose place tells the class."""
    random = np.random.default_rng(0)
    folder.mkdir()
    for count, (images, labels) in zip((TRAIN, TEST), (published.files[:2], published.files[2:]), strict=True):
        classes = np.arange(count, dtype=np.uint8) % 10
        x = random.integers(0, 50, (count, 28, 28), np.uint8)
        for image, label in zip(x, classes, strict=True):
            image[2 * label : 2 * label + 8, 8:20] = 255
        (folder / images.name).write_bytes(gzip.compress(write_idx(x)))
        (folder / labels.name).write_bytes(gzip.compress(write_idx(classes)))


def write_cifar10(folder: Path) -> None:
    """The binary files of CIFAR-10 with few images: a byte for the class, then 32 x 32 for each of three colours."""
    random = np.random.default_rng(1)
    inner = folder / "cifar-10-batches-bin"
    inner.mkdir(parents=True)
    for name in [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]:
        rows = random.integers(0, 256, (20, 3073), np.uint8)
        rows[:, 0] %= 10
        (inner / name).write_bytes(rows.tobytes())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_idx_set(folder / FASHION_MNIST.name, FASHION_MNIST)
    write_idx_set(folder / MNIST.name, MNIST)
    write_cifar10(folder / CIFAR10.name)
    return folder


def small(source: str) -> str:
    """The script for as few images as the stand-ins have; nothing else in it is touched."""
    for printed, fewer in (
        ("augment_size = 30000", "augment_size = 100"),
        ("(60000,", f"({TRAIN},"),
        ("(10000,", f"({TEST},"),
    ):
        source = source.replace(printed, fewer)
    return source


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_runs(name: str, data: Path, tmp_path: Path) -> None:
    source = (EXAMPLES / name).read_text(encoding="utf-8")
    script = tmp_path / name
    script.write_text(small(source), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pyconvnet", "run", "--max-epochs", "1", str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYCONVNET_DATA": str(data), "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    # one line for each epoch and for each evaluation that is not silent
    lines = re.findall(r"^\d+/\d+ - .*\bloss: ", done.stdout, re.MULTILINE)
    evaluated = len(re.findall(r"\.evaluate\([^)]*\)", source)) - source.count("verbose=0")
    assert len(lines) == source.count(".fit(") + evaluated
    assert "Epoch 2" not in done.stdout
