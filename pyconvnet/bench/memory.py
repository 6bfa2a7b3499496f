"""How much memory training takes: what the plan says, what the process has, and what PyTorch has for the same."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from pyconvnet import _core
from pyconvnet.bench import machine, options, report
from pyconvnet.bench.networks import NETWORKS, Network, selected
from pyconvnet.bench.ours import random_data
from pyconvnet.bench.peers import PEERS, Peer, PeerFailed, PeerMissing
from pyconvnet.bench.turns import OURS
from pyconvnet.plan.describe import mebibytes

_DESCRIPTION = """\
Trains each of the lecture's networks for some steps, in a process of its own, with batches of 32 and of 128, and looks
at the process's resident memory: after the library's import, with the data made, and the most of it while the network
was built and trained. "measured" is the last less the second: weights, optimizer, activations, scratch, and the
library's code and tables that training is the first to touch.

"must be live" is what the plan cannot do without: weights, what the optimizer keeps of them, and the activations and
gradients that are live at the worst kernel call; "plan" adds scratch, that of each thread too, and gaps.
With --peers: PyTorch (eager, fused Adam) does the same. Needs Linux, which says what a process has."""

PEER = "torch"
_BATCHES, _STEPS, _EPOCHS = (32, 128), 6, 2


def resident(pid: int, field: str = "VmRSS") -> int:
    """Bytes of a process in memory; with "VmHWM" the most of them so far."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/{pid}/status: there is no {field}")


def stages(pid: int, load: Callable[[], Any], train: Callable[[], Any]) -> dict[str, int]:
    """Looks at a process while it works.

    Args:
        pid: the process, which has just imported its library.
        load: lets it make the data.
        train: lets it build and train the network.

    Returns:
        Bytes: "imported", resident before `load`; "data", what that added; "increment", what `train` added at most.
    """
    imported = resident(pid)
    load()
    loaded = resident(pid)
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    train()
    return {"imported": imported, "data": loaded - imported, "increment": resident(pid, "VmHWM") - loaded}


class Training:
    """This library trains a network on random data."""

    def __init__(self, network: Network, batch: int) -> None:
        self._network, self._batch = network, batch

    def load(self) -> None:
        """Makes the data."""
        self._x, self._y = random_data(self._network.input_shape, self._batch * _STEPS)

    def train(self) -> None:
        """Builds the network and trains it."""
        self._model = self._network.model()
        self._model.fit(self._x, self._y, batch_size=self._batch, epochs=_EPOCHS, verbose=0)

    def plan(self) -> dict[str, int]:
        """What the plan of a training step says of its memory."""
        memory = self._model.plan(self._batch).memory
        total = memory.total + _core.get_num_threads() * memory.thread
        return {**dataclasses.asdict(memory), "total": total, "needed": memory.needed}


def measure_ours(name: str, batch: int, threads: int, isa: str) -> dict[str, Any]:
    """This process trains; `measure` has a fresh one do it. Its `stages`, and the plan's figures under "plan"."""
    machine.prepare(threads, isa)
    training = Training(NETWORKS[name], batch)
    return {**stages(os.getpid(), training.load, training.train), "plan": training.plan()}


def measure_peer(network: Network, batch: int, threads: int, folder: Path, python: str) -> dict[str, Any]:
    """The same by PyTorch: its `stages` and versions."""
    with Peer(PEERS[PEER], folder, python, threads) as peer:

        def load() -> None:
            peer.ask("load", input_shape=network.input_shape, rows=batch * _STEPS)

        def train() -> None:
            shape, parameters = network.input_shape, network.parameters
            peer.ask("build", input_shape=shape, rows=network.rows(), parameters=parameters, batch=batch)
            peer.ask("fit", epochs=_EPOCHS)

        return {**stages(peer.pid, load, train), "versions": peer.versions}


