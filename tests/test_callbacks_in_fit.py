"""Keras's callbacks in real runs of `fit`: files, learning rates, logs that one callback adds for the next."""

from __future__ import annotations

import csv
import gc
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconvnet
from pyconvnet import callbacks

RANDOM = np.random.default_rng(8)
X, Y = RANDOM.standard_normal((40, 6)).astype(np.float32), RANDOM.integers(0, 3, 40)


def make_model(learning_rate: Any = 0.1) -> Any:
    layers = pyconvnet.layers
    model = pyconvnet.Sequential([layers.Input((6,)), layers.Dense(5, activation="relu"), layers.Dense(3, "softmax")])
    random = np.random.default_rng(4)
    model.set_weights([random.standard_normal(weight.shape) for weight in model.get_weights()])
    model.compile(pyconvnet.optimizers.SGD(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fit(model: Any, *watchers: Any, epochs: int = 4, **options: Any) -> Any:
    options = {"batch_size": 8, "validation_split": 0.2, "verbose": 0, "shuffle": False, **options}
    return model.fit(X, Y, epochs=epochs, callbacks=list(watchers), **options)


def test_the_best_model_is_on_the_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, model = tmp_path / "in" / "best.keras", make_model(2.0)
    best = callbacks.ModelCheckpoint(path, save_best_only=True, verbose=1)
    history = fit(model, best, epochs=8).history
    losses = history["val_loss"]
    loaded = pyconvnet.models.load_model(path)
    assert loaded.evaluate(X[32:], Y[32:], verbose=0)[0] == pytest.approx(min(losses), rel=1e-6)
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert lines[0] == f"Epoch 1: val_loss improved from None to {losses[0]:.5f}, saving model to {path}"
    assert lines[1] == f"Epoch 1: finished saving model to {path}"
    assert sum("finished" in line for line in lines) < 8  # the rate is so large that some epoch is worse
    assert best.best == min(losses)


def test_weights_are_saved_under_the_names_of_the_logs(tmp_path: Path) -> None:
    template = str(tmp_path / "{epoch:02d}-{val_loss:.2f}.weights.h5")
    model = make_model()
    losses = fit(model, callbacks.ModelCheckpoint(template, save_weights_only=True)).history["val_loss"]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"{epoch:02d}-{loss:.2f}.weights.h5" for epoch, loss in enumerate(losses, 1)]
    twin = make_model()
    twin.load_weights(tmp_path / names[-1])
    for got, expected in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_weights_are_saved_inside_an_epoch(tmp_path: Path) -> None:
    template = str(tmp_path / "{epoch}-{batch}-{accuracy:.1f}.weights.h5")
    fit(make_model(), callbacks.ModelCheckpoint(template, save_weights_only=True, save_freq=3), epochs=3)
    names = sorted(path.name[:3] for path in tmp_path.iterdir())
    assert names == ["1-3", "2-2", "3-1", "3-4"]  # four batches an epoch


def test_a_name_that_the_logs_do_not_have(tmp_path: Path) -> None:
    template = str(tmp_path / "{epoch}-{val_auc}.keras")
    with pytest.raises(KeyError, match=r"asks for 'val_auc', which is not among epoch, accuracy, loss, val_acc"):
        fit(make_model(), callbacks.ModelCheckpoint(template))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "best.keras").mkdir()
    with pytest.raises(IsADirectoryError, match="ModelCheckpoint: filepath must name a file"):
        fit(make_model(), callbacks.ModelCheckpoint(tmp_path / "best.keras"))


