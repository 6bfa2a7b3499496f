"""Options that the benches share, and how their values are checked."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path

from pyconvnet.bench import machine, report

NewParser = Callable[[str], argparse.ArgumentParser]  # from a bench's name, such as "train"


def whole(text: str) -> int:
    """A whole number from 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text!r}")
    return number


def duration(text: str) -> float:
    """Seconds above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise argparse.ArgumentTypeError(f"must be seconds above 0, got {text!r}")
    return seconds


def script_parser(name: str) -> argparse.ArgumentParser:
    """The empty parser of ``bench/NAME_bench.py``; ``pyconvnet bench NAME`` has one of its own."""
    return argparse.ArgumentParser(prog=f"{name}_bench.py")


def own_parser(empty: argparse.ArgumentParser, description: str) -> argparse.ArgumentParser:
    """Adds what every bench has: --threads, --isa, --out.

    Args:
        empty: the parser.
        description: printed as it is.
    """
    empty.description, empty.formatter_class = description, argparse.RawDescriptionHelpFormatter
    empty.add_argument("--threads", type=whole, help="of everybody alike (default: what the process may use)")
    empty.add_argument("--isa", help="avx512, avx2, neon or scalar (default: the best that is supported)")
    empty.add_argument("--out", metavar="FILE.json", help="write everything that was measured as JSON")
    return empty


def add_seconds(parser: argparse.ArgumentParser, seconds: float, what: str) -> None:
    """Adds --seconds.

    Args:
        parser: gets it.
        seconds: the default.
        what: which seconds those are, for the help.
    """
    parser.add_argument("--seconds", type=duration, default=seconds, help=f"{what} (default {seconds:g})")


def add_peers(parser: argparse.ArgumentParser) -> None:
    """Adds --peers and --peer-python."""
    parser.add_argument("--peers", action="store_true", help="also measure the libraries that are installed")
    parser.add_argument("--peer-python", default=sys.executable, help="the Python that has them (default: this one)")


def common_parser(
    empty: argparse.ArgumentParser, description: str, seconds: float, what: str
) -> argparse.ArgumentParser:
    """A parser of a bench that takes its time beside peers; see `own_parser` and `add_seconds`."""
    parser = own_parser(empty, description)
    add_seconds(parser, seconds, what)
    add_peers(parser)
    return parser


def step_parser(empty: argparse.ArgumentParser, description: str, seconds: float, what: str) -> argparse.ArgumentParser:
    """The same with --batch, for what is measured of a training step."""
    parser = common_parser(empty, description, seconds, what)
    parser.add_argument("--batch", type=whole, default=32, help="rows a step (default 32)")
    return parser


def prepare(given: argparse.Namespace, peers_folder: Path | None = None) -> None:
    """Looks whether what is asked for is there, before a long run, and sets threads and instruction set.

    Args:
        given: the options of a bench.
        peers_folder: where the peers' scripts should lie, of a bench that has peers.

    Raises:
        ValueError: it is not; the message says what to do.
    """
    for option in ("out", "table", "plot"):
        report.check_folder(f"--{option}", getattr(given, option, None))
    if peers_folder is not None and given.peers and not (peers_folder / "worker.py").is_file():
        raise ValueError(
            "--peers: the scripts that run other libraries are not part of an installation; they lie in bench/peers of "
            "pyconvnet's source: run this bench from there"
        )
    machine.prepare(given.threads, given.isa)
