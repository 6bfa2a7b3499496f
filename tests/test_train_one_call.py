"""`train()` and its result."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyconvnet import datasets
from pyconvnet.callbacks import Callback
from pyconvnet.layers import Add, Dense, Flatten, Input
from pyconvnet.models import Model, Sequential
from pyconvnet.training.one_call import TrainResult, train

X = np.random.default_rng(0).integers(0, 256, (40, 4, 4), np.uint8)
Y = np.arange(40) % 3


def model(outputs: int = 3) -> Sequential:
    return Sequential([Input((4, 4, 1)), Flatten(), Dense(outputs, activation="softmax" if outputs > 1 else "sigmoid")])


def test_result_holds_model_history_and_evaluation() -> None:
    network = model()
    result = train(network, ((X[:30], Y[:30]), (X[30:], Y[30:])), epochs=2, validation_split=0.2, verbose=0)
    assert result.model is network and result.history is network.history
    assert list(result.history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert result.evaluation == network.evaluate(X[30:], Y[30:], verbose=0, return_dict=True)
    assert result.seconds > 0


def test_without_test_data_there_is_no_evaluation() -> None:
    result = train(model(), (X, Y), epochs=1, batch_size=40, verbose=0)
    assert result.evaluation is None and len(result.history.epoch) == 1
    assert result.history.params is not None and result.history.params["steps"] == 1


def test_a_seed_repeats_the_run_even_from_new_weights() -> None:
    def unbuilt() -> Sequential:
        return Sequential([Flatten(), Dense(3, activation="softmax")])

    runs = [train(unbuilt(), (X, Y), epochs=2, seed=seed, verbose=0, batch_size=8) for seed in (5, 5, 6)]
    losses = [run.history.history["loss"] for run in runs]
    assert losses[0] == losses[1] != losses[2]
    assert [run.seed for run in runs] == [5, 5, 6]


@pytest.mark.parametrize(
    ("outputs", "labels", "loss"),
    [
        (3, Y, "sparse_categorical_crossentropy"),
        (3, Y[:, None], "sparse_categorical_crossentropy"),
        (3, np.eye(3)[Y], "categorical_crossentropy"),
        (1, Y % 2, "binary_crossentropy"),
    ],
)
def test_loss_follows_from_the_labels(outputs: int, labels: np.ndarray, loss: str) -> None:
    result = train(model(outputs), (X, labels), epochs=1, verbose=0)
    assert result.model.loss == loss


def test_loss_and_optimizer_can_be_given() -> None:
    result = train(model(), (X, np.eye(3)[Y]), epochs=1, loss="mse", optimizer="sgd", metrics="mae", verbose=0)
    assert result.model.loss == "mse"
    assert list(result.history.history) == ["loss", "mae"]


def test_data_sets_by_name_are_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.mnist, "load_data", lambda: ((X[:30], Y[:30]), (X[30:], Y[30:])))
    named, divided = model(), model()
    divided.set_weights(named.get_weights())
    result = train(named, "mnist", epochs=1, seed=1, verbose=0)
    other = train(divided, ((X[:30] / 255.0, Y[:30]), (X[30:] / 255.0, Y[30:])), epochs=1, seed=1, verbose=0)
    assert result.evaluation == other.evaluation is not None


def test_save_writes_whole_files(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = train(model(), (X, Y), epochs=2, verbose=0, out=tmp_path / "runs" / "one")
    folder = tmp_path / "runs" / "one"
    assert sorted(path.name for path in folder.iterdir()) == ["curves.png", "history.json", "model.weights.h5"]
    content = json.loads((folder / "history.json").read_text())
    assert content["history"] == result.history.history
    assert (content["seed"], content["evaluation"], content["epoch"]) == (result.seed, None, [0, 1])
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_saved_weights_are_all_there_in_models_inside_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    def nested() -> Sequential:
        inner = [Sequential([Input((4,)), Dense(4, name="d")], name=name) for name in ("one", "two")]
        return Sequential([*inner, Dense(3, activation="softmax")])

    result = train(nested(), (X[:, 0], Y), epochs=1, verbose=0)
    with pytest.warns(UserWarning, match="left out"):
        result.save(tmp_path)
    again = nested()
    again.load_weights(tmp_path / "model.weights.h5")
    for saved, trained in zip(again.get_weights(), result.model.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, trained)


class Noting(Callback):
    """Puts into the logs what JSON does not hold."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs |= {"single": np.float32(0.5), "array": np.arange(2), "lost": float("nan"), "self": self}

    def __str__(self) -> str:
        return "noting"


