"""Files that are replaced as a whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(who: str, path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new file beside `path` to be filled; then it is brought to disk and takes `path`'s place at once.

    After an error nothing of it is left, and a file that was at `path` is as it was.

    Args:
        who: who saves, for messages.
        path: the file to be; where it is a link, the file that the link points to.

    Raises:
        ValueError: a folder or a device lies there.
        OSError: the folder is missing or full, or may not be written.
    """
    target = Path(os.path.realpath(path))
    mode = _mode_of(who, target)
    # With the same ending, by which matplotlib chooses the format.
    beside = target.with_name(f".{secrets.token_hex(8)}.part{target.suffix}")
    try:
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
    except OSError as error:  # names a file that the caller does not know
        found = target.parent.is_dir()
        why = error.strerror if found else f"the folder '{target.parent}' does not exist; make it first"
        raise type(error)(f"{who}: {why}") from error
    try:
        yield beside
        if mode is not None:
            os.chmod(beside, mode)
        with open(beside, "r+b") as written:
            os.fsync(written.fileno())
        os.replace(beside, target)
        _sync_folder(target.parent)
    finally:
        beside.unlink(missing_ok=True)


def _mode_of(who: str, target: Path) -> int | None:
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{who}: '{target}' is not a file but a folder or a device; give the name of a file")
    return stat.S_IMODE(found.st_mode)


def _sync_folder(folder: Path) -> None:
    # The new name is on disk only when its folder is; where folders cannot be opened, the system takes care of it.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
