"""The lecture's experiments: their data, runs that go on where they were stopped, the table and what is written."""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconvnet
from pyconvnet import lecture
from pyconvnet.callbacks import Callback
from pyconvnet.datasets import DatasetNotFoundError, ScaledArray, fashion_mnist
from pyconvnet.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Layer
from pyconvnet.lecture import EXPERIMENTS, estimate, experiments, job, records, runner
from pyconvnet.lecture import data as lecture_data
from pyconvnet.lecture._files import whole_file
from pyconvnet.lecture.data import Images
from pyconvnet.lecture.experiments import Experiment, keras_runs
from pyconvnet.lecture.records import Record
from pyconvnet.lecture.runner import Run
from pyconvnet.lecture.table import first_epochs, order_remarks, table
from pyconvnet.random import set_random_seed


def few_images(count: int = 200, note: str = "") -> Images:
    (x, y), (x_test, y_test) = fashion_mnist.load_sample()
    return Images("sample", x[:count, ..., None], y[:count], x_test[:40, ..., None], y_test[:40], note)


IMAGES = few_images()


def _tiny_layers() -> list[Layer]:
    return [
        Conv2D(4, 3, strides=2, activation="relu"),
        BatchNormalization(),
        Flatten(),
        Dropout(0.2),
        Dense(10, activation="softmax"),
    ]


TINY = dataclasses.replace(EXPERIMENTS["book"], network=_tiny_layers, parameters=6_836, epochs=12)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """`load_images` answers few images at once."""
    monkeypatch.setattr(job, "load_images", lambda source: few_images())


# ---- the experiments as data


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_networks_have_the_published_number_of_parameters(experiment: Experiment) -> None:
    model = experiment.model()
    assert model.count_params() == experiment.parameters
    assert (model.input_shape, model.output_shape) == ((None, 28, 28, 1), (None, 10))


def test_keras_runs_are_the_measured_ones() -> None:
    means = {name: statistics.fmean(run["test"][1] for run in keras_runs(name)) for name in ("mlp", "conv", "pool")}
    means["book"] = statistics.fmean(run["val"][1] for run in keras_runs("book"))
    assert {name: round(mean, 4) for name, mean in means.items()} == pytest.approx(
        {"mlp": 0.8734, "conv": 0.8469, "pool": 0.8906, "book": 0.9160}, abs=1e-4
    )
    assert keras_runs("vgg") == []


def test_selection_keeps_the_lectures_order_and_adds_the_sound_split() -> None:
    assert [one.name for one in experiments.selected(["vgg_augmented", "mlp", "mlp"])] == [
        "mlp",
        "vgg_augmented",
        "vgg_augmented_sound",
    ]
    assert [one.name for one in experiments.selected([])] == list(EXPERIMENTS)
    with pytest.raises(ValueError, match="lecture: unknown experiment 'vg'; did you mean 'vgg'"):
        experiments.selected(["mlp", "vg"])


# ---- their data


def test_random_fifth_is_scikit_learns() -> None:
    sklearn = pytest.importorskip("sklearn.model_selection")
    for n in (60_000, 6_000, 203):
        training, validating = sklearn.train_test_split(np.arange(n), test_size=0.2, random_state=42)
        ours = lecture_data.random_fifth(n)
        np.testing.assert_array_equal(ours[0], training)
        np.testing.assert_array_equal(ours[1], validating)


def test_random_fifth_starts_with_the_known_rows() -> None:
    training, validating = lecture_data.random_fifth(60_000)
    assert (len(training), len(validating)) == (48_000, 12_000)
    assert validating[:4].tolist() == [12628, 37730, 39991, 8525]  # printed by scikit-learn 1.9


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
@pytest.mark.parametrize("count", [200, 57])
def test_announced_sizes_are_those_of_the_data(experiment: Experiment, count: int) -> None:
    images = few_images(count)
    data = lecture_data.training_data(experiment, images)
    if data.validation is None:
        training = int(len(data.x) * (1 - data.validation_split))
        sizes = training, len(data.x) - training
    else:
        sizes = len(data.x), len(data.validation[0])
        assert len(data.validation[0]) == len(data.validation[1])
    assert len(data.x) == len(data.y)
    assert lecture_data.split_sizes(experiment, images) == sizes


def test_images_stay_bytes_until_they_are_fed() -> None:
    for name in ("mlp", "book"):
        x = lecture_data.training_data(EXPERIMENTS[name], IMAGES).x
        assert isinstance(x, ScaledArray) and x.array.dtype == np.uint8 and x.divisor == 255.0


