"""The command ``pyconvnet``.

Who does what:
    command   ``main``: arguments, errors as one line, exit codes
    parser    the parser of all commands: what is wrong becomes an exception
    foreign   ``pyconvnet run`` and ``migrate``: scripts and notebooks written for TensorFlow or Keras
    doctor    ``pyconvnet doctor``: does this installation compute correctly, and what is here
    bench     ``pyconvnet bench``: the benches of `pyconvnet.bench`
    files     ``pyconvnet inspect`` and ``pyconvnet convert``: model files
"""

from __future__ import annotations

from pyconvnet.cli.command import main

__all__ = ["main"]
