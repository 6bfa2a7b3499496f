"""The training step of each network, measured as the whole `fit`, beside other libraries in the same run."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyconvnet import devices
from pyconvnet._cuda_status import cuda_status
from pyconvnet.bench import machine, options, report, train_report
from pyconvnet.bench.networks import Network, selected
from pyconvnet.bench.ours import Ours
from pyconvnet.bench.peers import GPU_PEERS, PEERS, Peer, PeerFailed, PeerMissing
from pyconvnet.bench.turns import OURS, Clocked, Side, fastest_peer, take_turns

_DESCRIPTION = """\
Measures the training step of the lecture's networks as the whole fit: gathering shuffled rows from float32 arrays,
forward and backward pass, Adam, loss and accuracy. A step's time is an epoch's time by its steps, the median over
epochs and rounds after a warm-up epoch. predict is measured over the same rows.

With --peers the libraries do the same work with as many threads, in the same run, in turns: ours, each peer, ours,
each peer, ..., ours. The ratio is the fastest peer's median by ours: above 1 we are faster. A peer that cannot be
imported is skipped and said so.
  keras-tf             Keras on TensorFlow, jit_compile=False
  keras-tf-jit         with jit_compile=True, which is what Keras chooses by itself
  keras-tf-spe         with steps_per_execution=50
  keras-jax[-spe]      Keras on JAX [with steps_per_execution=50]
  torch                PyTorch, fused Adam
  torch-channels-last  in that memory format
  torch-compile        in that memory format, through torch.compile
