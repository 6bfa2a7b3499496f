"""Epochs as chunks of steps: one crossing from Python for many steps, and a look around between them."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .chunks import Indices, chunks

if TYPE_CHECKING:
    from pyconvnet.optimizers import Optimizer
    from pyconvnet.plan import Plan

    from .feeds import Stretch

FloatArray = npt.NDArray[np.float32]
Totals = npt.NDArray[np.float64]
Before = Callable[[int], None]

# Half of the 100 ms that a Ctrl-C or a progress bar may wait, since the next chunk can be slower than the last.
_SECONDS_A_CHUNK = 0.05
_FASTEST_GROWTH = 8


class Pace:
    """How many steps the next chunk has, from the time that the last one took.

    Args:
        step_by_step: always one, because a callback or a gradient hook watches every step.
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
    """While it is entered, Ctrl-C waits: the steps under way and their bookkeeping are finished first.

    A second one does not: a hook may wait for somebody who is gone.
    """

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
        if self._pending is not None:
            self._pending = None
            self._handler(number, frame)
            return
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


@dataclass(frozen=True)
class Chunk:
    """Steps that ran in one crossing.

    Attributes:
        done: steps of the epoch that are done with them.
        rows: of the data, in the order of the steps.
        outputs: the model's, float32 [rows, numbers], side by side; None where nobody asks for them.
    """

    done: int
    rows: Indices
    outputs: FloatArray | None


def run(
    plan: Plan,
    stretch: Stretch,
    pace: Pace,
    *,
    seed: int,
    iteration: int = 0,
    optimizer: Optimizer | None = None,
    before: Before | None = None,
    out: FloatArray | None = None,
    totals: Totals | None = None,
    gradient_hook: Callable[[Any], None] | None = None,
) -> Iterator[Chunk]:
    """Runs the steps of a stretch.

    Args:
        plan: of room for a batch.
        stretch: what is fed.
        pace: decides the chunks.
        seed: the model's.
        iteration: of the random numbers, where there is no optimizer.
        optimizer: of a plan of mode "train": its learning rate is read, its iterations advanced.
        before: called with a chunk's first step before it runs.
        out: [rows of the stretch, numbers], for the outputs; None: new arrays, where the plan keeps its outputs.
        totals: of the plan's sums, as `Plan.run` takes them.
        gradient_hook: gets the gradients of each step where the plan joins them.

    Yields:
        Each chunk after it ran.
    """
    size = stretch.batch_size
    if plan.gradients is not None:
        pace = Pace(step_by_step=True)
    start = time.perf_counter()
    with closing(chunks(stretch, pace, plan.device)) as fed:
        for done, rows, feeds, indices in fed:
            steps = -(-len(rows) // size)
            if before is not None:
                before(stretch.first + done)
            outputs = None if out is None else out[done * size : done * size + len(rows)]
            if outputs is None and plan.output_size:
                outputs = np.empty((len(rows), plan.output_size), np.float32)
            with WholeSteps():
                plan.run(
                    feeds,
                    indices,
                    batch_size=size,
                    seed=seed,
                    iteration=iteration if optimizer is None else optimizer.iterations,
                    learning_rate=0.0 if optimizer is None else optimizer.learning_rates(steps),
                    out=outputs,
                    totals=totals,
                    gradient_hook=gradient_hook,
                )
                if optimizer is not None:
                    optimizer.iterations += steps
            del feeds  # of what is streamed only the next chunk's stay
            yield Chunk(stretch.first + done + steps, rows, outputs)
            now = time.perf_counter()
            pace.took(steps, now - start)  # with the wait for data that arrive more slowly than they are used
            start = now
