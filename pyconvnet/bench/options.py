"""Options that the benches share, and how their values are checked."""

from __future__ import annotations

import argparse
import math
import sys


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


def common_parser(prog: str, description: str, seconds: float, what: str) -> argparse.ArgumentParser:
    """A parser with --threads, --isa, --seconds, --peers, --peer-python, --out.

    Args:
        prog: the script's name.
        description: printed as it is.
        seconds: the default of --seconds.
        what: which seconds those are, for the help.
    """
    parser = argparse.ArgumentParser(
        prog=prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=whole, help="for us and the peers alike (default: what the process may use)")
    parser.add_argument("--isa", help="avx512, avx2, neon or scalar (default: the best that is supported)")
    parser.add_argument("--seconds", type=duration, default=seconds, help=f"{what} (default {seconds:g})")
    parser.add_argument("--peers", action="store_true", help="also measure the libraries that are installed")
    parser.add_argument("--peer-python", default=sys.executable, help="the Python that has them (default: this one)")
    parser.add_argument("--out", metavar="FILE.json", help="write everything that was measured as JSON")
    return parser


def step_parser(prog: str, description: str, seconds: float, what: str) -> argparse.ArgumentParser:
    """The same with --batch, for what is measured of a training step."""
    parser = common_parser(prog, description, seconds, what)
    parser.add_argument("--batch", type=whole, default=32, help="rows a step (default 32)")
    return parser
