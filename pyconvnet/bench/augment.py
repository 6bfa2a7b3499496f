"""Images per second of `ImageDataGenerator.flow`, beside Keras's in the same run."""

from __future__ import annotations

import statistics
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyconvnet.bench import machine, options, report, turns
from pyconvnet.bench.peers import Peer, PeerFailed, PeerMissing
from pyconvnet.bench.turns import OURS, Clocked, Side, fastest_peer, take_turns
from pyconvnet.preprocessing.image import ImageDataGenerator

PEERS = {"keras": ("keras_augment.py", "keras"), "tf-keras": ("keras_augment.py", "tf_keras")}
SETTINGS: dict[str, tuple[list[int], dict[str, Any]]] = {
    "fashion_mnist": (
        [28, 28, 1],
        {
            "rotation_range": 10,
            "zoom_range": 0.1,
            "shear_range": 0.5,
            "width_shift_range": 0.1,
            "height_shift_range": 0.1,
            "horizontal_flip": True,
        },
    ),
    "cifar10": (
        [32, 32, 3],
        {"rotation_range": 30, "width_shift_range": 0.2, "height_shift_range": 0.2, "horizontal_flip": True},
    ),
}
_SMALL_BATCHES = (32, 128)  # and the whole data set
_SEED = 1
_DESCRIPTION = """\
Measures how many images a second flow(x, y) of an ImageDataGenerator gives, with the lecture's settings for
Fashion-MNIST and CIFAR-10, in batches of 32, of 128, and the whole data set at once. Images are random uint8.

With --peers the ImageDataGenerator of Keras 3 (keras.src.legacy) and of Keras 2 (tf-keras) do the same in the same run,
in turns: ours, each peer, ours, each peer, ..., ours. The ratio is our median by the fastest peer's: above 1 we are
faster. "same" says whether the first batch has the peer's bits. Keras works on one thread; --threads is for ours."""


@dataclass(frozen=True)
class Case:
    """What is measured: settings for images of a shape, and how many images are in a batch and in the data set."""

    name: str
    shape: list[int]
    settings: dict[str, Any]
    batch: int
    images: int


class Ours(turns.Ours):
    """This library makes batches."""

    def prepare(
        self, shape: list[int], settings: dict[str, Any], batch: int, images: int, seed: int
    ) -> Mapping[str, Any]:
        """Makes the data; the first batch's images, seconds and checksum."""
        x = np.random.default_rng(0).integers(0, 256, (images, *shape), np.uint8)
        self._flow = ImageDataGenerator(**settings).flow(x, np.arange(images), batch_size=batch)
        np.random.seed(seed)
        start = time.perf_counter()
        first = next(self._flow)[0]
        return {"images": len(first), "seconds": time.perf_counter() - start, "checksum": zlib.crc32(first.tobytes())}

    def batches(self, count: int) -> Mapping[str, Any]:
        """Images and seconds of so many batches."""
        images = 0
        start = time.perf_counter()
        for _ in range(count):
            images += len(next(self._flow)[0])
        return {"images": images, "seconds": time.perf_counter() - start}


class Augmented(Clocked):
    """A side that makes batches, with its rates.

    Attributes:
        checksum: of the first batch.
        rates: images per second of each turn.
    """

    def __init__(self, side: Side, case: Case, seconds: float) -> None:
        self._side, self._batch, self._budget = side, case.batch, seconds
        first = side.ask(
            "prepare", shape=case.shape, settings=case.settings, batch=case.batch, images=case.images, seed=_SEED
        )
        self.checksum: int = first["checksum"]
        self.rates: list[float] = []
        self._fastest = first["images"] / first["seconds"]

    def turn(self) -> str:
        """As many batches as fit the budget."""
        answer = self._side.ask("batches", count=max(1, round(self._budget * self._fastest / self._batch)))
        self.rates.append(answer["images"] / answer["seconds"])
        self._fastest = max(self._fastest, self.rates[-1])
        return f"{self.rates[-1]:,.0f} images a second"


def cases(images: int) -> list[Case]:
    """Everything that is measured over a data set of so many images."""
    batches = [batch for batch in _SMALL_BATCHES if batch < images] + [images]
    return [Case(name, shape, given, batch, images) for name, (shape, given) in SETTINGS.items() for batch in batches]


