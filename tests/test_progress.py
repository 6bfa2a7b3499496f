"""The progress line: Keras 3's on a terminal, plain elsewhere, ASCII where the encoding needs it."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from pyconvnet._terminal import say
from pyconvnet.training import progress
from pyconvnet.training.progress import Progress, verbosity


class Screen(io.TextIOWrapper):
    """A stream that keeps what was written, with a chosen encoding, terminal or not."""

    def __init__(self, terminal: bool, encoding: str = "utf-8") -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding, newline="")
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def text(self) -> str:
        self.flush()
        return self.bytes.getvalue().decode(self.encoding)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test sets."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delitem(sys.modules, "ipykernel.kernelapp", raising=False)
    return now


def screen(monkeypatch: pytest.MonkeyPatch, terminal: bool, encoding: str = "utf-8") -> Screen:
    made = Screen(terminal, encoding)
    monkeypatch.setattr(sys, "stdout", made)
    return made


def without_colours(text: str) -> str:
    for code in ("\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"):
        text = text.replace(code, "")
    return text


def test_terminal_line_is_keras_3s(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    out = screen(monkeypatch, terminal=True)
    bar = Progress(1407, verbose=1)
    clock[0] += 0.1
    bar.update(1, {"accuracy": 0.5, "loss": 2.0})
    clock[0] += 1.406
    bar.update(704, {"accuracy": 0.75, "loss": 0.0005})
    clock[0] += 1.406
    bar.finish({"accuracy": 0.8185, "loss": 0.5195, "val_accuracy": 0.8454, "val_loss": 0.4345})
    first, second, last = without_colours(out.text()).split("\r")[1:]
    assert first == "   1/1407 " + "━" * 20 + " 2:20 100ms/step - accuracy: 0.5000 - loss: 2.0000"
    assert second.rstrip() == " 704/1407 " + "━" * 20 + " 1s 2ms/step - accuracy: 0.7500 - loss: 5.0000e-04"
    assert last == (
        "1407/1407 " + "━" * 20 + " 3s 2ms/step - accuracy: 0.8185 - loss: 0.5195"
        " - val_accuracy: 0.8454 - val_loss: 0.4345\n"
    )
    assert "\x1b[32m" + "━" * 10 + "\x1b[0m\x1b[37m" + "━" * 10 in out.text()


def test_shorter_line_covers_the_longer_one(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    out = screen(monkeypatch, terminal=True)
    bar = Progress(10, verbose=1)
    clock[0] += 1
    bar.update(1, {"a_long_metric_name": 0.5})
    clock[0] += 1
    bar.update(2, {"loss": 0.5})
    first, second = without_colours(out.text()).split("\r")[1:]
    assert len(second) == len(first)


def test_updates_are_rare(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    out = screen(monkeypatch, terminal=True)
    bar = Progress(1000, verbose=1)
    for step in range(1, 101):
        clock[0] += 0.001
        bar.update(step, {"loss": 1.0})
    assert out.text().count("\r") == 2


def test_line_is_cut_to_the_terminal_until_the_last(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    out = screen(monkeypatch, terminal=True)
    bar = Progress(10, verbose=1)
    clock[0] += 1
    bar.update(1, {"accuracy": 0.5, "loss": 0.5})
    clock[0] += 1
    bar.finish({"accuracy": 0.5, "loss": 0.5})
    first, last = without_colours(out.text()).split("\r")[1:]
    assert len(first) == 49
    assert last.endswith("- loss: 0.5000\n")


def test_ascii_where_the_encoding_needs_it(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    out = screen(monkeypatch, terminal=True, encoding="ascii")
    bar = Progress(1000, verbose=1)
    clock[0] += 0.31
    bar.update(500, {"loss": 0.5})
    clock[0] += 0.31
    bar.finish({"loss": 0.25})
    first, last = out.text().split("\r")[1:]
    assert first == " 500/1000 [==============>...............] 0s 620us/step - loss: 0.5000"
    assert last.rstrip(" \n") == "1000/1000 [==============================] 1s 620us/step - loss: 0.2500"


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_ascii_where_colours_are_unwanted(
    monkeypatch: pytest.MonkeyPatch, clock: list[float], variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    out = screen(monkeypatch, terminal=True)
    bar = Progress(2, verbose=1)
    clock[0] += 1
    bar.update(1)
    assert "\x1b" not in out.text()
    assert "[==============>...............]" in out.text()


def test_piped_bar_is_one_plain_line(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    out = screen(monkeypatch, terminal=False)
    bar = Progress(4, verbose=1)
    for step in range(1, 5):
        clock[0] += 1
        bar.update(step, {"loss": 0.5})
    bar.finish({"loss": 0.5})
    assert out.text() == "4/4 " + "━" * 20 + " 4s 1s/step - loss: 0.5000\n"


def test_verbose_2_is_a_line_and_0_is_silent(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    out = screen(monkeypatch, terminal=True)
    for verbose in (0, 2):
        bar = Progress(10, verbose)
        clock[0] += 0.0031
        bar.update(10, {"loss": 0.5})
        bar.finish({"loss": 0.5})
        bar.close()
    assert out.text() == "10/10 - 0s - 310µs/step - loss: 0.5000\n"


def test_interrupted_line_is_ended(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    out = screen(monkeypatch, terminal=True)
    bar = Progress(10, verbose=1)
    clock[0] += 1
    bar.update(3)
    bar.close()
    bar.close()
    assert out.text().endswith("step\n")


def test_long_times(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    out = screen(monkeypatch, terminal=True)
    bar = Progress(5000, verbose=1)
    clock[0] += 2
    bar.update(1)
    assert " 2:46:38 2s/step" in without_colours(out.text())


def test_auto_asks_the_stream(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    screen(monkeypatch, terminal=True)
    assert verbosity("fit", "auto") == 1
    screen(monkeypatch, terminal=False)
    assert verbosity("fit", "auto") == 2
    for running, expected in ((False, 2), (True, 1)):  # imported only; a kernel
        application = SimpleNamespace(initialized=lambda running=running: running)
        monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", SimpleNamespace(IPKernelApp=application))  # type: ignore[arg-type]
        assert verbosity("fit", "auto") == expected
    assert [verbosity("fit", value) for value in (0, 1, 2, True, 1.0)] == [0, 1, 2, 1, 1]


@pytest.mark.parametrize("verbose", ["yes", 3, -1, None])
def test_wrong_verbose_is_refused(verbose: object) -> None:
    with pytest.raises(ValueError, match="fit: verbose must be 'auto', 0, 1 or 2, got"):
        verbosity("fit", verbose)


def test_messages_survive_any_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    out = screen(monkeypatch, terminal=False, encoding="ascii")
    say("Epoch 1 ━")
    assert out.text() == "Epoch 1 ?\n"
    monkeypatch.setattr(sys, "stdout", None)
    say("nobody listens")
    Progress(1, verbose=1).finish({"loss": 0.5})


def test_a_line_without_a_total(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "_is_terminal", lambda stream: True)
    monkeypatch.setenv("NO_COLOR", "1")
    bar = Progress(None, verbose=1)
    bar.update(3, {"loss": 0.5})
    first = capsys.readouterr().out
    assert first.startswith("\r      3/Unknown 0s ") and first.endswith("/step - loss: 0.5000")
    bar.update(4)
    bar.finish({"loss": 0.25})
    assert "4/4 [====" in capsys.readouterr().out
