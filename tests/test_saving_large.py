"""Model files beyond 2 GiB, whose zip has longer records (zip64); zipfile is made to write them for a small model."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import images, network

from pyconvnet.models import load_model
from pyconvnet.saving.archive import Window


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trained model's archive; its last entry and its end are those of a large one."""
    model, path = network(), tmp_path / "m.keras"
    model.fit(*images(), epochs=1, batch_size=16, verbose=0)
    with monkeypatch.context() as patch:
        patch.setattr(zipfile, "ZIP64_LIMIT", 1000)
        model.save(path)
    model.save_weights(tmp_path / "m.weights.h5")
    return path


def test_large_archives_come_back(large: Path) -> None:
    assert b"PK\6\6" in large.read_bytes()
    loaded, by_weights, expected = load_model(large), network(), network()
    by_weights.load_weights(large)
    expected.load_weights(large.with_name("m.weights.h5"))
    assert loaded.optimizer.iterations == expected.optimizer.iterations == 5
    for model in (loaded, by_weights):
        for a, b in zip(model.get_weights(), expected.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_part_of_a_file_is_read_whole() -> None:
    """A system may read less than was asked for, Linux 2 GiB at most."""

    class Slow(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            return super().readinto(memoryview(buffer)[:3])

    out = bytearray(b"-" * 12)
    assert Window(Slow(b"ab0123456789cd"), 2, 10).readinto(memoryview(out)) == 10
    assert out == b"0123456789--"


END = -22 - 20  # before the last record lies the place of the record before it, and before that the record itself
RECORD = END - 56


@pytest.mark.parametrize(
    ("place", "number", "message"),
    [
        (END + 8, 1, "its last record is not where it is said to be"),
        (END + 8, 2**64 - 1, "its last record is not where it is said to be"),
        (RECORD, 0, "its last record is not where it is said to be"),
        (RECORD + 40, 2**40, "its directory is too long"),
        (RECORD + 48, 2**62, "config.json is not where its directory says"),
        (RECORD - 8, 2**64 - 1, "model.weights.h5 is not where its directory says"),
        (RECORD - 24, 2**64 - 1, "model.weights.h5 is compressed"),
    ],
)
def test_records_that_contradict_the_file(large: Path, place: int, number: int, message: str) -> None:
    data = bytearray(large.read_bytes())
    place += len(data)
    data[place : place + 8] = number.to_bytes(8, "little")
    large.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        load_model(large)