def test_published_augmentation_validates_on_copies_of_training_images() -> None:
    set_random_seed(0)
    data = lecture_data.training_data(EXPERIMENTS["vgg_augmented"], IMAGES)
    x = np.asarray(data.x)
    assert x.dtype == np.float32 and x.shape == (300, 28, 28, 1)
    np.testing.assert_array_equal(x[:200], (IMAGES.x / 255.0).astype(np.float32))
    assert x.min() >= 0 and x.max() <= 1
    set_random_seed(0)
    chosen = np.random.choice(200, size=100, replace=False)
    np.testing.assert_array_equal(data.y[200:], IMAGES.y[chosen])
    assert not (x[200:] == x[chosen]).all(axis=(1, 2, 3)).any()
    assert data.validation is None and int(300 * (1 - data.validation_split)) >= 200


def test_sound_augmentation_validates_on_originals_that_it_never_trains_on() -> None:
    data = lecture_data.training_data(EXPERIMENTS["vgg_augmented_sound"], IMAGES)
    assert data.validation is not None
    np.testing.assert_array_equal(np.asarray(data.validation[0]), (IMAGES.x[150:] / 255.0).astype(np.float32))
    x = np.asarray(data.x)
    assert x.shape == (225, 28, 28, 1)
    np.testing.assert_array_equal(x[:150], (IMAGES.x[:150] / 255.0).astype(np.float32))


def test_without_the_whole_set_the_sample_is_taken_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> None:
        raise DatasetNotFoundError("nowhere")

    monkeypatch.setattr(fashion_mnist, "load_data", nowhere)
    images = lecture_data.load_images("whole")
    assert images.source == "sample" and images.x.shape == (6000, 28, 28, 1)
    assert "training on the embedded sample" in images.note and "\n" not in images.note
    assert lecture_data.load_images("sample").note == ""


def test_damaged_files_of_the_user_are_no_reason_for_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged() -> None:
        raise ValueError("damaged")

    monkeypatch.setattr(fashion_mnist, "load_data", damaged)
    with pytest.raises(ValueError, match="damaged"):
        lecture_data.load_images("whole")


# ---- runs that go on where they were stopped


