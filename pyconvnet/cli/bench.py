"""``pyconvnet bench``: how fast it is on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyconvnet
from pyconvnet._suggest import unknown
from pyconvnet._terminal import say
from pyconvnet.cli.parser import Parser

BENCHES = {
    "train": "training steps of the lecture's networks, beside Keras and PyTorch if asked to",
    "conv": "every convolution, pooling and dense layer in each pass",
    "augment": "images per second of ImageDataGenerator",
    "sweep": "how the cost grows with batch, channels and pixels",
    "memory": "how much memory training takes",
}
_QUICK = ["--rounds", "1", "--seconds", "0.3"]
_PEERS = Path(pyconvnet.__file__).resolve().parents[1] / "bench" / "peers"  # in a checkout


def add_parser(commands: Any) -> None:
    """Adds the command.

    Args:
        commands: what `ArgumentParser.add_subparsers` answered.
    """
    parser = commands.add_parser(
        "bench",
        help="measure the speed on this machine",
        usage=f"pyconvnet bench [{{{','.join(BENCHES)}}} [options]]",
        description="Without arguments: training steps of the lecture's networks, in a few seconds.",
        epilog="\n".join(
            ["benches, each with options of its own (pyconvnet bench NAME --help):"]
            + [f"  {name:<9}{what}" for name, what in BENCHES.items()]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("options", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(given: argparse.Namespace) -> int:
    """Runs the bench that was asked for, or the quick one.

    Returns:
        The exit code.

    Raises:
        ValueError: there is no such bench, or an option of it is wrong.
    """
    name, options = given.name, given.options
    if name is None:
        say("A quick look at training steps, one short round; pyconvnet bench --help says what else is measured.")
        name, options = "train", _QUICK
    if name not in BENCHES:
        raise ValueError(unknown("bench", "bench", name, BENCHES))
    try:
        return _mains()[name](options)
    except SystemExit as leaving:  # --help
        return int(leaving.code or 0)


def _mains() -> dict[str, Callable[[list[str]], int]]:
    from pyconvnet.bench import augment, conv, memory, sweep, train  # not needed by the other commands

    return {
        "train": partial(train.main, peers_folder=_PEERS, new_parser=_parser),
        "conv": partial(conv.main, peers_folder=_PEERS, new_parser=_parser),
        "augment": partial(augment.main, peers_folder=_PEERS, new_parser=_parser),
        "sweep": partial(sweep.main, new_parser=_parser),
        "memory": partial(memory.main, peers_folder=_PEERS, new_parser=_parser),
    }


def _parser(name: str) -> Parser:
    return Parser(prog=f"pyconvnet bench {name}")
