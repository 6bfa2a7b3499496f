"""BackupAndRestore: a run that was interrupted goes on as if it had not been."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconvnet
from pyconvnet.callbacks import BackupAndRestore, Callback, backup

RNG = np.random.default_rng(5)
X, Y = RNG.standard_normal((40, 6)).astype(np.float32), RNG.integers(0, 3, 40)


class Interrupt(Callback):
    """Raises at the beginning of an epoch, or behind one of its batches."""

    def __init__(self, at: int, batch: int | None = None) -> None:
        self.at, self.batch, self.epoch = at, batch, -1

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch = epoch
        if epoch == self.at and self.batch is None:
            raise RuntimeError("interrupted")

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self.epoch == self.at and batch == self.batch:
            raise RuntimeError("interrupted")


def make_model(optimizer: str = "adam") -> Any:
    layers = pyconvnet.layers
    model = pyconvnet.Sequential([layers.Input((6,)), layers.Dense(5, activation="relu"), layers.Dense(3)])
    weights = np.random.default_rng(1)
    model.set_weights([weights.standard_normal(w.shape).astype(np.float32) for w in model.get_weights()])
    model._seed = 11
    loss = pyconvnet.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def fit(model: Any, *callbacks: Callback, initial_epoch: int = 0) -> Any:
    return model.fit(
        X, Y, batch_size=8, epochs=5, verbose=0, callbacks=list(callbacks), initial_epoch=initial_epoch
    )  # 5 batches an epoch


def crash(*arguments: Any, **options: Any) -> None:
    with pytest.raises(RuntimeError, match="interrupted"):
        fit(*arguments, **options)


def position(folder: Path) -> Any:
    return json.loads((folder / "training_metadata.json").read_text())


@pytest.mark.parametrize("again", [False, True], ids=["same model", "new process"])
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path: Path, again: bool) -> None:
    whole = make_model()
    losses = fit(whole).history["loss"]
    model = make_model()
    crash(model, BackupAndRestore(tmp_path / "backup"), Interrupt(3))
    assert position(tmp_path / "backup") == {"epoch": 3, "batch": 0}
    model = make_model() if again else model
    history = fit(model, BackupAndRestore(tmp_path / "backup"))
    assert history.epoch == [3, 4] and history.history["loss"] == losses[3:]
    for got, expected in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert not (tmp_path / "backup").exists()


def test_the_backup_stays_where_asked_to_and_foreign_files_always(tmp_path: Path) -> None:
    fit(make_model(), BackupAndRestore(tmp_path, delete_checkpoint=False))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest.weights.h5", "training_metadata.json"]
    (tmp_path / "mine.txt").write_text("mine")
    assert fit(make_model(), BackupAndRestore(tmp_path)).epoch == []  # all five epochs are done
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("saved", "first"), [(2, 1), (2, 2), (5, 5)], ids=["before the weights", "before the position", "in the last"]
)
def test_a_crash_inside_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: int, first: int) -> None:
    """Weights and position are two files; those that are found belong together."""
    whole, model, write = make_model(), make_model(), backup._write
    fit(whole)

    def failing(path: Path, content: dict[str, int]) -> None:
        if first == saved == content["epoch"] and path.name == "training_metadata.json":
            raise RuntimeError("interrupted")
        write(path, content)
        if first < saved == content["epoch"]:
            raise RuntimeError("interrupted")

    monkeypatch.setattr(backup, "_write", failing)
    crash(model, BackupAndRestore(tmp_path))
    monkeypatch.undo()
    assert position(tmp_path) == {"epoch": saved - 1, "batch": 0}
    model = make_model()
    assert fit(model, BackupAndRestore(tmp_path)).epoch == list(range(first, 5))
    assert model.optimizer.iterations == whole.optimizer.iterations == 25
    for got, expected in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert not tmp_path.exists()


def test_an_instance_serves_two_runs(tmp_path: Path) -> None:
    each, counted = BackupAndRestore(tmp_path, save_freq=1), BackupAndRestore(tmp_path, save_freq=4)
    fit(make_model(), each)
    crash(make_model(), each, Interrupt(0, batch=2))
    assert position(tmp_path) == {"epoch": 0, "batch": 2}
    assert fit(make_model(), each).epoch == [0, 1, 2, 3, 4]
    crash(make_model(), counted, Interrupt(0, batch=2))
    crash(make_model(), counted, Interrupt(0, batch=2))  # the fourth batch of this run does not come
    assert not tmp_path.exists()


def test_an_epoch_in_the_middle_is_known(tmp_path: Path) -> None:
    crash(make_model(), BackupAndRestore(tmp_path, save_freq=2), Interrupt(3, batch=1), initial_epoch=3)
    assert position(tmp_path) == {"epoch": 3, "batch": 1}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("latest.weights.h5", b"broken"),
        ("training_metadata.json", b"{}"),
        ("training_metadata.json", b"[1]"),
        ("training_metadata.json", b'{"epoch": -1}'),
        ("training_metadata.json", b'{"epoch": "3"}'),
        ("training_metadata.json", b"\xff"),
    ],
)
def test_the_last_but_one_steps_in_for_a_broken_file(tmp_path: Path, name: str, content: bytes) -> None:
    crash(make_model(), BackupAndRestore(tmp_path, double_checkpoint=True), Interrupt(3))
    (tmp_path / name).write_bytes(content)
    crash(make_model(), BackupAndRestore(tmp_path, double_checkpoint=True), Interrupt(2))
    assert position(tmp_path) == {"epoch": 2, "batch": 0}  # it has the other's place now
    assert fit(make_model(), BackupAndRestore(tmp_path, double_checkpoint=True)).epoch == [2, 3, 4]
    assert not tmp_path.exists()


def test_a_broken_file_without_another_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "latest.weights.h5").write_bytes(b"broken")
    with pytest.raises((OSError, ValueError)):
        fit(make_model(), BackupAndRestore(tmp_path))
    (tmp_path / "latest.weights.h5").unlink()
    crash(make_model(), BackupAndRestore(tmp_path), Interrupt(3))
    (tmp_path / "training_metadata.json").write_text("{}")
    with pytest.raises(ValueError, match=r"BackupAndRestore: '.*json' must hold 'epoch', a number from 0 on, got \{\}"):
        fit(make_model(), BackupAndRestore(tmp_path))


def test_batches_are_counted_on(tmp_path: Path) -> None:
    saved = []

    class Note(Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if (tmp_path / "training_metadata.json").exists():
                saved.append(position(tmp_path))

    fit(make_model(), BackupAndRestore(tmp_path, save_freq=7), Note())
    assert saved[0] == {"epoch": 1, "batch": 1}  # the seventh batch
    assert {"epoch": 2, "batch": 3} in saved
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (dict(backup_dir=""), ValueError, "backup_dir must name a folder, got ''"),
        (dict(backup_dir="b", save_freq="batch"), ValueError, "save_freq must be 'epoch' or a number of batches"),
        (dict(backup_dir="b", save_freq=0), ValueError, "save_freq must be positive, got 0"),
        (dict(backup_dir="b", save_freq=False), TypeError, "save_freq must be a whole number, got False"),
    ],
)
def test_settings_are_checked(config: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"BackupAndRestore: {message}"):
        BackupAndRestore(**config)


def test_only_batch_backups_slow_the_steps_down() -> None:
    assert not BackupAndRestore("b").watches_batches("train")
    assert BackupAndRestore("b", save_freq=3).watches_batches("train")
    watching = type("Mine", (BackupAndRestore,), {"on_batch_end": lambda self, batch, logs=None: None})
    assert watching("b").watches_batches("train")
