"""The lecture's job: what it writes, what it keeps, how it goes on, how long it takes, what it refuses."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from small_lecture import IMAGES, StopIn, few_images, tiny_layers

from pyconvnet import lecture
from pyconvnet.lecture import EXPERIMENTS, estimate, experiments, job, records, runner


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """`load_images` answers few images at once."""
    monkeypatch.setattr(job, "load_images", lambda source, dataset: few_images(dataset=dataset))


@pytest.mark.usefixtures("small")
def test_the_job_writes_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    finished = lecture.run_lecture(["mlp", "book"], epochs=2, seeds=2, out=tmp_path, verbose=2)
    said = capsys.readouterr().out
    assert [(record["name"], record["seed"], record["epochs"]) for record in finished] == [
        ("book", 0, 2),
        ("book", 1, 2),
        ("mlp", 0, 2),
        ("mlp", 1, 2),
    ]
    assert "[3/4] book, seed 0: 160 + 40 images, 333,526 parameters, up to 2 epochs" in said
    assert sorted(path.name for path in tmp_path.glob("*.*")) == [
        "book_curves.png",
        "book_predictions.png",
        "mlp_curves.png",
        "mlp_predictions.png",
        "results.json",
        "table.md",
    ]
    assert list((tmp_path / "unfinished").iterdir()) == []
    content = json.loads((tmp_path / "results.json").read_text())
    assert [row["name"] for row in content["summary"]] == ["mlp", "book"]
    assert content["summary"][0]["accuracy"] == [record["test"]["accuracy"] for record in finished[2:]]
    assert content["summary"][1]["accuracy"] == [record["validation"]["accuracy"] for record in finished[:2]]
    assert content["runs"][0]["history"]["loss"] == finished[0]["history"]["loss"]
    written = (tmp_path / "table.md").read_text()
    assert "| 0.5899 / 0.8197 |" in written and "sample, 2 seeds, at most 2 epochs" in written
    assert written.split("\n\n")[0] in said


@pytest.mark.usefixtures("small")
def test_finished_runs_are_kept_and_others_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = lecture.run_lecture(["mlp"], epochs=1, out=tmp_path, verbose=0)
    kept = records.path_of(tmp_path, "mlp-sample-epochs1-seed0")
    stamp = kept.stat().st_mtime_ns
    capsys.readouterr()
    second = lecture.run_lecture(["mlp"], epochs=1, seeds=2, out=tmp_path, verbose=0)
    said = capsys.readouterr().out
    assert "mlp, seed 0: finished before and kept" in said and "mlp, seed 1: 150 + 50 images" in said
    assert second[0] == first[0] and len(second) == 2 and kept.stat().st_mtime_ns == stamp
    kept.write_text('{"name": "mlp"')  # half a file is no record
    assert lecture.run_lecture(["mlp"], epochs=1, seeds=2, out=tmp_path, verbose=0)[0]["test"] == first[0]["test"]


def test_other_files_of_ones_own_are_other_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = dataclasses.replace(IMAGES, source="other")
    second = dataclasses.replace(first, y=first.y[::-1])
    assert (IMAGES.key, first.key) == ("sample", dataclasses.replace(first, x=first.x.copy()).key)
    assert len({first.key, second.key, dataclasses.replace(first, x_test=1 - first.x_test).key}) == 3
    for images in (first, second, first):
        monkeypatch.setattr(job, "load_images", lambda source, dataset, images=images: images)
        made = lecture.run_lecture(["mlp"], epochs=1, out=tmp_path, verbose=0)
    assert len({records.data_of(record) for record in made}) == len(made) == len(records.grouped(made)) == 2
    assert made[0]["history"] != made[1]["history"]


@pytest.mark.usefixtures("small")
def test_a_stopped_job_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lecture.run_lecture(["mlp"], epochs=3, out=tmp_path / "whole", verbose=0)
    train = runner.train
    monkeypatch.setattr(job, "train", lambda *args, **options: train(*args, **options, callbacks=(StopIn(2),)))
    with pytest.raises(KeyboardInterrupt):
        lecture.run_lecture(["mlp"], epochs=3, out=tmp_path / "stopped", verbose=0)
    monkeypatch.setattr(job, "train", train)
    resumed = lecture.run_lecture(["mlp"], epochs=3, out=tmp_path / "stopped", verbose=0)
    for key in ("history", "test", "validation", "shown"):
        assert resumed[0][key] == whole[0][key]


@pytest.mark.usefixtures("small")
def test_the_quick_preset_is_marked_and_says_how_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = {name: dataclasses.replace(one, network=tiny_layers, parameters=6_836) for name, one in EXPERIMENTS.items()}
    names = [name for name, one in EXPERIMENTS.items() if one.quick_epochs is not None]
    monkeypatch.setattr(experiments, "EXPERIMENTS", tiny)
    monkeypatch.setattr(records, "EXPERIMENTS", tiny)
    finished = lecture.run_lecture(epochs=1, out=tmp_path, verbose=0)
    said = capsys.readouterr().out
    assert sorted(record["name"] for record in finished) == sorted(names)
    assert all(record["quick"] and record["epochs_cap"] == 1 for record in finished)
    assert said.index("Quick preset") < said.index("This takes about") < said.index(f"[1/{len(names)}] mlp, seed 0")
    assert "its validation set consists of augmented copies of training images" in said
    assert said.count("quick, seed 0") == len(names) == 8


@pytest.mark.usefixtures("small")
def test_without_matplotlib_the_job_still_writes_numbers_and_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    lecture.run_lecture(["mlp"], epochs=1, out=tmp_path, verbose=0)
    said = capsys.readouterr().out
    assert said.count('pip install "pyconvnet[plot]"') == 1
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["results.json", "table.md"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(names=["conf"]), "unknown experiment 'conf'; did you mean 'conv'"),
        (dict(names=["mlp"], epochs=0), "lecture: epochs must be positive, got 0"),
        (dict(names=["mlp"], seeds=0), "lecture: seeds must be positive, got 0"),
    ],
)
def test_the_job_refuses_wrong_settings_before_anything_is_made(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        lecture.run_lecture(**options, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("small")
def test_a_diverged_run_is_written_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    train = runner.train
    far = dataclasses.replace(EXPERIMENTS["dropout_25"], network=tiny_layers, parameters=6_836, learning_rate=1e30)
    monkeypatch.setattr(job, "train", lambda experiment, *args, **options: train(far, *args, **options))
    finished = lecture.run_lecture(["dropout_25"], epochs=2, out=tmp_path, verbose=0)
    assert finished[0]["test"]["loss"] is None and finished[0]["shown"]["probabilities"][0][0] is None
    assert "seed 0, at most 2 epochs, diverged" in (tmp_path / "table.md").read_text()
    assert (tmp_path / "dropout_25_predictions.png").exists() and (tmp_path / "dropout_25_curves.png").exists()


def test_durations_are_words() -> None:
    assert [estimate.in_words(seconds) for seconds in (0.2, 8.4, 60, 100, 4000)] == [
        "1 s",
        "8 s",
        "1 min",
        "1 min 40 s",
        "1 h 6 min",
    ]


def test_the_estimate_counts_steps_of_all_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = estimate.Pace(training=0.32, evaluation=0.032)
    mlp = EXPERIMENTS["mlp"]
    assert pace.epoch(mlp, IMAGES) == pytest.approx(150 * 0.01 + 50 * 0.001)
    assert pace.run(mlp, IMAGES, 3) == pytest.approx(3 * 1.55 + 40 * 0.001)
    monkeypatch.setattr(estimate, "paces", lambda *_: {"mlp": pace})
    runs = estimate.total({mlp: 2}, {"fashion_mnist": IMAGES}, {"mlp": 3})
    assert runs == pytest.approx(2 * (3 * 1.55 + 40 * 0.001) + estimate._SECONDS_A_PICTURE_PAIR)
    monkeypatch.undo()
    timed = estimate.paces([mlp], {"fashion_mnist": IMAGES})["mlp"]
    assert timed.training > 0 and timed.evaluation > 0
