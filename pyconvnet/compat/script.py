"""Runs a script as Python would, with TensorFlow and Keras meaning pyconvnet."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType

from pyconvnet._terminal import write
from pyconvnet.compat.aliases import UserBuiltins, UserFolder
from pyconvnet.compat.caps import at_most

FAILED, INTERRUPTED = 1, 130


def run_script(
    path: str | os.PathLike[str],
    arguments: Sequence[str] = (),
    max_epochs: int | None = None,
    max_steps: int | None = None,
) -> int:
    """Runs a script; an error in it is printed with the script's own lines only.

    Args:
        path: the file.
        arguments: what the script finds in ``sys.argv[1:]``.
        max_epochs: cap on the epochs of each `fit`.
        max_steps: cap on the steps of each epoch, validation and `evaluate`.

    Returns:
        The exit code that Python would end with.

    Raises:
        OSError: the file cannot be read.
    """
    file = Path(path)
    source = file.read_bytes()  # compile looks for the coding line
    module = ModuleType("__main__")
    given = UserBuiltins()
    vars(module).update(__file__=str(file), __builtins__=given)
    here = UserFolder(file.resolve().parent, given)
    with at_most(max_epochs, max_steps), _as_main(module, here, [str(file), *arguments]):
        try:
            exec(compile(source, str(file), "exec"), vars(module))
        except SystemExit as leaving:
            return _exit_code(leaving)
        except BaseException as error:
            traceback.print_exception(type(error), error, _of_script(error.__traceback__, str(file)))
            return INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED
    return 0


@contextmanager
def _as_main(module: ModuleType, folder: UserFolder, argv: list[str]) -> Iterator[None]:
    """What Python sets up for a script, put back afterwards."""
    before, modules = (sys.modules["__main__"], sys.argv, sys.path[:]), set(sys.modules)
    sys.modules["__main__"], sys.argv = module, argv
    sys.path.insert(0, folder.folder)
    sys.meta_path.insert(0, folder)
    try:
        yield
    finally:
        sys.modules["__main__"], sys.argv, sys.path[:] = before
        sys.meta_path.remove(folder)
        folder.forget(but=modules)


def _of_script(trace: TracebackType | None, file: str) -> TracebackType | None:
    """The traceback from the script's first line on; without one (a syntax error) nothing but the message."""
    while trace is not None and trace.tb_frame.f_code.co_filename != file:
        trace = trace.tb_next
    return trace


def _exit_code(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code
    write(sys.stderr, f"{leaving.code}\n")
    return FAILED