def test_what_callbacks_note_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.warns(UserWarning, match="left out"):
        train(model(), (X, Y), epochs=1, verbose=0, callbacks=Noting(), out=tmp_path)
    noted = json.loads((tmp_path / "history.json").read_text())["history"]
    assert [noted[name] for name in ("single", "array", "lost", "self")] == [[0.5], [[0, 1]], [None], ["noting"]]


@pytest.mark.parametrize("failing", ["pyconvnet.training.one_call.json_text", "os.replace"])
def test_a_failed_save_leaves_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    result = train(model(), (X, Y), epochs=1, verbose=0)
    for name in ("history.json", "model.weights.h5"):
        (tmp_path / name).write_text("old")

    def full_disk(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(failing, full_disk)
    with pytest.raises(OSError, match="no space left"):
        result.save(tmp_path)
    assert (tmp_path / "history.json").read_text() == "old"
    replaced = (tmp_path / "model.weights.h5").read_bytes() != b"old"  # the weights come first
    assert replaced == (failing != "os.replace")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.json", "model.weights.h5"]


def test_without_matplotlib_the_curves_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = train(model(), (X, Y), epochs=1, verbose=0)
    with pytest.warns(UserWarning, match=r'curves.png is left out, .*; pip install "pyconvnet\[plot\]"'):
        result.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.json", "model.weights.h5"]


def test_plot_is_a_figure() -> None:
    figure = pytest.importorskip("matplotlib.figure")
    result = train(model(), (X, Y), epochs=2, validation_split=0.2, verbose=0)
    assert isinstance(result.plot(), figure.Figure)


def test_a_name_runs_the_lectures_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    lecture = types.ModuleType("pyconvnet.lecture")

    def run_experiment(name: str, **settings: Any) -> str:
        calls.append((name, settings))
        return "result"

    lecture.run_experiment = run_experiment  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyconvnet.lecture", lecture)
    monkeypatch.setattr("pyconvnet.lecture", lecture, raising=False)
    assert train("mlp", epochs=3, seed=1, verbose=0) == "result"
    assert calls == [("mlp", dict(epochs=3, seed=1, device="auto", verbose=0, out=None))]


@pytest.mark.parametrize(
    "own", [dict(optimizer="sgd"), dict(batch_size=64), dict(data=(X, Y)), dict(metrics=()), dict(callbacks=[])]
)
def test_an_experiment_brings_its_own_settings(own: dict[str, Any]) -> None:
    name = next(iter(own))
    if own == dict(callbacks=[]):
        own = dict(callbacks=[object()])
    with pytest.raises(ValueError, match=f"train: experiment 'mlp' brings its own {name}; pass a model"):
        train("mlp", epochs=1, **own)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ("fashion-mnist", ValueError, "unknown data set 'fashion-mnist'; did you mean 'fashion_mnist'"),
        (None, TypeError, "data must be one of fashion_mnist, mnist, cifar10, .* got NoneType"),
        ((X,), TypeError, "got 1 entries"),
        ((X, Y[:3]), ValueError, "y must have as many entries as x"),
    ],
)
def test_wrong_data_is_refused(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        train(model(), data, epochs=1, verbose=0)


def test_several_inputs_are_not_taken_for_test_data() -> None:
    a, b = Input((4,)), Input((4,))
    network = Model([a, b], [Dense(1)(Add()([a, b])), Dense(1)(b)])
    x, y = np.zeros((8, 4), np.float32), np.zeros(8)
    options: Any = dict(epochs=1, loss="mse", metrics=None, verbose=0)
    with pytest.raises(
        ValueError, match=r"train: data \(\(a, b\), .* has 2 inputs; .* in lists: \(\[a, b\], \[c, d\]\)"
    ):
        train(network, ((x, x), (y, y)), **options)
    assert train(network, ([x, x], [y, y]), **options).evaluation is None
    assert train(network, (([x, x], [y, y]), ([x, x], [y, y])), **options).evaluation is not None


def test_wrong_model_is_refused() -> None:
    with pytest.raises(TypeError, match="train: expected a model or the name of an experiment, got int"):
        train(3, (X, Y), epochs=1)  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_made_is_known_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    network = model()
    with pytest.raises(OSError):
        train(network, (X, Y), epochs=1, verbose=0, out=tmp_path / "file" / "below")
    assert network.history is None


def test_result_is_exported() -> None:
    assert TrainResult.__dataclass_fields__.keys() == {"model", "history", "evaluation", "seed", "seconds"}
