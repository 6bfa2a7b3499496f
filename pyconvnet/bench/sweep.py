"""How the cost of a convolution and of a training step grows with batch, channels and pixels."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyconvnet.bench import machine, options, report
from pyconvnet.bench.networks import CLASSES, NETWORKS, Network
from pyconvnet.bench.ours import Ours
from pyconvnet.bench.sweep_plot import draw
from pyconvnet.bench.work import Work, timer, work_of
from pyconvnet.layers import Conv2D, Dense, Flatten, Layer
from pyconvnet.plot import style

_DESCRIPTION = """\
Measures the three passes of a 3x3 convolution with padding "same" as the plan of a training step calls them, while one
of batch, input channels, output channels and side of the map changes and the others stay at 32, 64, 64 and 28; and a
whole training step of the lecture's network "book" (fit: gathering, forward, backward, Adam, loss and accuracy) with
batches of 8 to 512. Everything is measured in turns; a figure is the median over the rounds.

The slope is that of a straight line through the upper half of the points, logarithm over logarithm: 1 is linear
growth, less is growth by less than the size."""

DIRECTIONS = ("forward", "backward_data", "backward_weights")
STEP = "step"
_NETWORK = "book"
_ROWS = 2048  # of an epoch, whatever the batch


@dataclass(frozen=True)
class Setting:
    """A 3x3 convolution from `c_in` to `c_out` channels on maps of side x side, for `batch` images."""

    batch: int = 32
    c_in: int = 64
    c_out: int = 64
    side: int = 28

    def network(self) -> Network:
        """A network with this convolution behind another one, so that its plan has all three passes."""
        flat = self.side * self.side * self.c_out
        parameters = 2 * self.c_in + (9 * self.c_in + 1) * self.c_out + (flat + 1) * CLASSES
        return Network("sweep", (self.side, self.side, 1), self._layers, parameters)

    def _layers(self) -> list[Layer]:
        convolution = Conv2D(self.c_out, 3, padding="same")
        return [Conv2D(self.c_in, 1), convolution, Flatten(), Dense(CLASSES, activation="softmax")]

    def works(self) -> dict[str, Work]:
        """The kernel calls of its passes, by direction."""
        calls = work_of([self.network()], self.batch)
        return {work.direction: work for work in calls if work.networks and work.attributes.get("kernel_h") == 3}


@dataclass(frozen=True)
class Axis:
    """What changes.

    Attributes:
        name: of the attribute of `Setting`.
        title: in words.
        sizes: the values that it takes.
        power: the work grows with the value to this power.
    """

    name: str
    title: str
    sizes: tuple[int, ...]
    power: int = 1

    def amounts(self) -> list[int]:
        """What the work is proportional to."""
        return [size**self.power for size in self.sizes]


AXES = (
    Axis("batch", "batch", (4, 8, 16, 32, 64, 128, 256)),
    Axis("c_in", "input channels", (16, 32, 64, 128, 256)),
    Axis("c_out", "output channels", (16, 32, 64, 128, 256)),
    Axis("side", "pixels", (8, 12, 16, 24, 32, 48, 64), power=2),
)
STEPS = Axis(STEP, "batch", (8, 16, 32, 64, 128, 256, 512))


def slope(amounts: Sequence[float], times: Sequence[float]) -> float:
    """Of the line through the upper half of the points, logarithm over logarithm (least squares).

    Example:
        >>> round(slope([1, 2, 4, 8], [5, 6, 12, 24]), 6)
        1.0
    """
    upper = (len(amounts) - 1) // 2
    return float(np.polyfit(np.log(amounts[upper:]), np.log(times[upper:]), 1)[0])


def take_rounds(measures: Sequence[Callable[[], float]], rounds: int) -> list[float]:
    """The median of each over the rounds; in a round all are measured one after the other."""
    turns = [[measure() for measure in measures] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*turns, strict=True)]


def sweep_convolution(axis: Axis, seconds: float, rounds: int) -> dict[str, Any]:
    """The three passes along an axis.

    Args:
        axis: what changes.
        seconds: of one measurement.
        rounds: how often each is measured.

    Returns:
        What goes into the tables, the picture and JSON.
    """
    works = [Setting(**{axis.name: size}).works() for size in axis.sizes]
    lines = {}
    for direction in DIRECTIONS:
        report.progress(f"3x3 convolution, {direction}, {axis.title} {axis.amounts()[0]} to {axis.amounts()[-1]}")
        timers = [timer(by_direction[direction]) for by_direction in works]
        measures = [lambda run=run: statistics.median(run(seconds)) * 1e3 for run in timers]
        algorithms = [by_direction[direction].algorithm for by_direction in works]
        lines[direction] = {**_line(axis, take_rounds(measures, rounds)), "algorithms": algorithms}
    return _swept("a 3x3 convolution", axis, lines)


def sweep_step(seconds: float, rounds: int) -> dict[str, Any]:
    """A training step of the lecture's network along the batch; see `sweep_convolution`."""
    report.progress(f"a training step of {_NETWORK}, batch {STEPS.sizes[0]} to {STEPS.sizes[-1]}")
    measures = [_step_of(batch, seconds) for batch in STEPS.sizes]
    return _swept(f"a training step of {_NETWORK}", STEPS, {STEP: _line(STEPS, take_rounds(measures, rounds))})


