"""What may happen during fit: callbacks, chunks of steps, Ctrl-C, and what is printed."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest
from small_models import Oracle, images, linear, network, problem

from pyconvnet.callbacks import Callback, EarlyStopping
from pyconvnet.training.loop import Pace, WholeSteps


def test_chunks_do_not_change_a_bit() -> None:
    class Watch(Callback):
        steps: int = 0

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.steps += 1

    x, y = images(200)
    free, watched, watch = network(), network(), Watch()
    assert free.fit(x, y, 4, 2, 0).history == watched.fit(x, y, 4, 2, 0, callbacks=[watch]).history
    assert watch.steps == 100
    np.testing.assert_array_equal(free.get_weights()[0], watched.get_weights()[0])


def test_hooks_come_in_keras_order() -> None:
    seen: list[str] = []

    class Log(Callback):
        pass

    def note(name: str) -> Any:
        return lambda self, *arguments: seen.append(name)

    hooks = [name for name in dir(Callback) if name.startswith("on_") and "on_batch" not in name]
    for hook in hooks:
        setattr(Log, hook, note(hook[3:]))
    x, y = problem(10)
    model = linear()
    model.fit(x, y, batch_size=5, epochs=1, verbose=0, callbacks=[Log()], validation_data=(x[:5], y[:5]))
    step = ["train_batch_begin", "train_batch_end"]
    test = ["test_begin", "test_batch_begin", "test_batch_end", "test_end"]
    assert seen == ["train_begin", "epoch_begin", *step, *step, *test, "epoch_end", "train_end"]
    seen.clear()
    model.evaluate(x, y, batch_size=10, verbose=0, callbacks=[Log()])
    model.predict(x, batch_size=10, verbose=0, callbacks=[Log()])
    assert seen == [*test, *[name.replace("test", "predict") for name in test]]


def test_batch_logs_are_running_means_and_predictions() -> None:
    logs: list[Any] = []

    class Log(Callback):
        def on_train_batch_end(self, batch: int, logs_: Any = None) -> None:
            logs.append((batch, logs_))

        def on_predict_batch_end(self, batch: int, logs_: Any = None) -> None:
            logs.append((batch, logs_["outputs"].copy()))

    x, y = problem(10)
    model = linear()
    oracle = Oracle(model)
    history = model.fit(x, y, batch_size=4, verbose=0, shuffle=False, callbacks=[Log()])
    assert [batch for batch, _ in logs] == [0, 1, 2]
    assert logs[0][1]["loss"] == pytest.approx(oracle.measure(x[:4], y[:4], np.ones(4), True)[0], rel=1e-5)
    assert logs[2][1] == {"loss": history.history["loss"][0], "accuracy": history.history["accuracy"][0]}
    logs.clear()
    out = model.predict(x, batch_size=4, verbose=0, callbacks=[Log()])
    assert [len(outputs) for _, outputs in logs] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([outputs for _, outputs in logs]), out)


def test_stop_training_ends_after_the_step() -> None:
    class Stop(Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.model.stop_training = batch == 1

    x, y = problem(30)
    model = linear()
    history = model.fit(x, y, batch_size=5, epochs=5, verbose=0, callbacks=Stop(), validation_split=0.1)
    assert model.optimizer is not None and model.optimizer.iterations == 2
    assert history.epoch == [0] and "val_loss" in history.history
    model.fit(x, y, batch_size=5, verbose=0)
    assert model.optimizer.iterations == 8


def test_early_stopping_restores_in_a_real_run() -> None:
    x, y = problem(40)
    model = linear()
    stop = EarlyStopping(monitor="accuracy", patience=1, restore_best_weights=True)
    history = model.fit(x, y, epochs=50, verbose=0, callbacks=[stop])
    assert 1 < len(history.epoch) < 50
    assert stop.best_epoch == int(np.argmax(history.history["accuracy"]))
    assert stop.best_weights is not None
    np.testing.assert_array_equal(model.get_weights()[0], stop.best_weights[0])


def test_ctrl_c_leaves_a_usable_model() -> None:
    class Interrupt(Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if batch == 2:
                signal.raise_signal(signal.SIGINT)

    x, y = problem(30)
    model, plain = linear(), linear()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=3, epochs=2, verbose=0, shuffle=False, callbacks=[Interrupt()])
    plain.fit(x[:9], y[:9], batch_size=3, verbose=0, shuffle=False)
    assert model.optimizer is not None and model.optimizer.iterations == 3
    np.testing.assert_array_equal(model.get_weights()[0], plain.get_weights()[0])
    assert model.evaluate(x, y, verbose=0)[0] == plain.evaluate(x, y, verbose=0)[0]
    assert model.fit(x, y, verbose=0).epoch == [0]


def test_ctrl_c_waits_for_the_steps_under_way() -> None:
    finished = []
    with pytest.raises(KeyboardInterrupt), WholeSteps():
        signal.raise_signal(signal.SIGINT)
        finished.append(True)
    assert finished
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_pace_follows_the_clock() -> None:
    pace = Pace()
    assert pace.steps == 1
    pace.took(1, 0.001)
    assert pace.steps == 8  # no more than eight times as many
    pace.took(8, 0.008)
    assert pace.steps == 50
    pace.took(50, 5.0)
    assert pace.steps == 1
    pace.took(1, 0.0)
    assert pace.steps == 8
    watched = Pace(step_by_step=True)
    watched.took(1, 1e-6)
    assert watched.steps == 1


def test_fit_prints_under_verbose_only(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = problem()
    model = linear()
    model.fit(x, y, epochs=2, verbose=0)
    model.predict(x, verbose=0)
    assert capsys.readouterr().out == ""
    model.fit(x, y, epochs=2, validation_split=0.2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[::2] == ["Epoch 1/2", "Epoch 2/2"]
    for line in lines[1::2]:
        assert line.startswith("1/1 - 0s - ")
        assert [part.split(":")[0] for part in line.split(" - ")[3:]] == [
            "accuracy",
            "loss",
            "val_accuracy",
            "val_loss",
        ]
    model.evaluate(x, y, verbose=1)
    assert capsys.readouterr().out.startswith("1/1 ━━━━━━━━━━━━━━━━━━━━ 0s ")