With --device cuda these, in TF32 as we are, and
  torch-reduce-overhead  through torch.compile in this mode
  torch-graph            channels-last, the whole step captured by hand"""

# Steps that every peer can run without a partial execution; the lecture's 45,000 training images; bytes a process.
_PEER_STEPS, _OWN_STEPS, _MOST_ROWS, _MOST_BYTES = 50, 4, 45_000, 256 * 2**20
_MOST_EPOCHS = 50


@dataclass(frozen=True)
class Settings:
    """What is the same for all.

    Attributes:
        batch: rows a step.
        seconds: about how long one measurement of ours lasts.
        rounds: how often everybody has a turn.
        threads: for everybody.
        device: where ours runs; its peers run there too.
        peers: command of each peer by its name.
        folder, python: where the peers' scripts lie and what runs them.
    """

    batch: int
    seconds: float
    rounds: int
    threads: int
    device: str
    peers: Mapping[str, tuple[str, ...]]
    folder: Path
    python: str


class Trained(Clocked):
    """A side that trains, with its times."""

    def __init__(self, side: Side, warm_up: Mapping[str, Any], steps: int, seconds: float) -> None:
        self._side, self._steps, self._budget = side, steps, seconds
        self._fastest_epoch = min(warm_up["seconds"])
        self.train: list[float] = []  # ms a step, the median epoch of each turn
        self.predict: list[float] = []  # ms a batch

    def turn(self) -> str:
        """As many epochs as fit the budget, and one `predict`."""
        epochs = max(1, min(_MOST_EPOCHS, round(self._budget / max(self._fastest_epoch, 1e-9))))
        seconds = self._side.ask("fit", epochs=epochs)["seconds"]
        self._fastest_epoch = min(self._fastest_epoch, *seconds)
        self.train.append(statistics.median(seconds) / self._steps * 1e3)
        self.predict.append(statistics.median(self._side.ask("predict")["seconds"]) / self._steps * 1e3)
        return f"{self.train[-1]:.3f} ms a step, predict {self.predict[-1]:.3f}"

    def result(self) -> dict[str, Any]:
        """Medians over the turns, and the turns themselves."""
        return {
            "train_ms": statistics.median(self.train),
            "predict_ms": statistics.median(self.predict),
            "train_ms_of_turns": self.train,
            "predict_ms_of_turns": self.predict,
        }


def choose_steps(step_seconds: float, row_bytes: int, settings: Settings) -> int:
    """Steps of an epoch: about `settings.seconds` of ours, not more than the lecture's data set."""
    unit = _PEER_STEPS if settings.peers else _OWN_STEPS
    most_rows = min(_MOST_ROWS, _MOST_BYTES // row_bytes)
    most = max(1, most_rows // (settings.batch * unit))
    wanted = math.ceil(settings.seconds / max(step_seconds, 1e-9) / unit)
    return unit * max(1, min(wanted, most))


def measure(network: Network, settings: Settings, missing: dict[str, str], versions: dict[str, str]) -> dict[str, Any]:
    """One network: everybody is prepared, then measured in turns.

    Args:
        network: one of the lecture's.
        settings: for everybody.
        missing: peers that cannot be imported, with the reason; more are added.
        versions: of the libraries; more are added.

    Returns:
        What goes into the tables and into JSON.
    """
    ours = Ours(network, settings.device)
    trial = ours.ask("prepare", batch=settings.batch, steps=_OWN_STEPS)
    trial = ours.ask("fit", epochs=2)
    row_bytes = 4 * int(np.prod(network.input_shape))
    steps = choose_steps(min(trial["seconds"]) / _OWN_STEPS, row_bytes, settings)
    report.progress(f"{network.name}: {steps} steps an epoch")
    failed: dict[str, str] = {}
    with ExitStack() as stack:
        warm_up = ours.ask("prepare", batch=settings.batch, steps=steps)
        sides = {OURS: Trained(ours, warm_up, steps, settings.seconds)}
        for name in settings.peers:
            if name in missing:
                continue
            report.progress(f"  {name}: starting, warming up")
            try:
                peer = stack.enter_context(
                    Peer(settings.peers[name], settings.folder, settings.python, settings.threads)
                )
                versions.update(peer.versions)
                sides[name] = Trained(peer, _prepare(peer, network, settings, steps), steps, settings.seconds)
            except PeerMissing as error:
                missing[name] = str(error)
                report.progress(f"  {name} is skipped: {error}")
            except PeerFailed as error:
                failed[name] = str(error)
                report.progress(f"  {name} failed: {error}")
        take_turns(sides, settings.rounds, failed)
    return _compare(network, steps, {name: side.result() for name, side in sides.items()}, failed)


def _prepare(peer: Peer, network: Network, settings: Settings, steps: int) -> Mapping[str, Any]:
    return peer.ask(
        "prepare",
        input_shape=network.input_shape,
        rows=network.rows(),
        parameters=network.parameters,
        batch=settings.batch,
        steps=steps,
    )


def _compare(network: Network, steps: int, sides: dict[str, Any], failed: dict[str, str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "network": network.name,
        "parameters": network.parameters,
        "steps": steps,
        "sides": sides,
        "failed": failed,
    }
    for what in ("train", "predict"):
        fastest = fastest_peer({name: side[f"{what}_ms"] for name, side in sides.items()}, min)
        if fastest is not None:
            result[f"{what}_fastest_peer"] = fastest
            result[f"{what}_ratio"] = sides[fastest][f"{what}_ms"] / sides[OURS][f"{what}_ms"]
    return result


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
    parser = options.step_parser(new_parser("train"), _DESCRIPTION, 2.0, "about how long one measurement of ours lasts")
    parser.add_argument("--device", default="cpu", help="cpu (the default) or cuda; the peers run there too")
    parser.add_argument("--nets", default="", help="such as mlp,conv (default: all)")
    parser.add_argument("--rounds", type=options.whole, default=3, help="how often everybody has a turn (default 3)")
    parser.add_argument("--table", metavar="FILE.md", help="write the tables as Markdown")
    given = parser.parse_args(arguments)
    try:
        networks = selected(given.nets)
        devices.get(given.device, "--device")
        options.prepare(given, peers_folder)
    except ValueError as error:
        parser.error(str(error))

    described = machine.describe()
    if (warning := machine.busy(described)) is not None:
        report.progress(warning)
    device = str(devices.get(given.device, "bench"))
    described |= {"device": device} | ({"cuda": cuda_status().text} if device != "cpu" else {})
    peers = {} if not given.peers else PEERS if device == "cpu" else GPU_PEERS
    settings = Settings(
        given.batch, given.seconds, given.rounds, described["threads"], device, peers, peers_folder, given.peer_python
    )
    missing: dict[str, str] = {}
    results = [measure(network, settings, missing, described["versions"]) for network in networks]
    content = {
        "bench": "train",
        "machine": described,
        "config": {"batch": given.batch, "seconds": given.seconds, "rounds": given.rounds, "peers": list(peers)},
        "skipped": missing,
        "networks": results,
    }
    print(train_report.as_text(content))
    if given.table is not None:
        report.write_text(given.table, train_report.as_markdown(content))
    if given.out is not None:
        report.write_json(given.out, content)
    return 0
