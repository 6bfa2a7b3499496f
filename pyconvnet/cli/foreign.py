"""``pyconvnet run`` and ``pyconvnet migrate``: scripts and notebooks that were written for TensorFlow or Keras."""

from __future__ import annotations

import argparse
from typing import Any

from pyconvnet._terminal import say

COMMANDS = ("run", "migrate")


def add_parsers(commands: Any) -> None:
    """Adds both commands.

    Args:
        commands: what `ArgumentParser.add_subparsers` answered.
    """
    run = commands.add_parser(
        "run",
        help="run a script or a notebook that was written for TensorFlow or Keras",
        usage="pyconvnet run [--max-epochs N] [--max-steps N] script.py [args]\n"
        "       pyconvnet run [--max-epochs N] [--max-steps N] [--out EXECUTED] notebook.ipynb",
        description="Runs code that imports tensorflow or keras, unedited: in it these names mean pyconvnet. A "
        "notebook is written anew with what its cells print and draw, and stays as it is itself.",
    )
    run.add_argument("file", help="script.py or notebook.ipynb")
    run.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script finds in sys.argv")
    _add_options(run)
    migrate = commands.add_parser(
        "migrate",
        help="list the lines that today's Keras or NumPy rejects",
        description="Lists the lines of a notebook or a script that Keras 3 or NumPy 2 rejects, each with its mend. "
        "The exit code is 1 if there are any. Nothing is changed.",
    )
    migrate.add_argument("file", help="notebook.ipynb or script.py")


def run(given: argparse.Namespace) -> int:
    """Does what was asked for.

    Returns:
        The exit code: that of the script or the notebook, or 1 where `migrate` found a line.
    """
    return _migrate(given) if given.command == "migrate" else _execute(given)


def _execute(given: argparse.Namespace) -> int:
    if not given.file.endswith(".ipynb"):
        if given.out is not None:
            raise ValueError("run: --out is for notebooks; a script writes its own files")
        from pyconvnet.compat.script import run_script

        return run_script(given.file, given.arguments, given.max_epochs, given.max_steps)
    # A notebook takes no arguments, so that options may follow it.
    rest = argparse.ArgumentParser(prog="pyconvnet run", exit_on_error=False, add_help=False)
    _add_options(rest)
    try:
        _, unknown = rest.parse_known_args(given.arguments, given)
    except argparse.ArgumentError as error:
        raise ValueError(f"run: {error}") from error
    if unknown:
        raise ValueError(f"run: a notebook takes no arguments, got {' '.join(unknown)}")
    from pyconvnet.compat.notebook import run_notebook

    return run_notebook(given.file, given.out, given.max_epochs, given.max_steps)


def _migrate(given: argparse.Namespace) -> int:
    from pyconvnet.compat.migrate import findings

    found = findings(given.file)
    for finding in found:
        say(f"{finding.place}: {finding.what}")
        say(f"    {finding.source}")
        say(f"    mend: {finding.mend}")
    lines = "1 line" if len(found) == 1 else f"{len(found)} lines"
    say(f"{given.file}: {lines} to mend for Keras 3 and NumPy 2")
    return 1 if found else 0


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max-epochs", type=int, metavar="N", help="train at most N epochs in each fit")
    parser.add_argument(
        "--max-steps",
        type=int,
        metavar="N",
        help="at most N steps (batches) in each epoch, validation and evaluate, to try long code in a minute",
    )
    parser.add_argument("--out", metavar="EXECUTED", help="the executed notebook (default NAME.executed.ipynb)")
