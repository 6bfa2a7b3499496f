"""``%load_ext pyconvnet``: the cells below it find pyconvnet where they import TensorFlow or Keras."""

from __future__ import annotations

import builtins
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pyconvnet.compat.aliases import UserBuiltins, UserFolder
from pyconvnet.compat.caps import at_most

_running: dict[int, tuple[UserBuiltins, UserFolder]] = {}
_capped = ExitStack()


def load_ipython_extension(shell: Any) -> None:
    """Gives the cells below it an ``import`` in which TensorFlow and Keras are pyconvnet.

    Args:
        shell: the running IPython shell.
    """
    if id(shell) in _running:
        return
    given = UserBuiltins()
    folder = UserFolder(Path.cwd(), given)
    _running[id(shell)] = given, folder
    shell.user_ns["__builtins__"] = given
    # Jupyter changes the builtins for each cell: input() asks the browser, for instance
    shell.events.register("pre_execute", given.refresh)
    sys.meta_path.insert(0, folder)


def unload_ipython_extension(shell: Any) -> None:
    """Ends it; what the cells imported stays."""
    if id(shell) not in _running:
        return
    given, folder = _running.pop(id(shell))
    shell.user_ns["__builtins__"] = builtins
    shell.events.unregister("pre_execute", given.refresh)
    sys.meta_path.remove(folder)


def begin(max_epochs: int | None, max_steps: int | None) -> None:
    """What `run_notebook` does in the notebook's process before its first cell.

    Args:
        max_epochs: cap on the epochs of each `fit`, until the process ends.
        max_steps: cap on the steps of each epoch, validation and `evaluate`.
    """
    from IPython import get_ipython

    _capped.enter_context(at_most(max_epochs, max_steps))
    load_ipython_extension(get_ipython())
