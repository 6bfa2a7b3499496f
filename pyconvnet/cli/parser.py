"""The parser of all commands: what is wrong becomes an exception, which `command.main` reports in one line."""

from __future__ import annotations

import argparse
from typing import NoReturn


class UsageError(ValueError):
    """Arguments that a command does not take."""


class Parser(argparse.ArgumentParser):
    """Raises what argparse would print before it ends the process."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong and where the help is."""
        raise UsageError(f"{message} (see {self.prog} --help)")
