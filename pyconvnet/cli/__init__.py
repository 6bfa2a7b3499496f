"""The command ``pyconvnet``.

Who does what:
    command   ``main``: arguments, errors as one line, exit codes
    doctor    ``pyconvnet doctor``: does this installation compute correctly, and what is here
"""

from __future__ import annotations

from pyconvnet.cli.command import main

__all__ = ["main"]
