"""``pyconvnet inspect`` and ``pyconvnet convert``."""

from __future__ import annotations

import argparse
from typing import Any

from pyconvnet._terminal import say

COMMANDS = ("inspect", "convert")


def add_parsers(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the two commands to the command line."""
    inspect = commands.add_parser(
        "inspect",
        help="say what is in a model file",
        description="Prints the format of a model file, its network, weights, training settings and optimizer state, "
        "and which programs open it. No code of the file is run.",
    )
    inspect.add_argument("file", metavar="FILE", help="a .keras, .h5, .weights.h5 or .safetensors file")
    convert = commands.add_parser(
        "convert",
        help="write a model file in another format",
        description="Loads a model file and writes it as another: a model to .keras or .h5, its weights to .weights.h5 "
        "or .safetensors, what it predicts to .onnx.",
    )
    convert.add_argument("source", metavar="A", help="a .keras or .h5 file, or a .safetensors file of pyconvnet")
    convert.add_argument("target", metavar="B", help="the new file; its ending says the format")
    convert.add_argument("--overwrite", action="store_true", help="replace B if it is there")


def run(given: argparse.Namespace) -> None:
    """Does what was asked for."""
    from pyconvnet import saving  # not needed, with its h5py, by the other commands

    if given.command == "inspect":
        for line in saving.inspect_lines(given.file):
            say(line)
    else:
        saving.convert(given.source, given.target, given.overwrite)
        say(f"wrote {given.target}")
