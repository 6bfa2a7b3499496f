"""Weights files that are refused change nothing in the model, wherever they are damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from model_files import read
from small_models import images, network

from pyconvnet.saving import weights_h5
from pyconvnet.saving.optimizer_state import state_arrays


def assert_changes_nothing(path: Path, message: str) -> None:
    """A file that a trained model refuses leaves its weights, its optimizer and its seed as they were."""
    model = network()
    model.fit(*images(), epochs=2, verbose=0)  # further than the file's
    weights, steps, seed = model.get_weights(), model.optimizer.iterations, model._seed
    slots = [array.copy() for _, array in state_arrays(model.optimizer, model.trainable_weights)]
    with pytest.raises(ValueError, match=message):
        model.load_weights(path)
    assert (model.optimizer.iterations, model._seed) == (steps, seed)
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, (_, b) in zip(slots, state_arrays(model.optimizer, model.trainable_weights), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_weights_file_that_breaks_off_changes_nothing(originals: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(originals[".safetensors"].read_bytes()[:-4])
    assert_changes_nothing(path, "declares")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda f: f["optimizer/vars/2"].write_direct(np.ones((3, 3, 1, 4), "f4")),
            "'optimizer/vars/2' is damaged",
        ),
        (lambda f: f["optimizer/vars/0"].write_direct(np.array(-1)), "must be a number from 0 on, got -1"),
        (lambda f: f["optimizer/vars/1"].write_direct(np.array(-1, "f4")), "must be a number from 0 on, got -1.0"),
        (lambda f: f.attrs.__setitem__("pyconvnet", '{"seed": -1}'), "the seed must be a whole number"),
    ],
)
def test_a_broken_state_changes_nothing(edit: Any, message: str, originals: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "w.weights.h5"
    path.write_bytes(originals[".weights.h5"].read_bytes())
    with h5py.File(path, "r+") as file:
        edit(file)
    assert_changes_nothing(path, message)


def test_mistakes_of_ones_own_are_no_damage(originals: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*_: Any) -> None:
        raise KeyError("mistake")

    monkeypatch.setattr(weights_h5, "pair_weights", mistaken)
    for ending in (".keras", ".weights.h5"):
        with pytest.raises(KeyError, match="mistake"):
            read(originals[ending])
