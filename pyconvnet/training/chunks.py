"""Chunks of steps, and their data in the memory of the device that works on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

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


class Fed(NamedTuple):
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
    data, parts = stretch.data, _parts(stretch, pace)
    if len(stretch.order) <= stretch.batch_size:  # a single step: nothing to overlap
        yield Fed(0, stretch.order, _upload(data, stretch.order, None, device), _from_zero(stretch.order))
        return
    on_gpu, coming = data.any_on_gpu(), deque[tuple[Part, Future[list[Any]]]]()
    with ThreadPoolExecutor(1, "pyconvnet-upload") as worker:

        def send_next() -> None:
            for part in islice(parts, 1):
                # What lies on a GPU is cut on the current stream, behind what made it.
                taken = data.taken(part[1]) if on_gpu else None
                coming.append((part, worker.submit(_upload, data, part[1], taken, device)))

        send_next()
        while coming:
            (done, rows), arriving = coming.popleft()
            feeds = arriving.result()
            send_next()
            yield Fed(done, rows, feeds, _from_zero(rows))
            device.synchronize()  # nobody reads these rows any more: their memory serves the next ones
            del feeds, arriving


def _from_zero(rows: Indices) -> Indices:
    return np.arange(len(rows), dtype=np.int64)


def _upload(data: Dataset, rows: Indices, taken: list[Any] | None, device: Device) -> list[Any]:
    host = data.taken(rows) if taken is None else taken
    with device.aside():
        return [place(feed, device) for feed in host]