def test_only_checkpoints_inside_an_epoch_slow_the_steps_down() -> None:
    assert not callbacks.ModelCheckpoint("a.keras").watches_batches("train")
    assert callbacks.ModelCheckpoint("a.keras", save_freq=3).watches_batches("train")
    mine = type("Mine", (callbacks.ModelCheckpoint,), {"on_train_batch_end": lambda self, batch, logs=None: None})
    assert mine("a.keras").watches_batches("train")


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (dict(filepath="a"), ValueError, "filepath must end in '.keras' or '.h5', got 'a'"),
        (dict(filepath="a.keras", save_weights_only=True), ValueError, "must end in '.weights.h5' or '.h5', got 'a.k"),
        (dict(filepath="a.h5", save_freq="batch"), ValueError, "save_freq must be 'epoch' or a number of batches"),
        (dict(filepath="a.h5", save_freq=0), ValueError, "save_freq must be positive"),
    ],
)
def test_checkpoint_settings_are_checked(config: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"ModelCheckpoint: .*{message}"):
        callbacks.ModelCheckpoint(**config)


def test_rates_that_callbacks_set_are_used_and_logged(tmp_path: Path) -> None:
    """The rate 0 of the last epochs leaves the weights alone; the log of the rate reaches the callbacks behind."""
    weights: list[Any] = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(keep.model.get_weights()))
    schedule = callbacks.LearningRateScheduler(lambda epoch: 0.25 if epoch < 2 else 0.0)
    log = callbacks.CSVLogger(tmp_path / "log.csv")
    history = fit(make_model(), schedule, keep, log)
    assert history.history["learning_rate"] == [0.25, 0.25, 0.0, 0.0]
    assert (weights[1][0] == weights[3][0]).all() and (weights[0][0] != weights[1][0]).any()
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [float(row["learning_rate"]) for row in rows] == [0.25, 0.25, 0.0, 0.0]
    assert [float(row["val_loss"]) for row in rows] == history.history["val_loss"]


def test_the_lines_of_a_log_are_there_whatever_ends_the_training(tmp_path: Path) -> None:
    def stop(epoch: int, logs: dict[str, float]) -> None:
        if epoch == 2:
            raise RuntimeError("stop")

    log, stopper = callbacks.CSVLogger(tmp_path / "log.csv", append=True), callbacks.LambdaCallback(on_epoch_begin=stop)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="stop"):
            fit(make_model(), log, stopper)
        gc.collect()  # a file that nobody closed would be a ResourceWarning, which is an error here
    assert [row.split(",")[0] for row in (tmp_path / "log.csv").read_text().splitlines()] == ["epoch", *"0101"]
    (tmp_path / "log.csv").unlink()
    fit(make_model(), log, epochs=1)
    assert [row.split(",")[0] for row in (tmp_path / "log.csv").read_text().splitlines()] == ["epoch", "0"]


@pytest.mark.parametrize("separator", [";;", "", "\n", '"', None, 3])
def test_a_separator_is_one_character(separator: Any) -> None:
    with pytest.raises(ValueError, match=r"CSVLogger: separator must be one character .*, got "):
        callbacks.CSVLogger("log.csv", separator)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda folder: callbacks.ModelCheckpoint(folder / "a.keras"), None),
        (lambda folder: callbacks.BackupAndRestore(folder / "a"), None),
        (lambda folder: callbacks.CSVLogger(folder / "a.csv"), FileNotFoundError),
    ],
)
def test_folders_are_made_or_missed_before_the_training(tmp_path: Path, make: Any, error: Any) -> None:
    epochs: list[int] = []
    note = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch))
    with pytest.raises(error, match="missing") if error else nullcontext():
        fit(make_model(), make(tmp_path / "missing" / "more"), note, epochs=1)
    assert epochs == ([] if error else [0])


def test_a_plateau_makes_the_rate_smaller() -> None:
    reduce = callbacks.ReduceLROnPlateau(monitor="loss", patience=1, factor=0.5, min_delta=100.0)
    history = fit(make_model(), reduce, epochs=4)
    assert history.history["learning_rate"] == [float(np.float32(rate)) for rate in (0.1, 0.1, 0.05, 0.025)]
    assert history.model.optimizer.learning_rate == pytest.approx(0.0125)


