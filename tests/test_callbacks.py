"""EarlyStopping by Keras 3's rules, History, and who is called when."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

from pyconvnet.callbacks import Callback, CallbackList, EarlyStopping, History

NAN = float("nan")


class Model:
    """What a callback sees of a model; its weights are the number of the epoch."""

    compiled = False
    metrics_names = ("loss", "accuracy")

    def __init__(self) -> None:
        self.epoch = -1
        self.stop_training = False
        self.restored: list[Any] | None = None
        self.history: History | None = None

    def get_weights(self) -> list[int]:
        return [self.epoch]

    def set_weights(self, weights: list[Any]) -> None:
        self.restored = weights

    def metric_direction(self, name: str) -> str | None:
        return {"loss": "min", "accuracy": "max"}.get(name)


def run(callback: EarlyStopping, values: list[float], first: int = 0) -> tuple[int, Model]:
    """The number of epochs run, when each epoch ends with one of `values`."""
    model = Model()
    callback.set_model(model)  # type: ignore[arg-type]
    callback.on_train_begin()
    epochs = 0
    for epoch, value in enumerate(values, first):
        model.epoch = epoch
        callback.on_epoch_end(epoch, {callback.monitor: value})
        epochs += 1
        if model.stop_training:
            break
    callback.on_train_end()
    return epochs, model


@pytest.mark.parametrize(
    ("options", "values", "epochs"),
    [
        (dict(patience=2), [5, 4, 4.5, 4.5, 1], 4),
        (dict(patience=2), [5, 4, 4.5, 3, 3.5, 3.5], 6),
        (dict(patience=0), [5, 4, 4, 1], 3),  # equal is no improvement
        (dict(patience=0), [NAN, NAN, 1], 2),  # the first value is taken as the best, but never stops at once
        (dict(patience=1), [NAN, 5, 4], 2),  # nothing is below NaN
        (dict(patience=2), [5, NAN, NAN, 1], 3),
        (dict(patience=1, min_delta=0.5), [5, 4.6, 4], 2),
        (dict(patience=1, min_delta=-0.5), [5, 4.6, 4], 2),
        (dict(patience=1, min_delta=0.5), [5, 4.4, 3.8, 3.5], 4),
        (dict(patience=2, baseline=3), [5, 4.5, 4, 4, 1], 4),  # an improvement never stops, even past the patience
        (dict(patience=2, baseline=3), [2, 4, 4, 1], 3),
        (dict(patience=1, start_from_epoch=3), [1, 2, 3, 4, 5, 0], 5),
        (dict(patience=1, mode="max"), [1, 2, 1, 3], 3),
        (dict(patience=1, monitor="val_accuracy"), [0.1, 0.2, 0.2, 0.3], 3),
        (dict(patience=1, monitor="accuracy", min_delta=0.1), [0.1, 0.3, 0.35, 0.9], 3),
    ],
)
def test_early_stopping_stops_where_keras_does(options: dict[str, Any], values: list[float], epochs: int) -> None:
    callback = EarlyStopping(**options)
    assert run(callback, values)[0] == epochs
    stopped = epochs < len(values) or callback.stopped_epoch > 0
    assert callback.stopped_epoch == (epochs - 1 if stopped else 0)


def test_baseline_that_is_not_beaten_still_remembers_the_best() -> None:
    callback = EarlyStopping(patience=3, baseline=1.0, restore_best_weights=True)
    epochs, model = run(callback, [5, 3, 4, 2])
    assert epochs == 3
    assert (callback.best, callback.best_epoch, model.restored) == (3, 1, [1])


def test_best_weights_come_back_without_a_stop() -> None:
    _, model = run(EarlyStopping(patience=9, restore_best_weights=True), [5, 3, 4])
    assert model.restored == [1]


def test_restore_stopped_is_keras_2s_rule() -> None:
    options: dict[str, Any] = dict(restore_best_weights=True, restore="stopped")
    assert run(EarlyStopping(patience=9, **options), [5, 3, 4])[1].restored is None
    assert run(EarlyStopping(patience=1, **options), [5, 3, 4])[1].restored == [1]


def test_first_weights_come_back_when_nothing_improves() -> None:
    assert run(EarlyStopping(patience=1, restore_best_weights=True), [NAN, NAN])[1].restored == [0]


def test_one_instance_serves_two_runs() -> None:
    callback = EarlyStopping(patience=1)
    assert run(callback, [1, 2, 3])[0] == 2
    assert run(callback, [9, 8, 7])[0] == 3
    assert callback.stopped_epoch == 0


def test_messages(capsys: pytest.CaptureFixture[str]) -> None:
    run(EarlyStopping(patience=1, restore_best_weights=True, verbose=1), [5, 3, 4])
    assert capsys.readouterr().out == (
        "Epoch 3: early stopping\nRestoring model weights from the end of the best epoch: 2.\n"
    )
    run(EarlyStopping(patience=1, restore_best_weights=True), [5, 3, 4])
    assert capsys.readouterr().out == ""


def test_missing_metric_warns_and_goes_on() -> None:
    callback = EarlyStopping(patience=0)
    callback.set_model(Model())  # type: ignore[arg-type]
    callback.on_train_begin()
    with pytest.warns(UserWarning, match="'val_loss' is not among the metrics of this epoch: accuracy, loss"):
        callback.on_epoch_end(5, {"accuracy": 1.0, "loss": 0.0})
    assert callback.best is None


def test_unknown_direction_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not know whether 'val_surprise' should fall or rise"):
        run(EarlyStopping(monitor="val_surprise"), [1.0])


def test_a_misspelt_monitor_is_found_before_the_first_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Model, "compiled", True)
    callback = EarlyStopping(monitor="val_los")
    callback.set_model(Model())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown monitor 'val_los'; did you mean 'val_loss'"):
        callback.on_train_begin()
    assert run(EarlyStopping(monitor="val_accuracy"), [1.0])[0] == 1
    assert run(EarlyStopping(monitor="val_los", mode="min"), [1.0])[0] == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(restore="never"), ValueError, "restore must be 'always' or 'stopped', got 'never'"),
        (dict(patience=-1), ValueError, "patience must be at least 0, got -1"),
        (dict(patience=1.5), TypeError, "patience must be a whole number, got 1.5"),
        (dict(min_delta=NAN), ValueError, "min_delta must be finite"),
    ],
)
def test_early_stopping_refuses(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"EarlyStopping: {message}"):
        EarlyStopping(**options)


def test_history_collects_and_does_not_keep_the_model_alive() -> None:
    model, history = Model(), History()
    history.set_model(model)  # type: ignore[arg-type]
    history.on_train_begin()
    history.on_epoch_end(0, {"loss": 2.0})
    history.on_epoch_end(1, {"loss": 1.0})
    assert (history.history, history.epoch) == ({"loss": [2.0, 1.0]}, [0, 1])
    assert model.history is history and history.model is model
    for copied in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert (copied.history, copied.model) == ({"loss": [2.0, 1.0]}, None)
    gc.disable()
    try:
        gone = weakref.ref(model)
        del model
        assert gone() is None and history.model is None
    finally:
        gc.enable()


def watchers(*callbacks: Any) -> CallbackList:
    return CallbackList("fit", list(callbacks), Model(), {"epochs": 1})  # type: ignore[arg-type]


def test_callbacks_are_called_in_order_with_model_and_params() -> None:
    seen: list[tuple[int, int]] = []

    class Note(Callback):
        def __init__(self, number: int) -> None:
            self.number = number

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            assert isinstance(self.model, Model) and self.params == {"epochs": 1}
            seen.append((self.number, epoch))

    together = watchers(Note(2), Note(1))
    together.append(Note(3))
    together.notify("on_epoch_end", 7, {})
    assert seen == [(2, 7), (1, 7), (3, 7)]


@pytest.mark.parametrize("hook", ["on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"])
def test_a_batch_hook_is_noticed(hook: str) -> None:
    by_class = type("Watch", (Callback,), {hook: lambda self, batch, logs=None: None})()
    by_instance = Callback()
    setattr(by_instance, hook, lambda batch, logs=None: None)
    for callback in (by_class, by_instance):
        assert watchers(callback).watches_batches("train")
        assert not watchers(callback).watches_batches("test")
    assert not watchers(Callback(), EarlyStopping(), History()).watches_batches("train")


def test_older_batch_hooks_are_called() -> None:
    seen: list[tuple[str, int, Any]] = []

    class Old(Callback):
        def on_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
            seen.append(("begin", batch, logs))

        def on_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            seen.append(("end", batch, logs))

    together = watchers(Old())
    together.notify("on_train_batch_begin", 3)
    together.notify("on_train_batch_end", 3, {"loss": 1.0})
    assert seen == [("begin", 3, {}), ("end", 3, {"loss": 1.0})]


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ([EarlyStopping], r"must hold instances, got the class EarlyStopping; write EarlyStopping\(...\)"),
        ([print], "must derive from pyconvnet.callbacks.Callback, got builtin_function_or_method"),
        (EarlyStopping, "must be a list of callbacks, got"),
        ("early", "must be a list of callbacks, got 'early'"),
        (np.float32(3), "must be a list of callbacks, got"),
    ],
)
def test_what_is_no_callback_is_refused(callbacks: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"fit: callbacks {message}"):
        CallbackList("fit", callbacks, Model(), {})  # type: ignore[arg-type]


def test_a_single_callback_needs_no_list() -> None:
    callback = Callback()
    assert CallbackList("fit", callback, Model(), {}).callbacks == [callback]  # type: ignore[arg-type]
