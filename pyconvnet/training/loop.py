"""Epochs as chunks of steps: one crossing from Python for many steps, and a look around between them."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .data import Dataset

if TYPE_CHECKING:
    from pyconvnet.optimizers import Optimizer
    from pyconvnet.plan import Plan

Indices = npt.NDArray[np.int64]
Before = Callable[[int], None]

# Half of the 100 ms that a Ctrl-C or a progress bar may wait, since the next chunk can be slower than the last.
_SECONDS_A_CHUNK = 0.05
_FASTEST_GROWTH = 8


class Pace:
    """How many steps the next chunk has, from the time that the last one took.

    Args:
        step_by_step: always one, because a callback watches every batch.
    """

    def __init__(self, step_by_step: bool = False) -> None:
        self._step_by_step = step_by_step
        self.steps = 1

    def took(self, steps: int, seconds: float) -> None:
        """Learns that `steps` steps took `seconds`."""
        if not self._step_by_step:
            fitting = int(_SECONDS_A_CHUNK * steps / max(seconds, 1e-9))
            self.steps = max(1, min(fitting, _FASTEST_GROWTH * steps))


class WholeSteps:
    """While it is entered, Ctrl-C waits: the steps under way and their bookkeeping are finished first."""

    def __enter__(self) -> None:
        self._pending: tuple[int, FrameType | None] | None = None
        self._handler: Any = None
        # Python runs signal handlers in the main thread only, so other threads are never interrupted.
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                signal.signal(signal.SIGINT, self._remember)
                self._handler = handler

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            if self._pending is not None:
                self._handler(*self._pending)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._pending = (number, frame)


def data_order(seed: int, iteration: int, rows: int, shuffle: bool) -> Indices:
    """The order of the rows in an epoch, a function of the model's seed and of the steps done so far.

    So a run that was stopped and resumed goes on bit for bit, and two runs in a row see different orders.

    Args:
        seed: the model's.
        iteration: finished steps of the optimizer.
        rows: how many.
        shuffle: False keeps the order.

    Returns:
        int64 [rows], a permutation.
    """
    if not shuffle:
        return np.arange(rows, dtype=np.int64)
    key = (seed & (1 << 64) - 1) | iteration << 64
    return np.random.Generator(np.random.Philox(key=key)).permutation(rows)


def steps_of(rows: int, batch_size: int) -> int:
    """Steps of an epoch; the last may be partial."""
    return -(-rows // batch_size)


def _chunks(rows: int, batch_size: int, pace: Pace, before: Before | None) -> Iterator[tuple[slice, int]]:
    """Slices of the order of the data, with the number of steps done after each."""
    total, done = steps_of(rows, batch_size), 0
    while done < total:
        steps = min(pace.steps, total - done)
        if before is not None:
            before(done)
        start = time.perf_counter()
        yield slice(done * batch_size, min((done + steps) * batch_size, rows)), done + steps
        pace.took(steps, time.perf_counter() - start)
        done += steps


def train_steps(
    plan: Plan,
    data: Dataset,
    order: Indices,
    batch_size: int,
    pace: Pace,
    *,
    seed: int,
    optimizer: Optimizer,
    before: Before | None = None,
) -> Iterator[int]:
    """Trains on the rows in `order`.

    Args:
        plan: of mode "train".
        data: what is fed.
        order: rows of `data`.
        batch_size: rows a step.
        pace: decides the chunks.
        seed: the model's.
        optimizer: its learning rate is read, its iterations advanced.
        before: called with a chunk's first step before it runs.

    Yields:
        The number of steps done, after each chunk.
    """
    feeds = data.feeds()
    finished = 0
    for rows, done in _chunks(len(order), batch_size, pace, before):
        with WholeSteps():
            plan.run(
                feeds,
                order[rows],
                batch_size=batch_size,
                seed=seed,
                iteration=optimizer.iterations,
                learning_rate=float(optimizer.learning_rate),
            )
            optimizer.iterations += done - finished
        finished = done
        yield done


def test_steps(
    plan: Plan, data: Dataset, batch_size: int, pace: Pace, *, seed: int, before: Before | None = None
) -> Iterator[int]:
    """Evaluates all rows in their order; arguments and yields as `train_steps`, with a plan of mode "evaluate"."""
    feeds, order = data.feeds(), data_order(seed, 0, len(data), shuffle=False)
    for rows, done in _chunks(len(order), batch_size, pace, before):
        plan.run(feeds, order[rows], batch_size=batch_size, seed=seed, iteration=0, learning_rate=0.0)
        yield done


def predict_steps(
    plan: Plan,
    data: Dataset,
    out: npt.NDArray[np.float32],
    batch_size: int,
    pace: Pace,
    *,
    seed: int,
    iteration: int = 0,
    before: Before | None = None,
) -> Iterator[int]:
    """Predicts all rows in their order into `out`; arguments and yields as `train_steps`."""
    feeds, order = data.feeds(), data_order(seed, 0, len(data), shuffle=False)
    for rows, done in _chunks(len(order), batch_size, pace, before):
        plan.predict_into(feeds, order[rows], batch_size=batch_size, seed=seed, iteration=iteration, out=out[rows])
        yield done
