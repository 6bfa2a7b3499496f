"""Runs of the lecture: repeated by their seed, going on bit for bit where they were stopped, started by one call."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_lecture import IMAGES, TINY, StopIn, few_images

import pyconvnet
from pyconvnet import lecture
from pyconvnet.callbacks import Callback
from pyconvnet.lecture import EXPERIMENTS, runner
from pyconvnet.lecture import data as lecture_data
from pyconvnet.lecture._files import whole_file
from pyconvnet.lecture.runner import Run


def run(path: Path | None = None, *, epochs: int = 4, seed: int = 3, callbacks: tuple[Callback, ...] = ()) -> Run:
    return runner.train(TINY, IMAGES, seed=seed, epochs=epochs, verbose=0, checkpoint=path, callbacks=callbacks)


def assert_equal_runs(one: Run, other: Run) -> None:
    assert one.history.history == other.history.history and one.history.epoch == other.history.epoch
    for left, right in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert (one.test, one.validation, one.stopped_early) == (other.test, other.validation, other.stopped_early)


def test_a_seed_repeats_the_run() -> None:
    assert_equal_runs(run(epochs=2), run(epochs=2))
    assert run(epochs=1).history.history != run(epochs=1, seed=4).history.history


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        run(path, callbacks=(StopIn(2),))
    assert [file.name for file in tmp_path.iterdir()] == ["state.npz"]
    images = runner.train(TINY, IMAGES, seed=3, epochs=4, verbose=2, checkpoint=path)
    said = capsys.readouterr().out
    assert "Going on after epoch 2" in said and "Epoch 3/4" in said and "Epoch 2/4" not in said
    assert_equal_runs(images, run())
    assert len(images.history.epoch) == 4 and images.step_seconds > 0


def test_a_run_stopped_many_times_goes_on_too(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    for epoch in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            run(path, callbacks=(StopIn(epoch),))
    assert_equal_runs(run(path), run())


def test_early_stopping_remembers_across_an_interruption(tmp_path: Path) -> None:
    """The best weights, the best loss and the patience that is used up are part of the state."""
    stopping = dataclasses.replace(TINY, network=EXPERIMENTS["mlp"].network, patience=2)

    def train(path: Path | None = None, callbacks: tuple[Callback, ...] = ()) -> Run:
        return runner.train(
            stopping, few_images(60), seed=0, epochs=60, verbose=0, checkpoint=path, callbacks=callbacks
        )

    whole = train()
    last = len(whole.history.epoch)
    assert whole.stopped_early and 2 < last < 60
    for epoch in (last - 1, last):  # in its last epoch; and after it, when nothing is left to train
        path = tmp_path / f"{epoch}.npz"
        if epoch < last:
            with pytest.raises(KeyboardInterrupt):
                train(path, (StopIn(epoch),))
        else:
            train(path)
        assert_equal_runs(train(path), whole)


def test_the_validation_is_that_of_the_restored_weights() -> None:
    random = np.random.default_rng(0)
    noise = dataclasses.replace(few_images(60), y=random.integers(0, 10, 60).astype(np.uint8))
    best = dataclasses.replace(EXPERIMENTS["mlp"], restore_best=True, patience=2)
    result = runner.train(best, noise, seed=0, epochs=20, verbose=0)
    losses = result.history.history["val_loss"]
    assert result.stopped_early and result.validation.loss == pytest.approx(min(losses), rel=1e-6) != losses[-1]


@pytest.mark.parametrize("damage", ["cut", "foreign", "other seed"])
def test_what_is_no_state_of_this_run_is_not_taken(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "state.npz"
    run(path, epochs=2, seed=4 if damage == "other seed" else 3)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    elif damage == "foreign":
        np.savez(path, a=np.zeros(3))
    assert_equal_runs(run(path, epochs=2), run(epochs=2))


def test_a_state_is_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    np.savez(path, state=np.array([object()], dtype=object))
    assert_equal_runs(run(path, epochs=1), run(epochs=1))


def test_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.txt"
    with whole_file(path) as beside:
        beside.write_text("old")
    with pytest.raises(RuntimeError), whole_file(path) as beside:
        beside.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"]


def test_one_call_trains_an_experiment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lecture_data, "load_images", lambda source, dataset: few_images(note="only the sample"))
    with pytest.warns(UserWarning, match="only the sample"):
        result = pyconvnet.train("mlp", epochs=2, seed=1, verbose=0, out=tmp_path / "out")
    assert len(result.history.epoch) == 2 and result.seed == 1
    assert result.evaluation is not None
    model: Any = result.model
    measured = model.evaluate(IMAGES.x_test / 255.0, IMAGES.y_test, verbose=0)
    assert list(result.evaluation.values()) == pytest.approx(measured)
    assert (tmp_path / "out" / "history.json").exists()
    again = lecture.run_experiment
    with pytest.warns(UserWarning):
        other = again("mlp", epochs=2, seed=1, verbose=0)
    assert other.history.history == result.history.history


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(epochs=0), ValueError, "epochs"),
        (dict(epochs=1, seed=-1), ValueError, "seed"),
        (dict(epochs=1, verbose=7), ValueError, "verbose"),
    ],
)
def test_one_call_refuses_wrong_settings(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pyconvnet.train("mlp", **options)
    with pytest.raises(ValueError, match="train: unknown experiment 'bok'; did you mean 'book'"):
        pyconvnet.train("bok", epochs=1)


def test_the_sample_is_learned() -> None:
    """Real images, a real network: well above chance after one epoch over the whole sample."""
    result = runner.train(EXPERIMENTS["mlp"], lecture_data.load_images("sample"), seed=0, epochs=2, verbose=0)
    assert result.test.accuracy > 0.75