def test_a_schedule_cannot_be_changed_by_a_callback() -> None:
    schedule = pyconvnet.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    model = make_model(schedule)
    history = fit(model, callbacks.ReduceLROnPlateau(patience=100), epochs=2)
    assert history.history["learning_rate"] == [float(np.float32(0.1 * 0.5**e)) for e in (1, 2)]
    with pytest.raises(TypeError, match="the learning rate is ExponentialDecay's and cannot be set"):
        fit(model, callbacks.LearningRateScheduler(lambda epoch: 0.1))


def test_training_ends_where_the_loss_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    x = X.copy()
    x[17] = np.nan
    model = make_model()
    options = dict(batch_size=8, epochs=3, shuffle=False, verbose=0)
    history = model.fit(x, Y, callbacks=[callbacks.TerminateOnNaN()], **options)
    assert history.epoch == [0]
    assert capsys.readouterr().out == "Batch 2: Invalid loss, terminating training\n"
    with pytest.raises(RuntimeError, match="the loss is nan after batch 0"):
        model.fit(x, Y, callbacks=[callbacks.TerminateOnNaN(raise_error=True)], **options)


def test_keras_example_of_lambdas(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Any] = []
    note = callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(batch),
        on_train_begin=lambda logs: seen.append("begin"),
        on_train_end=lambda logs: seen.append(sorted(logs)),
        on_test_begin=lambda logs: seen.append("test"),
    )
    fit(make_model(), note, epochs=1)
    assert seen == ["begin", 0, 1, 2, 3, "test", ["accuracy", "loss", "val_accuracy", "val_loss"]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: callbacks.LambdaCallback(on_epoch_ends=print), "unknown hook 'on_epoch_ends'; did you mean"),
        (lambda: callbacks.LambdaCallback(on_epoch_end=3), "on_epoch_end must be a function, got 3"),
        (lambda: callbacks.LearningRateScheduler(0.1), "schedule must be a function of the epoch, got 0.1"),
    ],
)
def test_what_is_no_function_is_refused(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


@pytest.mark.parametrize("answer", [1, None, "0.1", [0.1]])
def test_a_rate_must_be_a_float_as_in_keras(answer: Any) -> None:
    with pytest.raises(ValueError, match="LearningRateScheduler: schedule must answer a float, got"):
        fit(make_model(), callbacks.LearningRateScheduler(lambda epoch: answer))


@pytest.mark.parametrize("schedule", [lambda epoch: epoch + "a", lambda epoch, rate: epoch + "a"])
def test_a_mistake_in_a_schedule_is_told_as_it_is(schedule: Any) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        fit(make_model(), callbacks.LearningRateScheduler(schedule))


@pytest.mark.parametrize(
    "schedule", [lambda epoch: 0.5, lambda *both: both[1], lambda epoch, rate=1: float(rate), max, np.maximum]
)
def test_what_takes_the_rate_gets_it(schedule: Any) -> None:
    takes_rate = schedule is max or schedule is np.maximum or schedule.__code__.co_argcount != 1
    history = fit(make_model(0.25), callbacks.LearningRateScheduler(schedule), epochs=1).history
    assert history["learning_rate"] == [0.25 if takes_rate else 0.5]


@pytest.mark.parametrize("factor", [1.0, 2])
def test_a_factor_of_one_or_more_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="ReduceLROnPlateau: factor must be below 1"):
        callbacks.ReduceLROnPlateau(factor=factor)


@pytest.mark.parametrize(("freq", "epochs"), [(1, 5), (2, 2), (3, 1), ([1, 5], 2), ([7], 0)])
def test_only_some_epochs_are_validated(freq: Any, epochs: int) -> None:
    seen: list[str] = []
    note = callbacks.LambdaCallback(on_test_begin=lambda logs: seen.append("test"))
    history = fit(make_model(), note, epochs=5, validation_freq=freq).history
    assert len(history["loss"]) == 5 and len(history.get("val_loss", [])) == len(seen) == epochs
