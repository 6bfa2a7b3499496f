"""Studies: watched losses, saved models, mistakes, comparisons, and the answer to why a loss rises."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import LANGUAGES, assert_nothing_is_cut, speak
from small_lecture import IMAGES, StopIn, few_images, tiny_layers

from pyconvnet import lecture
from pyconvnet.callbacks import Callback
from pyconvnet.datasets._idx import write_idx
from pyconvnet.lecture import EXPERIMENTS, STUDIES, comparison, job, pictures, records, rising_loss, runner
from pyconvnet.lecture.losses import BINS, Spread, spread
from pyconvnet.lecture.rising_loss import Moment
from pyconvnet.lecture.runner import Run
from pyconvnet.lecture.table import batch_sizes, note, table
from pyconvnet.models import load_model

WATCHED = dataclasses.replace(EXPERIMENTS["dense_fashion"], network=tiny_layers, saves="best", lists_mistakes=True)


class BadEnd(Callback):
    """The third epoch begins with weights of zero, from which nothing is learned."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 2:
            self.model.set_weights([np.zeros_like(one) for one in self.model.get_weights()])


def run(folder: Path, *, epochs: int = 4, callbacks: tuple[Callback, ...] = (), experiment: Any = WATCHED) -> Run:
    return runner.train(
        experiment,
        IMAGES,
        seed=3,
        epochs=epochs,
        verbose=0,
        checkpoint=folder / "state.npz",
        model_file=folder / "models" / "model.h5",
        callbacks=callbacks,
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "load_images", lambda source, dataset: few_images(dataset=dataset))


def test_a_spread_is_the_mean_loss_taken_apart() -> None:
    probabilities = np.array([[0.7, 0.3], [0.2, 0.8], [0.9, 0.1], [1.0, 0.0]], np.float32)
    found = spread(probabilities, np.array([0, 1, 1, 1]))
    smallest = float(np.finfo(np.float32).tiny)
    assert (found.images, found.wrong) == (4, 2)
    assert found.loss_of_right == pytest.approx(-(np.log(0.7) + np.log(0.8)) / 4)
    assert found.loss_of_wrong == pytest.approx(-(np.log(0.1) + np.log(smallest)) / 4)
    assert found.confidence == pytest.approx(0.95)
    assert found.cost_of_wrong == pytest.approx(-(np.log(0.1) + np.log(smallest)) / 2)
    assert found.share_of_wrong == pytest.approx(found.loss_of_wrong / found.loss)
    assert len(found.counts) == BINS and found.counts[:5] == [2, 0, 0, 0, 1] and found.counts[-1] == 1


def test_a_spread_without_mistakes_or_with_nan() -> None:
    perfect = spread(np.array([[1.0, 0.0]], np.float32), np.array([0]))
    assert (perfect.wrong, perfect.confidence, perfect.share_of_wrong, perfect.cost_of_wrong) == (0, 0.0, 0.0, 0.0)
    assert spread(np.full((2, 2), np.nan, np.float32), np.array([0, 1])).counts[-1] == 2


def test_watched_losses_are_those_of_the_validation(tmp_path: Path) -> None:
    finished = run(tmp_path)
    assert len(finished.spreads) == 4
    history = finished.history.history
    for epoch, fields in enumerate(finished.spreads):
        found = Spread(**fields)
        assert found.loss == pytest.approx(history["val_loss"][epoch], rel=1e-5)
        assert 1 - found.wrong / found.images == pytest.approx(history["val_accuracy"][epoch])
        assert sum(found.counts) == found.images == 40