def measure(network: Network, batch: int, described: dict[str, Any], peer: tuple[Path, str] | None) -> dict[str, Any]:
    """One network and batch.

    Args:
        network: one of the lecture's.
        batch: rows of a step.
        described: the machine, with threads and instruction set; gets the peer's versions.
        peer: where its script lies and which Python runs it; None for no peer.

    Returns:
        What goes into the table and into JSON, and why the peer cannot be imported under "missing".
    """
    report.progress(f"{network.name}, batch {batch}")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        ours = fresh.submit(measure_ours, network.name, batch, described["threads"], described["isa"]).result()
    result: dict[str, Any] = {"network": network.name, "batch": batch, "plan": ours.pop("plan"), "sides": {OURS: ours}}
    if peer is not None:
        try:
            theirs = measure_peer(network, batch, described["threads"], *peer)
            described["versions"].update(theirs.pop("versions"))
            result["sides"][PEER] = theirs
        except PeerMissing as error:
            result["missing"] = str(error)
        except PeerFailed as error:
            result["failed"] = str(error)
            report.progress(f"  {PEER} failed: {error}")
    return result


def table(results: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Head and rows, MiB."""
    compared = any(PEER in result["sides"] for result in results)
    head = ["network", "batch", "must be live", "plan", "plan / must", "measured", "measured / must"]
    rows = []
    for result in results:
        plan, ours = result["plan"], result["sides"][OURS]["increment"]
        row = [result["network"], str(result["batch"]), mebibytes(plan["needed"]), mebibytes(plan["total"])]
        row += [f"{plan['total'] / plan['needed']:.2f}", mebibytes(ours), f"{ours / plan['needed']:.2f}"]
        if compared:
            theirs = result["sides"].get(PEER)
            row += ["-", "-"] if theirs is None else [mebibytes(theirs["increment"]), _ratio(ours, theirs)]
        rows.append(row)
    return [*head, *([PEER, f"ours / {PEER}"] if compared else [])], rows


def _ratio(ours: int, theirs: dict[str, int]) -> str:
    return f"{ours / theirs['increment']:.2f}"


def _remarks(content: dict[str, Any]) -> list[str]:
    """What stands below the table."""
    results = content["cases"]
    remarks = []
    for name in (OURS, PEER):
        imported = [result["sides"][name]["imported"] for result in results if name in result["sides"]]
        if imported:
            remarks.append(f"resident after the import of {name}: {mebibytes(max(imported))} MiB")
    remarks += [f"{PEER} was skipped: {content['skipped']}"] if content["skipped"] else []
    failed = [result for result in results if "failed" in result]
    return remarks + [f"{result['network']}: {PEER} failed: {result['failed']}" for result in failed]


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
    parser = options.own_parser(new_parser("memory"), _DESCRIPTION)
    options.add_peers(parser)
    parser.add_argument("--nets", default="", help="such as mlp,conv (default: all)")
    parser.add_argument("--batch", type=options.whole, help="rows a step (default: 32, then 128)")
    parser.add_argument("--table", metavar="FILE.md", help="write the table as Markdown")
    given = parser.parse_args(arguments)
    try:
        networks = selected(given.nets)
        options.prepare(given, peers_folder)
        if not Path("/proc/self/clear_refs").exists():
            raise ValueError("the memory of a process is read from /proc, which this system does not have; use Linux")
    except ValueError as error:
        parser.error(str(error))

    described = machine.describe()
    peer = (peers_folder, given.peer_python) if given.peers else None
    skipped, results = "", []
    for batch in _BATCHES if given.batch is None else (given.batch,):
        for network in networks:
            results.append(measure(network, batch, described, peer))
            if "missing" in results[-1]:
                peer, skipped = None, results[-1].pop("missing")
    config = {"steps": _STEPS, "epochs": _EPOCHS, "peers": [PEER] if given.peers else []}
    content = {"bench": "memory", "machine": described, "config": config, "skipped": skipped, "cases": results}
    head, remarks = f"{machine.headline(described)}; {machine.libraries(described)}; MiB", _remarks(content)
    print("\n".join([head, report.text_table(*table(results)), *remarks]))
    if given.table is not None:
        lines = [head, "", report.markdown_table(*table(results)), "", *(f"- {remark}" for remark in remarks)]
        report.write_text(given.table, "\n".join(lines) + "\n")
    if given.out is not None:
        report.write_json(given.out, content)
    return 0
