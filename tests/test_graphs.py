"""Steps that are captured once and replayed, on the emulator: it records launches with the arguments that they got."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from emulated import emulated, emulator
from trainings import small_network

import pyconvnet as pcn
from pyconvnet import _core, config
from pyconvnet.optimizers.schedules import ExponentialDecay
from pyconvnet.training import loop

emulator()

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(30, 6, 6, 2)).astype(np.float32), RANDOM.integers(0, 3, 30)


def _model(optimizer: Any = "adam") -> pcn.Sequential:
    net = small_network((6, 6, 2))
    net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def _captured(net: pcn.Sequential) -> list[int]:
    return sorted(part.captured_rows for plan in net.plans._plans.values() for part in plan._parts)


def _results(graphs: bool) -> list[Any]:
    """Train and predict, in steps of several sizes, on several arrays, with a rate that changes from step to step."""
    config.graphs = graphs
    try:
        with emulated():
            net = _model(pcn.optimizers.Adam(ExponentialDecay(0.01, 3, 0.5)))
            found: list[Any] = [net.fit(X, Y, batch_size=8, epochs=3, verbose=0).history]
            assert _captured(net) == [8 if graphs else 0]
            found += [net.fit(X[::-1] + 1, Y, batch_size=7, epochs=2, shuffle=False, verbose=0).history]
            found += [net.evaluate(X, Y, sample_weight=np.arange(30) / 30, batch_size=4, verbose=0)]
            found += [net.predict(X[:n], batch_size=n - 3, verbose=0).tobytes() for n in (30, 11, 5)]
            assert all(_captured(net)) == graphs
            return [*found, *(array.tobytes() for array in net.get_weights())]
    finally:
        config.graphs = True


def test_replayed_steps_give_the_bits_of_launched_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_SECONDS_A_CHUNK", 1e6)  # many steps in one crossing, however slow the emulator is
    replayed, launched = _results(True), _results(False)
    monkeypatch.setattr(loop, "_SECONDS_A_CHUNK", 0.0)  # a crossing for each: its numbers come from the processor
    assert replayed == launched == _results(False)


def test_a_sequence_replays_with_the_batch_of_the_moment() -> None:
    batches = [(X[i : i + 6], Y[i : i + 6]) for i in range(0, 30, 6)]
    with emulated():
        net, other = _model(), _model()
        net.fit(iter(batches), verbose=0)
        other.fit(X, Y, batch_size=6, shuffle=False, verbose=0)
    for one, two in zip(net.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_processor_captures_nothing() -> None:
    net = _model()
    net.fit(X, Y, batch_size=8, verbose=0)
    assert _captured(net) == [0]
    with pytest.raises(ValueError, match=f"Plan: step_memory must have {_core.STEP_BYTES} writable bytes"):
        _core.Plan([], [], 1, "emu", np.zeros(_core.STEP_BYTES - 1, np.uint8))


def test_a_device_reads_from_so_many_arrays() -> None:
    out = np.zeros((2, 1), np.float32)
    plan = _core.Plan([("gather", {"feed": 24, "size": 1}, {"out": (0, 0, 2, "float32")})], [out], 2, "emu")
    with pytest.raises(ValueError, match=r"Plan\.run: a device reads from at most 24 arrays, got 25"):
        plan.run([(np.zeros((2, 1)), None)] * 25, np.arange(2), 2, 0, 0, 0.0)
