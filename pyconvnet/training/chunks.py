"""Chunks of steps, and their data in the memory of the device that works on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyconvnet.plan.build import place

if TYPE_CHECKING:
    from pyconvnet.devices import Device

    from .data import Dataset
    from .feeds import Stretch
    from .loop import Pace

Indices = npt.NDArray[np.int64]
Part = tuple[int, Indices]  # steps of the stretch before it, and its rows of the data


@dataclass(frozen=True)
class Fed:
    """Steps that run in one crossing, and what they are fed.

    Attributes:
        done: steps of the stretch before these.
        rows: of the data, in the order of the steps.
        feeds: arrays in the device's memory.
        indices: where the rows are in `feeds`.
    """

    done: int
    rows: Indices
    feeds: list[Any]
    indices: Indices


def chunks(stretch: Stretch, pace: Pace, device: Device) -> Generator[Fed, None, None]:
    """The steps of a stretch, as many at a time as the pace says.

    Data that do not fit on the device go there chunk by chunk, in the order in which they are needed: those of the next
    one while the device works on the last.
    """
    feeds = stretch.data.on(device)
    if feeds is None:
        yield from _streamed(stretch, pace, device)
    else:
        for done, rows in _parts(stretch, pace):
            yield Fed(done, rows, feeds, rows)


def _parts(stretch: Stretch, pace: Pace) -> Iterator[Part]:
    size, done = stretch.batch_size, 0
    total = -(-len(stretch.order) // size)
    while done < total:
        steps = min(pace.steps, total - done)
        yield done, stretch.order[done * size : (done + steps) * size]
        done += steps


def _streamed(stretch: Stretch, pace: Pace, device: Device) -> Iterator[Fed]:
    parts, coming = _parts(stretch, pace), deque[tuple[Part, Future[list[Any]]]]()
    with ThreadPoolExecutor(1, "pyconvnet-upload") as worker:

        def send_next() -> None:
            for part in islice(parts, 1):
                coming.append((part, worker.submit(_upload, stretch.data, part[1], device)))

        send_next()
        while coming:
            (done, rows), arriving = coming.popleft()
            feeds = arriving.result()
            send_next()
            yield Fed(done, rows, feeds, np.arange(len(rows), dtype=np.int64))


def _upload(data: Dataset, rows: Indices, device: Device) -> list[Any]:
    taken = data.taken(rows)
    with device.aside():
        return [place(feed, device) for feed in taken]
