"""Runs a notebook, with TensorFlow and Keras meaning pyconvnet, and keeps what its cells show."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from pyconvnet._terminal import say
from pyconvnet._whole_file import whole_file
from pyconvnet.compat.caps import check_caps

FAILED = 1


def run_notebook(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    max_epochs: int | None = None,
    max_steps: int | None = None,
) -> int:
    """Runs all cells in a process of their own and writes the notebook with what they printed and drew.

    A cell that fails ends the run, and so do the end of that process and Ctrl-C; the notebook is written with what
    there is, a cell's error for instance.

    Args:
        path: the notebook, which stays as it is.
        out: the notebook to write; NAME.executed.ipynb beside `path` if None.
        max_epochs: cap on the epochs of each `fit`.
        max_steps: cap on the steps of each epoch, validation and `evaluate`.

    Returns:
        0, or 1 where a cell failed.

    Raises:
        OSError: the notebook cannot be read or written.
        ValueError: no notebook, or `out` is the notebook itself.
        ImportError: nbclient is not installed.
        KeyboardInterrupt: after Ctrl-C.
    """
    source = Path(path)
    target = source.with_name(f"{source.stem}.executed.ipynb") if out is None else Path(out)
    if target.resolve() == source.resolve():
        raise ValueError(f"run: --out is the notebook itself, {target}; give another name, and it stays as it is")
    check_caps(max_epochs, max_steps)
    nbformat, nbclient = _needed()
    notebook = read_notebook(source, nbformat)
    try:
        error = _execute(notebook, source.resolve().parent, f"{max_epochs}, {max_steps}", nbclient)
    finally:
        with whole_file("run", target) as beside:
            beside.write_text(nbformat.writes(notebook), encoding="utf-8")
    say(f"{target}: {'a cell failed, see there' if error else 'all cells ran'}")
    if error:
        say(error)
    return FAILED if error else 0


def read_notebook(path: Path, nbformat: Any) -> Any:
    """The notebook, in today's format.

    Raises:
        ValueError: the file is no notebook.
    """
    text = path.read_text(encoding="utf-8")
    try:
        return nbformat.reads(text, as_version=4)
    except Exception as error:  # nbformat raises its own errors, JSON's and KeyError
        raise ValueError(f"run: {path} is no notebook ({error})") from error


def _execute(notebook: Any, folder: Path, caps: str, nbclient: Any) -> str | None:
    """Runs the cells in place; the error of a cell that failed, or None."""
    manager = _kernel_manager(f'__import__("{__package__}.extension", fromlist=["_"]).begin({caps})')
    # coalesced, a progress bar leaves its last state instead of thousands
    client = nbclient.NotebookClient(
        notebook, km=manager, timeout=None, coalesce_streams=True, resources={"metadata": {"path": str(folder)}}
    )
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as failed:
        return f"{failed.ename}: {failed.evalue}"
    except nbclient.exceptions.DeadKernelError:
        if manager.shutting_down:  # nbclient takes Ctrl-C for itself and ends the process
            raise KeyboardInterrupt from None
        return "the process that ran the cells has ended: its memory ran out, or the code ended it"
    return None


def _kernel_manager(first_line: str) -> Any:
    """Starts this Python, whatever kernel the notebook names: only here pyconvnet is known to be."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
    here = KernelSpec(
        argv=[*command, f"--IPKernelApp.exec_lines={first_line}"],
        display_name="pyconvnet",
        language="python",
        env={"MPLBACKEND": "module://matplotlib_inline.backend_inline"},  # pictures are kept, whatever is set outside
    )

    class ThisPython(AsyncKernelManager):  # type: ignore[misc]
        @property
        def kernel_spec(self) -> KernelSpec:
            return here

    return ThisPython()


def _needed() -> tuple[Any, Any]:
    try:
        import ipykernel  # noqa: F401  the process that runs the cells needs it
        import nbclient
        import nbformat
    except ImportError as error:
        raise ImportError(
            f'run: a notebook needs {error.name}, which is not installed; pip install "pyconvnet[notebook]"'
        ) from error
    return nbformat, nbclient
