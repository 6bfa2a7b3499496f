"""`Model.gradient_hook`: all gradients of a step in one array, between the backward pass and the update."""

from __future__ import annotations

import copy
import pickle
import signal
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import cupy_double
import numpy as np
import pytest
from emulated import emulated, emulator
from trainings import OPTIMIZERS, small_network, train

import pyconvnet as pcn
from pyconvnet import config, layers

X = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), np.uint8)
Y = np.arange(24) % 3


def model(optimizer: Any = "sgd") -> pcn.Sequential:
    """Make the small network, always with the same weights."""
    net = small_network((8, 8, 1))
    net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def plain(rate: float = 0.1) -> pcn.Sequential:
    """Make a network whose loss is the mean of its rows' own losses."""
    pcn.utils.set_random_seed(1)
    scaled = layers.Rescaling(1 / 255)
    net = pcn.Sequential([layers.Input((8, 8, 1)), scaled, layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)])
    loss = pcn.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(pcn.optimizers.SGD(rate), loss)
    return net


@pytest.mark.parametrize("backend", ["cpu", "emu"])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_hook_that_only_looks_changes_no_bit(make: Any, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if backend == "emu":
        emulator()
    results, calls = [], list[int]()
    for hook in (None, staticmethod(lambda gradients: calls.append(gradients.size))):
        monkeypatch.setattr(pcn.Sequential, "_gradient_hook", hook)
        with emulated() if backend == "emu" else nullcontext():
            history, arrays = train(make())
        results.append((history, [array.tobytes() for array in arrays]))
    assert results[0] == results[1] and len(calls) == 9


def test_the_hook_sees_each_step_before_the_weights_move() -> None:
    net, seen = plain(rate=0.5), []
    before = net.get_weights()

    def hook(gradients: Any) -> None:
        assert all(np.array_equal(a, b) for a, b in zip(net.get_weights(), before, strict=True)) or seen
        seen.append(gradients.copy())

    net.gradient_hook = hook
    net.fit(X, Y, batch_size=10, epochs=2, verbose=0)
    assert len(seen) == 6 and all(g.dtype == np.float32 and g.shape == (net.count_params(),) for g in seen)
    moved = [0.5 * part for part in np.split(sum(seen), np.cumsum([w.size for w in before])[:-1])]
    for old, new, step in zip(before, net.get_weights(), moved, strict=True):
        np.testing.assert_allclose(new, old - step.reshape(old.shape), atol=1e-5)


def test_what_the_hook_writes_is_what_moves_the_weights() -> None:
    net = plain()
    net.gradient_hook = lambda gradients: gradients.fill(0)
    before = net.get_weights()
    net.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(net.get_weights(), before, strict=True))
    net.gradient_hook = None
    net.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    assert not any(np.array_equal(a, b) for a, b in zip(net.get_weights(), before, strict=True))


def test_two_workers_with_half_a_batch_each_train_as_one_with_the_whole() -> None:
    one = plain()
    one.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    workers, barrier, shared = [plain(), plain()], threading.Barrier(2, timeout=60), np.zeros((2, one.count_params()))

    def work(number: int) -> None:
        def mean(gradients: Any) -> None:
            shared[number] = gradients
            barrier.wait()
            gradients[...] = shared.mean(0)
            barrier.wait()

        workers[number].gradient_hook = mean
        rows = np.arange(24).reshape(3, 2, 4)[:, number].ravel()
        workers[number].fit(X[rows], Y[rows], batch_size=4, epochs=2, shuffle=False, verbose=0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for whole, first, second in zip(one.get_weights(), *(w.get_weights() for w in workers), strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, whole, atol=1e-5)


def test_a_hook_that_fails_leaves_the_steps_before_it() -> None:
    net, weights = plain(), []

    def fail(gradients: Any) -> None:
        weights.append(net.get_weights())
        if len(weights) == 14:
            raise RuntimeError("a worker is gone")

    net.gradient_hook = fail
    with pytest.raises(RuntimeError, match="a worker is gone"):
        net.fit(X, Y, batch_size=2, epochs=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(net.get_weights(), weights[-1], strict=True))
    assert net.optimizer is not None and net.optimizer.iterations == 13


def test_a_second_interrupt_does_not_wait_for_the_hook() -> None:
    net, heard = plain(), []

    def hook(gradients: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        heard.append("first")
        signal.raise_signal(signal.SIGINT)
        heard.append("second")

    net.gradient_hook = hook
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=1, verbose=0)
    assert heard == ["first"]


def test_hooks_may_be_exchanged() -> None:
    @dataclass
    class Counter:  # has no hash, and equals others
        calls: int = 0

        def __call__(self, gradients: Any) -> None:
            self.calls += 1

    net, counters = plain(), [Counter(), Counter()]
    for counter in counters:
        net.gradient_hook = counter
        net.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    net.gradient_hook = None
    net.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    assert [counter.calls for counter in counters] == [6, 6]
    assert len(net.plans) == 2


def test_frozen_layers_have_no_place() -> None:
    net = plain()
    net.layers[1].trainable = False
    sizes = []
    net.gradient_hook = lambda gradients: sizes.append(gradients.size)
    net.fit(X, Y, batch_size=24, epochs=1, verbose=0)
    for layer in net.layers:
        layer.trainable = False
    net.fit(X, Y, batch_size=24, epochs=1, verbose=0)
    assert sizes == [net.count_params() - net.layers[1].count_params()]


def test_steps_are_timed_and_watched_with_a_hook() -> None:
    net, steps = model("adam"), []
    fused = len(net.plan(8).calls)
    net.gradient_hook = lambda gradients: steps.append(gradients.sum())
    plan = net.plan(8)
    assert "dense_backward_adam" not in str(plan) and len(plan.calls) > fused
    seconds = np.zeros((1, len(plan.calls)))
    numbers = dict(batch_size=8, seed=0, iteration=0, learning_rate=0.01, seconds=seconds)
    plan.run([X, Y], np.arange(8), **numbers, gradient_hook=net.gradient_hook)
    assert len(steps) == 1 and (seconds > 0).all()
    assert len(net.profile(X, Y, batch_size=8, steps=2).calls) == fused and len(steps) == 1
    assert len(net.train_on_batch(X, Y)) == 2 and len(steps) == 2
    assert set(net.evaluate(X, Y, verbose=0, return_dict=True)) == {"loss", "accuracy"} and len(steps) == 2


def test_copies_and_pickles_leave_the_hook_behind() -> None:
    net = model()
    net.gradient_hook = lambda gradients: None
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.gradient_hook is None
    assert net.gradient_hook is not None


def test_only_functions_are_hooks() -> None:
    with pytest.raises(TypeError, match=r"gradient_hook: must be a function of the gradients, or None, got 'nccl'"):
        model().gradient_hook = "nccl"  # type: ignore[assignment]


def test_on_a_gpu_the_hook_gets_its_array(monkeypatch: pytest.MonkeyPatch) -> None:
    emulator()
    monkeypatch.setattr(config, "tf32", False)
    with cupy_double.gpu() as cupy:
        kinds, results = set(), []
        for hook in (None, lambda gradients: kinds.add(type(gradients))):
            net = small_network((8, 8, 1))
            net.compile("adam", "sparse_categorical_crossentropy", device="cuda")
            net.gradient_hook = hook
            history = net.fit(X, Y, batch_size=10, epochs=3, verbose=0).history
            results.append((history, [weight.tobytes() for weight in net.get_weights()]))
        assert kinds == {cupy.ndarray} and results[0] == results[1]