def test_a_stopped_run_goes_on_with_what_its_callbacks_knew(tmp_path: Path) -> None:
    """No early stopping, the watch, and the model that is saved: all as without the interruption."""
    whole = run(tmp_path / "whole", callbacks=(BadEnd(),))
    for epoch in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "stopped", callbacks=(BadEnd(), StopIn(epoch)))
    resumed = run(tmp_path / "stopped", callbacks=(BadEnd(),))
    assert resumed.spreads == whole.spreads and resumed.history.history == whole.history.history
    assert (resumed.saved, resumed.training, resumed.test) == (whole.saved, whole.training, whole.test)
    for left, right in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    saved = [load_model(str(tmp_path / which / "models" / "model.h5")).get_weights() for which in ("whole", "stopped")]
    for left, right in zip(*saved, strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_saved_model_is_the_best_or_the_last(tmp_path: Path) -> None:
    best = run(tmp_path / "best", epochs=3, callbacks=(BadEnd(),))
    assert best.saved is not None and best.saved.loss < best.test.loss
    assert best.saved != best.test
    last = run(tmp_path / "last", epochs=2, experiment=dataclasses.replace(WATCHED, saves="last"))
    assert last.saved == last.test
    nothing = run(tmp_path / "nothing", epochs=1, experiment=dataclasses.replace(WATCHED, saves="nothing"))
    assert nothing.saved is None and not (tmp_path / "nothing" / "models").exists()


@pytest.mark.long
@pytest.mark.usefixtures("small")
def test_a_study_writes_its_tables_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    finished = lecture.run_lecture(["fashion_vs_mnist", "callback_study"], epochs=2, out=tmp_path, verbose=0)
    assert all("training" in record for record in finished)
    written, said = (tmp_path / "table.md").read_text(), capsys.readouterr().out
    for text in (written, said):
        assert "## fashion_vs_mnist\n\nThe same network on digits and on clothes." in text
        assert "## dense_mnist: can the loss rise while the accuracy stays?" in text
        assert "| saved model, test | note" in text and "## dropout_study" not in text
    names = {path.name for path in tmp_path.glob("*.png")}
    assert {"fashion_vs_mnist.png", "callback_study.png", "dense_mnist_loss.png", "dense_fashion_loss.png"} <= names
    assert "callback_checkpoint_loss.png" not in names
    assert len(list((tmp_path / "models").glob("callback_*.h5"))) == 2
    results = json.loads((tmp_path / "results.json").read_text())
    assert {key for one in results["runs"] for key in one}.isdisjoint({"shown", "mistakes", "spreads"})


@pytest.mark.usefixtures("small")
def test_mistakes_are_listed_and_labels_make_no_difference(tmp_path: Path) -> None:
    finished = {one["name"]: one for one in lecture.run_lecture(["five_by_five"], epochs=1, out=tmp_path, verbose=0)}
    labels, one_hot = finished["five_by_five_labels"], finished["five_by_five_one_hot"]
    assert labels["test"] == one_hot["test"] and labels["history"] == one_hot["history"]
    assert "All end with the same loss and accuracy on the test images." in (tmp_path / "table.md").read_text()
    lines = (tmp_path / "five_by_five_labels_mistakes.csv").read_text().splitlines()
    rows = [[int(cell) for cell in line.split(",")] for line in lines[1:]]
    assert lines[0] == "index,label,prediction"
    assert len(rows) == round(40 * (1 - labels["test"]["accuracy"])) > 0
    assert all(IMAGES.y_test[index] == label != prediction for index, label, prediction in rows)
    shown = labels["mistakes"]["shown"]
    np.testing.assert_array_equal(records.shown_images(shown), IMAGES.x_test[[row[0] for row in rows[:16]]])


def test_standing_files_are_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MNIST's own files with fewer images, in the folder that the user names."""
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for part, x, y in (("train", IMAGES.x, IMAGES.y), ("t10k", IMAGES.x_test, IMAGES.y_test)):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(write_idx(x[..., 0]))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(write_idx(y))
    monkeypatch.setenv("PYCONVNET_DATA", str(tmp_path / "data"))
    with pytest.warns(UserWarning, match="does not hold the published files"):
        finished = lecture.run_lecture(["lenet5"], epochs=1, out=tmp_path / "out", verbose=0)
    assert (finished[0]["source"], finished[0]["training_images"]) == ("other", 200)
    text = table(records.grouped(finished))
    assert "other images, seed 0, at most 1 epoch" in text
    assert "- other images: trained on files that do not hold the published number of images." in text


def test_missing_data_are_said_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(source: str, dataset: str) -> None:
        raise OSError(f"{dataset} is not on this machine. Put ...")

    monkeypatch.setattr(job, "load_images", nowhere)
    with pytest.raises(OSError, match="mnist is not on this machine"):
        lecture.run_lecture(["lenet5"], epochs=1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def moment(epoch: int, wrong: int, of_right: float, of_wrong: float, confidence: float) -> Moment:
    found = Spread(1000, wrong, of_right, of_wrong, confidence, [0] * BINS)
    return Moment(epoch, found.loss, 1 - wrong / 1000, found)


def test_the_answer_is_made_of_the_runs_numbers() -> None:
    best, last = moment(4, 100, 0.1, 0.2, 0.6), moment(20, 102, 0.05, 0.45, 0.9)
    text = rising_loss.answer(best, last)
    for part in (
        "lowest after epoch 4: 0.3000. After epoch 20 it is 0.5000, 1.67 times as much",
        "The accuracy stayed about the same: 0.9000, then 0.8980",
        "Wrong were 100 of 1,000 images, then 102, but the network became surer of its mistakes",
        "from 60% to 90%, and the mean loss of a wrong image from 2.00 to 4.41",
        "To the change of +0.2000 the wrong images add +0.2500, the right ones -0.0500",
        "the 10.2% that are wrong now carry 90% of the loss, after 67%",
        "overfitting that the accuracy does not show",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("last", "part"),
    [
        (moment(4, 100, 0.1, 0.2, 0.6), "Not in this run: the validation loss is lowest in its last epoch, 4"),
        (moment(9, 50, 0.1, 0.3, 0.7), "The accuracy even rose: 0.9000, then 0.9500"),
        (moment(9, 150, 0.1, 0.3, 0.7), "here the accuracy followed"),
        (moment(9, 100, 0.2, 0.2, 0.5), "the network did not become surer of its mistakes"),
    ],
)
def test_the_answer_claims_nothing_that_was_not_measured(last: Moment, part: str) -> None:
    assert part in rising_loss.answer(moment(4, 100, 0.1, 0.2, 0.6), last)


def test_a_diverged_or_unwatched_run_has_no_answer() -> None:
    watched = {"history": {"val_loss": [0.4, math.nan], "val_accuracy": [0.8, 0.1]}, "spreads": [{}, {}]}
    assert rising_loss.moments(watched) is None
    assert rising_loss.moments({"history": {"val_loss": [0.4], "val_accuracy": [0.8]}}) is None


def member(name: str, training: float, validation: float, test: float, **changes: Any) -> records.Record:
    made = {
        "name": name,
        "seed": 0,
        "source": "whole",
        "quick": False,
        "epochs_cap": 50,
        "epochs": 50,
        "ms_per_step": 1.0,
        "config": {"pyconvnet": "0.1.0", "processor": "one", "threads": "1"},
        "history": {"loss": [0.5, 0.2], "accuracy": [0.8, 0.9], "val_loss": [0.3, 0.4], "val_accuracy": [0.9, 0.9]},
        "training": {"loss": 0.1, "accuracy": training},
        "validation": {"loss": 0.4, "accuracy": validation},
        "test": {"loss": 0.4, "accuracy": test},
        "shown": {},
    }
    return {**made, **changes}


DROPOUTS = [
    member("dropout_0", 0.99, 0.95, 0.951),
    member("dropout_25", 0.98, 0.96, 0.96),
    member("dropout_50", 0.97, 0.955, 0.957),
    member("dropout_75", 0.93, 0.94, 0.939),
]


def test_comparisons_are_of_whole_studies() -> None:
    text = comparison.comparisons(records.grouped(DROPOUTS))
    cells = next([cell.strip() for cell in line.split("|")] for line in text.splitlines() if "| dropout_25" in line)
    assert cells[1:-1] == [
        *("dropout_25", "50", "0.1000 / 0.9800", "0.4000 / 0.9600", "+0.0200", "0.3000 (epoch 1)", "0.4000 / 0.9600"),
        "seed 0",
    ]
    assert "Smallest gap: dropout_75. Best test accuracy: dropout_25." in text
    assert "batchnorm_study" not in text  # dropout_0 and dropout_25 are in it, but batchnorm was not run
    assert comparison.comparisons(records.grouped(DROPOUTS[:3])) == ""


def test_a_diverged_member_is_neither_best_nor_an_error() -> None:
    lost = {"loss": None, "accuracy": None}
    diverged = {**member("dropout_75", 0.1, 0.1, 0.1), "training": lost, "test": lost}
    diverged["history"] = {**diverged["history"], "val_loss": [None, 0.4]}
    text = comparison.comparisons(records.grouped([*DROPOUTS[:3], diverged]))
    assert "0.4000 (epoch 2)" in text and "Smallest gap: dropout_50. Best test accuracy: dropout_25." in text


def test_notes_on_saved_models_and_batch_sizes() -> None:
    same = member("cifar10", 0.9, 0.8, 0.8, epochs_cap=30, saved={"loss": 0.4, "accuracy": 0.8})
    other = {**same, "saved": {"loss": 0.5, "accuracy": 0.8}}
    groups = records.grouped([same])
    assert note(groups[0]) == "seed 0, the same after saving and loading"
    assert note(records.grouped([other])[0]) == "seed 0, loss 1.0e-01 off after saving and loading"
    assert batch_sizes(groups) == "batch 32; 128 for cifar10"
    assert batch_sizes(records.grouped(DROPOUTS)) == "batch 32"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_cut_from_the_pictures(language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speak(language, monkeypatch)
    drawn: list[str] = []

    def check(path: Path, figure: Any) -> None:
        assert_nothing_is_cut(figure)
        drawn.append(path.name)

    monkeypatch.setattr(pictures, "save", check)
    made = records.record_of(run(tmp_path, epochs=2), few_images(), quick=False)
    pictures.draw(tmp_path, records.grouped([made])[0])
    for name in ("dropout_study", "callback_study"):
        study = STUDIES[name]
        group = records.grouped([{**one, "name": to} for one, to in zip(DROPOUTS, study.members, strict=False)])
        pictures.draw_study(tmp_path, study, group)
    assert drawn == [
        *(f"dense_fashion_{what}.png" for what in ("curves", "predictions", "mistakes", "loss")),
        "dropout_study.png",
        "callback_study.png",
    ]
