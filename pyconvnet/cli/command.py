"""Arguments, exit codes, and errors as one line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from pyconvnet import __version__
from pyconvnet._suggest import unknown
from pyconvnet._terminal import say
from pyconvnet.cli import bench, doctor, files, foreign
from pyconvnet.cli.parser import Parser, UsageError
from pyconvnet.lecture import EXPERIMENTS, STUDIES, run_lecture
from pyconvnet.lecture.data import title
from pyconvnet.lecture.job import DEFAULT_FOLDER
from pyconvnet.lecture.lessons import ALL, LESSONS
from pyconvnet.lecture.table import keras, published

OK, FAILED, WRONG_USE, STOPPED = 0, 1, 2, 130
_COMMANDS = ("lecture", "doctor", "bench", *foreign.COMMANDS, *files.COMMANDS)
_REPORTED = (ValueError, OSError, ImportError, MemoryError)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: the arguments; those of the process if None.

    Returns:
        The exit code: 0, 1 where `doctor` found a fault or `migrate` a line, 2 after an error, 130 after Ctrl-C;
        after `run` that of the script.

    Example:
        >>> main(["--version"])
        pyconvnet 0.1.0
        0
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        advice = "; run the same command to go on" if arguments[:1] == ["lecture"] else ""
        sys.stderr.write(f"\npyconvnet: stopped{advice}\n")
        return STOPPED
    except BrokenPipeError:
        # The reader of a pipe (head, less) has gone; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except _REPORTED as error:
        sys.stderr.write(f"pyconvnet: error: {' '.join(str(error).split()) or type(error).__name__}\n")
        return WRONG_USE


def _run(argv: list[str]) -> int:
    if argv and not argv[0].startswith("-") and argv[0] not in _COMMANDS:
        raise UsageError(unknown("command line", "command", argv[0], _COMMANDS))
    parser = _parser()
    try:
        given = parser.parse_args(argv)
    except SystemExit as leaving:  # --help
        return int(leaving.code or OK)
    if given.version:
        say(f"pyconvnet {__version__}")
    elif given.command == "lecture":
        if given.list:
            _list()
        else:
            run_lecture(given.names, epochs=given.epochs, seeds=given.seeds, out=given.out, device=given.device)
    elif given.command == "doctor":
        return OK if doctor.examine() else FAILED
    elif given.command == "bench":
        return bench.run(given)
    elif given.command in files.COMMANDS:
        files.run(given)
    elif given.command in foreign.COMMANDS:
        return foreign.run(given)
    else:
        parser.print_help()
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="pyconvnet", description="Trains convolutional networks with C++ kernels.")
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command", title="commands")
    lecture = commands.add_parser(
        "lecture",
        help="train the lecture's networks and write the table and the pictures",
        description="Trains the lecture's networks and writes table.md, results.json, for each network "
        "NAME_curves.png and NAME_predictions.png, and for each study STUDY.png. A finished run is kept; a stopped one "
        "goes on where it was.",
    )
    lecture.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help=f"experiments with the lecture's settings: {', '.join(EXPERIMENTS)}; or studies of several of them: "
        f"{', '.join(STUDIES)}; or lessons, which are pictures without training: {', '.join(LESSONS)}, all of these: "
        f"{ALL}; none: those on Fashion-MNIST for a few epochs on the embedded sample (a couple of "
        "minutes)",
    )
    lecture.add_argument("--epochs", type=int, metavar="N", help="at most N epochs")
    lecture.add_argument("--seeds", type=int, default=1, metavar="N", help="train with seeds 0 to N-1 (default 1)")
    lecture.add_argument("--out", default=DEFAULT_FOLDER, metavar="DIR", help="folder (default %(default)s)")
    lecture.add_argument("--device", default="auto", help="cpu, cuda or cuda:N (default: a GPU where one is ready)")
    lecture.add_argument("--list", action="store_true", help="list the experiments and train nothing")
    commands.add_parser(
        "doctor",
        help="check this installation",
        description="Prints version, compiler, instruction set and threads, then checks that the kernels compute "
        "correctly and says what data and pictures need. The exit code is 1 if a check failed.",
    )
    bench.add_parser(commands)
    foreign.add_parsers(commands)
    files.add_parsers(commands)
    return parser


def _list() -> None:
    for experiment in EXPERIMENTS.values():
        say(f"{experiment.name}: {experiment.summary}")
        what = title(experiment.dataset)
        say(f"    {experiment.parameters:,} parameters, {what}, at most {experiment.epochs} epochs")
        known = {"published": published(experiment), "Keras 3": keras(experiment)}
        figures = ", ".join(f"{whose} {figure}" for whose, figure in known.items() if figure != "-")
        if figures:
            say(f"    {experiment.compared_on} loss / accuracy: {figures}")
        if experiment.remark:
            say(f"    {experiment.remark}")
    for study in STUDIES.values():
        say(f"{study.name}: {study.question}")
        say(f"    a study of {', '.join(study.members)}")
    for name, lesson in LESSONS.items():
        say(f"{name}: a lesson, {lesson.shows}")
    say(f"{ALL}: all {len(LESSONS)} of them, pictures without training")