def _step_of(batch: int, seconds: float) -> Callable[[], float]:
    ours, steps = Ours(NETWORKS[_NETWORK]), _ROWS // batch
    ours.prepare(batch, steps)

    def measure() -> float:
        epochs: list[float] = []
        while sum(epochs) < seconds:
            epochs += ours.fit(epochs=1)["seconds"]
        return statistics.median(epochs) / steps * 1e3

    return measure


def _line(axis: Axis, times: list[float]) -> dict[str, Any]:
    return {"ms": times, "slope": slope(axis.amounts(), times)}


def _swept(what: str, axis: Axis, lines: dict[str, Any]) -> dict[str, Any]:
    return {"of": what, "over": axis.title, "sizes": list(axis.sizes), "amounts": axis.amounts(), "lines": lines}


def tables(content: dict[str, Any], as_table: Callable[[report.Row, Sequence[report.Row]], str]) -> list[str]:
    """A titled table for each sweep.

    Args:
        content: what `main` writes as JSON.
        as_table: `report.text_table` or `report.markdown_table`.
    """
    parts = []
    for swept in content["sweeps"]:
        squared = swept["amounts"] != swept["sizes"]
        head = ["ms", *(f"{size}x{size}" if squared else str(size) for size in swept["sizes"]), "slope"]
        rows = [
            [name.replace("_", " "), *(f"{ms:.3g}" if ms < 100 else f"{ms:.0f}" for ms in line["ms"]), _slope_of(line)]
            for name, line in swept["lines"].items()
        ]
        parts.append(f"{swept['of']} over {swept['over']}:\n\n{as_table(head, rows)}")
    return parts


def _slope_of(line: dict[str, Any]) -> str:
    return f"{line['slope']:.2f}"


def main(arguments: Sequence[str] | None, new_parser: options.NewParser = options.script_parser) -> int:
    """The command.

    Args:
        arguments: of the command line; None reads them.
        new_parser: the parser whose options these are.

    Returns:
        0.
    """
    parser = options.own_parser(new_parser("sweep"), _DESCRIPTION)
    options.add_seconds(parser, 0.2, "of a measurement")
    parser.add_argument("--rounds", type=options.whole, default=5, help="how often everything is measured (default 5)")
    parser.add_argument("--table", metavar="FILE.md", help="write the tables as Markdown")
    parser.add_argument("--plot", metavar="FILE.png", help="draw the times (needs matplotlib)")
    given = parser.parse_args(arguments)
    try:
        options.prepare(given)
        if given.plot is not None:
            style.import_matplotlib()
    except (ValueError, ImportError) as error:
        parser.error(str(error))

    described = machine.describe()
    sweeps = [sweep_convolution(axis, given.seconds, given.rounds) for axis in AXES]
    sweeps.append(sweep_step(given.seconds, given.rounds))
    content = {
        "bench": "sweep",
        "machine": described,
        "config": {"seconds": given.seconds, "rounds": given.rounds},
        "sweeps": sweeps,
    }
    head, warning = machine.headline(described), machine.busy(described)
    remarks = [warning] if warning else []
    print("\n\n".join([head, *tables(content, report.text_table), *remarks]))
    if given.table is not None:
        report.write_text(given.table, "\n\n".join([head, *tables(content, report.markdown_table), *remarks]) + "\n")
    if given.out is not None:
        report.write_json(given.out, content)
    if given.plot is not None:
        draw(content).savefig(given.plot)
    return 0