def measure(case: Case, peers: Mapping[str, Peer], seconds: float, rounds: int) -> dict[str, Any]:
    """One case: everybody is prepared, then measured in turns.

    Args:
        case: the settings and the batch.
        peers: the libraries that are there.
        seconds: about how long one measurement lasts.
        rounds: how often everybody has a turn.

    Returns:
        What goes into the table and into JSON.
    """
    report.progress(f"{case.name}, batch {case.batch}")
    sides = {OURS: Augmented(Ours(), case, seconds)}
    failed: dict[str, str] = {}
    for name, peer in peers.items():
        try:
            sides[name] = Augmented(peer, case, seconds)
        except PeerFailed as error:
            failed[name] = str(error)
    take_turns(sides, rounds, failed)
    return _compare(case, sides, failed)


def _compare(case: Case, sides: Mapping[str, Augmented], failed: dict[str, str]) -> dict[str, Any]:
    medians = {name: statistics.median(side.rates) for name, side in sides.items()}
    result: dict[str, Any] = {
        "settings": case.name,
        "batch": case.batch,
        "sides": {name: {"images_per_second": medians[name], "of_turns": side.rates} for name, side in sides.items()},
        "failed": failed,
    }
    fastest = fastest_peer(medians, max)
    if fastest is not None:
        result["fastest_peer"] = fastest
        result["ratio"] = medians[OURS] / medians[fastest]
        result["same_bits"] = len({side.checksum for side in sides.values()}) == 1
    return result


def table(results: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Head and rows, images per second."""
    names = list(dict.fromkeys(name for result in results for name in result["sides"]))
    compared = len(names) > 1
    rows = []
    for result in results:
        rates = [result["sides"].get(name) for name in names]
        row = [result["settings"], str(result["batch"])]
        row += ["-" if rate is None else f"{rate['images_per_second']:,.0f}" for rate in rates]
        if compared:
            row += (
                [f"{result['ratio']:.1f}", "yes" if result["same_bits"] else "no"] if "ratio" in result else ["-"] * 2
            )
        rows.append(row)
    return ["settings", "batch", *names, *(["ours / fastest peer", "same"] if compared else [])], rows


def main(
    arguments: Sequence[str] | None, peers_folder: Path, new_parser: options.NewParser = options.script_parser
) -> int:
    """The command.

    Args:
        arguments: of the command line; None reads them.
        peers_folder: where the peers' scripts lie.
        new_parser: the parser whose options these are.

    Returns:
        0.
    """
    parser = options.common_parser(new_parser("augment"), _DESCRIPTION, 0.5, "of a measurement")
    parser.add_argument("--images", type=options.whole, default=30_000, help="of the data set (default 30000)")
    parser.add_argument("--rounds", type=options.whole, default=5, help="how often everybody has a turn (default 5)")
    given = parser.parse_args(arguments)
    try:
        options.prepare(given, peers_folder)
    except ValueError as error:
        parser.error(str(error))

    described = machine.describe()
    skipped: dict[str, str] = {}
    with ExitStack() as stack:
        peers = {}
        for name, command in PEERS.items() if given.peers else ():
            try:
                peers[name] = stack.enter_context(Peer(command, peers_folder, given.peer_python, described["threads"]))
                described["versions"].update(peers[name].versions)
            except (PeerMissing, PeerFailed) as error:
                skipped[name] = str(error)
        results = [measure(case, peers, given.seconds, given.rounds) for case in cases(given.images)]
    warning = machine.busy(described)
    remarks = [warning] if warning else []
    remarks += [f"{name} was skipped: {reason}" for name, reason in skipped.items()]
    remarks += [f"{name} failed: {reason}" for result in results for name, reason in result["failed"].items()]
    print("\n".join([machine.headline(described), report.text_table(*table(results), left=1), *remarks]))
    if given.out is not None:
        config = {"images": given.images, "seconds": given.seconds, "rounds": given.rounds, "peers": list(peers)}
        content = {"bench": "augment", "machine": described, "config": config, "skipped": skipped, "cases": results}
        report.write_json(given.out, content)
    return 0