class StopIn(Callback):
    """Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.now = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch

    def on_test_begin(self, logs: Any = None) -> None:
        if self.now == self.epoch:
            raise KeyboardInterrupt


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


# ---- one call


def test_one_call_trains_an_experiment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lecture_data, "load_images", lambda source: few_images(note="only the sample"))
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


# ---- the job


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
    tiny = {name: dataclasses.replace(one, network=_tiny_layers, parameters=6_836) for name, one in EXPERIMENTS.items()}
    monkeypatch.setattr(experiments, "EXPERIMENTS", tiny)
    monkeypatch.setattr(records, "EXPERIMENTS", tiny)
    finished = lecture.run_lecture(epochs=1, out=tmp_path, verbose=0)
    said = capsys.readouterr().out
    assert sorted(record["name"] for record in finished) == sorted(EXPERIMENTS)
    assert all(record["quick"] and record["epochs_cap"] == 1 for record in finished)
    assert said.index("Quick preset") < said.index("This takes about") < said.index("[1/7] mlp, seed 0")
    assert "its validation set consists of augmented copies of training images" in said
    assert said.count("quick, seed 0") == 7


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


# ---- the table


def record(name: str, seed: int, accuracy: float, loss: float | None = 0.3, **changes: Any) -> Record:
    scores = {"loss": loss, "accuracy": accuracy}
    history = {"loss": [0.5, loss], "accuracy": [0.8, accuracy], "val_loss": [0.4, loss], "val_accuracy": [0.85, 0.9]}
    made = {
        "name": name,
        "seed": seed,
        "source": "whole",
        "quick": False,
        "epochs_cap": EXPERIMENTS[name].epochs,
        "epochs": 10 + seed,
        "ms_per_step": 1.234,
        "history": history,
        "test": scores,
        "validation": scores,
        "shown": {},
    }
    return {**made, **changes}


def row(name: str, *made: Record) -> list[str]:
    lines = table(records.grouped(made)).splitlines()
    return next([cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith(f"| {name} "))


def test_a_row_shows_published_keras_and_measured() -> None:
    assert row("mlp", record("mlp", 1, 0.88), record("mlp", 0, 0.87), record("mlp", 2, 0.872)) == [
        "mlp",
        "0.5899 / 0.8197",
        "0.4076 / 0.8734 (0.8674-0.8771)",
        "0.3000 / 0.8740 (0.8700-0.8800)",
        "10-12",
        "101,770",
        "1.23",
        "3 seeds, within Keras's range",
    ]


@pytest.mark.parametrize(
    ("made", "note"),
    [
        (record("mlp", 0, 0.86), "seed 0, below Keras's range"),
        (record("mlp", 2, 0.89), "seed 2, above Keras's range"),
        (record("vgg", 0, 0.92), "seed 0, +0.0025 from the published accuracy"),
        (record("mlp", 0, 0.86, epochs_cap=3), "seed 0, at most 3 epochs"),
        (record("mlp", 0, 0.86, source="sample"), "sample, seed 0"),
        (record("mlp", 0, 0.86, source="sample", quick=True, epochs_cap=5), "quick, seed 0"),
        (record("vgg_augmented_sound", 0, 0.9), "seed 0"),
    ],
)
def test_notes_say_what_differs_and_how_it_compares(made: Record, note: str) -> None:
    assert row(made["name"], made)[-1] == note


def test_rows_are_in_the_lectures_order_the_faithful_first() -> None:
    made = [
        record("book", 0, 0.9),
        record("mlp", 0, 0.8, source="sample"),
        record("mlp", 0, 0.8, epochs_cap=2),
        record("mlp", 0, 0.8),
    ]
    groups = records.grouped(made)
    assert [(group.experiment.name, group.source, group.epochs_cap) for group in groups] == [
        ("mlp", "whole", 500),
        ("mlp", "whole", 2),
        ("mlp", "sample", 500),
        ("book", "whole", 50),
    ]
    assert [group.faithful for group in groups] == [True, False, False, True]


def test_it_is_said_where_the_lectures_order_does_not_repeat() -> None:
    groups = records.grouped([record("mlp", 0, 0.87), record("conv", 0, 0.85), record("pool", 0, 0.89)])
    assert order_remarks(groups) == [
        "The lecture's order does not repeat: conv (0.8500) stays below mlp (0.8700), as it does in Keras."
    ]
    assert order_remarks(records.grouped([record("vgg", 0, 0.88), record("pool", 0, 0.89)])) == [
        "The lecture's order does not repeat: vgg (0.8800) stays below pool (0.8900)."
    ]
    assert order_remarks(records.grouped([record("mlp", 0, 0.87), record("conv", 0, 0.85, epochs_cap=2)])) == []


def test_first_epochs_stand_beside_the_published() -> None:
    text = first_epochs(records.grouped([record("mlp", 0, 0.87), record("mlp", 1, 0.87)]))
    assert "0.5195 / 0.8185, 0.4345 / 0.8454" in text
    assert "0.5000 / 0.8000, 0.4000 / 0.8500" in text
    assert first_epochs(records.grouped([record("mlp", 0, 0.87, epochs_cap=2)])) == ""


def test_a_diverged_run_is_still_a_record_and_a_row(tmp_path: Path) -> None:
    path = tmp_path / "finished" / "a.json"
    records.write(path, records.plain(record("mlp", 0, 0.1, loss=float("nan"))))
    assert "NaN" not in path.read_text()
    assert row("mlp", *records.read_all(tmp_path))[3] == "nan / 0.1000"


def test_remarks_are_below_the_table() -> None:
    text = table(records.grouped([record("vgg_augmented", 0, 0.92)]))
    assert "- vgg_augmented: as published: its validation set consists of augmented copies of training images." in text


def test_durations_are_words() -> None:
    assert [estimate.in_words(seconds) for seconds in (0.2, 8.4, 60, 100, 4000)] == [
        "1 s",
        "8 s",
        "1 min",
        "1 min 40 s",
        "1 h 6 min",
    ]


def test_the_estimate_counts_steps_of_all_kinds() -> None:
    pace = estimate.Pace(training=0.32, evaluation=0.032)
    mlp = EXPERIMENTS["mlp"]
    assert pace.epoch(mlp, IMAGES) == pytest.approx(150 * 0.01 + 50 * 0.001)
    assert pace.run(mlp, IMAGES, 3) == pytest.approx(3 * 1.55 + 40 * 0.001)
    timed = estimate.paces([mlp], IMAGES)["mlp"]
    assert timed.training > 0 and timed.evaluation > 0


def test_the_sample_is_learned() -> None:
    """Real images, a real network: well above chance after one epoch over the whole sample."""
    result = runner.train(EXPERIMENTS["mlp"], lecture_data.load_images("sample"), seed=0, epochs=2, verbose=0)
    assert result.test.accuracy > 0.75
