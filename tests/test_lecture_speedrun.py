"""`fashion_speedrun`: what `docs/speedrun.md` shows is what the command trains, and a stopped run goes on."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_lecture import IMAGES, StopIn

from pyconvnet.datasets import fashion_mnist
from pyconvnet.lecture import EXPERIMENTS, job, records, run_lecture, runner, speedrun

SPEEDRUN = EXPERIMENTS["fashion_speedrun"]
PAGE = Path(__file__).parent.parent / "docs" / "speedrun.md"


def test_the_rate_rises_once_and_falls_to_zero() -> None:
    rates = np.asarray(speedrun.one_cycle(100).learning_rates(101))
    top = int(rates.argmax())
    assert 0 < top < 50 and rates[0] == pytest.approx(rates[top] / 10) and rates[-1] == 0
    assert (np.diff(rates[: top + 1]) > 0).all() and (np.diff(rates[top:]) < 0).all()
    assert (
        np.asarray(speedrun.one_cycle(1).learning_rates(2))[-1] == 0
    )  # the shortest run there is, and what `estimate` times


def test_labels_are_smoothed_and_the_schedule_is_as_long_as_the_run() -> None:
    run = runner.train(SPEEDRUN, IMAGES, seed=0, epochs=3, verbose=0)
    optimizer: Any = run.model.optimizer
    assert run.model.loss.get_config()["label_smoothing"] == SPEEDRUN.label_smoothing > 0
    assert optimizer.iterations == 3 * -(-len(IMAGES.x) // SPEEDRUN.batch_size)
    assert optimizer.learning_rate == 0
    assert 0 < run.training_seconds < run.seconds


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """The schedule and the moving statistics go on where they were."""
    path = tmp_path / "state.npz"
    small = dataclasses.replace(SPEEDRUN, batch_size=50)

    def run(*callbacks: StopIn) -> runner.Run:
        kept = path if callbacks or path.exists() else None
        return runner.train(small, IMAGES, seed=3, epochs=3, verbose=0, checkpoint=kept, callbacks=callbacks)

    whole = run()
    with pytest.raises(KeyboardInterrupt):
        run(StopIn(1))
    again = run()
    assert again.history.history == whole.history.history and len(again.history.epoch) == 3
    for one, other in zip(again.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_command_says_and_keeps_the_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(job, "load_images", lambda source, dataset: IMAGES)
    (record,) = run_lecture(["fashion_speedrun"], epochs=1, out=tmp_path, verbose=0)
    said = capsys.readouterr().out
    assert f"{SPEEDRUN.parameters:,} parameters, up to 1 epoch" in said
    assert re.search(r"test loss \d\.\d{4}, accuracy \d\.\d{4}; \d+\.\d\d ms a step, \d+\.\d s of training", said)
    assert 0 < record["training_seconds"] <= record["seconds"]
    assert records.grouped([record])[0].experiment is SPEEDRUN


def test_the_page_shows_the_same_run_in_thirty_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of the page, on 200 images: the same weights, to the bit, as the experiment with that seed."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code.splitlines()) <= 30
    data = (IMAGES.x[..., 0], IMAGES.y), (IMAGES.x_test[..., 0], IMAGES.y_test)
    monkeypatch.setattr(fashion_mnist, "load_data", lambda: data)
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    run = runner.train(SPEEDRUN, IMAGES, seed=0, epochs=SPEEDRUN.epochs, verbose=0)
    for shown, trained in zip(names["model"].get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(shown, trained)
